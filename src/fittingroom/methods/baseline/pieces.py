"""A garment taken apart: trunk, sleeves and legs, with what arms and hair hid of it filled in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ...core.fill import Image, spread
from ...data.regions import dilate, erode
from ...data.sample import Category, Parse
from .body import limb_half
from .figure import SIDES, Figure, Mask, fixed, kept
from .fill import extend_up
from .outline import limb, lowest_level, sleeves, trunk_core, trunk_edges

#: a sleeve of which less is seen is put on as the other one mirrored
_HIDDEN = 0.5
#: level along the arm that a sleeve reaches at least; less is the armhole's own width
_SHORTEST = 0.2
_OCCLUDERS = ("left-arm", "right-arm", "hair", "glove", "scarf")


@dataclass(frozen=True)
class Sleeve:
    """A sleeve of a garment.

    Args:
        mask: ``(h, w)`` bool, its pixels.
        end: level of its end along the arm, see :func:`sleeve_end`.
        arm: side of the arm that shows it; the other side's where that one is hidden, and then it is put on mirrored.
    """

    mask: Mask
    end: float
    arm: str


@dataclass(frozen=True)
class Cut:
    """A garment, ready to be warped.

    Args:
        image: ``(h, w, 3)`` float32, colours spread beyond the garment's edge.
        mask: ``(h, w)`` bool, all of it, holes filled.
        trunk: ``(h, w)`` bool, without sleeves.
        sleeves: by side; without those that the garment does not have.
        figure: the body that shows it.
        legs: whether it has trouser legs.
        guessed: whether that body was guessed: its size is not to be relied on.
    """

    image: Image
    mask: Mask
    trunk: Mask
    sleeves: dict[str, Sleeve]
    figure: Figure
    legs: bool
    guessed: bool


def axis_coordinates(figure: Figure, size: tuple[int, int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Level along the trunk's axis and signed distance from it, for every pixel: two ``(H, W)`` arrays; must not be changed."""
    return _axis_coordinates(figure.key, size)


@kept
def _axis_coordinates(key: bytes, size: tuple[int, int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    figure = Figure.of(key)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float64)
    upper, lower = figure.hips - figure.shoulders, figure.ankles - figure.hips
    first = ((columns - figure.shoulders[0]) * upper[0] + (rows - figure.shoulders[1]) * upper[1]) / max(
        float(upper @ upper), 1e-6
    )
    second = 1 + ((columns - figure.hips[0]) * lower[0] + (rows - figure.hips[1]) * lower[1]) / max(
        float(lower @ lower), 1e-6
    )
    level = np.where(first < 1, first, np.maximum(second, 1))
    centre, across = figure.axis(level.reshape(-1))
    offset = (columns.reshape(-1) - centre[:, 0]) * across[:, 0] + (rows.reshape(-1) - centre[:, 1]) * across[:, 1]
    return fixed(level), fixed(offset.reshape(size))


def _mirrored(image: Image, mask: Mask, figure: Figure) -> tuple[Image, Mask]:
    """The garment reflected at the body's axis."""
    size = (mask.shape[0], mask.shape[1])
    level, offset = axis_coordinates(figure, size)
    _, across = figure.axis(level.reshape(-1))
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float64)
    x = (columns - 2 * offset * across[:, 0].reshape(size)).astype(np.float32)
    y = (rows - 2 * offset * across[:, 1].reshape(size)).astype(np.float32)
    other = np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)
    seen = np.asarray(cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR, borderValue=0)) > 0.99
    return other, seen


def _without_holes(image: Image, mask: Mask, parse: Parse, figure: Figure) -> tuple[Image, Mask]:
    """Fill in what arms, hands and hair hide of the trunk: the other half of the body if seen, else what lies around."""
    low = lowest_level(mask, figure)
    if np.isnan(low):
        return image, mask
    size = (mask.shape[0], mask.shape[1])
    level, _ = axis_coordinates(figure, size)
    hidden = trunk_core(figure, size) & parse.mask(*_OCCLUDERS) & ~mask & (level > 0.05) & (level < low)
    if not hidden.any():
        return image, mask
    inner = erode(mask, 1)
    other, seen = _mirrored(image, inner, figure)
    taken = hidden & seen
    filled = np.where(taken[..., None], other, image).astype(np.float32)
    return spread(filled, inner | taken), mask | hidden


