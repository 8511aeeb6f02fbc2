"""Where on a body the garment's patches lie: one quadrilateral for each of ten parts, and the homographies to a square.

Everything here is a function of 18 joints, in pixels of the network's canvas (spec section 3.4; the paper calls it the
patch-routed disentanglement). Directions "left" and "right" are the wearer's.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import Size
from ...core.pose import JOINT

Float64: TypeAlias = npt.NDArray[np.float64]
Quad: TypeAlias = npt.NDArray[np.float32]


class Part(NamedTuple):
    """One part of the body that a patch is cut from.

    Args:
        name: for messages.
        kind: which construction its quadrilateral follows.
        joints: indices of its joints, proximal first.
        widen: of a limb: how far its image-left and image-right edges move to the image's left, in half widths.
    """

    name: str
    kind: Literal["torso", "collar", "arm", "thigh", "calf"]
    joints: tuple[int, ...]
    widen: tuple[float, float] = (0.0, 0.0)


def _joints(*names: str) -> tuple[int, ...]:
    return tuple(JOINT[name] for name in names)


PARTS: tuple[Part, ...] = (
    Part("torso", "torso", _joints("right-shoulder", "right-hip", "left-hip", "left-shoulder")),
    Part("collar", "collar", _joints("left-shoulder", "right-shoulder", "nose")),
    Part("left upper arm", "arm", _joints("left-shoulder", "left-elbow"), (0.1, -0.45)),
    Part("left forearm", "arm", _joints("left-elbow", "left-wrist"), (0.1, -0.45)),
    Part("right upper arm", "arm", _joints("right-shoulder", "right-elbow"), (0.45, -0.1)),
    Part("right forearm", "arm", _joints("right-elbow", "right-wrist"), (0.45, -0.1)),
    Part("left thigh", "thigh", _joints("left-hip", "left-knee"), (0.0, -1.0)),
    Part("left calf", "calf", _joints("left-knee", "left-ankle"), (0.0, -1.0)),
    Part("right thigh", "thigh", _joints("right-hip", "right-knee"), (1.0, 0.0)),
    Part("right calf", "calf", _joints("right-knee", "right-ankle"), (1.0, 0.0)),
)
#: indices into :data:`PARTS`: patches of the lower garment, and the parts that sleeves cover
LOWER_PARTS = (0, 6, 7, 8, 9)
ARM_PARTS = (2, 3, 4, 5)
#: width of a limb's quadrilateral relative to its length, before it is widened
_ASPECT = {"arm": 0.5, "thigh": 0.4, "calf": 0.4}
#: length of a leg part whose far joint is not to be seen, relative to the trunk
_GUESSED_LENGTH = {"thigh": 0.85, "calf": 0.80}
#: a joint below this confidence does not shape a patch
LEAST_CONFIDENCE = 0.1


def _inside(point: Quad, canvas: Size) -> bool:
    return bool(0 < point[0] < canvas[1] and 0 < point[1] < canvas[0])


def _apart(first: Quad, second: Quad, share: float, canvas: Size) -> tuple[Quad, Quad]:
    """Both points moved away from each other by a share of their distance, each only where it stays on the canvas."""
    step = (second - first) / np.float32(share)
    moved = first - step, second + step
    return (moved[0] if _inside(moved[0], canvas) else first), (moved[1] if _inside(moved[1], canvas) else second)


def torso_quad(points: Quad, canvas: Size) -> Quad:
    """Trunk between right shoulder, right hip, left hip and left shoulder, hips and shoulders moved apart.

    Args:
        points: ``(4, 2)`` float32 in that order.
        canvas: (height, width) that corners have to stay on.

    Returns:
        ``(4, 2)`` float32: top left, bottom left, bottom right, top right.
    """
    left_hip, right_hip = _apart(points[2], points[1], 4, canvas)
    left_shoulder, right_shoulder = _apart(points[3], points[0], 5, canvas)
    return np.stack([right_shoulder, right_hip, left_hip, left_shoulder])


def collar_quad(points: Quad, canvas: Size) -> Quad:
    """Neck: a box upon the shoulders, half as high as they are apart.

    Args:
        points: ``(2, 2)`` or ``(3, 2)`` float32: left shoulder, right shoulder (what follows is not used).
        canvas: (height, width) that corners have to stay on.

    Returns:
        ``(4, 2)`` float32: top left, bottom left, bottom right, top right.
    """
    left, right = _apart(points[0], points[1], 5, canvas)
    along = right - left
    up = np.array([-along[1], along[0]], dtype=np.float32)
    if up[1] > 0:
        up = -up
    over_left, over_right = left + up, right + up
    lower = ((left[1] - over_left[1]) + (right[1] - over_right[1])) / 2 / 2
    over_left[1] += lower
    over_right[1] += lower
    return np.stack([over_right, right, left, over_left])


def limb_quad(start: Quad, end: Quad, aspect: float, widen: tuple[float, float]) -> Quad:
    """Rectangle around a limb, its two long edges shifted on their own.

    Args:
        start: ``(2,)`` float32, the joint nearer to the trunk.
        end: ``(2,)`` float32.
        aspect: width relative to length before the shift.
        widen: see :class:`Part`.

    Returns:
        ``(4, 2)`` float32: top left, bottom left, bottom right, top right for a limb that hangs down.
    """
    along = end - start
    across = np.array([-along[1], along[0]], dtype=np.float32) * np.float32(aspect / 2)
    left, right = np.float32(widen[0]) * across, np.float32(widen[1]) * across
    return np.stack([start + across + left, end + across + left, end - across + right, start - across + right])


def _guessed_end(keypoints: Float64, part: Part) -> Quad | None:
    """Where a leg part would end whose far joint is not to be seen; None where the trunk's length is not known."""
    trunk = _joints("left-hip", "right-hip", "neck")
    if (keypoints[list(trunk), 2] < LEAST_CONFIDENCE).any():
        return None
    left, right, neck = keypoints[list(trunk), :2].astype(np.float32)
    length = (np.linalg.norm(neck - left) + np.linalg.norm(neck - right)) / 2
    start = keypoints[part.joints[0], :2].astype(np.float32)
    direction = np.array([0.0, 1.0])
    if keypoints[part.joints[1], 2] > 0:  # the border took it away (see drawing.py), but it tells the direction
        # kept in float64 from here on: the published numbers depend on it in their last bit
        reach = keypoints[part.joints[1], :2].astype(np.float64) - start
        away = float(np.linalg.norm(reach))
        if away > 0:
            direction = reach / away
    return np.asarray(start + direction * length * _GUESSED_LENGTH[part.kind], dtype=np.float32)


