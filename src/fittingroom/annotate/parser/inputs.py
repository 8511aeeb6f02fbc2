"""What the parser sees: the person's box cut out by the pose, joints and limbs as soft spots and lines, a mask if there is one."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...core.images import Size, UInt8, resize_image
from ...core.pose import JOINT, JOINTS, LIMBS, Pose

Float32: TypeAlias = npt.NDArray[np.float32]
Matrix: TypeAlias = npt.NDArray[np.float64]

#: the pose is drawn this many times smaller than the photo
POSE_STRIDE = 4
#: a spot for each joint, a line for each limb, and where in the box a pixel is (x, y from -1 to 1)
POSE_PLANES = len(JOINTS) + len(LIMBS) + 2
#: half width of spots and lines, as a share of the box's height
_SPREAD = 1 / 56
#: margins around the joints in trunk lengths: above (hair, hats), below (shoes), at the sides (clothes, hands)
_ABOVE, _BELOW, _BESIDE = 0.55, 0.40, 0.50
#: joint -> the same joint of the mirrored person
MIRRORED = np.array(
    [JOINT[name.replace("left", "right") if "left" in name else name.replace("right", "left")] for name in JOINTS]
)


def person_box(pose: Pose | None, size: Size, aspect: float) -> Float32:
    """Centre x, centre y and height of the box around a person, in pixels; it may reach beyond the photo.

    Args:
        pose: in pixels of the photo; None or one with fewer than four joints takes the whole photo.
        size: (height, width) of the photo.
        aspect: width through height of the box.
    """
    height, width = size
    low, high = np.zeros(2), np.array([width, height], np.float64)
    if pose is not None and pose.found.sum() >= 4:
        points = pose.joints[pose.found, :2].astype(np.float64)
        trunk = pose.torso_length or 0.25 * float(np.ptp(points[:, 1])) or 0.25 * height
        low = np.maximum(points.min(axis=0) - trunk * np.array([_BESIDE, _ABOVE]), low)
        high = np.minimum(points.max(axis=0) + trunk * np.array([_BESIDE, _BELOW]), high)
        if not (high > low + 4).all():  # joints outside the photo
            low, high = np.zeros(2), np.array([width, height], np.float64)
    middle, extent = (low + high) / 2, high - low
    return np.array([middle[0], middle[1], max(extent[1], extent[0] / aspect)], np.float32)


def to_box(box: Float32, size: Size, *, turn: float = 0.0, mirror: bool = False) -> Matrix:
    """``(2, 3)`` map from coordinates in the photo to coordinates in the box, where pixel centres are at halves.

    Args:
        box: see :func:`person_box`.
        size: (height, width) that the box is brought to.
        turn: angle in radians.
        mirror: swap left and right.
    """
    scale = size[0] / float(box[2])
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    if mirror:
        linear[0] *= -1
    shift = np.array([size[1], size[0]]) / 2 - linear @ box[:2].astype(np.float64)
    return np.concatenate([linear, shift[:, None]], axis=1)


def warp(picture: npt.NDArray[np.uint8], matrix: Matrix, size: Size, outside: int, *, nearest: bool = False) -> UInt8:
    """A picture ``(H, W)`` or ``(H, W, 3)`` seen through a map of :func:`to_box`; what lies outside it has one value."""
    moved = matrix.copy()
    moved[:, 2] += moved[:, :2] @ np.array([0.5, 0.5]) - 0.5  # OpenCV's pixel centres are at whole numbers
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    border = (outside,) * (picture.shape[2] if picture.ndim == 3 else 1)
    out = cv2.warpAffine(picture, moved, (size[1], size[0]), flags=how, borderValue=border)
    return np.asarray(out, np.uint8)


def shown(picture: npt.NDArray[np.uint8], matrix: Matrix, size: Size, outside: int) -> UInt8:
    """As :func:`warp`, of a picture that may be much larger: it is averaged first, since reading single pixels of it gives noise.

    Args:
        picture: ``(H, W)`` or ``(H, W, 3)`` uint8.
        matrix: a map of :func:`to_box`.
        size: (height, width) of the result.
        outside: value of what lies outside the picture.
    """
    shrink = min(1.0, 1.5 * float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))))
    own = (picture.shape[0], picture.shape[1])
    seen = (max(1, round(shrink * own[0])), max(1, round(shrink * own[1])))
    if seen == own:
        return warp(picture, matrix, size, outside)
    coloured = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
    small = resize_image(coloured, seen, "bilinear")
    from_small = matrix.copy()
    from_small[:, :2] = matrix[:, :2] @ np.diag([own[1] / seen[1], own[0] / seen[0]])
    return warp(small if picture.ndim == 3 else np.ascontiguousarray(small[:, :, 0]), from_small, size, outside)


def moved_pose(pose: Pose, matrix: Matrix, *, mirror: bool = False) -> Pose:
    """A pose through a map of :func:`to_box`; mirrored, left joints become right ones."""
    joints = pose.joints.copy()
    joints[:, :2] = joints[:, :2] @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    joints[pose.joints[:, 2] <= 0] = 0
    return Pose(joints[MIRRORED] if mirror else joints)


def pose_planes(pose: Pose | None, size: Size) -> Float32:
    """The pose as planes.

    Args:
        pose: in pixels of the box; None leaves its planes empty.
        size: (height, width) of the box.

    Returns:
        ``(37, H / 4, W / 4)`` float32: spots and lines in 0..1, then x and y in -1..1.
    """
    height, width = size[0] // POSE_STRIDE, size[1] // POSE_STRIDE
    planes = np.zeros((POSE_PLANES, height, width), np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    planes[-2], planes[-1] = 2 * x / width - 1, 2 * y / height - 1
    if pose is None or not pose.found.any():
        return planes
    points, found = pose.joints[:, :2] / POSE_STRIDE, pose.found
    pairs = np.array([(index, index) for index in range(len(JOINTS))] + [list(limb) for limb in LIMBS])
    there = found[pairs[:, 0]] & found[pairs[:, 1]]
    start, along = points[pairs[there, 0]], points[pairs[there, 1]] - points[pairs[there, 0]]
    dx, dy = x[None] - start[:, 0, None, None], y[None] - start[:, 1, None, None]
    ax, ay = along[:, 0, None, None], along[:, 1, None, None]
    t = ((dx * ax + dy * ay) / np.maximum(ax**2 + ay**2, 1e-6)).clip(0, 1)
    away = (dx - t * ax) ** 2 + (dy - t * ay) ** 2
    planes[:-2][there] = np.exp(-away / (2 * (_SPREAD * height) ** 2))
    return planes


def photo_planes(picture: UInt8, mask: npt.NDArray[np.uint8] | None) -> Float32:
    """``(4, H, W)`` float32: RGB in -1..1, and the mask: 1 person, -1 not, 0 unknown.

    Args:
        picture: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` uint8, 0 to 255.
    """
    planes = np.zeros((4, *picture.shape[:2]), np.float32)
    planes[:3] = picture.transpose(2, 0, 1) / np.float32(127.5) - 1
    if mask is not None:
        planes[3] = mask / np.float32(127.5) - 1
    return planes
