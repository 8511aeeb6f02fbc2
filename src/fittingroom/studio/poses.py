"""How people stand: arms chosen one by one, weight on one leg, turned a little, now and then from behind."""

from __future__ import annotations

import numpy as np

from .people import Arm, Stance

#: what a hand does: how often, and what captions say of it
_ARMS = {
    "down": (5.0, "hanging at the side"),
    "away": (2.0, "held away from the body"),
    "hip": (2.0, "on the hip"),
    "bent": (1.6, "bent at the elbow"),
    "pocket": (1.2, "at the pocket"),
    "hair": (0.7, "raised to the head"),
    "front": (1.0, "in front of the body"),
    "up": (0.5, "raised"),
}


def sample_arm(rng: np.random.Generator, name: str) -> Arm:
    """One arm that does what is named."""

    def one(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    if name == "down":
        return Arm((one(11, 17), one(-6, 5)), (one(5, 11), one(4, 18)), hand=one(3, 12))
    if name == "away":
        return Arm((one(24, 44), one(-8, 8)), (one(20, 44), one(0, 18)), hand=one(0, 12))
    if name == "hip":
        return Arm(
            wrist=(one(0.178, 0.200), one(0.98, 1.05), one(-0.01, 0.05)),
            elbow=(1.0, -0.2, one(-0.7, -0.3)),
            hand=one(5, 20),
        )
    if name == "bent":
        return Arm((one(12, 22), one(-12, 6)), (one(-2, 14), one(50, 92)), hand=one(0, 15))
    if name == "pocket":
        return Arm(
            wrist=(one(0.200, 0.222), one(0.90, 0.94), one(0.05, 0.09)), elbow=(1.0, -0.1, -0.7), hand=one(5, 12)
        )
    if name == "hair":
        return Arm(
            wrist=(one(0.13, 0.16), one(1.60, 1.70), one(0.02, 0.07)), elbow=(1.0, one(-0.4, 0.2), 0.2), hand=one(0, 25)
        )
    if name == "front":
        return Arm(wrist=(one(0.03, 0.09), one(0.95, 1.06), one(0.20, 0.24)), elbow=(1.0, -0.3, -0.3), hand=one(10, 25))
    return Arm((one(100, 150), one(-5, 15)), (one(140, 172), one(-5, 15)), hand=0.0)


def sample_stance(rng: np.random.Generator) -> Stance:
    """A random way of standing."""
    names, odds = list(_ARMS), np.array([odds for odds, _ in _ARMS.values()])
    left, right = (names[int(rng.choice(len(names), p=odds / odds.sum()))] for _ in range(2))
    if rng.random() < 0.3:
        right = left
    if left == right == "hair":
        right = "down"
    kind = rng.random()
    yaw = float(np.clip(rng.normal(0, 9), -20, 20))
    if kind < 0.06:
        yaw = 180 + yaw
    elif kind < 0.26:
        yaw = float(rng.choice([-1, 1]) * rng.uniform(22, 42))
    sway = float(np.clip(rng.normal(0, 2.5), -5, 5))
    turn = np.clip(rng.normal(0, 1, 3), -2, 2) * (9, 3, 3)
    spread = float(rng.uniform(2.5, 6))
    legs = ((spread + max(sway, 0), 0.0, 0.0), (spread + max(-sway, 0), 0.0, 0.0))
    if rng.random() < 0.3:
        step = float(rng.uniform(6, 16))
        legs = ((spread, step, 1.2 * step), legs[1]) if rng.random() < 0.5 else (legs[0], (spread, step, 1.2 * step))
    facing = (
        "seen from behind"
        if kind < 0.06
        else "facing forward"
        if abs(yaw) < 20
        else f"turned to the {'left' if yaw > 0 else 'right'}"
    )
    said = {name: words for name, (_, words) in _ARMS.items()}
    hands = f"both hands {said[left]}" if left == right else f"left hand {said[left]}, right hand {said[right]}"
    if left == right == "down":
        hands = "hanging at the sides"
    return Stance(
        name=f"standing, {facing}" + (", one leg forward" if legs[0][1] or legs[1][1] else ""),
        hands=hands,
        left=sample_arm(rng, left),
        right=sample_arm(rng, right),
        yaw=yaw,
        sway=sway,
        twist=float(np.clip(rng.normal(0, 4), -8, 8)),
        lean=-0.5 * sway + float(rng.normal(0, 1)),
        head=(float(turn[0]), float(turn[1]), float(turn[2])),
        legs=legs,
    )
