"""Outlines as other tools store them, filled to masks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ...core.errors import InputError
from ...core.images import Size


def points_of(value: Any, least: int) -> list[tuple[float, float]]:
    """Pairs of finite numbers, at least so many.

    Raises:
        InputError: something else.
    """
    try:
        points = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("points that are not pairs of numbers") from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < least or not np.isfinite(points).all():
        raise InputError(f"points that are not {least} or more pairs of numbers")
    return [(float(x), float(y)) for x, y in points]


def polygon_mask(points: Sequence[tuple[float, float]], size: Size) -> npt.NDArray[np.bool_]:
    """A polygon filled together with its outline, as labelme does it."""
    canvas = Image.new("1", (size[1], size[0]))
    ImageDraw.Draw(canvas).polygon(list(points), fill=1, outline=1)
    return np.array(canvas)


def shape_mask(kind: str, points: Sequence[tuple[float, float]], size: Size) -> npt.NDArray[np.bool_]:
    """A polygon, a rectangle (two corners) or a circle (centre, point on it) as a mask.

    Raises:
        InputError: another kind of shape, or too few points.
    """
    if kind == "polygon" and len(points) > 2:
        return polygon_mask(points, size)
    canvas = Image.new("1", (size[1], size[0]))
    draw = ImageDraw.Draw(canvas)
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        draw.rectangle((min(left, right), min(top, bottom), max(left, right), max(top, bottom)), fill=1, outline=1)
    elif kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1, outline=1)
    else:
        raise InputError(f"a shape of kind {kind!r} with {len(points)} points", mend="use points, polygons or masks")
    return np.array(canvas)
