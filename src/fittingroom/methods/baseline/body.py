"""How broad bodies are under tight clothes: medians and lower quartiles measured on 25 annotated photos."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Kind: TypeAlias = Literal["arm", "leg"]

#: half-widths of the trunk at levels of its axis, relative to the shoulders' breadth
_TRUNK = ((0.0, 0.2, 0.5, 0.65, 0.8, 1.0, 1.2), (0.41, 0.48, 0.455, 0.44, 0.50, 0.56, 0.53))
#: half-widths of bare limbs at levels along their bones, relative to the trunk's length
_LIMBS: dict[Kind, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "arm": ((0.0, 0.3, 1.0, 1.3, 1.6, 2.0), (0.090, 0.076, 0.073, 0.067, 0.056, 0.045)),
    "leg": (
        (0.0, 0.4, 0.6, 0.85, 1.0, 1.15, 1.35, 1.5, 1.7, 1.9),
        (0.180, 0.170, 0.148, 0.126, 0.115, 0.108, 0.112, 0.103, 0.080, 0.063),
    ),
}


def trunk_half(level: npt.NDArray[np.float64], breadth: float) -> npt.NDArray[np.float64]:
    """Half-width of a trunk in pixels at levels of its axis, for shoulders ``breadth`` pixels apart."""
    return np.interp(level, _TRUNK[0], np.array(_TRUNK[1]) * breadth)


def limb_half(kind: Kind, along: npt.NDArray[np.float64], trunk: float) -> npt.NDArray[np.float64]:
    """Half-width of an arm or a leg in pixels at levels along its bones, for a trunk ``trunk`` pixels long."""
    levels, widths = _LIMBS[kind]
    return np.interp(along, levels, np.array(widths) * trunk)
