"""What every human parser here shares: probabilities to labels of CIHP-20, and a score."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ..core.images import Size
from ..core.labels import CIHP20, LABEL_SETS, LabelSet, mapping
from ..core.pose import Pose
from ..data.sample import Parse
from .base import Annotation, NothingFoundError
from .body_parts import neck_from_face

#: parts that CIHP-20 has no place for and that lie on clothes: they take the label around them, not the background's
_ON_CLOTHES = frozenset({"belt", "accessory"})


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities of ``(C, H, W)`` logits."""
    shifted = np.exp(logits - logits.max(axis=0, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=0, keepdims=True), np.float32)


def enlarge(planes: npt.NDArray[np.float32], size: Size) -> npt.NDArray[np.float32]:
    """``(C, h, w)`` to ``(C, H, W)`` bilinearly, a plane at a time (OpenCV takes few channels)."""
    return np.stack([cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for plane in planes])


def finish(probabilities: npt.NDArray[np.float32], labels_in: LabelSet, pose: Pose | None) -> Annotation:
    """Labels, score and notes of a parser's probabilities.

    Args:
        probabilities: ``(C, H, W)`` of the photo's size, one channel for each label of ``labels_in``.
        labels_in: the parser's own label set.
        pose: takes face and neck apart where the parser does not; None leaves the neck to the face.

    Raises:
        NothingFoundError: background only.
    """
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    out = _on_clothes(labels, labels_in)
    if "torso-skin" not in labels_in.ids and pose is not None:
        out = neck_from_face(out, pose)
    if not out.any():
        raise NothingFoundError(
            "no person to be seen by the parser", mend="leave the photo out, or paint the parse by hand"
        )
    body = out > 0
    sure = float(probabilities.max(axis=0)[body].mean())
    notes, score = judge(out, pose)
    return Annotation(Parse(out, CIHP20), min(max(sure * score, 0.0), 1.0), notes)


def _on_clothes(labels: npt.NDArray[np.uint8], labels_in: LabelSet) -> npt.NDArray[np.uint8]:
    out = mapping(labels_in.name, "cihp20")[labels] if labels_in.name in LABEL_SETS else _by_name(labels, labels_in)
    lying = labels_in.mask(labels, *(_ON_CLOTHES & set(labels_in.names)))
    return fill_from_around(out, lying) if lying.any() else out


def _by_name(labels: npt.NDArray[np.uint8], labels_in: LabelSet) -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for index, part in enumerate(labels_in.names):
        table[index] = CIHP20.ids.get(part, 0)
    return table[labels]


def fill_from_around(labels: npt.NDArray[np.uint8], holes: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Give pixels of ``holes`` the label of the nearest labelled pixel outside them."""
    known = (labels > 0) & ~holes
    if not known.any():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.uint8)
    table[nearest[known]] = labels[known]
    return np.where(holes, table[nearest], labels)


def judge(labels: npt.NDArray[np.uint8], pose: Pose | None) -> tuple[tuple[str, ...], float]:
    """What is odd about a parse, and a factor for its score: joints that lie outside the person, parts that are absent."""
    notes: list[str] = []
    score = 1.0
    height, width = labels.shape
    if not CIHP20.mask(labels, "face", "hair", "hat").any():
        notes.append("no head")
        score *= 0.8
    if not CIHP20.mask(labels, "upper-clothes", "dress", "coat").any():
        notes.append("no upper garment")
        score *= 0.7
    if pose is not None:
        wide = cv2.dilate((labels > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        points = [point for point, found in zip(pose.joints[:14, :2], pose.found[:14], strict=True) if found]
        hits = [
            wide[min(max(round(float(y)), 0), height - 1), min(max(round(float(x)), 0), width - 1)] for x, y in points
        ]
        if hits and np.mean(hits) < 0.9:
            notes.append(f"{len(hits) - sum(hits)} of {len(hits)} joints outside the parse")
            score *= float(np.mean(hits))
    return tuple(notes), score


def parts_of(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """A model's class names as parts of the shared vocabulary, and the names that are none."""
    from ..core.labels import PARTS

    aliases = {"upperclothes": "upper-clothes", "scarve": "scarf", "jumpsuit": "jumpsuits", "torsoskin": "torso-skin"}
    plain = [name.strip().lower().replace("_", "-").replace(" ", "-") for name in names]
    found = [aliases.get(name.replace("-", ""), name) for name in plain]
    return found, [name for name, part in zip(names, found, strict=True) if part not in PARTS]
