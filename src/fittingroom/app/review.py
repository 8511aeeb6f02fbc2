"""The review page: everything that it asks for and saves. What it looks like is in ``review*.js`` and ``review.css``."""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..annotate.review import pixels
from ..annotate.review.documents import Document, conditions_of, pair_files
from ..annotate.review.history import undo_target
from ..annotate.review.joints import ABSENT, MIRRORED, Joints, decode_joints, encode_joints
from ..annotate.review.queue import STATES, Entry, Queue
from ..annotate.review.store import ConflictError, Rederive, Store
from ..core.errors import FittingroomError, InputError
from ..core.images import Size, UInt8, encode_jpeg, encode_png, fit_size, resize_image
from ..core.labels import label_set
from ..core.pose import JOINTS, LIMBS
from ..data.dataset import Dataset
from ..data.sample import Photo

_HERE = Path(__file__).parent
LANGUAGES = ("en", "ru")
_MASKS = frozenset({"agnostic-mask", "garment-mask"})
#: (height, width) of the pictures in the queue
_THUMB: Size = (96, 72)
#: photos on the page are JPEG beyond this many pixels: a PNG of that size would take seconds to arrive
_PNG_PIXELS = 400_000


@lru_cache(maxsize=4)
def words(language: str) -> Mapping[str, Any]:
    """The page's texts in a language."""
    return tomllib.loads((_HERE / f"review_{language}.toml").read_text(encoding="utf-8"))


