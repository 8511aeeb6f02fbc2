"""Label Studio: tasks with our annotations as predictions, and its exported JSON.

Keypoints are in per cent of the photo's size, masks are brush regions, a caption is a text of lines ``name: phrase``. The
folder has ``tasks.json`` and ``config.xml``, the labelling interface that a project for them needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from ...core.errors import FittingroomError, InputError
from ...core.files import read_json, write_json, write_text
from ...core.labels import PART_COLOURS, LabelSet
from ...core.pose import JOINTS
from ..review.joints import ABSENT, HIDDEN, SEEN, Joints
from .coco import Complain
from .model import (
    CAPTIONS,
    EXTRA,
    MASKS,
    Bundle,
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
from .rle import brush_decode, brush_encode
from .shapes import points_of, polygon_mask

#: where a Label Studio with local storage at the dataset's folder finds a photo
PHOTO_URL = "/data/local-files/?d="


def config(labels: LabelSet) -> str:
    """The labelling interface as XML."""
    joints = "".join(f'    <Label value={quoteattr(name)} model_index="{at}"/>\n' for at, name in enumerate(JOINTS))
    regions = "".join(
        f'    <Label value={quoteattr(name)} background="rgb({",".join(map(str, PART_COLOURS[name]))})"/>\n'
        for name in labels.names
        if name != "background"
    )
    regions += "".join(f'    <Label value={quoteattr(name)} background="rgb(255,64,96)"/>\n' for name in MASKS.values())
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        f'  <KeyPointLabels name="joints" toName="image">\n{joints}  </KeyPointLabels>\n'
        f'  <BrushLabels name="regions" toName="image">\n{regions}  </BrushLabels>\n'
        '  <TextArea name="caption" toName="image" rows="6" editable="true" maxSubmissions="1"/>\n</View>\n'
    )


def _caption_text(caption: Mapping[str, Any]) -> str:
    lines = []
    for name, phrase in caption.items():
        shown = phrase if isinstance(phrase, str) and "\n" not in phrase else json.dumps(phrase, ensure_ascii=False)
        lines.append(f"{name}: {shown}")
    return "\n".join(lines)


def _caption_value(text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """A caption from its lines; a phrase that was not edited keeps its type."""
    if text == _caption_text(before):
        return dict(before)
    out: dict[str, Any] = {}
    unedited = {_caption_text({name: phrase}): name for name, phrase in before.items()}
    for line in text.split("\n"):
        if not line.strip():
            continue
        if line in unedited:
            out[unedited[line]] = before[unedited[line]]
            continue
        name, colon, phrase = line.partition(": ")
        if not colon:
            raise InputError(f"a caption's line {line!r} is not 'name: phrase'")
        if name in before and not isinstance(before[name], str):
            try:
                out[name] = json.loads(phrase)
            except ValueError as error:
                raise InputError(f"the caption's {name!r} is not valid JSON") from error
        else:
            out[name] = phrase
    return out


def _result(record: Record, labels: LabelSet) -> list[dict[str, Any]]:
    height, width = record.size
    common = {"to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0}
    out: list[dict[str, Any]] = []
    if "pose" in record.values:
        joints: Joints = record.values["pose"]
        for index, name in enumerate(JOINTS):
            if joints.seen[index] == ABSENT:
                continue
            x, y = joints.points[index, :2].tolist()
            region = {
                **common,
                "id": f"joint-{index}",
                "from_name": "joints",
                "type": "keypointlabels",
                "value": {"x": x / width * 100, "y": y / height * 100, "width": 0.6, "keypointlabels": [name]},
            }
            if joints.seen[index] == HIDDEN:
                region["meta"] = {"text": ["hidden"]}
            out.append(region)
    for at, (_, label, mask) in enumerate(layers(record, labels)):
        value = {"format": "rle", "rle": brush_encode(mask), "brushlabels": [label]}
        out.append({**common, "id": f"region-{at}", "from_name": "regions", "type": "brushlabels", "value": value})
    if caption := record.values.get(CAPTIONS[record.role]):
        text = {"text": [_caption_text(caption)]}
        out.append({"id": "caption", "from_name": "caption", "to_name": "image", "type": "textarea", "value": text})
    return out


def write(bundle: Bundle, out: Path) -> None:
    """Write the folder ``out``."""
    tasks = [
        {
            "data": {"image": f"{PHOTO_URL}{record.image}", EXTRA: {**record_extra(record), "file": record.image}},
            "predictions": [{"model_version": EXTRA, "result": _result(record, bundle.labels)}],
        }
        for record in bundle.records
    ]
    write_text(out / "tasks.json", json.dumps(tasks, ensure_ascii=False, indent=None) + "\n")
    write_text(out / "config.xml", config(bundle.labels))
    write_json(out / f"{EXTRA}.json", bundle.extra())


def read(path: Path, photos: Photos, complain: Complain) -> Bundle:
    """Read exported JSON, or the folder that :func:`write` made; see :func:`.coco.read`.

    Of each task the newest annotation that was not cancelled counts, or the newest prediction where there is none.
    """
    tasks = read_json(path / "tasks.json" if path.is_dir() else path)
    side_file = (path if path.is_dir() else path.parent) / f"{EXTRA}.json"
    side = read_json(side_file) if side_file.is_file() else {}
    if not isinstance(tasks, list):
        raise InputError(
            "not Label Studio's JSON (no list of tasks)", mend="export it as JSON, not JSON-MIN", path=path
        )
    labels = photos.labels
    bundle = Bundle("", labels, [], pairs_of(side))
    for number, task in enumerate(tasks, start=1):
        try:
            data = task["data"]
            extra = data.get(EXTRA)
            name = extra["file"] if isinstance(extra, Mapping) and "file" in extra else _file_name(str(data["image"]))
            record = photos.find(str(name))
            results = _newest(task)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            complain(f"task {number} cannot be read ({type(error).__name__}: {error})")
            continue
        except FittingroomError as error:
            complain(f"task {number}: {error}")
            continue
        take_extra(record, extra)
        take_each(results, partial(_take, record, labels=labels), complain, record.item)
        bundle.records.append(record)
    return bundle


def _file_name(url: str) -> str:
    name = url.split("?d=", 1)[-1] if "?d=" in url else url.rsplit("/upload/", 1)[-1].rsplit("/", 1)[-1]
    head, dash, tail = name.partition("-")
    # an uploaded photo gets eight hexadecimal digits and a dash before its name
    return tail if dash and len(head) == 8 and all(letter in "0123456789abcdef" for letter in head) else name


def _newest(task: Mapping[str, Any]) -> list[Any]:
    done = [entry for entry in task.get("annotations") or () if not entry.get("was_cancelled")]
    listed = done or list(task.get("predictions") or ())
    if not listed:
        return []
    newest = max(listed, key=lambda entry: (str(entry.get("updated_at") or ""), int(entry.get("id") or 0)))
    return list(newest["result"])


def _take(record: Record, region: Mapping[str, Any], labels: LabelSet) -> None:
    kind, value = region["type"], region["value"]
    height, width = record.size
    if kind == "textarea":
        caption = CAPTIONS[record.role]
        record.values[caption] = _caption_value("\n".join(value["text"]), record.values.get(caption, {}))
        return
    if kind in {"keypointlabels", "brushlabels", "polygonlabels"}:
        given = (region.get("original_height", height), region.get("original_width", width))
        if given != (height, width):
            raise InputError(f"made on a photo of {given[1]}x{given[0]}, this one is {width}x{height}")
    if kind == "keypointlabels":
        (name,) = value["keypointlabels"]
        rows = record.values.setdefault("pose", unknown_rows())
        hidden = "hidden" in (region.get("meta") or {}).get("text", ())
        if np.isfinite(rows[JOINTS.index(name), 3] if name in JOINTS else np.nan):
            raise InputError(f"{name} is there twice, the first is taken")
        x, y = float(value["x"]) / 100 * width, float(value["y"]) / 100 * height
        put_joint(rows, name, x, y, HIDDEN if hidden else SEEN)
    elif kind == "brushlabels":
        (label,) = value["brushlabels"]
        put_layer(record, label, brush_decode(value["rle"], record.size), labels)
    elif kind == "polygonlabels":
        (label,) = value["polygonlabels"]
        points = np.array(points_of(value["points"], 3)) / 100 * (width, height)
        put_layer(record, label, polygon_mask([(x, y) for x, y in points.tolist()], record.size), labels)
    elif kind != "labels":
        raise InputError(f"a region of kind {kind!r}", mend="use key points, brushes, polygons and texts")