def part_quad(keypoints: Float64, part: Part, canvas: Size) -> Quad | None:
    """Quadrilateral of one part, None where its joints do not give one.

    Args:
        keypoints: ``(18, 3)`` x, y in pixels of the canvas, confidence.
        part: which.
        canvas: (height, width).

    Returns:
        ``(4, 2)`` float32: top left, bottom left, bottom right, top right.
    """
    seen = keypoints[list(part.joints), 2] >= LEAST_CONFIDENCE
    points = keypoints[list(part.joints), :2].astype(np.float32)
    if part.kind == "torso":
        return torso_quad(points, canvas) if seen.all() else None
    if part.kind == "collar":  # the nose is asked for, and done without where it is missing
        return collar_quad(points, canvas) if seen[:2].all() else None
    if seen.all():
        return limb_quad(points[0], points[1], _ASPECT[part.kind], part.widen)
    if part.kind == "arm" or not seen[0]:
        return None
    end = _guessed_end(keypoints, part)
    return None if end is None else limb_quad(points[0], end, _ASPECT[part.kind], part.widen)


def part_quads(keypoints: Float64, canvas: Size) -> tuple[Quad | None, ...]:
    """Quadrilaterals of all :data:`PARTS`, see :func:`part_quad`."""
    return tuple(part_quad(keypoints, part, canvas) for part in PARTS)


def square(patch: int) -> Quad:
    """``(4, 2)`` float32 corners of a patch, in the order of the quadrilaterals' corners."""
    return np.array([[0, 0], [0, patch], [patch, patch], [patch, 0]], dtype=np.float32)


def homographies(quad: Quad, patch: int) -> tuple[Float64, Float64]:
    """Projective maps between the canvas and a part's square patch.

    Args:
        quad: ``(4, 2)`` float32, see :func:`part_quad`.
        patch: edge of the patch in pixels.

    Returns:
        ``(3, 3)`` float64 canvas -> patch, and patch -> canvas; each is solved from the four corners on its own.
    """
    corners = square(patch)
    there, back = cv2.getPerspectiveTransform(quad, corners), cv2.getPerspectiveTransform(corners, quad)
    return np.asarray(there, dtype=np.float64), np.asarray(back, dtype=np.float64)
