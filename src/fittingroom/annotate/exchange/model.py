"""What is exchanged with other tools, independent of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.errors import FittingroomError, InputError
from ...core.images import Size
from ...core.labels import LabelSet
from ...core.pose import JOINT, JOINTS
from ..conditions import Role
from ..review.joints import ABSENT, Float64, Joints

Mask: TypeAlias = npt.NDArray[np.bool_]
#: key of what a format has no field of its own for
EXTRA = "fittingroom"
MASKS: Mapping[Role, str] = {"person": "agnostic-mask", "garment": "garment-mask"}
CAPTIONS: Mapping[Role, str] = {"person": "caption", "garment": "garment-caption"}
#: coordinates nearer than this (pixels) are the same: percent and back rounds in the last bits
SAME = 1e-6


@dataclass
class Record:
    """A photo with what is known of it.

    Args:
        role: ``person`` or ``garment``.
        item: id.
        image: the photo, relative to the dataset.
        size: (height, width) of the photo.
        values: condition -> :class:`~..review.joints.Joints` (pose), ``(H, W)`` uint8 ids (parse), ``(H, W)`` bool
            (masks), mapping (captions). Readers give a pose as ``(18, 4)`` float64 rows, with NaN where the format is
            silent: see :func:`merge_joints`.
        reference: the pose as it was exported, where the format kept it.
    """

    role: Role
    item: str
    image: str
    size: Size
    values: dict[str, Any] = field(default_factory=dict)
    reference: Joints | None = None


@dataclass
class Bundle:
    """All that is exchanged at once.

    Args:
        name: of the dataset.
        labels: label set of the parse maps.
        records: photos.
        pairs: name of a pairs file -> its text.
    """

    name: str
    labels: LabelSet
    records: list[Record] = field(default_factory=list)
    pairs: dict[str, str] = field(default_factory=dict)

    def extra(self) -> dict[str, Any]:
        """What is said once, for formats that have no field for it."""
        return {"dataset": self.name, "label_set": self.labels.name, "pairs": self.pairs}


@dataclass(frozen=True)
class Photos:
    """Finds the photo that a foreign entry means: by its path in the dataset, else by its unique file name.

    Args:
        records: those of the dataset, without values.
        labels: the dataset's label set.
    """

    records: tuple[Record, ...]
    labels: LabelSet

    def find(self, name: str) -> Record:
        """A new record for the photo called ``name``.

        Raises:
            InputError: no photo, or several, of this name.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        keys = [PurePosixPath(record.image) for record in self.records]
        found = [
            at for at, key in enumerate(keys) if str(path).removeprefix("/") in (str(key), str(key.with_suffix("")))
        ]
        if not found:  # as much of the path's end as is given there and here
            found = [at for at, key in enumerate(keys) if _ends_alike(path, key)]
        if len(found) != 1:
            problem = "no photo" if not found else f"{len(found)} photos"
            raise InputError(
                f"{problem} of the name {name!r} in the dataset", mend="name it by its path in the dataset"
            )
        known = self.records[found[0]]
        return Record(known.role, known.item, known.image, known.size)


def _ends_alike(path: PurePosixPath, key: PurePosixPath) -> bool:
    """Whether both say the same file, as far as both name its folders, ignoring suffixes."""
    first, second = path.with_suffix("").parts, key.with_suffix("").parts
    if len(path.parts) > 1 and len(first) >= len(second):
        return first[-len(second) :] == second
    return first[-1] == second[-1] and second[-len(first) :] == first


def record_extra(record: Record) -> dict[str, Any]:
    """What a format has no field for: the pose to the last bit, the caption, and which maps have no pixel."""
    maps = ("parse", MASKS[record.role])
    empty = [name for name in maps if name in record.values and not record.values[name].any()]
    out: dict[str, Any] = {"role": record.role, "item": record.item, "empty": empty}
    if "pose" in record.values:
        out["joints"] = record.values["pose"].rows()
    caption = CAPTIONS[record.role]
    if caption in record.values:
        out["caption"] = record.values[caption]
    return out


def take_extra(record: Record, extra: Any) -> None:
    """Read :func:`record_extra` back; what is damaged in it is left out, since it only supplements."""
    if not isinstance(extra, Mapping):
        return
    if "joints" in extra:
        try:
            record.reference = Joints.make(extra["joints"])
        except InputError:
            record.reference = None
    if isinstance(extra.get("caption"), dict):
        record.values[CAPTIONS[record.role]] = dict(extra["caption"])
    listed = extra.get("empty")
    for condition in listed if isinstance(listed, list) else []:  # they left no trace in the format itself
        if condition == "parse":
            record.values["parse"] = np.zeros(record.size, np.uint8)
        elif condition == MASKS[record.role]:
            record.values[condition] = np.zeros(record.size, bool)


