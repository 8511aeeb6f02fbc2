"""How good the annotators are on real photos: the tables in docs/annotate.md.

    python benchmarks/annotators.py pose        # joints against OpenPose's, person masks against the parse (needs MediaPipe)
    python benchmarks/annotators.py masks       # person masks that are found by the pose
    python benchmarks/annotators.py skin        # skin and shoes taken apart by the pose
    python benchmarks/annotators.py garment     # garment masks: real tops, cut out along their parse, on made-up studio grounds
    python benchmarks/annotators.py runner      # photos per second, and how long it takes to find that nothing is to be done

The photos are found through $FITTINGROOM_DATA (../shared/data by default): upt25, and ccp for the person masks.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fittingroom.annotate.base import NothingFoundError
from fittingroom.annotate.body_parts import SKIN, split_shoes, split_skin
from fittingroom.annotate.garment_mask import by_colour
from fittingroom.annotate.parser.mask import EmbeddedMask
from fittingroom.annotate.person_mask import GrabCutPerson
from fittingroom.core.images import UInt8, read_image, read_labels, resize_image, resize_labels
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT, JOINTS, Pose, read_pose

DATA = Path(os.environ.get("FITTINGROOM_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
#: street photos for person masks
STREET = 100


def photos(
    name: str, labels: str, count: int | None = None, chosen: set[str] | None = None
) -> Iterator[tuple[UInt8, UInt8, Pose]]:
    """Photo, label map and pose of each photo of a set."""
    for path in [p for p in sorted((DATA / name / labels).glob("*.png")) if chosen is None or p.stem in chosen][:count]:
        pose = read_pose(DATA / name / "keypoints" / f"{path.stem}_keypoints.json")
        yield read_image(DATA / name / "image" / f"{path.stem}.jpg"), read_labels(path), pose


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))


def _pck(found: list[Pose], truth: list[Pose]) -> str:
    away = np.concatenate(
        [
            np.linalg.norm(a.joints[:, :2] - b.joints[:, :2], axis=1)[b.found] / b.torso_length
            for a, b in zip(found, truth, strict=True)
        ]
    )
    return (
        "  ".join(f"PCK@{share}: {(away < share).mean():.3f}" for share in (0.05, 0.1, 0.2)) + f"  ({len(away)} joints)"
    )


def _in_frame_of(pose: Pose, points: np.ndarray) -> np.ndarray:
    """Points in the trunk's axes and lengths, as pose_mediapipe has its offsets: the wearer's left, down."""
    hips = (pose.point("left-hip") + pose.point("right-hip")) / 2
    down = (hips - pose.point("neck")) / max(float(np.linalg.norm(hips - pose.point("neck"))), 1e-6)
    left = np.array([down[1], -down[0]])
    left = -left if (pose.point("left-shoulder") - pose.point("right-shoulder")) @ left < 0 else left
    return np.stack([points @ left, points @ down], axis=1) / pose.torso_length


def _offsets(raw: list[Pose], truth: list[Pose], without: int) -> np.ndarray:
    """Median offset of each joint over all photos but one, both sides mirrored upon each other: ``(18, 2)``."""
    rows = []
    for index, (a, b) in enumerate(zip(raw, truth, strict=True)):
        if index != without:
            away = _in_frame_of(a, b.joints[:, :2] - a.joints[:, :2])
            away[~b.found] = np.nan
            rows.append(away)
    middle = np.nanmedian(np.array(rows), axis=0)
    for name in JOINTS:
        if name.startswith("left-"):
            left, right = JOINT[name], JOINT[name.replace("left", "right")]
            middle[left] = (middle[left] + middle[right] * (-1, 1)) / 2
            middle[right] = middle[left] * (-1, 1)
    middle[[JOINT["nose"], JOINT["neck"]], 0] = 0
    return middle


def _moved(pose: Pose, offsets: np.ndarray) -> Pose:
    hips = (pose.point("left-hip") + pose.point("right-hip")) / 2
    down = (hips - pose.point("neck")) / np.linalg.norm(hips - pose.point("neck"))
    left = np.array([down[1], -down[0]])
    left = -left if (pose.point("left-shoulder") - pose.point("right-shoulder")) @ left < 0 else left
    joints = pose.joints.copy()
    joints[:, :2] += (pose.torso_length * (offsets[:, :1] * left + offsets[:, 1:] * down)).astype(np.float32)
    return Pose(joints)


def pose_table() -> None:
    """MediaPipe's joints and masks."""
    from fittingroom.annotate.pose_mediapipe import MediaPipeMask, MediaPipePose

    plain, masks = MediaPipePose(openpose_offsets=False), MediaPipeMask()
    raw, truth, shared, begin = [], [], [], time.perf_counter()
    for image, labels, pose in photos("upt25", "parsing"):
        raw.append(plain.annotate(image, {}).value)
        truth.append(pose)
        shared.append(iou(masks.annotate(image, {}).value, labels > 0))
    spent = (time.perf_counter() - begin) / len(raw)
    print(f"pose/mediapipe, raw                         {_pck(raw, truth)}  {1000 * spent:.0f} ms a photo, with mask")
    held_out = [_moved(pose, _offsets(raw, truth, index)) for index, pose in enumerate(raw)]
    print(f"  with offsets of the other 24 photos       {_pck(held_out, truth)}")
    shipped = [MediaPipePose().annotate(image, {}).value for image, _, _ in photos("upt25", "parsing")]
    print(f"  with the offsets that it comes with       {_pck(shipped, truth)}  (fitted on these very photos)")
    print(f"person-mask/mediapipe, upt25: IoU mean {np.mean(shared):.3f}, least {min(shared):.3f}")
    street, missed, several = [], 0, 0
    for image, labels, _ in photos("ccp", "parsing59", STREET):
        try:
            street.append(iou(masks.annotate(image, {}).value, labels > 0))
            several += any("people" in note for note in plain.annotate(image, {}).notes)
        except NothingFoundError:
            missed += 1
    print(
        f"person-mask/mediapipe, ccp:   IoU mean {np.mean(street):.3f}, p10 {np.percentile(street, 10):.3f}", end="; "
    )
    print(f"missed {missed} of {STREET}, several people in {several}")


