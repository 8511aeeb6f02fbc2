"""From a photo of any size onto the canvas, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch

from ...core.errors import InputError
from ...core.images import Size, UInt8, fit_size, resize_image, resize_labels
from ...core.labels import CIHP20, convert
from ...core.pose import JOINT, JOINTS
from ...data.sample import Garment, Parse, Person
from .body import Body, body_of
from .config import GeneratorConfig
from .quads import ARM_PARTS, Float64, part_quads
from .regions import CLASS_DRESS, CLASS_TOPS, DRESS, SLEEVE_IDS, TOPS, label_mask, worn

#: share of a dress that another upper garment has to have to be one, and no slip of the parser
_LEAST_ABOVE = 0.1
#: labels of CIHP-20 and joints that change places in a mirror
_MIRRORED_LABELS = np.arange(256, dtype=np.uint8)
for _name in ("arm", "leg", "shoe"):
    _left, _right = CIHP20.ids[f"left-{_name}"], CIHP20.ids[f"right-{_name}"]
    _MIRRORED_LABELS[[_left, _right]] = _right, _left
_MIRRORED_JOINTS = [
    JOINTS.index(name.replace("right-", "left-") if "right-" in name else name.replace("left-", "right-"))
    for name in JOINTS
]


@dataclass(frozen=True)
class Place:
    """Where a photo lies on the canvas.

    Args:
        size: (height, width) of the photo.
        inner: (height, width) that it takes.
        top: first row of it.
        left: first column of it.
    """

    size: Size
    inner: Size
    top: int
    left: int

    def _rows_and_columns(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.inner[0]), slice(self.left, self.left + self.inner[1])

    def inside(self, labels: torch.Tensor) -> UInt8:
        """``(H, W)`` labels on the canvas -> ``(h, w)`` uint8, those that the photo takes up."""
        rows, columns = self._rows_and_columns()
        return np.ascontiguousarray(labels[rows, columns].cpu().numpy().astype(np.uint8))

    def back(self, picture: torch.Tensor) -> UInt8:
        """``(3, H, W)`` on the canvas, -1 to 1 -> ``(h, w, 3)`` uint8 of the photo's size."""
        rows, columns = self._rows_and_columns()
        pixels = ((picture[:, rows, columns].float().cpu() + 1) * 127.5).clamp_(0, 255)
        # cut off instead of rounded, as the published code does
        image = np.ascontiguousarray(pixels.permute(1, 2, 0).numpy().astype(np.uint8))
        return resize_image(image, self.size, "bicubic")


def place(size: Size, config: GeneratorConfig) -> Place:
    """As large as fits, in the middle."""
    inner = fit_size(size, config.photo)
    top, left = (config.photo[0] - inner[0]) // 2, (config.photo[1] - inner[1]) // 2
    return Place(size, inner, top, config.left + left)


def _framed(array: UInt8, at: Place, config: GeneratorConfig, value: int) -> UInt8:
    """The resized array in a frame of the size ``config.photo``."""
    height, width = config.photo
    left = at.left - config.left
    if at.inner == (height, width):
        return array
    out = np.full((height, width, *array.shape[2:]), value, dtype=np.uint8)
    out[at.top : at.top + at.inner[0], left : left + at.inner[1]] = array
    return out


def _shrunk(image: UInt8, size: Size) -> UInt8:
    if image.shape[:2] == size:
        return image
    smaller = size[0] < image.shape[0]
    kernel = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=kernel), dtype=np.uint8)


def guess_sleeves(upper: UInt8, keypoints: Float64, canvas: Size) -> UInt8:
    """Sleeves where no garment parsing says: what is worn above inside the arms' patches, the trunk between the joints excluded.

    Args:
        upper: ``(H, W)`` uint8, not 0 on the upper garment.
        keypoints: ``(18, 3)`` x, y in the same pixels, confidence.
        canvas: (height, width).

    Returns:
        ``(H, W)`` uint8, 255 on sleeves.
    """
    arms = np.zeros(canvas, np.uint8)
    quads = part_quads(keypoints, canvas)
    for part in ARM_PARTS:
        if (quad := quads[part]) is not None:
            cv2.fillConvexPoly(arms, np.round(quad).astype(np.int32), 255)
    trunk = keypoints[[JOINT[name] for name in ("right-shoulder", "right-hip", "left-hip", "left-shoulder")]]
    if (trunk[:, 2] > 0).all():
        cv2.fillConvexPoly(arms, np.round(trunk[:, :2]).astype(np.int32), 0)
    arms[upper == 0] = 0
    return arms


