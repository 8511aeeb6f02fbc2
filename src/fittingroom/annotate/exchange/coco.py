"""COCO: one JSON file with person keypoints (17 and a visibility) and masks as compressed run lengths.

The neck, which COCO does not have, confidences, captions and pairs are under the key ``fittingroom``, which other tools
ignore; a file without it is read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.files import read_json, write_json
from ...core.images import Size
from ...core.labels import LabelSet
from ...core.pose import JOINTS
from ..review.joints import ABSENT, Joints
from .model import (
    EXTRA,
    MASKS,
    Bundle,
    Mask,
    Photos,
    Record,
    layers,
    pairs_of,
    put_joint,
    put_layer,
    record_extra,
    take_each,
    take_extra,
    unknown_rows,
)
from .rle import coco_counts, coco_lengths, coco_mask, coco_string
from .shapes import points_of, polygon_mask

#: COCO's 17 keypoints as our joints, in COCO's order; in the files they have COCO's own names
KEYPOINTS = (
    "nose", "left-eye", "right-eye", "left-ear", "right-ear", "left-shoulder", "right-shoulder", "left-elbow",
    "right-elbow", "left-wrist", "right-wrist", "left-hip", "right-hip", "left-knee", "right-knee", "left-ankle",
    "right-ankle",
)  # fmt: skip
_SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11), (2, 3),
    (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
Complain = Callable[[str], None]


def keypoints(joints: Joints) -> list[float]:
    """51 numbers: x, y, v of COCO's keypoints; an absent one is 0, 0, 0."""
    rows = [
        (*joints.points[JOINTS.index(name), :2].tolist(), int(joints.seen[JOINTS.index(name)])) for name in KEYPOINTS
    ]
    return [value for row in rows for value in row]


def person_category(number: int) -> dict[str, Any]:
    """COCO's category ``person``."""
    names = [name.replace("-", "_") for name in KEYPOINTS]
    return {"id": number, "name": "person", "supercategory": "person", "keypoints": names, "skeleton": _SKELETON}


def person_annotation(record: Record, number: int, image: int) -> dict[str, Any]:
    """COCO's annotation of a pose."""
    joints: Joints = record.values["pose"]
    points = joints.points[joints.seen != ABSENT, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "keypoints": keypoints(joints),
        "num_keypoints": int((joints.seen[[JOINTS.index(name) for name in KEYPOINTS]] != ABSENT).sum()),
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "area": float(np.prod(high - low)),
    }


def image_entry(record: Record, number: int) -> dict[str, Any]:
    """COCO's entry of a photo."""
    return {"id": number, "file_name": record.image, "height": record.size[0], "width": record.size[1]}


def write(bundle: Bundle, out: Path) -> None:
    """Write ``out`` (a ``.json``)."""
    names = [name for name in bundle.labels.names if name != "background"] + list(MASKS.values())
    categories = [person_category(1)]
    categories += [{"id": at, "name": name, "supercategory": "region"} for at, name in enumerate(names, start=2)]
    ids = {entry["name"]: entry["id"] for entry in categories}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, record in enumerate(bundle.records, start=1):
        images.append({**image_entry(record, number), EXTRA: record_extra(record)})
        if "pose" in record.values:
            annotations.append(person_annotation(record, len(annotations) + 1, number))
        for _, label, mask in layers(record, bundle.labels):
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": ids[label],
                    "iscrowd": 1,
                    "segmentation": {"size": list(mask.shape), "counts": coco_string(coco_counts(mask))},
                    "area": int(mask.sum()),
                    "bbox": [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1],
                }
            )
    write_json(
        out,
        {
            "info": {"description": bundle.name, "version": "1.0"},
            "licenses": [],
            "images": images,
            "annotations": annotations,
            "categories": categories,
            EXTRA: bundle.extra(),
        },
    )


