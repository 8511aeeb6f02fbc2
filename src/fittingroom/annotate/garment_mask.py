"""Masks of garments photographed alone: by the border's colour, which always works on plain backgrounds, or by rembg.

By colour: the border of the photo shows the background. Pixels that differ from it (in CIE Lab, against how much the
border itself varies) are garment; GrabCut then settles the outline, and what is enclosed belongs to the garment. A border
of many colours is a busy background: the score says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import InputError, MissingError
from ..core.files import sha256_file
from ..core.images import UInt8, fit_size, resize_image, resize_labels
from .base import Annotation, NothingFoundError

Mask: TypeAlias = npt.NDArray[np.bool_]
#: longer side at which the mask is found; outlines are then set at the photo's own size
_WORKING = 512
_BORDER = 0.02
#: colour differences (CIE76): above the first a pixel may be garment, above the second it is, if the border does not vary more
_MAYBE, _SURE = 1.8, 5.0
#: the same as multiples of the 95th percentile of the border's own differences
_MAYBE_SPREAD, _SURE_SPREAD = 1.3, 2.5
#: share of the border that is not of the background's colour: from the first on the score falls, at the second it is 0
_PLAIN, _BUSY = 0.02, 0.35
#: smaller pieces than this share of the largest one are dirt; shoes and two-pieces stay
_PIECE = 0.08
#: gaps that are looked into, as shares of the picture
_GAP, _WIDE_GAP = 0.05, 0.12
#: an outline that is longer by this factor than after closing wide gaps is none that a garment has (50 real ones: at most 1.3)
_RAGGED = 1.45


def _lab(photo: UInt8) -> npt.NDArray[np.float32]:
    """CIE Lab, a little smoothed against noise."""
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), 1.0), np.float32)


def _border(size: tuple[int, int]) -> Mask:
    width = max(2, round(_BORDER * min(size)))
    out = np.ones(size, bool)
    out[width:-width, width:-width] = False
    return out


def _background(lab: npt.NDArray[np.float32], border: Mask) -> tuple[npt.NDArray[np.float32], float, float]:
    """Colour of the background at every pixel ``(H, W, 3)``, how much it varies, and the share of the border that is something else.

    A plane is laid through the border's colours, since light falls off across studio backgrounds; outliers (the garment
    reaching the border) are left out of it.
    """
    rows, columns = np.nonzero(border)
    height, width = border.shape
    at = np.stack([np.ones(len(rows)), rows / height - 0.5, columns / width - 0.5], axis=1)
    values = lab[rows, columns].astype(np.float64)
    kept = np.linalg.norm(values - np.median(values, axis=0), axis=1) < 20
    plane = np.zeros((3, 3))
    away = np.zeros(len(rows))
    for _ in range(3):
        if kept.sum() < 12:
            kept[:] = True
        plane = np.linalg.lstsq(at[kept], values[kept], rcond=None)[0]
        away = np.linalg.norm(values - at @ plane, axis=1)
        kept = away < max(3 * float(np.median(away)), 4.0)
    grid = np.stack(
        np.broadcast_arrays(1.0, (np.arange(height) / height - 0.5)[:, None], (np.arange(width) / width - 0.5)[None]),
        -1,
    )
    spread = float(np.percentile(away[kept], 95)) if kept.any() else 0.0
    return (grid @ plane).astype(np.float32), spread, float((~kept).mean())


def _without_holes(mask: Mask, away: npt.NDArray[np.float32] | None = None, least: float = 0.0) -> Mask:
    """Enclosed background that belongs to the garment is added to it.

    Small holes do (buttons, white prints), and so do wide ones whose median colour ``away`` ``(H, W, 3)`` differs from the
    background by more than ``least``: cloth of almost the background's colour. A real gap, as inside a neck, does not.
    """
    count, blobs, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    out = mask.copy()
    area = mask.sum()
    for blob in range(1, count):
        left, top, width, height, size = stats[blob]
        if left == 0 or top == 0 or left + width == mask.shape[1] or top + height == mask.shape[0]:
            continue
        inside = blobs == blob
        if size < 0.005 * area or (away is not None and np.linalg.norm(np.median(away[inside], axis=0)) > least):
            out[inside] = True
    return out


def _pieces(mask: Mask) -> tuple[Mask, int]:
    """The largest piece and those of some size beside it, and how many there are."""
    count, blobs, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask, 0
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = [index + 1 for index, area in enumerate(areas) if area >= _PIECE * areas.max()]
    return np.isin(blobs, kept), len(kept)


def by_colour(photo: UInt8) -> tuple[Mask, float, tuple[str, ...]]:
    """The garment's mask by the border's colour.

    Args:
        photo: ``(H, W, 3)`` uint8.

    Returns:
        ``(H, W)`` bool, a score in [0, 1], and notes on what lowers it.

    Raises:
        NothingFoundError: nothing differs from the background.
    """
    own = (photo.shape[0], photo.shape[1])
    size = fit_size(own, (_WORKING, _WORKING)) if max(own) > _WORKING else own
    small = resize_image(photo, size, "bilinear")
    lab, border = _lab(small), _border(size)
    ground, spread, foreign = _background(lab, border)
    differs = np.linalg.norm(lab - ground, axis=2)
    # shadows are the background's colour but darker: lightness alone counts half
    hue = np.linalg.norm((lab - ground)[..., 1:], axis=2)
    shadow = (hue < 3.0) & (lab[..., 0] < ground[..., 0]) & (lab[..., 0] > ground[..., 0] - 22)
    differs = np.where(shadow, 0.5 * differs, differs)
    maybe, sure = max(_MAYBE, _MAYBE_SPREAD * spread), max(_SURE, _SURE_SPREAD * spread)
    opened = cv2.morphologyEx((differs > maybe).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), bool)
    anchored = _anchored(closed, differs > sure)
    raw, _ = _pieces(_without_holes(_bridged(anchored, lab - ground, 0.5 * maybe), lab - ground, 0.5 * maybe))
    if raw.sum() < 0.005 * raw.size:
        raise NothingFoundError(
            "no garment stands out from the background", mend="draw the mask by hand, or leave it out"
        )
    # the colour models of GrabCut need garment and background to be of different colours
    typical = float(np.median(differs[raw]))
    clear = typical > sure
    mask = _settled(small, raw, differs > max(3 * sure, 0.6 * typical)) if clear else raw
    mask, count = _pieces(_without_rim(_without_holes(mask, lab - ground, 0.5 * maybe), differs))
    if not mask.any():
        mask, count = _pieces(raw)
    closed = _closed(mask, _WIDE_GAP)
    ragged = _outline(mask) / max(_outline(closed), 1.0)
    if ragged > _RAGGED:  # stripes or prints on cloth of the background's colour: what lies between them is cloth
        mask = _without_holes(closed, lab - ground, -1.0)
    score, notes = _judge(mask, raw, border, foreign, spread, count)
    if ragged > _RAGGED:
        notes, score = (*notes, "ragged outline"), 0.5 * score
    if not clear:
        notes, score = (*notes, "almost of the background's colour"), 0.4 * score
    whole = np.asarray(resize_labels(mask, own), bool) if size == own else _at_own_size(mask, own)
    return whole, score, notes


def _closed(mask: Mask, share: float) -> Mask:
    """Gaps up to ``share`` of the picture closed."""
    reach = max(3, round(share / 2 * max(mask.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    padded = np.pad(
        mask.astype(np.uint8), 2 * reach
    )  # OpenCV counts what lies outside as background when it grows only
    return np.asarray(
        cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[2 * reach : -2 * reach, 2 * reach : -2 * reach], bool
    )


def _bridged(mask: Mask, away: npt.NDArray[np.float32], least: float) -> Mask:
    """Gaps between pieces, as between dark stripes on white cloth, filled where the mean colour is not quite the background's."""
    mean = cv2.GaussianBlur(away, (0, 0), 3.0)
    return mask | (_closed(mask, _GAP) & (np.linalg.norm(mean, axis=2) > least))