def without_dress(labels: UInt8) -> UInt8:
    """CIHP-20 labels in which a dress below another upper garment is a skirt.

    The network's classes make both one dress (spec section 3.2), and whoever asks for the cardigan gets the dress as well.

    Args:
        labels: ``(H, W)`` uint8; a dress worn alone stays what it is.
    """
    above, dress = (label_mask(labels, *parts).view(np.bool_) for parts in (TOPS, DRESS))
    if above.sum() < _LEAST_ABOVE * dress.sum():
        return labels
    return np.where(dress, np.uint8(CIHP20.ids["skirt"]), labels)


def photo_classes(parse: Parse, *, over_dress: bool) -> UInt8:
    """``(h, w)`` uint8 classes at the photo's own size, see :func:`~.regions.worn`.

    Args:
        parse: in any label set.
        over_dress: see :func:`on_canvas`.
    """
    labels = np.asarray(convert(parse.labels, parse.labels_in.name, CIHP20.name), dtype=np.uint8)
    return worn(without_dress(labels) if over_dress else labels).classes


def on_canvas(
    photo: Person | Garment,
    config: GeneratorConfig,
    *,
    sleeves: bool = True,
    mirrored: bool = False,
    over_dress: bool = False,
) -> tuple[Body, Place]:
    """Somebody's photo with its annotations on the canvas.

    Args:
        photo: with pose and parse.
        config: sizes.
        sleeves: whether arms take only sleeves; they come from the garment parsing or, without one, from the pose.
        mirrored: left and right exchanged.
        over_dress: only what is worn over a dress is wanted: the dress counts as a skirt, see :func:`without_dress`.

    Raises:
        InputError: nobody in the pose file, or annotations that do not fit the photo.
        MissingError: an annotation is missing.
    """
    image = photo.image()
    at = place(cast(Size, image.shape[:2]), config)
    pose, parse = photo.body()
    joints = pose.joints.astype(np.float64)
    if not (joints[:, 2] > 0).any():
        raise InputError(
            f"nobody in the pose of {photo.id}",
            mend="annotate the photo again or leave it out",
            path=photo.files.get("pose"),
        )
    scale = np.array([at.inner[1] / at.size[1], at.inner[0] / at.size[0]])
    joints[:, :2] = joints[:, :2] * scale + (at.left - config.left, at.top)
    joints[joints[:, 2] <= 0] = 0  # not found: no place either
    labels = np.asarray(convert(parse.labels, parse.labels_in.name, "cihp20"), dtype=np.uint8)
    labels = _framed(np.asarray(resize_labels(labels, at.inner), dtype=np.uint8), at, config, 0)
    labels = without_dress(labels) if over_dress else labels
    picture = _framed(_shrunk(image, at.inner), at, config, 255)
    known: UInt8 | None = None
    if sleeves and photo.has("garment-parse"):
        marked = np.where(np.isin(photo.load("garment-parse"), SLEEVE_IDS), np.uint8(255), np.uint8(0))
        known = _framed(np.asarray(resize_labels(marked, at.inner), dtype=np.uint8), at, config, 0)
    if mirrored:
        picture, labels, joints = _mirrored(picture, labels, joints)
        known = None if known is None else np.ascontiguousarray(known[:, ::-1])
    if sleeves and known is None:
        classes = worn(labels)
        known = guess_sleeves(classes.mask(CLASS_TOPS, CLASS_DRESS).view(np.uint8), joints, config.photo)
    return body_of(picture, labels, joints, known, config), at


def _mirrored(image: UInt8, labels: UInt8, joints: Float64) -> tuple[UInt8, UInt8, Float64]:
    joints = joints[_MIRRORED_JOINTS]
    found = joints[:, 2] > 0
    joints[found, 0] = image.shape[1] - 1 - joints[found, 0]
    swapped = np.asarray(cv2.LUT(np.ascontiguousarray(labels[:, ::-1]), _MIRRORED_LABELS), dtype=np.uint8)
    return np.ascontiguousarray(image[:, ::-1]), swapped, joints
