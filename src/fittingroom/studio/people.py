"""Who is rendered: shape, skin, hair, face and pose as plain numbers, drawn from a seed.

Lengths are metres of a person of 1.72; heights differ by the camera's distance only, which a photo cannot tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

HairStyle: TypeAlias = Literal["bald", "crop", "short", "curly", "afro", "bob", "long", "wavy", "ponytail", "bun"]
Rgb: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """A body.

    Args:
        female: 0 for the male profile, 1 for the female one, anything between.
        weight: -1 slim, 0 average, 1.5 stout.
        shoulders: factor of the shoulders' width.
        hips: factor of the hips' width.
        bust: factor of the breasts' size, used as far as ``female`` is above 0.
        muscle: factor of the limbs' radii beyond what weight gives.
        torso: metres added between hips and shoulders (the legs stay).
    """

    female: float = 1.0
    weight: float = 0.0
    shoulders: float = 1.0
    hips: float = 1.0
    bust: float = 1.0
    muscle: float = 1.0
    torso: float = 0.0


@dataclass(frozen=True)
class Face:
    """A face: factors around 1 unless said otherwise."""

    width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    nose: float = 1.0
    nose_width: float = 1.0
    eyes: float = 1.0
    eye_gap: float = 1.0
    brow: float = 1.0
    #: brow thickness in metres
    brow_thick: float = 0.004
    lips: float = 1.0
    #: -1 (earnest) .. 1 (smiling)
    smile: float = 0.2
    #: 0 none .. 1 full beard
    beard: float = 0.0
    glasses: bool = False


@dataclass(frozen=True)
class Look:
    """Colours of a person and of the room, linear RGB in [0, 1]: all that can change without new light."""

    skin: Rgb
    lips: Rgb
    hair: Rgb
    iris: Rgb
    shoes: Rgb
    wall: Rgb
    floor: Rgb
    #: overall brightness of the picture
    exposure: float = 1.0
    #: > 0 is a warmer white balance, within about +-0.06
    warmth: float = 0.0


@dataclass(frozen=True)
class Arm:
    """One arm.

    Args:
        upper: (abduction, forward) of the upper arm in degrees; 0, 0 hangs down.
        fore: the same of the forearm.
        wrist: where the wrist goes instead, in metres (x outwards), with the elbow swung towards ``elbow``.
        elbow: direction of the elbow, x outwards; used with ``wrist``.
        hand: degrees by which the hand bends towards the palm.
    """

    upper: tuple[float, float] = (14, 0)
    fore: tuple[float, float] = (9, 12)
    wrist: tuple[float, float, float] | None = None
    elbow: tuple[float, float, float] = (1.0, -0.2, -0.5)
    hand: float = 8.0


@dataclass(frozen=True)
class Stance:
    """A pose; angles in degrees.

    Args:
        name: what the captions say of it.
        hands: what the captions say of the hands.
        left: left arm.
        right: right arm.
        yaw: the whole body's turn; positive turns the chest to the person's left; 180 is from behind.
        sway: pelvis tilt to the side.
        twist: the chest against the pelvis.
        lean: the chest to the side.
        head: turn, nod and tilt of the head.
        legs: ((abduction, forward, knee bend) of the left leg, of the right one).
    """

    name: str = "standing facing forward"
    hands: str = "hanging at the sides"
    left: Arm = Arm()
    right: Arm = Arm()
    yaw: float = 0.0
    sway: float = 0.0
    twist: float = 0.0
    lean: float = 0.0
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    legs: tuple[tuple[float, float, float], tuple[float, float, float]] = ((4, 0, 0), (4, 0, 0))


@dataclass(frozen=True)
class Human:
    """Everything about a person but the clothes."""

    shape: Shape
    face: Face
    hair: HairStyle
    #: seed of the strands
    hair_seed: int
    #: 0..1, how far down the style reaches within its own range
    hair_length: float = 0.5


#: skin tones from light to dark, linear RGB
SKINS: tuple[Rgb, ...] = (
    (0.80, 0.56, 0.45), (0.74, 0.49, 0.37), (0.66, 0.41, 0.29), (0.58, 0.34, 0.22), (0.45, 0.25, 0.155),
    (0.33, 0.175, 0.105), (0.22, 0.112, 0.068), (0.145, 0.074, 0.046),
)  # fmt: skip
_HAIRS: tuple[Rgb, ...] = (
    (0.016, 0.012, 0.010), (0.030, 0.019, 0.013), (0.060, 0.033, 0.019), (0.110, 0.060, 0.030), (0.20, 0.115, 0.055),
    (0.42, 0.29, 0.14), (0.58, 0.45, 0.26), (0.23, 0.07, 0.026), (0.38, 0.36, 0.34),
)  # fmt: skip
_IRISES: tuple[Rgb, ...] = ((0.06, 0.03, 0.015), (0.12, 0.06, 0.03), (0.10, 0.16, 0.22), (0.10, 0.15, 0.08))
_WALLS: tuple[Rgb, ...] = (
    (0.62, 0.62, 0.62), (0.78, 0.78, 0.77), (0.86, 0.86, 0.86), (0.70, 0.66, 0.60), (0.52, 0.58, 0.62), (0.60, 0.55, 0.54),
    (0.45, 0.46, 0.48), (0.68, 0.72, 0.66),
)  # fmt: skip


def _pick(rng: np.random.Generator, options: tuple[Rgb, ...], jitter: float) -> Rgb:
    base = np.array(options[int(rng.integers(len(options)))]) * np.exp(
        rng.normal(0, jitter, 3) * 0.5 + rng.normal(0, jitter)
    )
    return tuple(np.clip(base, 0.004, 0.92).tolist())


def sample_human(rng: np.random.Generator) -> Human:
    """A person: body, face and hair style."""
    female = bool(rng.random() < 0.6)

    def about(spread: float, mean: float = 1.0, limit: float = 2.0) -> float:
        return float(mean + spread * np.clip(rng.normal(), -limit, limit))

    shape = Shape(
        female=float(np.clip(rng.normal(0.92 if female else 0.08, 0.1), 0, 1)),
        weight=float(np.clip(rng.gamma(2.2, 0.42) - 0.85, -0.9, 1.5)),
        shoulders=about(0.025),
        hips=about(0.03),
        bust=about(0.16),
        muscle=about(0.06),
        torso=about(0.012, 0.0),
    )
    face = Face(
        width=about(0.035),
        jaw=about(0.06, 0.97 if female else 1.1),
        chin=about(0.16, 0.95 if female else 1.12),
        nose=about(0.12, 0.95 if female else 1.08),
        nose_width=about(0.16),
        eyes=about(0.09, 1.06 if female else 0.96),
        eye_gap=about(0.04),
        brow=about(0.5),
        brow_thick=about(0.0009, 0.0034 if female else 0.0048),
        lips=about(0.2, 1.12 if female else 0.92),
        smile=about(0.4, 0.25, 1.8),
        beard=0.0 if female or rng.random() < 0.6 else float(rng.uniform(0.35, 1.0)),
        glasses=bool(rng.random() < 0.1),
    )
    styles: tuple[HairStyle, ...] = ("long", "wavy", "bob", "ponytail", "bun", "short", "curly", "afro", "crop", "bald")
    odds = (
        (0.24, 0.2, 0.14, 0.14, 0.12, 0.05, 0.06, 0.05, 0, 0)
        if female
        else (0.03, 0.02, 0.02, 0, 0.02, 0.37, 0.16, 0.06, 0.24, 0.08)
    )
    style = styles[int(rng.choice(len(styles), p=np.array(odds) / sum(odds)))]
    return Human(shape, face, style, int(rng.integers(1 << 30)), float(rng.random()))


def sample_look(rng: np.random.Generator) -> Look:
    """Colours of the person and the room."""
    tone = int(rng.integers(len(SKINS)))
    skin = _pick(rng, SKINS[tone : tone + 1], 0.05)
    dark = _HAIRS if tone < 4 else _HAIRS[:4]
    red = np.array(skin) * (0.80, 0.50, 0.50) * (1.05 if rng.random() < 0.6 else 0.9) + (
        0.03 * float(rng.random()),
        0,
        0,
    )
    grey = float(rng.uniform(0.01, 0.6))
    shoe = _pick(rng, ((0.02, 0.02, 0.02), (0.7, 0.7, 0.7), (0.16, 0.08, 0.04), (grey, grey * 0.9, grey * 0.8)), 0.1)
    wall = _pick(rng, _WALLS, 0.05)
    floor: Rgb = tuple((np.array(wall) * rng.uniform(0.75, 1.0)).tolist())
    return Look(
        skin=skin,
        lips=tuple(np.clip(red, 0.02, 0.8).tolist()),
        hair=_pick(rng, dark, 0.12),
        iris=_pick(rng, _IRISES if tone < 3 else _IRISES[:2], 0.1),
        shoes=shoe,
        wall=wall,
        floor=floor,
        exposure=float(np.exp(rng.normal(0, 0.06))),
        warmth=float(rng.normal(0, 0.02)),
    )
