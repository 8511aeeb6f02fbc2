"""The body that a garment photographed alone would fit: joints guessed from the outline of its mask."""

from __future__ import annotations

import cv2
import numpy as np

from ...core.errors import InputError
from ...core.images import UInt8
from ...core.pose import JOINT, JOINTS
from ...data.sample import Category
from .figure import Figure, Mask, Points

#: of a garment that lies flat, relative to its width below the sleeves
_SHOULDER_JOINTS = 0.76
#: trunk length relative to the distance of the shoulder joints
_TRUNK = 1.45
#: hip to ankle relative to the flat waist of a lower garment
_LEG = 2.35
#: the inside of a back is a plain piece; the dark part of a check or a print is ragged
_INSIDE_SOLIDITY = 0.77


def _centre_run(row: Mask, centre: int) -> tuple[int, int] | None:
    """First and last column of the run of true pixels that holds, or lies nearest to, the centre column."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    if not len(edges):
        return None
    starts, ends = edges[::2], edges[1::2] - 1
    away = np.maximum(np.maximum(starts - centre, centre - ends), 0)
    best = int(np.argmin(away))
    return int(starts[best]), int(ends[best])


def _box(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise InputError("the garment has no pixels", mend="check its mask")
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def _figure(points: dict[str, Points]) -> Figure:
    joints = np.zeros((18, 2))
    for name in JOINTS:
        joints[JOINT[name]] = points.get(name, points["neck"])
    return Figure(joints, np.ones(18, dtype=bool))


def _sleeve_end(mask: Mask, shoulder: Points, side: int, edge: float, bottom: float) -> Points:
    """Farthest pixel from the shoulder outside the trunk's edge; the shoulder itself where nothing lies there."""
    rows, columns = np.nonzero(mask)
    x, y = (columns - shoulder[0]) * side, rows - shoulder[1]
    # what hangs straight below the shoulder is the trunk's side or a flared hem
    outside = ((columns - edge) * side > 0) & (rows < bottom) & (x > 0.22 * y)
    if outside.sum() < 0.01 * mask.sum():
        return shoulder
    x, y = columns[outside].astype(float), rows[outside].astype(float)
    away = np.hypot(x - shoulder[0], y - shoulder[1])
    far = away >= np.percentile(away, 93)  # the middle of the cuff, not its outer corner
    return np.array([x[far].mean(), y[far].mean()])


def _upper(mask: Mask, dress: bool) -> Figure:
    top, bottom, left, right = _box(mask)
    height = bottom - top
    centre = round((left + right) / 2)
    # the trunk's width is read below the sleeves, a dress's high up, before it flares
    span = (0.24, 0.42) if dress else (0.45, 0.85)
    runs = [run for share in np.linspace(*span, 9) if (run := _centre_run(mask[int(top + share * height)], centre))]
    first, last = float(np.percentile([run[0] for run in runs], 35)), float(np.percentile([run[1] for run in runs], 65))
    width = max(last - first, 2.0)
    middle = (first + last) / 2
    half = _SHOULDER_JOINTS * width / 2
    trunk = _TRUNK * 2 * half
    points: dict[str, Points] = {}
    for name, side in (("right", -1), ("left", 1)):
        x = int(np.clip(round(middle + side * half), 0, mask.shape[1] - 1))
        column = np.flatnonzero(mask[:, x])
        first_row = float(column[0]) if len(column) else float(top)
        # the column begins below the armhole where there is no sleeve: the shoulder lies a little below the strap
        y = first_row + 0.12 * width if first_row - top < 0.35 * width else top + 0.19 * width
        points[f"{name}-shoulder"] = np.array([middle + side * half, y])
    level = (points["right-shoulder"][1] + points["left-shoulder"][1]) / 2
    for name, side in (("right", -1), ("left", 1)):
        shoulder = points[f"{name}-shoulder"]
        end = _sleeve_end(
            mask, shoulder, side, middle + side * width * 0.54, bottom if not dress else top + 0.75 * height
        )
        reach = end - shoulder
        length = float(np.linalg.norm(reach))
        direction = reach / length if length > 0.05 * width else np.array([side * 0.9, 0.44])
        upper_arm, forearm = 0.58 * trunk, 0.50 * trunk
        if length > 0.85 * (upper_arm + forearm):  # a long sleeve ends at the wrist, however it is cut
            upper_arm, forearm = length * 0.537, length * 0.463
        points[f"{name}-elbow"] = shoulder + direction * upper_arm
        points[f"{name}-wrist"] = points[f"{name}-elbow"] + direction * forearm
        points[f"{name}-hip"] = np.array([middle + side * half * 0.58, level + trunk])
        points[f"{name}-knee"] = points[f"{name}-hip"] + np.array([0.0, 0.85 * trunk])
        points[f"{name}-ankle"] = points[f"{name}-knee"] + np.array([0.0, 0.85 * trunk])
    points["neck"] = (points["right-shoulder"] + points["left-shoulder"]) / 2
    points["nose"] = points["neck"] - np.array([0.0, 0.35 * trunk])
    return _figure(points)


