"""labelme: one JSON file beside (or below) each photo, with points, polygons and masks."""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ...core.errors import FittingroomError, InputError
from ...core.files import read_json, write_json
from ...core.images import Size, encode_png
from ...core.labels import LabelSet
from ...core.pose import JOINTS
from ..review.joints import ABSENT, HIDDEN, SEEN, Joints
from .coco import Complain
from .model import (
    EXTRA,
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
from .shapes import points_of, shape_mask

_VERSION = "5.5.0"
_SIDE = f"{EXTRA}.json"


def _shape(label: str, kind: str, points: list[list[float]], **more: Any) -> dict[str, Any]:
    common: dict[str, Any] = {"group_id": None, "description": "", "flags": {}, "mask": None}
    return {"label": label, "shape_type": kind, "points": points, **common, **more}


def _shapes(record: Record, labels: LabelSet) -> list[dict[str, Any]]:
    out = []
    for _, label, mask in layers(record, labels):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = (int(value) for value in (rows[0], rows[-1], columns[0], columns[-1]))
        cut = encode_png(mask[top : bottom + 1, left : right + 1].astype(np.uint8))
        corners = [[float(left), float(top)], [float(right), float(bottom)]]
        out.append(_shape(label, "mask", corners, mask=base64.b64encode(cut).decode()))
    if "pose" in record.values:
        joints: Joints = record.values["pose"]
        for index, name in enumerate(JOINTS):
            if joints.seen[index] != ABSENT:
                flags = {"hidden": True} if joints.seen[index] == HIDDEN else {}
                out.append(_shape(name, "point", [joints.points[index, :2].tolist()], flags=flags))
    return out


def write(bundle: Bundle, out: Path, root: Path | None = None) -> None:
    """Write the folder ``out``, a file for each photo.

    Args:
        bundle: what.
        out: folder.
        root: the dataset's folder, so that the files can name their photos; without it they name them as if beside.
    """
    for record in bundle.records:
        path = out / PurePosixPath(record.image).with_suffix(".json")
        image = os.path.relpath(root / record.image, path.parent) if root else PurePosixPath(record.image).name
        write_json(
            path,
            {
                "version": _VERSION,
                "flags": {},
                "shapes": _shapes(record, bundle.labels),
                "imagePath": Path(image).as_posix(),
                "imageData": None,
                "imageHeight": record.size[0],
                "imageWidth": record.size[1],
                EXTRA: {**record_extra(record), "file": record.image},
            },
        )
    write_json(out / _SIDE, bundle.extra())


def read(path: Path, photos: Photos, complain: Complain) -> Bundle:
    """Read a folder of labelme's files, or one of them; see :func:`.coco.read`."""
    root = path if path.is_dir() else path.parent
    side = read_json(root / _SIDE) if (root / _SIDE).is_file() else {}
    labels = photos.labels
    bundle = Bundle("", labels, [], pairs_of(side))
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise InputError("no JSON file in it", mend="name the folder that labelme saved into", path=path)
    for file in files:
        if file.name == _SIDE:
            continue
        try:
            document = read_json(file)
            extra = document.get(EXTRA)
            own = isinstance(extra, Mapping) and "file" in extra
            name = extra["file"] if own else file.relative_to(root).with_suffix("").as_posix()
            record = photos.find(str(name))
            shapes = list(document["shapes"])
            given = (document.get("imageHeight") or record.size[0], document.get("imageWidth") or record.size[1])
            if given != record.size:
                raise InputError(f"made on a photo of {given[1]}x{given[0]}, {record.image} is another size")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            complain(f"{file.name}: not a file of labelme ({type(error).__name__}: {error})")
            continue
        except FittingroomError as error:
            complain(f"{file.name}: {error.problem}")
            continue
        take_extra(record, extra)
        take_each(shapes, partial(_take, record, labels=labels), complain, file.name)
        bundle.records.append(record)
    return bundle


def _take(record: Record, shape: Mapping[str, Any], labels: LabelSet) -> None:
    kind, label = shape.get("shape_type", "polygon"), str(shape["label"])
    if kind == "point":
        ((x, y),) = points_of(shape["points"], 1)
        rows = record.values.setdefault("pose", unknown_rows())
        if label in JOINTS and np.isfinite(rows[JOINTS.index(label), 3]):
            raise InputError(f"{label} is there twice, the first is taken")
        put_joint(rows, label, x, y, HIDDEN if (shape.get("flags") or {}).get("hidden") else SEEN)
    elif kind == "mask":
        put_layer(record, label, _mask(shape, record.size), labels)
    else:
        put_layer(record, label, shape_mask(kind, points_of(shape["points"], 2), record.size), labels)


def _mask(shape: Mapping[str, Any], size: Size) -> Mask:
    try:
        image = Image.open(io.BytesIO(base64.b64decode(shape["mask"], validate=True)))
        cut = np.asarray(image.convert("L") if image.mode != "1" else image) > 0
    except (OSError, SyntaxError, binascii.Error) as error:
        raise InputError(f"the mask of {shape['label']} is not a readable PNG") from error
    (left, top), _ = points_of(shape["points"], 2)[:2]
    row, column = round(top), round(left)
    out = np.zeros(size, bool)
    if row < 0 or column < 0 or row + cut.shape[0] > size[0] or column + cut.shape[1] > size[1]:
        raise InputError(f"the mask of {shape['label']} reaches beyond the photo")
    out[row : row + cut.shape[0], column : column + cut.shape[1]] = cut
    return out