def pairs_of(extra: Any) -> dict[str, str]:
    """Pairs files of an exported file."""
    found = extra.get("pairs") if isinstance(extra, Mapping) else None
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, Mapping) else {}


def take_each(entries: Iterable[Any], take: Callable[[Any], None], complain: Callable[[str], None], where: str) -> None:
    """Take every entry of a foreign file; one that cannot be taken is one line, and stops none of the others.

    Args:
        entries: of the file, of whatever kind they are.
        take: reads one into a record.
        complain: called with the line.
        where: begins the line.
    """
    for entry in entries:
        try:
            take(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            complain(f"{where}: an entry that cannot be read ({type(error).__name__}: {error})")
        except FittingroomError as error:
            complain(f"{where}: {error}")


def layers(record: Record, labels: LabelSet) -> list[tuple[str, str, Mask]]:
    """(condition, label, mask) of every label of the parse map that occurs, and of the mask if it has a pixel."""
    found: list[tuple[str, str, Mask]] = []
    if "parse" in record.values:
        parse = record.values["parse"]
        found += [("parse", labels.names[index], parse == index) for index in np.unique(parse).tolist() if index > 0]
    condition = MASKS[record.role]
    if condition in record.values and record.values[condition].any():
        found.append((condition, condition, record.values[condition]))
    return found


def put_layer(record: Record, label: str, mask: Mask, labels: LabelSet) -> None:
    """Paint a label into the record's parse map, or add to its mask; later labels lie upon earlier ones.

    Raises:
        InputError: a label that is none of the dataset's, or a mask of another size than the photo.
    """
    if mask.shape != record.size:
        raise InputError(
            f"{record.item}: {label} is {mask.shape[1]}x{mask.shape[0]}, its photo {record.size[1]}x{record.size[0]}",
            mend="export it at the photo's own size",
        )
    if label == MASKS[record.role]:
        record.values[label] = record.values.get(label, np.zeros(record.size, bool)) | mask
    elif label in labels.ids and record.role == "person":
        record.values.setdefault("parse", np.zeros(record.size, np.uint8))[mask] = labels.ids[label]
    else:
        raise InputError(
            f"{record.item}: {label!r} is no label of {labels.name}, and not {MASKS[record.role]}",
            mend="rename it in the tool",
        )


def unknown_rows() -> Float64:
    """``(18, 4)`` rows that say nothing yet."""
    return np.full((18, 4), np.nan)


def put_joint(rows: Float64, name: str, x: float, y: float, seen: int) -> None:
    """Set a joint by its name.

    Raises:
        InputError: no such joint, or numbers that are not finite.
    """
    if name not in JOINT:
        raise InputError(f"no joint is called {name!r}", mend=f"joints are {', '.join(JOINTS)}")
    if seen != ABSENT and not (np.isfinite(x) and np.isfinite(y)):
        raise InputError(f"{name} lies at {x}, {y}")
    rows[JOINT[name]] = (x, y, np.nan, seen) if seen != ABSENT else (0, 0, 0, ABSENT)


def merge_joints(rows: Float64, reference: Joints | None) -> Joints:
    """A pose from a foreign one and what the format left out.

    A joint that is where the reference has it is the reference's, with its confidence and all digits; one that was
    moved keeps the reference's confidence; a new one has 1. A neck that the format does not know stays with unmoved
    shoulders, and is the middle of moved ones.

    Args:
        rows: ``(18, 4)`` of x, y, confidence, visibility; NaN where the format is silent.
        reference: the pose as exported, or the dataset's present one.
    """
    neck, shoulders = JOINT["neck"], [JOINT["right-shoulder"], JOINT["left-shoulder"]]
    out = rows.copy()
    moved = np.ones(18, bool)
    known = reference.points if reference is not None else np.zeros((18, 3))
    seen = reference.seen if reference is not None else np.zeros(18, np.int64)
    for index in range(18):
        if np.isnan(out[index, 3]):
            continue
        same_place = bool((np.abs(out[index, :2] - known[index, :2]) < SAME).all())
        moved[index] = not same_place or (out[index, 3] == ABSENT) != (seen[index] == ABSENT)
        if same_place:
            out[index, :2] = known[index, :2]
        if np.isnan(out[index, 2]):
            out[index, 2] = known[index, 2] if known[index, 2] > 0 else 1.0
    if np.isnan(out[neck, 3]):
        if reference is not None and not moved[shoulders].any():
            out[neck] = (*known[neck], seen[neck])
        elif (out[shoulders, 3] > 0).all():
            middle = out[shoulders, :2].mean(axis=0)
            out[neck] = (*middle, out[shoulders, 2].min(), out[shoulders, 3].min())
    for index in range(18):  # joints that the format could have named and did not
        if np.isnan(out[index, 3]):
            out[index] = 0
    return Joints.make(out)
