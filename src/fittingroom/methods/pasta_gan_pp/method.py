"""PASTA-GAN++ as a method: load, conditions, generate, train."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import torch

from ...core.errors import InputError
from ...core.images import UInt8
from ...core.memory import reuse_freed_memory
from ...data.dataset import Dataset
from ...data.sample import Sample
from ...weights.embedded import require_embedded
from ...weights.recommended import carry_recommended, recommended
from ..base import Conditions, Method
from ..task import Task
from .body import Body
from .card import CARD
from .colours import LOWER, UPPER, match_colours
from .conditions import Inputs, Kind, garment_tensors, prepare, tensors
from .details import Known, known, match_details, match_lengths
from .fast import FastGenerator, Garments, fastest_type
from .folder import find_weights, load_generator, read_config, save_generator
from .network import Generator, Warped
from .options import from_recipe
from .own_size import at_own_size, match_outline, source_of
from .paste import backdrop, enlarged, paste
from .placing import Place, on_canvas
from .regions import CLASS_LIMBS, CLASS_NECK

Precision = Literal["auto", "fp32", "bf16"]
Outfit = Literal["auto", "upper", "lower", "full"]
Sleeves = Literal["auto", "off"]
Paste = Literal["auto"] | bool
Match = Literal["off", "colours", "details"]

#: pixels of garment on the canvas below which it is a slip of the parser
_FEWEST_PIXELS = 64
#: style codes kept, for a garment that several people try on
_KEPT_CODES = 64


def check_settings(settings: Mapping[str, Any], choices: Mapping[str, tuple[Any, ...]]) -> None:
    """Refuse settings that do not exist, and values that are not among a setting's choices.

    Raises:
        InputError: one of them.
    """
    if unknown := sorted(set(settings) - set(choices)):
        raise InputError(f"pasta-gan++ has no setting {', '.join(unknown)}", mend=f"it has: {', '.join(choices)}")
    for name, value in settings.items():
        if not any(value is each or (value == each and isinstance(value, str)) for each in choices[name]):
            allowed = ", ".join(map(str, choices[name]))
            raise InputError(f"pasta-gan++.{name} is {value!r}", mend=f"choose one of {allowed}")


class PastaGan(Method):
    """See README.md beside this file.

    Args:
        generator: trained.
        digest: SHA-256 of its weights.
        device: torch device.
        precision: ``bf16`` or ``fp32`` of the fast path; ``auto`` takes what is faster here.
        outfit: what is taken over; ``auto`` follows the garment's category (a dress: everything).
        sleeves: ``off`` cuts arm patches from the whole garment, as the published test does without garment parsing.
        paste: put the photo back where the garment changes nothing; ``auto`` does if the weights were trained to paint a white
            wall.
        match: what small networks cannot draw by themselves: with ``colours`` the garment takes the coarse colours of the patches that
            were laid (:mod:`.colours`); with ``details`` its own pixels, too, and sleeves and legs its lengths (:mod:`.details`).
        parity: plain network, and the published preprocessing with its defects.
    """

    card = CARD
    recipe_tables = ("generator", "pasta-gan++")
    #: raised whenever pictures change, so that old ones are made again
    revision = 3

    def __init__(
        self,
        generator: Generator,
        digest: str,
        *,
        device: str = "cpu",
        precision: Precision = "auto",
        outfit: Outfit = "auto",
        sleeves: Sleeves = "auto",
        paste: Paste = "auto",
        match: Match = "off",
        parity: bool = False,
        white: bool = False,
    ) -> None:
        self.generator = generator.to(device)
        self.digest, self.device = digest, torch.device(device)
        self.outfit, self.sleeves, self.parity = outfit, sleeves, parity
        self.match: Match = "off" if parity else match
        self.paste = white and not parity if paste == "auto" else paste
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}.get(precision) or fastest_type(self.device)
        self.precision: Precision = "bf16" if dtype == torch.bfloat16 and not parity else "fp32"
        self._fast = None if parity else FastGenerator(generator, dtype)
        self._codes: OrderedDict[str, Garments] = OrderedDict()
        #: file or folder of the weights, for what they recommend
        self.came_from: Path | None = None

    @classmethod
    def load(cls, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Self:
        """See :meth:`Method.load`. Weights: ``published`` (imported before), a training's folder, or a file."""
        choices: dict[str, tuple[Any, ...]] = {
            "precision": get_args(Precision),
            "outfit": get_args(Outfit),
            "sleeves": get_args(Sleeves),
            "paste": ("auto", False, True),
            "match": get_args(Match),
            "parity": (False, True),
        }
        check_settings(settings, choices)
        if weights is None:
            path = require_embedded(
                "pasta-gan++", "pasta-gan++@FOLDER of `fittingroom train`, or pasta-gan++@published"
            )
        else:
            path = find_weights(weights)
        settings = recommended(path, settings)
        check_settings(settings, choices)
        reuse_freed_memory()
        generator, digest, white = load_generator(path)
        made = cls(generator, digest, white=white, device=device, **settings)
        made.came_from = path
        return made

    def settings(self) -> Mapping[str, Any]:
        """See :meth:`Method.settings`."""
        return {
            "weights": self.digest,
            "precision": self.precision,
            "outfit": self.outfit,
            "sleeves": self.sleeves,
            "paste": self.paste,
            "match": self.match,
            "parity": self.parity,
            "revision": self.revision,
        }

    def _kind(self, sample: Sample) -> Kind:
        if self.outfit != "auto":
            return self.outfit
        return "full" if sample.category == "dress" else sample.category

    def conditions(self, sample: Sample) -> Conditions:
        """See :meth:`Method.conditions`."""
        source = sample.worn_garment()
        if source is None:
            raise InputError(
                f"{sample.garment.id} is photographed alone",
                mend="pasta-gan++ takes a garment from the photo of somebody else who wears it",
            )
        kind, config, sleeves = self._kind(sample), self.generator.config, self.sleeves == "auto"
        asked = kind == "upper" and self.outfit == "auto" and not self.parity
        person, at = on_canvas(sample.person, config, sleeves=sleeves, over_dress=asked)
        garment, there = on_canvas(source, config, sleeves=sleeves, over_dress=asked)
        check_worn(garment, kind, sample)
        check_patches(person, garment, kind, sample)
        inputs = prepare(person, garment, kind, config, parity=self.parity)
        details = self.match == "details"
        return {
            "inputs": inputs,
            "known": known(person, garment, kind, config.patch) if details else (None, None),
            "source": source_of(source, there, over_dress=asked) if details else None,
            "place": at,
            "backdrop": backdrop(sample, over_dress=asked) if self.paste else None,
        }

    def _code(self, parts: torch.Tensor, fast: FastGenerator) -> Garments:
        """Style code of patches ``(1, 45, P, P)``; the same patches are encoded once."""
        key = hashlib.sha256(parts.numpy().tobytes()).hexdigest()
        if key not in self._codes:
            self._codes[key] = fast.garments(parts)
            if len(self._codes) > _KEPT_CODES:
                self._codes.popitem(last=False)
        self._codes.move_to_end(key)
        return self._codes[key]

    def _picture(self, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Picture ``(3, H, W)`` and label map ``(H, W)`` of one person, so that a picture does not depend on its neighbours in a batch."""
        batch = {name: tensor[None] for name, tensor in tensors(inputs).items()}
        parts = batch.pop("parts")
        moved = {name: tensor.to(self.device) for name, tensor in batch.items()}
        upper, lower = (Warped(moved[name], moved[f"{name}_mask"]) for name in ("upper", "lower"))
        if self._fast is not None:
            final, label = self._fast(self._code(parts, self._fast), moved["retain"], moved["pose"], upper, lower)
            return final[0], label[0, 0]
        with torch.inference_mode():
            made = self.generator(parts.to(self.device), moved["retain"], moved["pose"], upper, lower)
        return made.final[0], made.label[0, 0]

    def _matched(
        self, picture: torch.Tensor, label: torch.Tensor, inputs: Inputs, found: tuple[Known | None, Known | None]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Picture and label map with colours and lengths of the garment itself, as far as the setting says so."""
        for each, kinds in zip(found, (UPPER, LOWER), strict=True):
            if each is not None:
                label = match_lengths(label, each.length, kinds)
        garments = [each.laid if each else laid for each, laid in zip(found, (inputs.upper, inputs.lower), strict=True)]
        laid = [(*garment_tensors(each), kinds) for each, kinds in zip(garments, (UPPER, LOWER), strict=True)]
        skin = torch.from_numpy(inputs.skin / 127.5 - 1).float()[:, None, None].expand(3, *label.shape)
        everywhere = torch.ones(1, *label.shape)
        return match_colours(picture, label, [*laid, (skin, everywhere, (CLASS_LIMBS, CLASS_NECK))]), label

    def generate(self, batch: Sequence[Conditions], seeds: Sequence[int]) -> list[UInt8]:
        """See :meth:`Method.generate`; the network's noise is part of its weights, so the seeds change nothing."""
        out = []
        for entry in batch:
            at: Place = entry["place"]
            picture, label = self._picture(entry["inputs"])
            if self.match != "off":
                picture, label = self._matched(picture, label, entry["inputs"], entry["known"])
            made, behind, labels = at.back(picture), entry["backdrop"], at.inside(label)
            garments = [
                at_own_size(each, entry["source"], at, kinds)
                for each, kinds in zip(entry["known"], (UPPER, LOWER), strict=True)
                if each
            ]
            if garments:
                labels = enlarged(labels, at.size)
                for garment in garments:
                    made, labels = match_outline(made, labels, garment)
                made = match_details(made, labels, [(each.image, each.sure, each.kinds) for each in garments])
            out.append(made if behind is None else paste(behind, made, labels))
        return out

    def save(self, folder: Path) -> None:
        """See :meth:`Method.save`."""
        # how it was trained goes along: from that follows whether the photo is put back
        before = read_config(self.came_from)[1] if self.came_from is not None and self.came_from.is_dir() else {}
        save_generator(self.generator, folder, {"trained": before["trained"]} if "trained" in before else None)
        if self.came_from is not None:
            carry_recommended(self.came_from, folder)

    @classmethod
    def training(cls, data: Dataset, recipe: Mapping[str, Mapping[str, Any]], seed: int) -> Task:
        """See :meth:`Method.training`."""
        from .training import PastaTask

        config, options = from_recipe({name: dict(table) for name, table in recipe.items()})
        return PastaTask(data, config, options, seed)


def check_worn(garment: Body, kind: Kind, sample: Sample) -> None:
    """Refuse a garment that nobody wears on its photo.

    Raises:
        InputError: says what is worn instead.
    """
    upper = 0 if kind == "lower" else int(np.count_nonzero(garment.upper))
    lower = 0 if kind == "upper" else int(np.count_nonzero(garment.lower))
    wanted = {"upper": upper, "lower": lower, "full": upper + lower}[kind]
    if wanted >= _FEWEST_PIXELS:
        return
    found = [
        word
        for word, there in (
            ("a dress", garment.in_dress),
            ("an upper garment", bool(garment.upper.any()) and not garment.in_dress),
            ("a lower garment", bool(garment.lower.any())),
        )
        if there
    ]
    raise InputError(
        f"{sample.garment.id} does not wear {'anything' if kind == 'full' else f'a garment for the {kind} body'} "
        f"({' and '.join(found) or 'nothing'} in its parse)",
        mend="choose another garment or category",
    )


def check_patches(person: Body, garment: Body, kind: Kind, sample: Sample) -> None:
    """Refuse a pair of bodies of which no common part is seen.

    Raises:
        InputError: says whose joints are missing.
    """
    parts = {"upper": range(6), "lower": (0, 6, 7, 8, 9), "full": range(10)}[kind]
    for body, name in ((garment, f"garment {sample.garment.id}"), (person, f"person {sample.person.id}")):
        if all(body.quads[part] is None for part in parts):
            raise InputError(
                f"{name}: no joints to tell where the {kind if kind != 'full' else 'whole'} body is",
                mend="annotate the photo again or leave it out",
            )
    if not any(person.quads[part] is not None and garment.quads[part] is not None for part in parts):
        raise InputError(
            f"no part of the body is seen on both {sample.person.id} and {sample.garment.id}",
            mend="choose a photo that shows more of the body",
        )
