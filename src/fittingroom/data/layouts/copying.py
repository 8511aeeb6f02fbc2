"""What every layout does when it writes a dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...core.errors import InputError
from ...core.files import read_json, write_bytes, write_json
from ...core.images import encode_png
from ...core.pose import Pose, pose_to_openpose
from ..dataset import Dataset, Setting
from ..sample import Parse, Photo


def copy_condition(photo: Photo, condition: str, folder: Path, stem: str, ends: tuple[str, ...]) -> None:
    """Write one condition of a photo as ``folder/stem`` + an end that fits; files keep their bytes.

    Args:
        photo: whose.
        condition: which.
        folder: where to.
        stem: file name without its end.
        ends: ends allowed here, the preferred one first.

    Raises:
        InputError: the file cannot be read.
    """
    if condition in photo.given:
        value = photo.given[condition]
        if isinstance(value, Pose):
            write_json(folder / f"{stem}{ends[0]}", pose_to_openpose(value))
        else:
            array = value.labels if isinstance(value, Parse) else np.asarray(value)
            if array.dtype == np.bool_:
                array = array.astype(np.uint8) * 255
            write_bytes(folder / f"{stem}{_png(ends)}", encode_png(array))
        return
    source = photo.files[condition]
    try:
        data = source.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=source) from error
    if condition == "pose":
        value = read_json(source)
        if "people" not in value:  # another format: decode it and write OpenPose's
            data = json.dumps(pose_to_openpose(photo.fresh().pose())).encode()
        write_bytes(folder / f"{stem}{ends[0]}", data)
        return
    suffix = source.suffix.lower()
    end = next((end for end in ends if end.endswith(suffix)), None)
    if end is not None:
        write_bytes(folder / f"{stem}{end}", data)
    else:
        array = photo.fresh().load(condition)
        array = array.labels if isinstance(array, Parse) else np.asarray(array)
        write_bytes(
            folder / f"{stem}{_png(ends)}", encode_png(array.astype(np.uint8) * (255 if array.dtype == np.bool_ else 1))
        )


def _png(ends: tuple[str, ...]) -> str:
    return next((end for end in ends if end.endswith(".png")), ".png")


_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def copy_photo(
    photo: Photo, root: Path, image_folder: str, conditions: Mapping[str, tuple[str, tuple[str, ...]]], lost: list[str]
) -> None:
    """Write a photo and its conditions; what has no place in this layout is added to ``lost``."""
    copy_condition(photo, "image", root / image_folder, photo.id, _IMAGES)
    for condition in sorted({*photo.files, *photo.given} - {"image"}):
        if condition not in conditions:
            lost.append(f"{photo.id}: {condition} has no place in this layout")
        elif photo.has(condition):
            folder, ends = conditions[condition]
            copy_condition(photo, condition, root / folder, photo.id, ends)


def pair_lines(dataset: Dataset) -> dict[Setting, list[tuple[str, str]]]:
    """(person id, garment id) of each setting that has pairs."""
    return {
        setting: [(pair.person, pair.garment) for pair in pairs] for setting, pairs in dataset.pairs.items() if pairs
    }


def one_label_set(dataset: Dataset, lost: list[str]) -> str:
    """The label set that a written dataset is named for; several are a loss.

    Args:
        dataset: whose people.
        lost: gets one more line.
    """
    names = sorted({person.label_set for person in dataset.people.values()}) or ["cihp20"]
    if len(names) > 1:
        lost.append(f"label sets {', '.join(names)}: one dataset has one; named as {names[0]}")
    return names[0]
