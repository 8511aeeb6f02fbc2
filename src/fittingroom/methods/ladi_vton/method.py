"""LaDI-VTON as a method: load, conditions, generate, save."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil
import torch

from ...core.errors import InputError
from ...core.images import UInt8
from ...data.dataset import Dataset
from ...data.sample import Sample
from ...weights.embedded import require_embedded
from ...weights.recommended import carry_recommended, recommended
from ..base import Conditions, Method
from ..requirement import need
from ..task import Task
from .card import CARD
from .conditions import conditions
from .config import PUBLISHED
from .memory import Plan, choose, choose_host, estimate_line, fastest
from .options import VRAM, Options, options
from .recipe import from_recipe
from .runner import Parts, Runner
from .start import check_sizes
from .weights import SETS, Bundle, copy_bundle, open_folder, open_published

#: what is expected of memory; the command line shows it before anything starts
LOG = logging.getLogger("fittingroom.plan")
#: pictures change: raise it, so that old ones are made again
_REVISION = 4
_KINDS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class LadiVton(Method):
    """Latent diffusion with a garment turned into words; see README.md beside this file.

    Args:
        bundle: where the weights are.
        chosen: options.
        device: torch device.
    """

    card = CARD
    recipe_tables = ("model", "ladi-vton")
    vram_choices = VRAM

    def __init__(self, bundle: Bundle, chosen: Options, device: str = "cpu") -> None:
        need("diffusers")
        need("transformers")
        self.bundle, self.options, self.device = bundle, chosen, device
        self.weights = bundle.fingerprint()
        self.kind = _precision(chosen.dtype, device)
        self.plan = self._plan()
        self.runner = Runner(Parts(bundle, self.kind, device, self.plan, chosen.fused), chosen)

    @classmethod
    def load(cls, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Self:
        """Make the method ready; see :meth:`Method.load` and :class:`~fittingroom.methods.ladi_vton.options.Options`.

        Args:
            weights: ``published`` (VITON-HD), ``published-dress-code``, or a folder; None for the embedded ones.
            device: torch device.
            settings: options; those not given are as the weights recommend, see :mod:`fittingroom.weights.recommended`.
        """
        chosen = options(settings)  # checked before weights are looked for
        if weights is not None and str(weights) in SETS:
            return cls(open_published(str(weights)), chosen, device)
        others = f"ladi-vton@FOLDER of `fittingroom train`, or ladi-vton@{' or @'.join(SETS)}"
        folder = require_embedded("ladi-vton", others) if weights is None else Path(weights)
        return cls(open_folder(folder), options(recommended(folder, settings)), device)

    def _plan(self) -> Plan:
        """Where the networks lie; says what it expects to need before anything is loaded."""
        config, each = self.bundle.config, self.kind.itemsize
        if not self.device.startswith("cuda"):
            plan = choose_host(psutil.virtual_memory().available, config, each)
        elif self.options.vram == "auto":
            plan = choose(float(torch.cuda.mem_get_info(self.device)[0]), config, each)
        else:
            plan = choose(float(self.options.vram) * 2**30, config, each)
        LOG.info(estimate_line(plan, config, each))
        return plan

    def settings(self) -> Mapping[str, Any]:
        """See :meth:`Method.settings`."""
        return {
            **self.options.to_json(),
            "dtype": str(self.kind).removeprefix("torch."),
            "size": list(self.bundle.config.size),
            "rules": self.bundle.rules,
            "weights": self.weights,
            "evaluations": self.options.sampling().evaluations(),
            "revision": _REVISION,
        }

    def check(self, sample: Sample) -> None:
        """See :meth:`Method.check`; weights for VITON-HD know upper garments only."""
        super().check(sample)
        if self.bundle.rules == "viton-hd" and sample.category != "upper":
            raise InputError(
                f"weights for VITON-HD cannot put on a garment of category {sample.category}",
                mend="choose weights for Dress Code or an upper garment",
            )

    def conditions(self, sample: Sample) -> Conditions:
        """See :meth:`Method.conditions`."""
        chosen, size = self.options, self.bundle.config.size
        layers = chosen.match == "layers" and self.bundle.config.takes_garment
        published, same = chosen.published_mask, chosen.keep_same
        return conditions(sample, size, self.bundle.rules, published=published, same=same, layers=layers)

    def generate(self, batch: Sequence[Conditions], seeds: Sequence[int]) -> list[UInt8]:
        """See :meth:`Method.generate`; one after the other, so that no picture depends on another."""
        return [self.runner.run(entry, seed) for entry, seed in zip(batch, seeds, strict=True)]

    @classmethod
    def training(cls, data: Dataset, recipe: Mapping[str, Mapping[str, Any]], seed: int) -> Task:
        """See :meth:`Method.training`."""
        from .training import LadiTask

        config, chosen = from_recipe(recipe)
        check_sizes(config, chosen.start, PUBLISHED)
        return LadiTask(data, config, chosen, seed)

    def save(self, folder: Path) -> None:
        """Write the weights, and what they recommend, as a folder that :meth:`load` takes; other settings are given on loading."""
        copy_bundle(self.bundle, folder)
        carry_recommended(self.bundle.files["unet"][0], folder)


def _precision(chosen: str, device: str) -> torch.dtype:
    if chosen != "auto":
        return _KINDS[chosen]
    return fastest(device)
