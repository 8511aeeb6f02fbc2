"""What the photo of the worn garment says about the picture, for networks too small to draw a pattern and to get lengths right.

Not a part of the published method; the setting ``match``, which reports name. Patches end where their quadrilaterals do, and a small
network draws plain cloth around them. But each part's map from one body to the other goes on beyond its quadrilateral: weighted by their
distance, all parts together bend the whole garment onto the pose, without seams. Its pixels are laid over the picture where the network
drew the garment. And along each arm and leg its patch says how far the garment reaches. The outline, skin, and what the garment's photo
does not show stay the network's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ...core.images import UInt8
from ..coarse import Plane, blurred
from .body import Body
from .colours import soft_inside
from .conditions import ALL_PARTS, Kind, Laid
from .quads import ARM_PARTS, LOWER_PARTS, PARTS
from .regions import ARMS, CLASS_LIMBS, LEGS, Mask, label_mask

LEG_PARTS = tuple(part for part in LOWER_PARTS if PARTS[part].kind in {"thigh", "calf"})
#: the same part on the other side of the body
_OTHER = {2: 4, 4: 2, 3: 5, 5: 3, 6: 8, 8: 6, 7: 9, 9: 7}
#: what is known of a pixel near an arm or a leg
UNKNOWN, BARE, COVERED = 0, 1, 2
#: as shares of the height: how far a part's map goes on; over which distance a part hands over to the next; up to which depth being
#: deeper inside counts more; how much farther a part counts whose map leads beside the garment
_REACH, _SOFT, _DEEP, _BESIDE = 0.08, 0.008, 0.02, 0.05
#: how far from moving and scaling a map may be that tells what lies beside the garment (a turn by 15 degrees is 0.37), and the share of
#: the height over which that is looked at
_TURNED, _SMOOTH = 0.35, 0.006
#: width of the soft border of what is known, and how far a limb's length tells about its surroundings, as shares of the height
_BORDER, _BESIDE_LIMB = 0.003, 0.05
#: rows of a limb's patch that are looked at together and pixels below which they say nothing, both as shares of the patch's edge; share
#: of the garment among garment and skin below which a limb is bare and above which it is covered
_ROWS, _FEWEST, _BARE, _COVERED = 5 / 64, 4 / 64, 0.35, 0.65


@dataclass(frozen=True)
class Known:
    """One garment on somebody else's pose.

    Args:
        laid: its pixels there, on the canvas.
        place: ``(2, H, W)`` float32, for each pixel of the pose x and y of the garment's pixel on its own canvas.
        reach: ``(H, W)`` uint8, 255 where that place is on the garment, its very border included, and can be trusted.
        near: ``(H, W)`` uint8, 255 where that place can be trusted, whatever is there.
        length: ``(H, W)`` uint8, :data:`BARE` or :data:`COVERED` near arms and legs where its photo tells.
    """

    laid: Laid
    place: Plane
    reach: UInt8
    near: UInt8
    length: UInt8


def known(person: Body, garment: Body, kind: Kind, patch: int) -> tuple[Known | None, Known | None]:
    """What is tried on, on the pose.

    Args:
        person: who is dressed.
        garment: who wears the garment now.
        kind: which of the garments is taken over.
        patch: edge of a patch in pixels.

    Returns:
        Upper and lower garment; None for one that stays as it is.
    """
    away = _distances(person)

    def found(mask: UInt8, parts: Sequence[int], limbs: Sequence[int]) -> Known:
        bent = _bent(person, garment, mask, {part: away[part] for part in parts if part in away})
        return Known(*bent, _lengths(person, garment, mask, limbs, away, patch))

    above = (*ARM_PARTS, *LEG_PARTS) if garment.in_dress else ARM_PARTS
    return (
        None if kind == "lower" else found(garment.upper, ALL_PARTS, above),
        None if kind == "upper" else found(garment.lower, LOWER_PARTS, LEG_PARTS),
    )


def _distances(body: Body) -> dict[int, Plane]:
    """For each part that is on the canvas ``(H, W)``: the distance from its quadrilateral in pixels, negative inside."""
    out = {}
    for part, quad in enumerate(body.quads):
        if quad is None:
            continue
        inside = np.zeros(body.labels.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.rint(quad).astype(np.int32), 1)
        if inside.any():
            outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
            out[part] = np.asarray(outer - cv2.distanceTransform(inside, cv2.DIST_L2, 5), dtype=np.float32)
    return out


def _mapped(homography: npt.NDArray[np.float64], height: int, width: int) -> Plane:
    """``(2, H, W)``: where a map leads from each pixel, x and y. Far beyond a tapered quadrilateral that is infinitely far: cut off."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    sideways, down, scale = np.tensordot(homography.astype(np.float32), np.stack([x, y, np.ones_like(x)]), 1)
    scale = np.where(np.abs(scale) < 1e-6, np.float32(1e-6), scale)
    far = 4.0 * max(height, width)
    return np.asarray(np.stack([sideways / scale, down / scale]).clip(-far, far), dtype=np.float32)


