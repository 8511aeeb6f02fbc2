"""The conditions that annotators provide: the type of each, and its file in the canonical layout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json
from ..core.images import encode_png, read_image, read_labels, read_mask
from ..core.labels import label_set
from ..core.pose import pose_to_openpose, read_pose
from ..data.sample import Parse

Role: TypeAlias = Literal["person", "garment"]
#: the label set that annotated datasets are written with
LABEL_SET = "cihp20"


def _pose_bytes(value: Any) -> bytes:
    return (json.dumps(pose_to_openpose(value)) + "\n").encode()


def _parse_bytes(value: Any) -> bytes:
    if not isinstance(value, Parse) or value.labels_in.name != LABEL_SET:
        raise ValueError(f"a parse must be a Parse with labels of {LABEL_SET}")
    return encode_png(value.labels, value.labels_in.palette)


def _mask_bytes(value: Any) -> bytes:
    return encode_png(np.asarray(value, dtype=bool).astype(np.uint8) * np.uint8(255))


def _read_parse(path: Path) -> Parse:
    labels, labels_in = read_labels(path), label_set(LABEL_SET)
    if unknown := labels_in.unknown_ids(labels):
        raise InputError(f"label ids outside {LABEL_SET}: {unknown[:5]}", mend="annotate it again", path=path)
    return Parse(labels, labels_in)


def _caption_bytes(value: Any) -> bytes:
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Condition:
    """One condition.

    Args:
        name: e.g. ``pose``.
        role: of which photos.
        folder: in the canonical layout.
        end: of the file's name, after the photo's id.
        encode: value -> bytes of the file; equal values give equal bytes.
        decode: file -> value.
        part: captions only: key of the part in the photo's entry of ``captions.json``, which is assembled from the files.
    """

    name: str
    role: Role
    folder: str
    end: str
    encode: Callable[[Any], bytes]
    decode: Callable[[Path], Any]
    part: str = ""

    def path(self, root: Path, item: str) -> Path:
        """The condition's file of the photo ``item`` in the dataset ``root``."""
        return root / self.folder / f"{item}{self.end}"


CONDITIONS: Mapping[str, Condition] = {
    entry.name: entry
    for entry in (
        # value: core.pose.Pose
        Condition("pose", "person", "openpose_json", "_keypoints.json", _pose_bytes, read_pose),
        # value: (H, W) bool, the whole person with all that is worn and carried
        Condition("person-mask", "person", "person-mask", ".png", _mask_bytes, read_mask),
        # value: data.sample.Parse in LABEL_SET
        Condition("parse", "person", "image-parse-v3", ".png", _parse_bytes, _read_parse),
        # value: (H, W, 3) uint8
        Condition("densepose", "person", "image-densepose", ".png", encode_png, read_image),
        # value: (H, W) bool, the region to be painted anew
        Condition("agnostic-mask", "person", "agnostic-mask", "_mask.png", _mask_bytes, read_mask),
        # value: (H, W, 3) uint8, the photo with that region grey
        Condition("agnostic", "person", "agnostic-v3.2", ".png", encode_png, read_image),
        # value: mapping phrase name -> phrase
        Condition("caption", "person", ".annotate/captions/person", ".json", _caption_bytes, read_json, "person"),
        # value: (H, W) bool
        Condition("garment-mask", "garment", "cloth-mask", ".png", _mask_bytes, read_mask),
        Condition(
            "garment-caption", "garment", ".annotate/captions/clothing", ".json", _caption_bytes, read_json, "clothing"
        ),
    )
}


def condition(name: str) -> Condition:
    """The condition called ``name``.

    Raises:
        InputError: no such condition.
    """
    if name not in CONDITIONS:
        raise InputError(f"no condition named {name!r}", mend=f"choose from {', '.join(CONDITIONS)}")
    return CONDITIONS[name]