def _lower(mask: Mask) -> Figure:
    top, bottom, left, right = _box(mask)
    height = bottom - top
    centre = round((left + right) / 2)
    runs = [run for share in (0.03, 0.05, 0.08) if (run := _centre_run(mask[int(top + share * height)], centre))]
    first, last = float(np.median([run[0] for run in runs])), float(np.median([run[1] for run in runs]))
    waist, middle = max(last - first, 2.0), (first + last) / 2
    leg = _LEG * waist
    if height > 0.85 * leg:  # full length: the ends are at the ankles
        leg = max(height * 0.95, 1.0)
    row = mask[int(top + 0.9 * height)]
    legs = []
    for side in (-1, 1):
        half = row[: int(middle)] if side < 0 else row[int(middle) :]
        columns = np.flatnonzero(half) + (0 if side < 0 else int(middle))
        legs.append(float(columns.mean()) if len(columns) else middle + side * waist / 4)
    hip_level = top + 0.08 * leg
    points: dict[str, Points] = {}
    for name, side, foot in (("right", -1, legs[0]), ("left", 1, legs[1])):
        hip = np.array([middle + side * waist * 0.25, hip_level])
        end = np.array([foot, top + 0.9 * height])
        direction = (end - hip) / max(float(np.linalg.norm(end - hip)), 1e-9)
        points[f"{name}-hip"] = hip
        points[f"{name}-knee"] = hip + direction * 0.5 * 0.92 * leg
        points[f"{name}-ankle"] = hip + direction * 0.92 * leg
        trunk = 0.54 * leg
        points[f"{name}-shoulder"] = np.array([middle + side * 0.36 * trunk, hip_level - trunk])
        points[f"{name}-elbow"] = points[f"{name}-shoulder"] + np.array([side * 0.1 * trunk, 0.58 * trunk])
        points[f"{name}-wrist"] = points[f"{name}-elbow"] + np.array([side * 0.05 * trunk, 0.5 * trunk])
    points["neck"] = (points["right-shoulder"] + points["left-shoulder"]) / 2
    points["nose"] = points["neck"] - np.array([0.0, 0.2 * leg])
    return _figure(points)


def _solidity(piece: Mask) -> float:
    """Share of its convex hull that a shape fills."""
    hull = cv2.convexHull(np.argwhere(piece).astype(np.int32))
    return float(piece.sum()) / max(float(cv2.contourArea(hull)), 1.0)


def without_inside(image: UInt8, mask: Mask, figure: Figure) -> Mask:
    """The mask without the inside of the back that shows through the neckline of a garment that lies flat.

    It is told by being darker than the front, of one plain piece, near the neck and joined to the upper edge; where
    nothing is, the mask comes back as it is.
    """
    light = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    away, below = np.abs(columns - figure.shoulders[0]), rows - figure.shoulders[1]
    front = mask & (away < 0.3 * figure.breadth) & (below > 0.25 * figure.trunk) & (below < 0.6 * figure.trunk)
    if not front.any():
        return mask
    near = mask & (away < 0.34 * figure.breadth) & (below < 0.22 * figure.trunk)
    dark = near & (light < 0.80 * float(np.percentile(light[front], 75)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8))
    top = np.flatnonzero(mask.any(axis=1))[0]
    for index in range(1, count):
        piece = labels == index
        if (
            stats[index, cv2.CC_STAT_AREA] > 0.004 * mask.sum()
            and stats[index, cv2.CC_STAT_TOP] < top + 0.12 * figure.trunk
            and (piece & (away < 0.1 * figure.breadth)).any()
            and _solidity(piece) > _INSIDE_SOLIDITY
        ):
            grown = cv2.dilate(piece.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            mask = mask & ~grown
    return mask


def guess_figure(mask: Mask, category: Category) -> Figure:
    """Joints of a body that a flat garment with this outline would fit, facing the camera.

    Args:
        mask: ``(H, W)`` bool.
        category: of the garment.

    Raises:
        InputError: no pixel of the garment.
    """
    return _lower(mask) if category == "lower" else _upper(mask, category == "dress")
