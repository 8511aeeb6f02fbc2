"""How good annotations probably are, from the annotations themselves: what a person would look at first.

These checks stand in for the annotators' own scores where a dataset was annotated elsewhere. Each finding lowers the score
by its weight; the weights only order the queue, they are no probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ...core.errors import FittingroomError, MissingError
from ...core.pose import JOINTS, Pose
from ...data.regions import dilate, garment_region
from ...data.sample import CATEGORIES, Garment, Parse, Person, Photo

Mask = npt.NDArray[np.bool_]
#: joints without which most methods cannot place a garment
_MAIN = ("neck", "right-shoulder", "left-shoulder", "right-hip", "left-hip")
_ARMS = (("right-arm", "right-elbow", "right-wrist"), ("left-arm", "left-elbow", "left-wrist"))
#: larger photos are judged on every second, third ... pixel: the queue must not wait for twelve million of them
_JUDGED = 1024
_BONES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


@dataclass(frozen=True)
class Finding:
    """One thing that lowers the score.

    Args:
        condition: of which condition.
        reason: key of a text, see ``app/languages``; or, from an annotator's notes, the words themselves.
        weight: what it takes from the score, 0 to 1.
        value: what the text names: a count, a share in per cent, names.
    """

    condition: str
    reason: str
    weight: float
    value: str = ""


def _loaded(read: Callable[[], Any], condition: str, found: list[Finding]) -> Any:
    try:
        return read()
    except MissingError:
        found.append(Finding(condition, "missing", 0.6))
    except FittingroomError as error:
        found.append(Finding(condition, "broken", 0.9, error.problem))
    return None


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def pose_findings(pose: Pose, size: tuple[int, int], body: Mask | None) -> list[Finding]:
    """What is odd about a pose.

    Args:
        pose: the joints.
        size: (height, width) of the photo.
        body: ``(H, W)`` bool, the person as the parse shows it.
    """
    found: list[Finding] = []
    missing = [name for name in _MAIN if not pose.has(name)]
    if missing:
        found.append(Finding("pose", "joints-missing", 0.12 * len(missing), ", ".join(missing)))
    points, names = pose.joints[pose.found, :2], [JOINTS[index] for index in np.flatnonzero(pose.found)]
    inside: Mask = ((points >= 0) & (points < np.array([size[1], size[0]]))).all(axis=1).reshape(-1)
    if not inside.all():
        out = [name for name, good in zip(names, inside, strict=True) if not good]
        found.append(Finding("pose", "joints-outside", 0.1 * len(out), ", ".join(out)))
    if body is not None and inside.any():
        near = dilate(body, 0.02 * size[0])
        cells = points[inside].astype(int)
        on = near[cells[:, 1], cells[:, 0]]
        off = [name for name, good in zip(np.asarray(names)[inside], on, strict=True) if not good]
        if off:
            found.append(Finding("pose", "joints-off", min(0.6, 0.15 * len(off)), ", ".join(off)))
    for first, second in _BONES:
        lengths = [
            float(np.linalg.norm(pose.point(f"{side}-{first}") - pose.point(f"{side}-{second}")))
            for side in ("right", "left")
            if pose.has(f"{side}-{first}", f"{side}-{second}")
        ]
        if len(lengths) == 2 and max(lengths) > 3 * max(min(lengths), 1.0):
            found.append(Finding("pose", "bones-unequal", 0.15, f"{first}, {second}"))
    return found


def parse_findings(parse: Parse, pose: Pose | None) -> list[Finding]:
    """What is odd about a parse map."""
    found: list[Finding] = []
    body = parse.labels > 0
    share = float(body.mean())
    if share < 0.04 or share > 0.9:
        found.append(Finding("parse", "person-area", 0.4, _percent(share)))
    wanted = [part for part in ("face", "hair") if not parse.mask(part).any()]
    if not parse.mask("upper-clothes", "coat", "dress", "jumpsuits").any():
        wanted.append("upper-clothes")
    if pose is not None:
        wanted += [arm for arm, elbow, wrist in _ARMS if pose.has(elbow, wrist) and not parse.mask(arm).any()]
    if wanted:
        found.append(Finding("parse", "labels-missing", 0.12 * len(wanted), ", ".join(wanted)))
    count, _, stats, _ = cv2.connectedComponentsWithStats(body.astype(np.uint8), connectivity=8)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1] if count > 1 else np.zeros(1)
    apart = float(areas[1:].sum() / max(areas.sum(), 1))
    if apart > 0.01:
        found.append(Finding("parse", "pieces", min(0.3, 3 * apart), str(len(areas) - 1)))
    return found


def agnostic_findings(mask: Mask, parse: Parse | None) -> list[Finding]:
    """What is odd about the region to be painted anew."""
    share = float(mask.mean())
    if share < 0.01 or share > 0.85:
        return [Finding("agnostic-mask", "mask-area", 0.4, _percent(share))]
    if parse is None or parse.size != mask.shape:
        return []
    # one category's garment at least should lie under the mask
    regions = [region for region in (garment_region(parse, kind) for kind in CATEGORIES) if region.sum() > 50]
    bare = min((float((region & ~mask).sum() / region.sum()) for region in regions), default=0.0)
    return [Finding("agnostic-mask", "garment-bare", min(0.5, 2 * bare), _percent(bare))] if bare > 0.02 else []


def garment_findings(mask: Mask) -> list[Finding]:
    """What is odd about the mask of a garment that is photographed alone."""
    found: list[Finding] = []
    share = float(mask.mean())
    if share < 0.03 or share > 0.9:
        found.append(Finding("garment-mask", "mask-area", 0.4, _percent(share)))
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if edge.mean() > 0.05:
        found.append(Finding("garment-mask", "touches-border", 0.2, _percent(float(edge.mean()))))
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1] if count > 1 else np.zeros(1)
    apart = float(areas[1:].sum() / max(areas.sum(), 1))
    if apart > 0.01:
        found.append(Finding("garment-mask", "pieces", min(0.4, 3 * apart), str(len(areas) - 1)))
    return found


def findings(photo: Photo) -> list[Finding]:
    """All that is odd about a person's or garment's annotations, heaviest first. Nothing in the files makes it raise."""
    found: list[Finding] = []
    photo = photo.fresh()
    image = _loaded(photo.image, "image", found)
    if image is None:
        return found
    step = math.ceil(max(image.shape[:2]) / _JUDGED)
    if isinstance(photo, Garment):
        mask = _loaded(lambda: Photo.mask(photo), "garment-mask", found)
        if mask is not None:
            found += garment_findings(mask[::step, ::step])
    elif isinstance(photo, Person):
        pose = _loaded(photo.pose, "pose", found)
        parse = _loaded(photo.parse, "parse", found)
        if parse is not None:
            parse = Parse(parse.labels[::step, ::step], parse.labels_in)
        if pose is not None:
            size = image[::step, ::step].shape[:2]
            pose = Pose(pose.joints / np.array([step, step, 1], np.float32))
            body = parse.labels > 0 if parse is not None else None
            found += pose_findings(pose, size, body)
        if parse is not None:
            found += parse_findings(parse, pose)
        if photo.has("mask"):
            mask = _loaded(photo.mask, "agnostic-mask", found)
            if mask is not None:
                found += agnostic_findings(mask[::step, ::step], parse)
    return sorted(found, key=lambda finding: -finding.weight)


def score(found: list[Finding]) -> float:
    """1 where nothing was found, down to 0."""
    return max(0.0, 1.0 - sum(finding.weight for finding in found))