def _behind_hair(image: Image, mask: Mask, parse: Parse, figure: Figure, ends: dict[str, float]) -> tuple[Image, Mask]:
    """Fill in what hair hides of sleeves."""
    size = (mask.shape[0], mask.shape[1])
    hair = parse.mask("hair", "scarf") & ~mask
    hidden = np.zeros_like(mask)
    for side, end in ends.items():
        place = limb(figure.arm(side), size)
        hidden |= hair & (place.away < 1.3 * limb_half("arm", place.along, figure.trunk)) & (place.along < end)
    return (spread(image, erode(mask, 1)), mask | hidden) if hidden.any() else (image, mask)


def _behind_hands(image: Image, mask: Mask, parse: Parse) -> tuple[Image, Mask]:
    """Fill in what hands and hair hide of a lower garment, inside its own outline."""
    hull = np.zeros(mask.shape, dtype=np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32)), 1)
    hidden = parse.mask(*_OCCLUDERS) & (hull > 0) & ~mask
    return (spread(image, erode(mask, 1)), mask | hidden) if hidden.any() else (image, mask)


def _has_legs(mask: Mask) -> bool:
    """Whether the lower part of a flat garment falls into two."""
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = rows[0], rows[-1]
    for share in (0.75, 0.85, 0.93):
        row = mask[int(top + share * (bottom - top))].astype(np.int8)
        starts = np.flatnonzero(np.diff(np.concatenate([[0], row])) == 1)
        ends = np.flatnonzero(np.diff(np.concatenate([row, [0]])) == -1)
        long = (ends - starts + 1) > 0.12 * row.sum()
        if long.sum() >= 2:
            return True
    return False


def _raised(image: Image, mask: Mask, figure: Figure, to: float) -> tuple[Image, Mask]:
    """Continue a lower garment upwards to a level: its waist may be hidden under a top."""
    size = (mask.shape[0], mask.shape[1])
    level, offset = axis_coordinates(figure, size)
    column = mask & (np.abs(offset) < 0.12 * figure.breadth)
    if not column.any():
        return image, mask
    top = float(np.percentile(level[column], 2))
    band = mask & (level > top) & (level < top + 0.12)
    if top <= to or band.sum() < 10:
        return image, mask
    right, left = np.percentile(offset[band], 3), np.percentile(offset[band], 97)
    above = (level >= to) & (level < top + 0.06) & (offset >= right) & (offset <= left) & ~mask
    return extend_up(image, above, erode(mask, 1)), mask | above


def cut(image: npt.NDArray[np.uint8], mask: Mask, figure: Figure, category: Category, parse: Parse | None) -> Cut:
    """Take a garment apart.

    Args:
        image: ``(h, w, 3)`` uint8.
        mask: ``(h, w)`` bool, the garment's pixels.
        figure: the body that shows it (guessed for one photographed alone).
        category: of the garment.
        parse: labels of a worn garment's photo; None for one photographed alone.
    """
    colour = image.astype(np.float32)
    # the outermost pixels are mixed with what lies behind: their colour comes from further in
    inner = erode(mask, 1.0 if max(mask.shape) < 700 else 1.5)
    colour = spread(colour, inner if inner.sum() > 0.5 * mask.sum() else mask)
    if parse is not None and category != "lower":
        colour, mask = _without_holes(colour, mask, parse, figure)
    legs = False
    if category == "lower":
        if parse is None:
            legs = _has_legs(mask)
        else:
            legs = bool(parse.mask("pants").sum() >= parse.mask("skirt").sum())
            colour, mask = _behind_hands(colour, mask, parse)
        colour, mask = _raised(colour, mask, figure, 0.45)
        return Cut(colour, mask, mask, {}, figure, legs, parse is None)
    ends, seen = sleeve_ends(mask, figure, parse)
    if parse is not None:
        colour, mask = _behind_hair(colour, mask, parse, figure, ends)
    arms = _claimed(mask, figure, _real_sleeves(mask, figure, ends))
    either = arms["right"] | arms["left"]
    lap = 0.03 * figure.trunk
    trunk = mask & (~either | dilate(mask & ~either, lap))
    overlapping = {
        side: mask & dilate(piece, 2 * lap) & ~trunk_core_inner(figure, mask.shape[:2]) if piece.any() else piece
        for side, piece in arms.items()
    }
    found: dict[str, Sleeve] = {}
    for side, other in (SIDES, SIDES[::-1]):
        borrowed = ends[side] > 0 and ends[other] > 0 and seen[side] < _HIDDEN < seen[other]
        shown = other if borrowed else side
        if overlapping[shown].any():
            found[side] = Sleeve(overlapping[shown], ends[shown], shown)
    return Cut(colour, mask, trunk, found, figure, legs, parse is None)