def _without_rim(mask: Mask, differs: npt.NDArray[np.float32]) -> Mask:
    """Without outermost pixels that are mostly background: smoothing has put the garment's colour upon them."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    strongest = cv2.dilate(differs, np.ones((5, 5), np.uint8))
    return mask & (inner | (differs > 0.5 * strongest))


def _outline(mask: Mask) -> float:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return float(sum(cv2.arcLength(outline, True) for outline in outlines))


def _anchored(maybe: Mask, sure: Mask) -> Mask:
    """Pieces of ``maybe`` of which some pixels are sure; all of them where none is."""
    count, blobs = cv2.connectedComponents(maybe.astype(np.uint8), connectivity=8)
    hits = np.bincount(blobs[sure & maybe], minlength=count)
    kept = hits >= 4
    kept[0] = False
    return np.asarray(kept[blobs]) if kept.any() else maybe


def _settled(photo: UInt8, raw: Mask, certain: Mask) -> Mask:
    """GrabCut in a band around the outline."""
    band = max(2, round(0.012 * max(photo.shape[:2])))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    inner = cv2.erode(raw.astype(np.uint8), disc) > 0
    outer = cv2.dilate(raw.astype(np.uint8), disc) > 0
    trimap = np.full(raw.shape, cv2.GC_BGD, np.uint8)
    trimap[outer] = cv2.GC_PR_BGD
    trimap[raw] = cv2.GC_PR_FGD
    trimap[inner | (raw & certain)] = cv2.GC_FGD
    if not inner.any() or outer.all():
        return raw
    cv2.setRNGSeed(0)  # GrabCut's clustering draws random numbers
    near, far = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), trimap, (0, 0, 0, 0), near, far, 2, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one side for its colour model
        return raw
    return np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _at_own_size(mask: Mask, size: tuple[int, int]) -> Mask:
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
    return np.asarray(cv2.resize(soft, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) > 0.5)


def _judge(
    mask: Mask, raw: Mask, border: Mask, foreign: float, spread: float, count: int
) -> tuple[float, tuple[str, ...]]:
    notes = []
    score = 1.0 - min(max((foreign - _PLAIN) / (_BUSY - _PLAIN), 0.0), 1.0)
    if foreign > 0.15 or spread > 12:
        notes.append("busy background")
        score *= 0.5
    touched = float(mask[border].mean())
    if touched > 0.05:
        notes.append("garment cut at the frame")
        score *= 0.8
    covered = float(mask.mean())
    if covered > 0.92 or covered < 0.03:
        notes.append(f"mask covers {covered:.0%} of the photo")
        score *= 0.3
    if count > 2:
        notes.append(f"{count} pieces")
        score *= 0.8
    agree = float((mask & raw).sum()) / max(float((mask | raw).sum()), 1.0)
    return min(max(score * agree, 0.0), 1.0), tuple(notes)


class ColourMask:
    """The garment stands out from a plain background."""

    name: ClassVar[str] = "garment-mask/colour"
    provides: ClassVar[str] = "garment-mask"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = "Apache-2.0 (no weights)"

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"version": 1, "opencv": cv2.__version__}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        return Annotation(*by_colour(photo))


class RembgMask:
    """Background removal by the library rembg, with weights that are on this machine.

    Args:
        weights_file: ONNX weights of the model, e.g. ``birefnet-general-lite.onnx``.
        model: rembg's name of the architecture.

    Raises:
        MissingError: rembg or the weights are not here.
    """

    name: ClassVar[str] = "garment-mask/rembg"
    provides: ClassVar[str] = "garment-mask"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = "MIT (rembg); weights: see the model's card"

    def __init__(self, weights_file: Path | None = None, model: str = "birefnet-general-lite") -> None:
        try:
            import rembg
        except ImportError as error:
            raise MissingError(
                "garment-mask/rembg needs rembg", mend="pip install rembg, or use garment-mask/colour"
            ) from error
        home = os.environ.get("U2NET_HOME") or str(Path.home() / ".u2net")
        path = weights_file or Path(home) / f"{model}.onnx"
        if not path.is_file():
            raise MissingError(
                f"weights of rembg's {model} are not here (220 MB from github.com/danielgatis/rembg releases, MIT)",
                mend=f"--weights-file garment-mask/rembg={model}.onnx, or put it into {home}",
            )
        os.environ["U2NET_HOME"] = str(path.parent)
        os.environ.setdefault("MODEL_CHECKSUM_DISABLED", "1")
        if path.stem != model:
            raise InputError(
                f"rembg finds weights by name: {path.name} is not {model}.onnx", mend="rename the file", path=path
            )
        self._remove, self._model, self._hash = rembg.remove, model, sha256_file(path)
        self._session = rembg.new_session(model, providers=["CPUExecutionProvider"])

    def settings(self) -> Mapping[str, Any]:
        """See :class:`.base.Annotator`."""
        return {"model": self._model, "weights": self._hash, "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`.base.Annotator`."""
        soft = np.asarray(self._remove(photo, session=self._session, only_mask=True), np.float32) / 255
        mask, count = _pieces(soft > 0.5)
        if not mask.any():
            raise NothingFoundError("no garment stands out from the background", mend="draw the mask by hand")
        decided = float(np.abs(2 * soft[soft > 0.05] - 1).mean())
        return Annotation(mask, min(decided, 1.0), () if count <= 2 else (f"{count} pieces",))