def read(path: Path, photos: Photos, complain: Complain) -> Bundle:
    """Read a COCO file: keypoints, and masks as polygons or run lengths, compressed or not.

    Args:
        path: the file.
        photos: of the dataset.
        complain: called with one line for each entry that cannot be used; the others are read.

    Raises:
        InputError: not a COCO file.
    """
    return read_document(read_json(path), path, photos, complain)


def read_document(document: Any, path: Path, photos: Photos, complain: Complain) -> Bundle:
    """See :func:`read`."""
    if not isinstance(document, Mapping) or not isinstance(document.get("images"), list):
        raise InputError("not a COCO file (no list 'images')", mend="export it as COCO", path=path)
    labels = photos.labels
    bundle = Bundle("", labels, [], pairs_of(document.get(EXTRA)))
    records: dict[Any, Record] = {}

    def take_image(entry: Any) -> None:
        record = photos.find(str(entry["file_name"]))
        size = (int(entry.get("height") or record.size[0]), int(entry.get("width") or record.size[1]))
        if size != record.size:
            raise InputError(f"{record.image}: the file says {size[1]}x{size[0]}, the photo is another size")
        if entry["id"] in records:
            raise InputError(f"{record.image}: its id {entry['id']} is taken already")
        take_extra(record, entry.get(EXTRA))
        records[entry["id"]] = record

    def take_annotation(entry: Any) -> None:
        if entry["image_id"] not in records:
            raise InputError(f"annotation {entry.get('id')}: its image {entry['image_id']} is not there")
        _take(records[entry["image_id"]], entry, categories.get(entry.get("category_id"), {}), labels)

    take_each(document["images"], take_image, complain, path.name)
    listed = [entry for entry in document.get("categories", ()) if isinstance(entry, dict)]
    categories = {entry.get("id"): entry for entry in listed}
    take_each(document.get("annotations", ()), take_annotation, complain, path.name)
    bundle.records = list(records.values())
    return bundle


def _take(record: Record, entry: Mapping[str, Any], category: Mapping[str, Any], labels: LabelSet) -> None:
    if "keypoints" in entry:
        if "pose" in record.values:
            raise InputError(f"{record.item}: a second person in the photo is left out")
        record.values["pose"] = _rows(record, entry["keypoints"], category)
    segmentation = entry.get("segmentation")
    if segmentation and category.get("name") != "person":
        put_layer(record, str(category.get("name")), segmentation_mask(segmentation, record.size), labels)


def _rows(record: Record, numbers: Any, category: Mapping[str, Any]) -> Any:
    if len(numbers) != 51 or not category.get("keypoints", KEYPOINTS):
        raise InputError(
            f"{record.item}: {len(numbers)} keypoint numbers instead of 51", mend="use COCO's 17 keypoints"
        )
    names = [str(name).replace("_", "-") for name in category.get("keypoints", KEYPOINTS)]
    rows = unknown_rows()
    for index, name in enumerate(names):
        x, y, seen = (float(value) for value in numbers[3 * index : 3 * index + 3])
        if seen not in (0, 1, 2):
            raise InputError(f"{record.item}: {name} has the visibility {seen}", mend="it is 0, 1 or 2")
        put_joint(rows, name, x, y, int(seen))
    return rows


def segmentation_mask(segmentation: Any, size: Size) -> Mask:
    """A COCO segmentation as a mask.

    Raises:
        InputError: broken, or of another size.
    """
    if isinstance(segmentation, Mapping):
        given = tuple(segmentation["size"])
        if given != size:
            raise InputError(f"a mask of {given[1]}x{given[0]} on a photo of {size[1]}x{size[0]}")
        counts = segmentation["counts"]
        return coco_mask(coco_lengths(counts) if isinstance(counts, str) else list(counts), size)
    out = np.zeros(size, bool)
    for polygon in segmentation:
        out |= polygon_mask(points_of(np.reshape(polygon, (-1, 2)), 3), size)
    return out
