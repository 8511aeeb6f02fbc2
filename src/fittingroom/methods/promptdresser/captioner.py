"""Who writes captions: rules that always work, or an open vision-language model that is asked for the same phrases.

The person is described apart from the garment (the person's picture, then the garment alone on white). Where a model's
answer cannot be read or lacks something, the rules speak instead, and the entry's ``source`` says so. Entries that are in
``captions.json`` already, written by hand or made earlier, stay as they are unless that is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from ...core.errors import FittingroomError, InputError, MissingError
from ...core.files import read_object, write_json
from ...core.images import UInt8
from ...data.dataset import Dataset
from ...data.sample import Garment, Person
from ...weights.fetch import require
from ..requirement import need
from .captions import QUESTIONS, Caption, Part, parse_answer, read_entry, to_entry
from .conditions import by_rule, garment_picture

LOG = logging.getLogger("fittingroom")
#: entry of the manifest of the model that is asked where no other is named
MODEL = "smolvlm-500m"
#: entries after which the file is written
_SAVE_EVERY = 20
_LONGEST_ANSWER = 256


class Captioner(Protocol):
    """Describes a picture."""

    name: str

    def describe(self, picture: UInt8, part: Part) -> Caption:
        """Phrases of one part for ``(H, W, 3)`` uint8.

        Raises:
            InputError: nothing that can be read.
        """
        ...


class LanguageModel:
    """An open vision-language model in a folder, as ``transformers`` writes it; nothing is downloaded from here.

    Args:
        folder: with the model's weights and configuration, its tokenizer and its image processor; None for the manifest's.
        device: torch device.

    Raises:
        MissingError: no model there, or ``transformers`` is not installed.
        InputError: it cannot be loaded.
    """

    def __init__(self, folder: Path | None = None, device: str = "cpu") -> None:
        transformers = need("transformers")
        if folder is None:
            folder = require(MODEL).parent
        if not (folder / "config.json").is_file():
            raise MissingError("no vision-language model here (no config.json)", mend="name its folder", path=folder)
        self.name, self.device = folder.resolve().name, device
        half = device.startswith("cuda")
        try:
            # the processor that works without torchvision
            self._processor = transformers.AutoProcessor.from_pretrained(
                str(folder), local_files_only=True, use_fast=False, trust_remote_code=False
            )
            model = transformers.AutoModelForImageTextToText.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float16 if half else torch.float32,
            )
        except (
            Exception
        ) as error:  # the library raises OSError, ValueError, KeyError, ImportError ... on what it cannot load
            raise InputError(
                f"not a vision-language model that can be loaded ({type(error).__name__}: {str(error).splitlines()[0][:120]})",
                mend="get the whole folder again, with safetensors weights",
                path=folder,
            ) from error
        self._model = model.to(device).eval()

    @torch.inference_mode()
    def answer(self, picture: UInt8, question: str) -> str:
        """What the model says of a picture, always its likeliest words."""
        content = [{"type": "image"}, {"type": "text", "text": question}]
        prompt = self._processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        given = self._processor(text=prompt, images=[Image.fromarray(picture)], return_tensors="pt").to(self.device)
        given["pixel_values"] = given["pixel_values"].to(self._model.dtype)
        said = self._model.generate(**given, max_new_tokens=_LONGEST_ANSWER, do_sample=False)
        new = said[0, given["input_ids"].shape[1] :]
        return str(self._processor.decode(new, skip_special_tokens=True))

    def describe(self, picture: UInt8, part: Part) -> Caption:
        """See :class:`Captioner`."""
        return parse_answer(self.answer(picture, QUESTIONS[part]), part, self.name)


def caption(photo: Person | Garment, captioner: Captioner | None) -> Caption:
    """A caption of a person or a garment; by rule where the model has no usable answer.

    Raises:
        InputError, MissingError: neither has anything to say; one line.
    """
    if captioner is None:
        return by_rule(photo)
    part: Part = "person" if isinstance(photo, Person) else "clothing"
    picture = photo.image() if isinstance(photo, Person) else _alone(photo)
    try:
        return captioner.describe(picture, part)
    except InputError as error:
        LOG.warning("%s: %s; said by rule instead", photo.id, error.problem)
        return by_rule(photo)


def _alone(garment: Garment) -> UInt8:
    picture, mask = garment_picture(garment)
    return np.where(mask[..., None], picture, np.uint8(255)).astype(np.uint8)


def write_captions(
    dataset: Dataset,
    captioner: Captioner | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, list[str]]:
    """Complete the dataset's ``captions.json``; begun again it goes on where it was.

    Args:
        dataset: with photos, poses and parses.
        captioner: a model; None for rules.
        overwrite: also where a part is described already.
        progress: called with (photos done, photos in all).

    Returns:
        How many parts were written, and one line for each photo of which nothing could be said.

    Raises:
        InputError: the file is there and cannot be read, or cannot be written.
    """
    path = dataset.root / "captions.json"
    entries = read_object(path, "not an object with one entry for each photo")
    worn = [garment for garment in dataset.garments.values() if not (garment.worn and garment.category != "upper")]
    photos: list[Person | Garment] = [*dataset.people.values(), *worn]
    written, failures = 0, []
    for number, photo in enumerate(photos, start=1):
        part = "person" if isinstance(photo, Person) else "clothing"
        entry = entries.get(photo.id)
        if overwrite or not (isinstance(entry, Mapping) and entry.get(part)):
            try:
                entries[photo.id] = _merged(entry, caption(photo.fresh(), captioner), part, photo.id)
                written += 1
            except FittingroomError as error:
                failures.append(f"{photo.id}: {error}")
        if written and number % _SAVE_EVERY == 0:
            write_json(path, entries)
        if progress:
            progress(number, len(photos))
    if written:
        write_json(path, entries)
    return written, failures


def _merged(entry: Any, made: Caption, part: str, who: str) -> dict[str, Any]:
    """An entry with one part new; whatever else stands in it stays."""
    before = dict(entry) if isinstance(entry, Mapping) else {}
    new = to_entry(made)
    other = "clothing" if part == "person" else "person"
    old = read_entry(before, who).source if before.get(other) else ""
    sources = dict.fromkeys(text for text in (old, made.source) if text)
    return {**before, part: new[part], "source": ", ".join(sources)}