def _real_sleeves(mask: Mask, figure: Figure, ends: dict[str, float]) -> dict[str, Mask]:
    """Sleeves by side, without what lies beyond the end of each; empty where the garment has none."""
    found = sleeves(mask, figure)
    for side, piece in found.items():
        along = limb(figure.arm(side), (mask.shape[0], mask.shape[1])).along
        found[side] = piece & (along < ends[side] + 0.25) if ends[side] > 0 else np.zeros_like(piece)
    return found


def _claimed(mask: Mask, figure: Figure, arms: dict[str, Mask]) -> dict[str, Mask]:
    """Sleeves, with the pixels that lie outside the trunk's outline although they are far from the bones (wide sleeves)."""
    if not (arms["right"].any() or arms["left"].any()):
        return arms
    size = (mask.shape[0], mask.shape[1])
    trunk = mask & ~(arms["right"] | arms["left"])
    levels = np.linspace(0.2, 1.6, 29)
    edges = trunk_edges(trunk, figure, levels)
    level, offset = axis_coordinates(figure, size)
    wide = np.zeros(size, dtype=bool)
    for column, sign in ((0, -1.0), (1, 1.0)):
        known = ~np.isnan(edges[:, column])
        if not known.any():
            continue
        usual = np.minimum(edges[known, column], 1.25 * np.median(edges[known, column]))
        limit = np.interp(level, levels[known], usual) * 1.12 + 0.03 * figure.trunk
        wide |= trunk & (offset * sign > limit) & (level > 0.2)
    # what hangs together with the trunk only through a sleeve belongs to the sleeve
    count, parts = cv2.connectedComponents((trunk & ~wide).astype(np.uint8))
    core = trunk_core(figure, size)
    for index in range(1, count):
        part = parts == index
        if not (part & core).any():
            wide |= part
    away = {side: limb(figure.arm(side), size).away for side in ("right", "left")}
    near = {side: wide & (away[side] < 0.45 * figure.trunk) for side in away}
    right = away["right"] <= away["left"]
    return {
        "right": arms["right"] | (near["right"] & right if arms["right"].any() else np.zeros(size, dtype=bool)),
        "left": arms["left"] | (near["left"] & ~right if arms["left"].any() else np.zeros(size, dtype=bool)),
    }


def trunk_core_inner(figure: Figure, size: tuple[int, ...]) -> Mask:
    """The middle of the trunk, where no sleeve reaches: ``(H, W)`` bool."""
    level, offset = axis_coordinates(figure, (size[0], size[1]))
    return (np.abs(offset) < 0.30 * figure.breadth) & (level > -0.1)


def sleeve_ends(mask: Mask, figure: Figure, parse: Parse | None) -> tuple[dict[str, float], dict[str, float]]:
    """How far sleeves reach along the arms: 0 shoulder, 1 elbow, 2 wrist; 0 where there is no sleeve.

    A sleeve covers its bone from the shoulder on without a gap; cloth that only lies near an arm does not, and neither
    does the armhole of a sleeveless garment, which shares the bone with skin. What hair hides may be sleeve.

    Returns:
        By side, the end, and the share of the sleeve's bone that is seen.
    """
    size = (mask.shape[0], mask.shape[1])
    ends, shares = {}, {}
    bins = np.arange(0.08, 2.2, 0.06)
    for side, piece in sleeves(mask, figure).items():
        ends[side], shares[side] = 0.0, 0.0
        place = limb(figure.arm(side), size)
        bone = place.away < 0.055 * figure.trunk
        cloth = np.histogram(place.along[piece & bone], bins)[0]
        skin, hair = np.zeros_like(cloth), np.zeros_like(cloth)
        if parse is not None:
            skin = np.histogram(place.along[parse.mask("left-arm", "right-arm") & bone], bins)[0]
            hair = np.histogram(place.along[parse.mask("hair", "scarf", "bag") & bone & ~mask], bins)[0]
        covered = (cloth >= 3) & (cloth > 2.5 * skin)
        unknown = ~covered & (hair >= 3) & (hair > skin)
        first = int(np.argmax(~unknown))
        if piece.sum() < 12 or not covered[first : first + 3].any():
            continue
        last = first + int(np.argmax(covered[first:]))
        filled = covered | unknown
        gaps = np.flatnonzero(~filled[last:] & ~np.append(filled[last + 1 :], False))
        end = last + int(gaps[0]) if len(gaps) else len(filled)
        end = int(np.flatnonzero(covered[:end])[-1]) + 1
        if bins[end] > _SHORTEST:
            ends[side] = float(bins[end])
            shares[side] = float(cloth[:end].sum() / max(cloth[:end].sum() + hair[:end].sum(), 1))
    return ends, shares