def _bent(person: Body, garment: Body, mask: UInt8, away: Mapping[int, Plane]) -> tuple[Laid, Plane, UInt8, UInt8]:
    height, width = mask.shape
    place = np.zeros((2, height, width), np.float32)
    total = np.zeros((height, width), np.float32)
    nearest = np.full((height, width), np.inf, np.float32)
    beside = nearest.copy()
    for part, distance in away.items():
        there, back = person.to_patch[part], garment.to_canvas[part]
        if there is None or back is None:
            continue
        found = _mapped(back @ there, height, width)
        own = mask
        if garment.sleeves is not None:
            arms = garment.sleeves if part in ARM_PARTS else cv2.bitwise_not(garment.sleeves)
            own = np.asarray(cv2.bitwise_and(mask, arms), dtype=np.uint8)
        covered = cv2.remap(own, found[0], found[1], cv2.INTER_NEAREST) > 0
        counted = distance + np.where(covered, 0, np.float32(_BESIDE * height))
        weight = np.exp(-counted.clip(-_DEEP * height, 0.3 * height) / (_SOFT * height))
        place += weight * found
        total += weight
        nearest, beside = np.minimum(nearest, counted), np.minimum(beside, distance)
    place /= np.maximum(total, 1e-20)
    # the outermost pixels of a garment are half background
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8))
    near = nearest < _REACH * height
    sure, reach = (
        ((cv2.remap(each, place[0], place[1], cv2.INTER_LINEAR) > least) & near).astype(np.uint8) * np.uint8(255)
        for each, least in ((inner, 254), (mask, 127))
    )
    image = np.asarray(cv2.remap(garment.image, place[0], place[1], cv2.INTER_LINEAR), dtype=np.uint8)
    told = (beside < _REACH * height) & _upright(place, near & (reach > 0))
    return Laid(image, sure), place, reach, told.astype(np.uint8) * np.uint8(255)