def _picture(image: UInt8, box: Size | None = None) -> str:
    """A picture as a data URL, fitted into ``box`` where one is given."""
    if box is not None:
        image = resize_image(image, fit_size((image.shape[0], image.shape[1]), box))
    data = encode_jpeg(image, 85 if box is not None else 93)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def _thumb(path: Path) -> str:
    """A small picture of a photo as a data URL; empty for one that cannot be read."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (4 * _THUMB[1], 4 * _THUMB[0]))  # a JPEG is decoded at a fraction of its size
            return _picture(np.asarray(ImageOps.exif_transpose(image).convert("RGB")), _THUMB)
    except Exception:  # Pillow raises many kinds on broken files; the queue says what is wrong with it
        return ""


class ReviewPage:
    """Answers the page's questions about one dataset; several browsers may ask at once.

    Args:
        dataset: whose annotations are corrected.
        rederive: makes again what depends on a corrected condition.

    Raises:
        InputError: the dataset cannot be edited.
    """

    def __init__(self, dataset: Dataset, rederive: Rederive | None = None) -> None:
        self.store = Store(dataset, rederive)
        self.queue = Queue(self.store)
        self.entries: list[Entry] = []
        self._thumbs: dict[str, str] = {}

    def judge(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Look at every item, so that the queue can be shown."""
        self.entries = self.queue.entries(progress)

    def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request ``{"do": NAME, ...}``; what a user can mend is ``{"error": one line}``."""
        actions: Mapping[str, Callable[..., dict[str, Any]]] = {
            "start": self.start,
            "list": self.listed,
            "open": self.open,
            "save": self.save,
            "undo": self.undo,
            "restore": self.restore,
            "state": self.state,
            "pairs": self.pairs,
        }
        given = {key: value for key, value in request.items() if key != "do"}
        try:
            if request.get("do") not in actions:
                raise InputError(f"no action {request.get('do')!r}")
            return actions[str(request["do"])](**given)
        except ConflictError as error:
            return {"error": str(error), "conflict": True}
        except FittingroomError as error:
            return {"error": str(error)}

    # --- looking -------------------------------------------------------------------------------------------------
    def start(self) -> dict[str, Any]:
        """What the page must know before it shows anything."""
        dataset = self.store.dataset
        names = {person.label_set for person in dataset.people.values()} or {"cihp20"}
        labels = label_set(min(names))
        return {
            "dataset": dataset.name,
            "labels": [
                {"id": index, "name": name, "colour": [int(value) for value in labels.palette[index]]}
                for index, name in enumerate(labels.names)
            ],
            "label_set": labels.name,
            "joints": JOINTS,
            "limbs": LIMBS,
            "mirrored": MIRRORED,
            "states": STATES,
            "words": {language: words(language) for language in LANGUAGES},
        }

    def listed(
        self, state: str = "", role: str = "", text: str = "", offset: int = 0, count: int = 40
    ) -> dict[str, Any]:
        """A stretch of the queue.

        Args:
            state: only this state; all without.
            role: only ``person`` or ``garment``.
            text: only ids with this in them.
            offset: skip so many.
            count: at most so many.
        """
        shown = [
            entry
            for entry in self.entries
            if state in ("", entry.state) and role in ("", entry.role) and text.lower() in entry.item.lower()
        ]
        counts = {name: sum(entry.state == name for entry in self.entries) for name in STATES}
        part = [{**self._entry(entry), "thumb": self._thumb(entry)} for entry in shown[offset : offset + count]]
        return {"entries": part, "total": len(shown), "counts": counts}

    def open(self, role: str, item: str) -> dict[str, Any]:
        """An item with its photo and all that is known of it."""
        photo = self.queue.photo(role, item)
        image = photo.image()
        size = (image.shape[0], image.shape[1])
        documents = {
            condition: self._document(photo, condition, size) for condition in conditions_of(self.store.dataset, role)
        }
        return {
            "entry": self._entry(self.queue.entry(role, item)),
            "image": _picture(image) if image.size > 3 * _PNG_PIXELS else self._exact(image),
            "width": size[1],
            "height": size[0],
            "documents": documents,
        }

    def pairs(self) -> dict[str, Any]:
        """The pairs files, and the ids and pictures that can be paired."""
        dataset = self.store.dataset
        files = [self._pairs_file(path.name) for path in pair_files(dataset)]
        person = {"role": "person", "known": list(dataset.people)}
        garment = {"role": "garment", "known": list(dataset.garments)}
        # UPT's lines begin with the photo that the garment is worn in
        columns = [{**person, "role": "garment"}, person] if dataset.layout == "upt" else [person, garment]
        return {"files": files, "columns": columns}

    def _pairs_file(self, name: str) -> dict[str, Any]:
        data, opened = self.store.open(name, "pairs")
        return {"name": name, "text": (data or b"").decode("utf-8-sig", errors="replace"), "opened": opened} | (
            self._past(name, "pairs")
        )

    @staticmethod
    def _exact(image: UInt8) -> str:
        return f"data:image/png;base64,{base64.b64encode(encode_png(image)).decode()}"

    @staticmethod
    def _entry(entry: Entry) -> dict[str, Any]:
        return {
            "role": entry.role,
            "item": entry.item,
            "score": round(entry.score, 3),
            "state": entry.state,
            "findings": [[found.condition, found.reason, found.value] for found in entry.findings],
        }

    def _thumb(self, entry: Entry) -> str:
        if entry.key not in self._thumbs:
            self._thumbs[entry.key] = _thumb(self.queue.photo(entry.role, entry.item).files["image"])
        return self._thumbs[entry.key]

    def _past(self, item: str, condition: str) -> dict[str, Any]:
        lines = self.store.history(item, condition)
        shown = [
            {"who": line.who, "when": line.when, "note": line.note, "before": line.before, "after": line.after}
            for line in reversed(lines)
        ]
        return {"history": shown[:50], "can_undo": undo_target(lines) is not None}

    def _document(self, photo: Photo, condition: str, size: Size) -> dict[str, Any]:
        data, opened = self.store.open(photo.id, condition)
        place = self.store.document(photo.id, condition)
        out: dict[str, Any] = {"opened": opened, "present": data is not None}
        out |= self._past(photo.id, condition)
        try:
            out["value"] = self._decoded(place, data, photo, size)
        except FittingroomError as error:
            out |= {"error": str(error), "value": self._decoded(place, None, photo, size)}
        return out

    @staticmethod
    def _decoded(place: Document, data: bytes | None, photo: Photo, size: Size) -> Any:
        """The value as the page wants it; that of an empty document where there is none."""
        if place.condition == "pose":
            if data is None:
                return [[0.0, 0.0, 0.0, float(ABSENT)]] * len(JOINTS)
            if b'"keypoints"' in data and b'"people"' not in data:
                raise InputError("a Dress Code pose cannot be edited in place", mend="export the dataset to viton-hd")
            return decode_joints(data, place.path).rows()
        if place.condition == "parse" or place.condition in _MASKS:
            values = np.zeros(size, np.uint8)
            if data is not None:
                values = (
                    pixels.decode_mask(data, place.path).astype(np.uint8)
                    if place.condition in _MASKS
                    else pixels.decode_labels(data, place.path)
                )
                if values.shape != size:
                    raise InputError(
                        f"{values.shape[1]}x{values.shape[0]}, but its photo is {size[1]}x{size[0]}",
                        mend="paint it anew, or annotate the photo again",
                        path=place.path,
                    )
                labels = label_set(photo.label_set)
                if place.condition == "parse" and (unknown := labels.unknown_ids(values)):
                    raise InputError(f"ids outside {labels.name}: {unknown[:5]}", mend="paint it anew", path=place.path)
            return pixels.pack(values)
        return json.loads(data) if data is not None else {}

    # --- saving --------------------------------------------------------------------------------------------------
    def save(
        self, role: str, item: str, condition: str, value: Any, opened: str, who: str, note: str = ""
    ) -> dict[str, Any]:
        """Save a correction; answers with the item as it is now, and what was made again because of it."""
        place = self.store.document(item, condition)
        previous = place.read()
        data = self._encoded(place, role, value, previous)
        line, again = self.store.save(item, condition, data, opened=opened, who=who, note=note)
        return self._after(role, item, condition, line is not None, again)

    def undo(self, role: str, item: str, condition: str, opened: str, who: str) -> dict[str, Any]:
        """Take the last saved correction back."""
        line, again = self.store.undo(item, condition, opened=opened, who=who)
        return self._after(role, item, condition, line is not None, again)

    def restore(self, role: str, item: str, condition: str, version: str, opened: str, who: str) -> dict[str, Any]:
        """Make an earlier version the present one."""
        line, again = self.store.restore(item, condition, version, opened=opened, who=who)
        return self._after(role, item, condition, line is not None, again)

    def state(self, role: str, item: str, state: str, who: str) -> dict[str, Any]:
        """Set the state of an item's review."""
        self.queue.set_state(role, item, state, who)
        return {"entry": self._entry(self._judged(role, item))}

    def _encoded(self, place: Document, role: str, value: Any, previous: bytes | None) -> bytes:
        if place.condition == "pairs":
            text = str(value)
            return text.encode() if text.endswith("\n") or not text else f"{text}\n".encode()
        if place.condition == "pose":
            joints = Joints.make(value)
            if not joints.seen.any():
                raise InputError("a pose needs one joint at least", mend="place a joint, or restore an earlier version")
            return encode_joints(joints, previous)
        if place.condition == "parse" or place.condition in _MASKS:
            photo = self.queue.photo(role, place.item)
            height, width = photo.image().shape[:2]
            values = pixels.unpack(str(value), (height, width))
            if place.condition == "parse":
                return pixels.encode_labels(values, label_set(photo.label_set), previous)
            return pixels.encode_mask(values > 0, previous, place.path)
        if not isinstance(value, dict):
            raise InputError("a caption is an object of names and phrases")
        return pixels.encode_value(value, previous)

    def _judged(self, role: str, item: str) -> Entry:
        entry = self.queue.entry(role, item)
        self.entries = [entry if known.key == entry.key else known for known in self.entries]
        return entry

    def _after(self, role: str, item: str, condition: str, changed: bool, again: list[str]) -> dict[str, Any]:
        if condition == "pairs":
            return {"changed": changed, "again": again, "file": self._pairs_file(item)}
        photo = self.queue.photo(role, item)
        size = photo.image().shape[:2]
        return {
            "changed": changed,
            "again": again,
            "entry": self._entry(self._judged(role, item)),
            "document": self._document(photo, condition, (size[0], size[1])),
        }