def mask_table() -> None:
    """Masks that are found by the given pose, on photos that the parser was not trained on."""
    chosen = set(json.loads((DATA / "ccp" / "splits.json").read_text(encoding="utf-8"))["val"])
    for annotator in (EmbeddedMask(), GrabCutPerson()):
        for name, folder in (("upt25", "parsing"), ("ccp", "parsing59")):
            found, begin = [], time.perf_counter()
            for image, labels, pose in photos(name, folder, chosen=chosen if name == "ccp" else None):
                found.append(iou(annotator.annotate(image, {"pose": pose}).value, labels > 0))
            spent = 1000 * (time.perf_counter() - begin) / len(found)
            line = f"{annotator.name}, {name}, {len(found)} photos: IoU mean {np.mean(found):.3f}, p10 {np.percentile(found, 10):.3f}"
            print(f"{line}, least {min(found):.3f}; {spent:.0f} ms a photo, reading included")


def skin_table() -> None:
    """Skin merged and taken apart again."""
    parts, shoes = [CIHP20.ids[part] for part in SKIN], [CIHP20.ids[f"{side}-shoe"] for side in ("left", "right")]
    for name, folder in (("upt25", "parsing"), ("ccp", "parsing20")):
        both, either, right, total = np.zeros(20), np.zeros(20), np.zeros(2), np.zeros(2)
        for _, labels, pose in photos(name, folder, STREET):
            for index, (ids, split) in enumerate(((parts, split_skin), (shoes, split_shoes))):
                there = np.isin(labels, ids)
                made = split(there, pose)
                right[index] += (made == labels)[there].sum()
                total[index] += there.sum()
                for part in ids:
                    both[part] += ((made == part) & (labels == part)).sum()
                    either[part] += ((made == part) | (labels == part)).sum()
        print(f"{name}: skin pixels right {right[0] / total[0]:.3f}, shoe pixels right {right[1] / total[1]:.3f}")
        print(
            "  IoU " + ", ".join(f"{CIHP20.names[part]} {both[part] / either[part]:.3f}" for part in (*parts, *shoes))
        )


def garment_table() -> None:
    """Garment masks by colour."""
    for ground, noise in ((255, 0.0), (250, 0.7), (225, 2.0)):
        found, scores, begin = [], [], time.perf_counter()
        for image, labels, _ in photos("upt25", "parsing"):
            mask = labels == CIHP20.ids["upper-clothes"]
            rows, columns = np.nonzero(mask)
            window = np.s_[max(rows.min() - 15, 0) : rows.max() + 15, max(columns.min() - 15, 0) : columns.max() + 15]
            size = (3 * mask[window].shape[0], 3 * mask[window].shape[1])
            image, mask = resize_image(image[window], size), np.asarray(resize_labels(mask[window], size), bool)
            plain = (
                ground
                + np.linspace(0, 6, size[0])[:, None, None]
                + np.random.default_rng(0).normal(0, noise, (*size, 3))
            )
            share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1)[..., None]
            shop = np.rint(share * image + (1 - share) * plain.clip(0, 255)).astype(np.uint8)
            try:
                made, score, _ = by_colour(shop)
            except NothingFoundError:
                made, score = np.zeros_like(mask), 0.0
            found.append(iou(made, mask))
            scores.append(score)
        spent = 1000 * (time.perf_counter() - begin) / len(found)
        flagged = sum(score < 0.5 for value, score in zip(found, scores, strict=True) if value < 0.9)
        low = sum(value < 0.9 for value in found)
        print(f"ground {ground}, noise {noise}: IoU mean {np.mean(found):.3f}, median {np.median(found):.3f}", end="; ")
        print(f"below .9: {low}, of these with a score below .5: {flagged}; {spent:.0f} ms")

    scores = []
    for image, _, _ in photos("ccp", "parsing59", STREET):
        try:
            scores.append(by_colour(image)[1])
        except NothingFoundError:
            scores.append(0.0)
    print(f"{STREET} street photos taken for garments: highest score {max(scores):.2f}, median {np.median(scores):.2f}")


def runner_table() -> None:
    """The whole way of 25 photos, and once more."""
    from fittingroom.annotate.choice import Wanted, choose_plan
    from fittingroom.annotate.runner import annotate
    from fittingroom.methods.annotators import TARGETS

    plan, _ = choose_plan(Wanted(parse="hand"), targets=TARGETS)
    with tempfile.TemporaryDirectory() as folder:
        for what in ("new", "once more"):
            begin = time.perf_counter()
            done = annotate(DATA / "upt25" / "image", folder, plan)
            spent = time.perf_counter() - begin
            print(
                f"{what}: {done.photos / spent:.1f} photos a second, {done.made} annotations made, {done.kept} found ready"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = {
        "pose": pose_table,
        "masks": mask_table,
        "skin": skin_table,
        "garment": garment_table,
        "runner": runner_table,
    }
    parser.add_argument("what", choices=tables)
    tables[parser.parse_args().what]()