def _upright(place: Plane, known: Mask) -> Mask:
    """``(H, W)`` bool: where a map only moves and scales, as the garment on the whole does.

    A limb that points elsewhere on the other photo hands over to the trunk, and what lies beside the garment is torn apart there.
    """
    if not known.any():
        return np.zeros(known.shape, bool)
    smooth = blurred(place.transpose(1, 2, 0), max(_SMOOTH * len(known), 0.5))
    (down_x, down_y), (right_x, right_y) = (
        np.moveaxis(np.asarray(np.gradient(smooth, axis=axis)), -1, 0) for axis in (0, 1)
    )
    scale = float(np.median((right_x + down_y)[known])) / 2
    if scale <= 0:
        return np.zeros(known.shape, bool)
    off = np.sqrt(
        (right_x / scale - 1) ** 2 + (down_y / scale - 1) ** 2 + (right_y / scale) ** 2 + (down_x / scale) ** 2
    )
    return np.asarray(cv2.erode((off < _TURNED).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _lengths(
    person: Body, garment: Body, mask: UInt8, limbs: Sequence[int], away: Mapping[int, Plane], patch: int
) -> UInt8:
    """See :class:`Known`."""
    height, width = mask.shape
    out = np.full((height, width), UNKNOWN, np.uint8)
    if not away:
        return out
    parts = list(away)
    nearest = np.stack([away[part] for part in parts])
    which = np.asarray(parts)[nearest.argmin(axis=0)]
    close = nearest.min(axis=0) < _BESIDE_LIMB * height
    for part in limbs:
        there, here = person.to_patch[part], close & (which == part)
        if there is None or not here.any():
            continue
        share = _covered(garment, mask, part, patch)
        if np.isnan(share).all():  # not to be seen: the other arm's sleeve is as long
            share = _covered(garment, mask, _OTHER[part], patch)
        rows = np.rint(_mapped(there, height, width)[1] - 0.5).clip(0, patch - 1).astype(np.intp)
        found = share[rows]
        out[here & (found < _BARE)] = BARE
        out[here & (found > _COVERED)] = COVERED
    return out


def _covered(body: Body, mask: UInt8, part: int, patch: int) -> npt.NDArray[np.float64]:
    """``(P,)``: for each row of a limb's patch the share of a garment among garment and skin, NaN where neither is to be seen."""
    if (there := body.to_patch[part]) is None:
        return np.full(patch, np.nan)
    # a hand on the hip says nothing about the skirt below it
    skin = label_mask(body.labels, *(ARMS if part in ARM_PARTS else LEGS))
    planes = [cv2.warpPerspective(plane, there, (patch, patch), flags=cv2.INTER_NEAREST) > 0 for plane in (mask, skin)]
    rows = max(1, round(_ROWS * patch))
    cloth, bare = (np.convolve(plane.sum(axis=1), np.full(rows, 1 / rows), "same") for plane in planes)
    seen = cloth + bare
    return np.where(seen >= _FEWEST * patch, cloth / np.maximum(seen, 1e-9), np.nan)


def match_lengths(label: torch.Tensor, length: UInt8, kinds: Sequence[int]) -> torch.Tensor:
    """The parsing with sleeves and legs that end where the garment's do.

    Args:
        label: ``(H, W)``, predicted.
        length: see :class:`Known`.
        kinds: classes that the garment may be.
    """
    classes = label.cpu().numpy()
    worn = np.isin(classes, kinds)
    own = max(kinds, key=lambda kind: np.count_nonzero(classes == kind))
    out = np.where(worn & (length == BARE), CLASS_LIMBS, classes)
    out = np.where((classes == CLASS_LIMBS) & (length == COVERED), own, out)
    return torch.from_numpy(out).to(label)


def match_details(made: UInt8, classes: UInt8, laid: Iterable[tuple[UInt8, Mask, tuple[int, ...]]]) -> UInt8:
    """The picture with the garment's own pixels where they are known and the garment is worn.

    Args:
        made: ``(h, w, 3)`` uint8, what the network drew, at the photo's size.
        classes: ``(h, w)`` uint8, its parsing at that size.
        laid: for each garment its pixels on the pose ``(h, w, 3)`` uint8, where they are known ``(h, w)`` bool, and the classes that it
            may be.

    Returns:
        ``(h, w, 3)`` uint8.
    """
    height = classes.shape[0]
    out = made
    for pixels, where, kinds in laid:
        garment = np.isin(classes, kinds)
        sure = garment & where
        if not sure.any():
            continue
        depth = cv2.distanceTransform(sure.astype(np.uint8), cv2.DIST_L2, 5)
        weight = (depth / max(_BORDER * height, 1.0)).clip(0, 1).astype(np.float32) * soft_inside(garment)
        mixed = out + weight[..., None] * (pixels.astype(np.float32) - out)
        out = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return out
