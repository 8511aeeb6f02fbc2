"""Colours and prints that fabrics are drawn from."""

from __future__ import annotations

import numpy as np

from .cuts import Kind
from .fabric import EMBLEMS, WORDS, Cloth, Print
from .people import Rgb

#: dyes, linear RGB
_DYES: tuple[Rgb, ...] = (
    (0.86, 0.86, 0.84), (0.70, 0.66, 0.58), (0.42, 0.42, 0.43), (0.13, 0.13, 0.14), (0.022, 0.022, 0.025),
    (0.55, 0.03, 0.035), (0.25, 0.012, 0.03), (0.80, 0.32, 0.36), (0.78, 0.20, 0.05), (0.82, 0.52, 0.06),
    (0.70, 0.52, 0.28), (0.20, 0.10, 0.05), (0.16, 0.18, 0.06), (0.05, 0.26, 0.10), (0.02, 0.11, 0.07),
    (0.04, 0.36, 0.36), (0.33, 0.56, 0.72), (0.04, 0.14, 0.52), (0.012, 0.025, 0.10), (0.20, 0.06, 0.36),
    (0.46, 0.34, 0.62), (0.50, 0.62, 0.36),
)  # fmt: skip
_PRINTS: dict[str, tuple[tuple[Print, float], ...]] = {
    "upper": (
        ("plain", 4), ("lettering", 4), ("emblem", 3), ("stripes", 3), ("wide stripes", 1.5), ("dots", 1.5),
        ("flowers", 1.5), ("melange", 1), ("blocks", 1.5),
    ),
    "blouse": (("plain", 4), ("checks", 3), ("gingham", 1.5), ("pinstripes", 2), ("dots", 1.5), ("flowers", 2)),
    "hoodie": (("plain", 2), ("melange", 2), ("lettering", 3), ("emblem", 2), ("blocks", 1.5)),
    "trousers": (("denim", 4), ("plain", 5), ("pinstripes", 0.7), ("checks", 0.5)),
    "skirt": (("plain", 4), ("denim", 1.5), ("checks", 1.5), ("dots", 1.5), ("flowers", 1.5), ("stripes", 0.8)),
    "dress": (("plain", 4), ("dots", 2.5), ("flowers", 3), ("stripes", 1.5), ("wide stripes", 1), ("checks", 1)),
}  # fmt: skip


def sample_cloth(rng: np.random.Generator, kind: Kind) -> Cloth:
    """A random fabric that suits a kind of garment."""
    group = {"t-shirt": "upper", "long sleeve": "upper", "tank": "upper", "shorts": "trousers"}.get(kind, kind)
    names, odds = zip(*_PRINTS[group], strict=True)
    chosen: Print = names[int(rng.choice(len(names), p=np.array(odds) / sum(odds)))]

    def dye(index: int) -> Rgb:
        colour = np.array(_DYES[index]) * np.exp(rng.normal(0, 0.10) + rng.normal(0, 0.06, 3))
        red, green, blue = np.clip(colour, 0.006, 0.9).tolist()
        return red, green, blue

    bright = [sum(colour) for colour in _DYES]
    first = int(rng.integers(len(_DYES)))
    apart = [k for k in range(len(_DYES)) if abs(np.log(bright[k] / bright[first])) > 0.75]
    second, third = (apart[int(rng.integers(len(apart)))] for _ in range(2))
    base, other = dye(first), dye(second)
    if chosen == "denim":
        deep = float(rng.uniform(0.5, 1.5))
        indigo = rng.random() < 0.8
        base = (0.035 * deep, 0.075 * deep, 0.17 * deep) if indigo else (0.05 * deep, 0.05 * deep, 0.05 * deep)
        other = (0.30, 0.42, 0.56) if indigo else (0.4, 0.4, 0.4)
    elif chosen == "melange":
        red, green, blue = (min(0.9, 0.5 * value + 0.38) for value in base)
        other = (red, green, blue)
    motif = str(rng.choice(WORDS if chosen == "lettering" else EMBLEMS))
    return Cloth(chosen, base, other, dye(third), float(rng.uniform(0.75, 1.35)), motif, int(rng.integers(1 << 20)))
