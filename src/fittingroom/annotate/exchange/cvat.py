"""CVAT: a folder of archives, each of which one CVAT task imports and exports.

``pose.zip`` is "COCO Keypoints 1.0"; ``parse.zip``, ``agnostic-mask.zip`` and ``garment-mask.zip`` are "Segmentation mask
1.1". ``fittingroom.json`` beside them holds what these formats lack. A single archive from CVAT is read as well.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ...core.errors import FittingroomError, InputError
from ...core.files import read_json, write_bytes, write_json
from ...core.images import UInt8, encode_png
from ...core.labels import PART_COLOURS, LabelSet
from .coco import Complain, image_entry, person_annotation, person_category, read_document
from .model import MASKS, Bundle, Photos, Record, pairs_of, put_layer, record_extra, take_extra

_KEYPOINTS = "annotations/person_keypoints_default.json"
_SIDE = "fittingroom.json"
_MASK_COLOUR = (255, 64, 96)


def _archive(files: dict[str, bytes]) -> bytes:
    """The files as a zip; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _stem(image: str) -> str:
    return PurePosixPath(image).with_suffix("").as_posix()


def _segmentation(maps: dict[str, UInt8], colours: dict[str, tuple[int, int, int]]) -> bytes:
    """An archive "Segmentation mask 1.1"; ids of the maps count the colours."""
    table = np.array(list(colours.values()), np.uint8)
    lines = ["# label:color_rgb:parts:actions"]
    lines += [f"{name}:{','.join(map(str, colour))}::" for name, colour in colours.items()]
    files = {
        "labelmap.txt": ("\n".join(lines) + "\n").encode(),
        "ImageSets/Segmentation/default.txt": "".join(f"{name}\n" for name in maps).encode(),
    }
    for name, ids in maps.items():
        files[f"SegmentationClass/{name}.png"] = encode_png(table[ids])
        # every label is one object: the photo shows one person
        files[f"SegmentationObject/{name}.png"] = encode_png(table[ids])
    return _archive(files)


def write(bundle: Bundle, out: Path) -> None:
    """Write the folder ``out``."""
    posed = [record for record in bundle.records if "pose" in record.values]
    document = {
        "info": {"description": bundle.name},
        "licenses": [],
        "images": [image_entry(record, number) for number, record in enumerate(posed, start=1)],
        "annotations": [person_annotation(record, number, number) for number, record in enumerate(posed, start=1)],
        "categories": [person_category(1)],
    }
    if posed:
        write_bytes(out / "pose.zip", _archive({_KEYPOINTS: json.dumps(document, indent=1).encode()}))
    colours = {name: PART_COLOURS[name] for name in bundle.labels.names}
    parses = {_stem(record.image): record.values["parse"] for record in bundle.records if "parse" in record.values}
    if parses:
        write_bytes(out / "parse.zip", _segmentation(parses, colours))
    for mask in MASKS.values():
        masks = {
            _stem(record.image): record.values[mask].astype(np.uint8)
            for record in bundle.records
            if mask in record.values
        }
        if masks:
            write_bytes(out / f"{mask}.zip", _segmentation(masks, {"background": (0, 0, 0), mask: _MASK_COLOUR}))
    photos = {record.image: record_extra(record) for record in bundle.records}
    write_json(out / _SIDE, {**bundle.extra(), "photos": photos})


class _Files:
    """The files of an archive or a folder by their names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self.names = sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())
            return
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError("not a readable archive", mend="export it from CVAT again", path=path) from error
        self.names = sorted(self._archive.namelist())

    def read(self, name: str) -> bytes:
        """One file.

        Raises:
            InputError: it is broken.
        """
        try:
            return self._archive.read(name) if self._archive else (self.path / name).read_bytes()
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
            raise InputError(f"{name} in it is broken", mend="export it from CVAT again", path=self.path) from error


def _sources(path: Path) -> Iterator[_Files]:
    if path.is_dir() and (archives := sorted(path.glob("*.zip"))):
        for archive in archives:
            yield _Files(archive)
    else:
        yield _Files(path)


def read(path: Path, photos: Photos, complain: Complain) -> Bundle:
    """Read a folder of archives, one archive, or one unpacked; see :func:`.coco.read`."""
    side_file = (path if path.is_dir() else path.parent) / _SIDE
    side: Any = read_json(side_file) if side_file.is_file() else {}
    labels = photos.labels
    bundle = Bundle("", labels, [], pairs_of(side))
    records: dict[str, Record] = {}

    def record_of(name: str) -> Record:
        found = photos.find(name)
        if found.image not in records:
            records[found.image] = found
        return records[found.image]

    found_any = False
    for files in _sources(path):
        poses = [name for name in files.names if name.startswith("annotations/") and name.endswith(".json")]
        for name in poses:
            found_any = True
            try:
                document = json.loads(files.read(name))
            except ValueError as error:
                raise InputError(f"{name} in it is not valid JSON", path=files.path) from error
            for record in read_document(document, files.path, photos, complain).records:
                if "pose" in record.values:
                    record_of(record.image).values["pose"] = record.values["pose"]
        if "labelmap.txt" in files.names:
            found_any = True
            _take_maps(files, record_of, labels, complain)
    if not found_any:
        raise InputError(
            "neither COCO keypoints nor a segmentation mask of CVAT",
            mend="export as 'COCO Keypoints 1.0' or 'Segmentation mask 1.1'",
            path=path,
        )
    for image, extra in (side.get("photos", {}) if isinstance(side, dict) else {}).items():
        try:
            record = record_of(str(image))
        except FittingroomError as error:
            complain(str(error))
            continue
        take_extra(record, extra)
    bundle.records = list(records.values())
    return bundle


def _take_maps(files: _Files, record_of: Any, labels: LabelSet, complain: Complain) -> None:
    colours: dict[int, str] = {}
    for line in files.read("labelmap.txt").decode("utf-8", errors="replace").splitlines():
        name, _, rest = line.partition(":")
        numbers = rest.split(":")[0].split(",")
        if not line.startswith("#") and len(numbers) == 3 and all(number.strip().isdigit() for number in numbers):
            red, green, blue = (int(number) for number in numbers)
            colours[red << 16 | green << 8 | blue] = name
    masks = set(MASKS.values()) & set(colours.values())
    for name in files.names:
        if not (name.startswith("SegmentationClass/") and name.endswith(".png")):
            continue
        try:
            record = record_of(name.removeprefix("SegmentationClass/"))
            _take_map(record, files.read(name), colours, masks, labels)
        except FittingroomError as error:
            complain(str(error))


def _take_map(record: Record, data: bytes, colours: dict[int, str], masks: set[str], labels: LabelSet) -> None:
    image = Image.open(io.BytesIO(data))
    try:
        image.load()
        pixels = np.asarray(image.convert("RGB"), dtype=np.int64)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{record.image}: its map is not a readable PNG", mend="export it again") from error
    packed = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
    found = np.unique(packed).tolist()
    if unknown := [value for value in found if value not in colours]:
        raise InputError(f"{record.image}: the colour #{unknown[0]:06x} is not in labelmap.txt", mend="export it again")
    if masks:
        record.values.setdefault(MASKS[record.role], np.zeros(record.size, bool))
    else:
        record.values.setdefault("parse", np.zeros(record.size, np.uint8))
    for value in found:
        if colours[value] != "background":
            put_layer(record, colours[value], packed == value, labels)
