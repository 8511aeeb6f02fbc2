"""How garments are cut: kinds, and the numbers that vary within a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

import numpy as np

from ..data.sample import Category

Kind: TypeAlias = Literal["t-shirt", "long sleeve", "tank", "blouse", "hoodie", "trousers", "shorts", "skirt", "dress"]
Neckline: TypeAlias = Literal["round", "scoop", "v", "boat", "collar", "hood", "none"]
UPPER: tuple[Kind, ...] = ("t-shirt", "long sleeve", "tank", "blouse", "hoodie")
LOWER: tuple[Kind, ...] = ("trousers", "shorts", "skirt")


@dataclass(frozen=True)
class Cut:
    """A garment's cut. Lengths are metres on a person of 1.72, heights those of the standard torso.

    Args:
        kind: what it is called.
        ease: between body and cloth at the chest (upper garments) or the hip.
        boxy: 0 follows the waist, 1 falls straight from chest to hip.
        hem: height of the hem (upper garments, skirts, dresses).
        flare: metres that each side gains per metre below the waist.
        sleeve: length along the arm from the shoulder joint; 0 is sleeveless.
        sleeve_ease: between arm and cloth at the upper arm.
        cuff_ease: the same where the sleeve ends.
        neckline: its shape.
        neck_width: half its width.
        neck_depth: how far its lowest point lies below its sides.
        strap: sleeveless: how far from the middle the shoulder piece ends.
        waist: height of the waistband (lower garments).
        leg: length along the leg from the hip joint.
        leg_ease: between thigh and cloth.
        leg_hem: the same where the leg ends.
        tucked: worn inside the waistband.
    """

    kind: Kind
    ease: float = 0.015
    boxy: float = 0.4
    hem: float = 0.86
    flare: float = 0.0
    sleeve: float = 0.0
    sleeve_ease: float = 0.016
    cuff_ease: float = 0.012
    neckline: Neckline = "round"
    neck_width: float = 0.08
    neck_depth: float = 0.08
    strap: float = 0.118
    waist: float = 1.0
    leg: float = 0.77
    leg_ease: float = 0.012
    leg_hem: float = 0.025
    tucked: bool = False

    @property
    def category(self) -> Category:
        """Which of the three categories it belongs to."""
        return "dress" if self.kind == "dress" else "upper" if self.kind in UPPER else "lower"

    @property
    def open_below(self) -> bool:
        """Whether it hangs around both legs at once."""
        return self.kind not in ("trousers", "shorts")


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def sample_cut(rng: np.random.Generator, kind: Kind) -> Cut:
    """Random numbers within a kind."""

    def one(low: float, high: float) -> float:
        return _between(rng, low, high)

    def pick(*options: Neckline) -> Neckline:
        return options[int(rng.integers(len(options)))]

    if kind == "t-shirt":
        neckline = pick("round", "round", "v", "scoop")
        return Cut(
            kind, ease=one(0.008, 0.028), boxy=one(0.2, 0.9), hem=one(0.82, 0.93), sleeve=one(0.13, 0.25),
            sleeve_ease=one(0.010, 0.026), cuff_ease=one(0.012, 0.032), neckline=neckline, **_neck(rng, neckline),
        )  # fmt: skip
    if kind == "long sleeve":
        neckline = pick("round", "v", "boat", "scoop")
        return Cut(
            kind, ease=one(0.007, 0.022), boxy=one(0.1, 0.7), hem=one(0.83, 0.92), sleeve=one(0.40, 0.505),
            sleeve_ease=one(0.008, 0.018), cuff_ease=one(0.006, 0.014), neckline=neckline, **_neck(rng, neckline),
            tucked=bool(rng.random() < 0.25),
        )  # fmt: skip
    if kind == "tank":
        neckline = pick("scoop", "round", "v")
        return Cut(
            kind, ease=one(0.006, 0.014), boxy=one(0.0, 0.6), hem=one(0.84, 0.95), neckline=neckline,
            neck_width=one(0.074, 0.088), neck_depth=one(0.09, 0.15), strap=one(0.112, 0.136),
            tucked=bool(rng.random() < 0.25),
        )  # fmt: skip
    if kind == "blouse":
        return Cut(
            kind, ease=one(0.014, 0.028), boxy=one(0.3, 0.9), hem=one(0.81, 0.90), sleeve=one(0.42, 0.505) if rng.random() < 0.75 else 0.22,
            sleeve_ease=one(0.016, 0.026), cuff_ease=one(0.010, 0.018), neckline="collar", neck_width=0.072, neck_depth=one(0.055, 0.12),
            tucked=bool(rng.random() < 0.3),
        )  # fmt: skip
    if kind == "hoodie":
        return Cut(
            kind, ease=one(0.026, 0.042), boxy=one(0.5, 1.0), hem=one(0.83, 0.89), sleeve=one(0.49, 0.515),
            sleeve_ease=one(0.022, 0.034), cuff_ease=0.010, neckline="hood", neck_width=0.080, neck_depth=one(0.050, 0.062),
        )  # fmt: skip
    if kind == "trousers":
        slim = rng.random() < 0.5
        return Cut(
            kind, ease=one(0.006, 0.012), boxy=0.0, neckline="none", waist=one(0.97, 1.04), leg=one(0.70, 0.79),
            leg_ease=one(0.006, 0.014) if slim else one(0.016, 0.028), leg_hem=one(0.012, 0.022) if slim else one(0.035, 0.065),
        )  # fmt: skip
    if kind == "shorts":
        return Cut(
            kind, ease=one(0.008, 0.016), boxy=0.0, neckline="none", waist=one(0.97, 1.04), leg=one(0.20, 0.40),
            leg_ease=one(0.014, 0.028), leg_hem=one(0.022, 0.045),
        )  # fmt: skip
    if kind == "skirt":
        long = rng.random() < 0.4
        return Cut(
            kind, ease=one(0.008, 0.014), boxy=0.0, neckline="none", waist=one(1.0, 1.06), hem=one(0.30, 0.48) if long else one(0.48, 0.66),
            flare=one(0.06, 0.30),
        )  # fmt: skip
    neckline = pick("round", "scoop", "v", "boat")
    sleeve = (0.0, one(0.13, 0.22), one(0.42, 0.50))[int(rng.choice(3, p=(0.4, 0.4, 0.2)))]
    return Cut(
        "dress", ease=one(0.007, 0.016), boxy=one(0.0, 0.25), hem=one(0.32, 0.62), flare=one(0.08, 0.34), sleeve=sleeve,
        sleeve_ease=one(0.010, 0.020), cuff_ease=one(0.008, 0.022), neckline=neckline, strap=one(0.114, 0.134), **_neck(rng, neckline),
    )  # fmt: skip


class _Neck(TypedDict):
    neck_width: float
    neck_depth: float


def _neck(rng: np.random.Generator, neckline: Neckline) -> _Neck:
    if neckline == "boat":
        return {"neck_width": _between(rng, 0.092, 0.108), "neck_depth": _between(rng, 0.03, 0.05)}
    if neckline == "v":
        return {"neck_width": _between(rng, 0.074, 0.084), "neck_depth": _between(rng, 0.11, 0.16)}
    if neckline == "scoop":
        return {"neck_width": _between(rng, 0.084, 0.096), "neck_depth": _between(rng, 0.10, 0.14)}
    return {"neck_width": _between(rng, 0.074, 0.084), "neck_depth": _between(rng, 0.065, 0.09)}
