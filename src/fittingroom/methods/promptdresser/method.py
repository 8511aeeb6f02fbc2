"""PromptDresser as a method: load, conditions, generate, save."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch

from ...core.errors import InputError
from ...core.images import Size, UInt8
from ...core.precision import fast_bfloat16
from ...data.dataset import Dataset
from ...data.sample import Sample
from ...weights.embedded import require_embedded
from ...weights.recommended import recommended
from ..base import Conditions, Method
from ..layering import layered
from ..pasting import keep_same, paste_back
from ..requirement import need
from ..task import Task
from .card import CARD
from .conditions import conditions
from .finder import Parser
from .memory import HOST, Parts, Plan, Shape, choose, estimate_line
from .options import VRAM, Options, options
from .pipeline import Pipeline, Result
from .schedule import schedule
from .weights import NETWORKS, count_values, find_published, fingerprint, read_config, read_index, weights_file

#: what is expected of memory; the command line shows it before anything starts
LOG = logging.getLogger("fittingroom.plan")
#: pictures change: raise it, so that old ones are made again
_REVISION = 4


class PromptDresser(Method):
    """Reference attention, prompts and a mask that follows the prompt; see README.md beside this file.

    Args:
        folder: of the weights.
        chosen: options.
        device: torch device.
        parser: photo to parse, for the first stage's picture; a rule by colour without one.
    """

    card = CARD
    recipe_tables = ("model", "promptdresser")
    vram_choices = VRAM

    def __init__(self, folder: Path, chosen: Options, device: str = "cpu", parser: Parser | None = None) -> None:
        need("diffusers")
        need("transformers")
        self.folder, self.options, self.device = folder, chosen, device
        index = read_index(folder)
        self.size: Size = (index["size"][0], index["size"][1])
        self.weights = fingerprint(folder)
        self.parser_name = "colour" if parser is None else str(getattr(parser, "name", type(parser).__name__))
        kind = _precision(chosen, device)
        self.memory = self._plan(kind)
        parts = Parts(folder, kind, device, self.memory)
        self.dtype = str(kind).removeprefix("torch.")
        self.pipeline = Pipeline(parts, schedule(index.get("scheduler")), chosen, parser, self.weights)

    @classmethod
    def load(cls, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Self:
        """Make the method ready; see :meth:`Method.load` and :class:`~fittingroom.methods.promptdresser.options.Options`.

        Args:
            weights: ``published``, or a folder of weights; None for the embedded ones.
            device: torch device.
            settings: options; ``parser`` is a function from a photo to a parse, for the first stage. Those not given are as
                the weights recommend, see :mod:`fittingroom.weights.recommended`.
        """
        parser = settings.pop("parser", None)
        if parser is not None and not callable(parser):
            raise InputError(f"parser is {parser!r}", mend="give a function from a photo to a Parse")
        options(settings)  # what was given is checked before weights are looked for
        if weights is None:
            others = "promptdresser@FOLDER of `fittingroom train`, or promptdresser@published once they are imported"
            folder = require_embedded("promptdresser", others)
        else:
            folder = find_published() if str(weights) == "published" else Path(weights)
        return cls(folder, options(recommended(folder, settings)), device, parser)

    def _plan(self, kind: torch.dtype) -> Plan:
        """Where the networks lie; says what it expects to need before anything is loaded."""
        shape = self.shape(kind)
        if not self.device.startswith("cuda"):
            plan = HOST
        elif self.options.vram == "auto":
            plan = choose(float(torch.cuda.mem_get_info(self.device)[0]), shape)
        else:
            plan = choose(float(self.options.vram) * 2**30, shape)
        LOG.info(estimate_line(plan, shape))
        return plan

    def shape(self, kind: torch.dtype = torch.float16) -> Shape:
        """What the need for memory follows from."""
        main, vae = (read_config(self.folder / part) for part in ("unet", "vae"))
        counts = {part: count_values(weights_file(self.folder / part)) for part in NETWORKS}
        return Shape(counts, main, vae, self.size, kind.itemsize)

    def settings(self) -> Mapping[str, Any]:
        """See :meth:`Method.settings`."""
        return {
            **self.options.to_json(),
            "dtype": self.dtype,
            "size": list(self.size),
            "weights": self.weights,
            "parser": self.parser_name,
            "evaluations": self.options.evaluations(),
            "eight_bit": self.memory.fp8,
            "tiled": self.memory.tiled,
            "revision": _REVISION,
        }

    def conditions(self, sample: Sample) -> Conditions:
        """See :meth:`Method.conditions`."""
        return conditions(sample, self.size, self.options)

    def generate(self, batch: Sequence[Conditions], seeds: Sequence[int]) -> list[UInt8]:
        """See :meth:`Method.generate`; one after the other, so that no picture depends on another."""
        return [
            self.finish(entry, self.pipeline.run(entry["inputs"], seed))
            for entry, seed in zip(batch, seeds, strict=True)
        ]

    def finish(self, entry: Conditions, result: Result) -> UInt8:
        """The result at the photo's size, pasted back if that was chosen."""
        frame = entry["frame"]
        picture: UInt8 = frame.back(result.picture)
        mask = frame.mask_back(result.mask)
        if entry["geometry"] is not None:
            seen = frame.mask_back(self.pipeline.find_garment(entry["inputs"], result))
            picture, mask = layered(picture, entry["geometry"], mask, seen)
        elif entry["same"] is not None:
            picture = keep_same(entry["photo"], picture, entry["same"] & mask)
        return paste_back(entry["photo"], picture, mask, self.options.feather) if self.options.paste else picture

    @classmethod
    def training(cls, data: Dataset, recipe: Mapping[str, Mapping[str, Any]], seed: int) -> Task:
        """See :meth:`Method.training`."""
        from .recipe import from_recipe
        from .training import DresserTask

        return DresserTask(data, *from_recipe(recipe), seed)

    def save(self, folder: Path) -> None:
        """Copy the weights and what belongs to them; settings are given on loading."""
        try:
            shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise InputError(
                "cannot be written", mend="check the folder's rights and free space", path=folder
            ) from error


def _precision(chosen: Options, device: str) -> torch.dtype:
    if chosen.dtype != "auto":
        return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[chosen.dtype]
    if device.startswith("cuda"):
        return torch.float16
    return torch.bfloat16 if chosen.preset == "fast" and fast_bfloat16(device) else torch.float32
