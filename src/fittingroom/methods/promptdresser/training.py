"""Training of PromptDresser, which its authors did not publish: the main network learns, the garment network rests.

Published weights have their autoencoder and text encoders; a model from nothing first trains an autoencoder, and then lets
all other networks learn together. Which stage a step belongs to follows from its number, so a training that was stopped goes
on with the same bits.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...core.errors import FittingroomError, InputError
from ...core.files import sha256_file, sha256_json, write_json
from ...core.images import UInt8, to_tensor
from ...data.dataset import Dataset
from ...data.sample import Sample
from ...nn.lora import inject, merge
from ...nn.perceptual import features
from ..autoencoder import Terms, autoencoder_terms, file_of, louder, total
from ..dye import dyed_together
from ..features import FeatureStore, tensors_hash
from ..painting import painted
from ..requirement import need
from ..task import Loop, Task
from .augment import augmented
from .conditions import conditions
from .finish import finish_terms
from .frame import Frame
from .masks import CLOTH, MOST_STEPS, Mask, between, select, to_ids
from .options import Options
from .pipeline import Inputs
from .preview import preview
from .prompts import Prompts
from .recipe import PUBLISHED, Sizes, TrainOptions
from .resting import drawn_latents, seen, silenced, spoken
from .schedule import schedule
from .start import Start
from .steps import Batch, Dropped, distributions, dropped, noise_terms, times
from .weights import FORMAT, INDEX, NETWORKS, fingerprint, save_network

#: bytes of samples kept decoded: two pictures and three masks take nine for each pixel
_KEPT = 2**31
#: share of the variations with other colours
_DYED = 0.6
#: height at which the random mask's steps are counted in pixels
_MASK_HEIGHT = 1024
#: items by which the spread of a new autoencoder's latents is measured
_MEASURED = 16
#: main network with low-rank updates: the name of what learns
_UPDATES = "unet-lora"
_ENCODERS = ("text_encoder", "text_encoder_2")
#: stages in which the main network learns
_LAST = {"tryon", "finish"}


def trained_parts(stage: str, options: TrainOptions) -> tuple[str, ...]:
    """Networks that learn in a stage."""
    if stage == "autoencoder":
        return ("vae",)
    garment = ("garment_unet",) if options.garment else ()
    return (_UPDATES if options.lora else "unet", *garment, *(_ENCODERS if options.encoders else ()))


def _clip(parameters: list[nn.Parameter], limit: float, *_: Any) -> None:
    nn.utils.clip_grad_norm_(parameters, limit)


class DresserTask(Task):
    """See :class:`fittingroom.methods.task.Task`.

    Args:
        data: paired samples are learned from.
        sizes: of a model from nothing; None where the training begins with weights.
        options: how.
        seed: of new weights.

    Raises:
        InputError: no sample can be used.
        MissingError: libraries or weights are missing.
    """

    def __init__(self, data: Dataset, sizes: Sizes | None, options: TrainOptions, seed: int = 1) -> None:
        need("diffusers")
        need("transformers")
        given = file_of(options.autoencoder)
        self.options, self.start = options, Start(options.start, sizes, seed, given)
        self.size, self.plan = self.start.size, schedule(self.start.scheduler)
        if "finish" in options.stages() and not self.plan.velocity:
            raise InputError(
                "the stage finish paints in one step from noise, but this network predicts noise, which says nothing there",
                mend="leave tryon_steps at 0, or begin with weights whose scheduler says v_prediction",
            )
        self.prompts: list[Prompts] = []
        self.samples, self.refused = self._usable(data)
        if not self.samples:
            reason = f" ({self.refused[0]})" if self.refused else ""
            raise InputError(
                f"nothing in {data.name} can be trained on{reason}",
                mend="paired samples with pose and parse are needed; `fittingroom dataset check` says what is missing",
                path=data.root,
            )
        self.start.learn_words(text for prompt in self.prompts for text in (prompt.full, prompt.clothing))
        with tempfile.TemporaryDirectory() as folder:
            self.tokenizers = self.start.tokenizers(Path(folder))
        self.stages = options.stages()
        learning = {part for stage in self.stages for part in trained_parts(stage, options)}
        self.modules = {}
        self._resting: dict[str, Any] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for part in (*NETWORKS, _UPDATES):
                if part == _UPDATES and part in learning:
                    self._resting["unet"] = self.start.network("unet")
                    self.modules[part] = inject(self._resting["unet"], options.lora)
                elif part in learning:
                    self.modules[part] = self.start.network(part)
        # low-rank updates have no running mean: it would be that of two factors, not of their product
        last = [part for part in trained_parts("tryon", options) if part != _UPDATES and _LAST & set(self.stages)]
        self.averages = dict.fromkeys(last, 1000 * options.average_kimg) if options.average_kimg else {}
        self.optimizers = {stage: self._optimizer(stage) for stage in self.stages}
        self._trunk = features(options.perceptual) if {"autoencoder", "finish"} & set(self.stages) else None
        self._stores: dict[str, FeatureStore] = {}
        self._number, self._scaled = -1, False
        self._inputs = lru_cache(maxsize=self._kept())(self._read)

    def _usable(self, data: Dataset) -> tuple[list[Sample], list[str]]:
        good, refused = [], []
        for sample in data.samples("paired"):
            try:
                found = self._prepare(sample, self.options.captions)
            except FittingroomError as error:
                refused.append(str(error))
            else:
                good.append(replace(sample, person=sample.person.fresh(), garment=sample.garment.fresh()))
                self.prompts.append(found.prompts)
        return good, refused

    def _optimizer(self, stage: str) -> torch.optim.Optimizer:
        parameters = [each for part in trained_parts(stage, self.options) for each in self.modules[part].parameters()]
        made = torch.optim.AdamW(parameters, lr=self.options.rate(stage, 0), weight_decay=1e-2, fused=True)
        made.register_step_pre_hook(partial(_clip, parameters, self.options.clip))
        return made

    # --- items -----------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self.samples)

    def __getstate__(self) -> dict[str, Any]:
        # processes that prepare items need the samples only
        wanted = ("samples", "size", "options")
        return {name: value for name, value in self.__dict__.items() if name in wanted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._inputs = lru_cache(maxsize=self._kept())(self._read)

    def _prepare(self, sample: Sample, captions: str) -> Inputs:
        found: Inputs = conditions(sample, self.size, Options(captions=captions))["inputs"]
        return found

    def _kept(self) -> int:
        return max(1, _KEPT // (9 * self.size[0] * self.size[1]))

    def _read(self, index: int) -> tuple[Inputs, Mask]:
        """The sample, and where the garment is worn on its photo."""
        sample = self.samples[index]
        person = sample.person.fresh()
        # prompts are known
        inputs = self._prepare(replace(sample, person=person, garment=sample.garment.fresh()), "none")
        photo = person.image()
        labels = Frame((photo.shape[0], photo.shape[1]), self.size).labels(to_ids(person.parse()))
        return inputs, select(labels, *CLOTH[sample.category])

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """See :meth:`Task.item`: ``person``, ``garment`` ``(3, H, W)``, ``mask`` ``(1, H, W)`` 0 or 1, ``index``, ``variation``."""
        count = self.options.variations
        variation = seed % count if count else 0
        (inputs, worn), random = self._inputs(index), np.random.default_rng((index, variation) if count else seed)
        mask = inputs.fine
        if self.options.random_mask:
            steps = int(random.integers(0, MOST_STEPS + 1)) * self.size[0] / _MASK_HEIGHT
            mask = between(inputs.fine, inputs.coarse, round(steps), parity=False)
        person, garment = inputs.person, inputs.garment
        if variation and random.random() < _DYED:
            person, garment = dyed_together(person, worn, garment, random)
        if self.options.augment and (variation or not count):
            person, garment, (mask,) = augmented(person, garment, [mask], random)
        return {
            "person": to_tensor(person),
            "garment": to_tensor(garment),
            "mask": torch.from_numpy(np.ascontiguousarray(mask)[None]).float(),
            "index": torch.tensor(index),
            "variation": torch.tensor(variation),
        }

    # --- networks --------------------------------------------------------------------------------------------
    def part(self, name: str, device: torch.device) -> Any:
        """A network, learning or at rest, on a device."""
        if name in self.modules:
            return self.modules[name]
        if name not in self._resting:
            self._resting[name] = self.start.network(name)
        return self._resting[name].to(device)

    def _ready(self, stage: str, device: torch.device) -> None:
        """The stage's networks learn, all others rest."""
        learning = trained_parts(stage, self.options)
        for name, module in self.modules.items():
            module.train(name in learning)
            module.requires_grad_(name in learning)
        if stage in _LAST and self.options.save_memory:
            unet = self.part("unet", device)
            unet.enable_gradient_checkpointing()
            unet.train()  # it works in this mode only; there is no dropout in this network

    def scale(self, device: torch.device) -> float:
        """Factor of the latents; measured where the autoencoder is not the start's, so that they have a deviation of 1."""
        vae = self.part("vae", device)
        if ("autoencoder" in self.stages or self.options.autoencoder) and not self._scaled:
            spread = []
            with torch.autocast(device.type, enabled=False):
                for index in range(min(_MEASURED, len(self))):
                    person = to_tensor(self._inputs(index)[0].person)[None].to(device)
                    spread.append(distributions(vae, person)[0].cpu())
            vae.register_to_config(scaling_factor=1.0 / max(float(torch.cat(spread).std()), 1e-6))
            self._scaled = True
        return float(vae.config.scaling_factor)

    # --- what resting networks give ----------------------------------------------------------------------------
    def _store(self, kind: str, *parts: str) -> FeatureStore:
        if kind not in self._stores:
            key = ""
            if self.options.cache == "disk":
                cpu = torch.device("cpu")
                samples = [(sample.person.content_hash(), sample.garment.content_hash()) for sample in self.samples]
                prompts = [(prompt.full, prompt.clothing) for prompt in self.prompts]
                networks = [tensors_hash(self.part(part, cpu)) for part in parts]
                how = [self.options.variations, self.options.random_mask, torch.is_autocast_enabled("cpu")]
                key = sha256_json([kind, list(self.size), networks, samples, prompts, how])
            self._stores[kind] = FeatureStore(self.options.cache, self.options.cache_folder, key)
        return self._stores[kind]

    def _text(self, batch: Batch, gone: Dropped, device: torch.device) -> dict[str, torch.Tensor]:
        encoders = [self.part(name, device) for name in _ENCODERS]
        prompts = [self.prompts[int(index)] for index in batch["index"]]
        if self.options.encoders:
            return silenced(spoken(self.tokenizers, encoders, prompts), gone)

        @torch.no_grad()
        def make(row: int) -> dict[str, torch.Tensor]:
            return {name: value[0] for name, value in spoken(self.tokenizers, encoders, [prompts[row]]).items()}

        return silenced(self._store("text", *_ENCODERS).batch(batch["index"], make, device), gone)

    def _latents(
        self, batch: Batch, gone: Dropped, generator: torch.Generator, device: torch.device
    ) -> dict[str, torch.Tensor]:
        vae, scale, count = self.part("vae", device), self.scale(device), self.options.variations
        pictures = {name: batch[name] for name in ("person", "garment")}
        masked = batch["person"] * (1 - batch["mask"])
        if count:  # then masks do not change either
            pictures["masked"] = masked
        make = partial(seen, vae, pictures)
        if self.options.augment and not count:  # never the same again
            rows = [make(row) for row in range(len(masked))]
            found = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        else:
            which = batch["index"] * max(count, 1) + batch["variation"]
            found = self._store("latents", "vae").batch(which, make, device)
        if not count:
            found["masked_mean"], found["masked_std"] = distributions(vae, masked)
        return drawn_latents(vae, found, torch.zeros_like(masked[:1]), gone, scale, generator)

    # --- steps -----------------------------------------------------------------------------------------------
    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """See :meth:`Task.step`: one step of the stage that the number belongs to."""
        stage, local = self.options.stage_at(number)
        self._number = number
        self._ready(stage, loop.device)
        with loop.precision():
            terms = self._terms(stage, batch, generator, loop.device)
            loss = total(louder(terms, self.options.perceptual_gain))
        optimizer = self.optimizers[stage]
        for group in optimizer.param_groups:
            group["lr"] = self.options.rate(stage, local)
        loop.update(optimizer, loss)
        return {f"{stage}/{name}": float(value.detach()) for name, (_, value) in terms.items()}

    def _terms(self, stage: str, batch: Batch, generator: torch.Generator, device: torch.device) -> Terms:
        options = self.options
        trunk = None if self._trunk is None else self._trunk.to(device)
        if stage == "autoencoder":
            truth = torch.cat([batch["person"], batch["garment"]])
            return autoencoder_terms(self.part("vae", device), truth, trunk, generator, options.crop)
        count = len(batch["index"])
        spared = painted(count) if stage == "finish" else 0
        gone = dropped(count, options.dropout, generator, device, spared)
        latents = self._latents(batch, gone, generator, device)
        text = self._text(batch, gone, device)
        parts = {name: self.part(name, device) for name in ("unet", "garment_unet", "vae")}
        if stage == "finish":
            return finish_terms(parts, self.plan, latents, text, batch, generator, trunk, options)
        time = times(count, self.plan, options.last_time, generator, device, options.late)
        networks = (parts["unet"], parts["garment_unet"])
        return noise_terms(*networks, self.plan, latents, text, batch["mask"], time, generator, learns=options.garment)

    # --- results ---------------------------------------------------------------------------------------------
    def _results(self, averaged: Mapping[str, nn.Module]) -> dict[str, Any]:
        """Networks that have learned something, with their running means where there are any."""
        found = {name: averaged.get(name, module) for name, module in self.modules.items() if name != _UPDATES}
        if _UPDATES in self.modules:
            found["unet"] = self._resting["unet"]
        return found

    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """See :meth:`Task.sheet`: garment, photo, and the photo made again or, in the last stage, painted anew."""
        results = self._results(averaged)

        def network(name: str) -> Any:
            made = results[name].to(device) if name in results else self.part(name, device)
            return made.eval()

        stage = self.options.stage_at(max(self._number, 0))[0]
        if stage in _LAST:
            self.scale(device)
        items = [self._inputs(index)[0] for index in range(min(4, len(self)))]
        return preview(stage, network, self.tokenizers, items, self.plan, device)

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """See :meth:`Task.export`: all parts and both tokenizers, the index last."""
        results = self._results(averaged)
        cpu = torch.device("cpu")
        if _LAST & set(self.stages):
            self.scale(next(iter(results["vae"].parameters())).device if "vae" in results else cpu)
        (folder / INDEX).unlink(missing_ok=True)
        hashes = {}
        for part in NETWORKS:
            network = copy.deepcopy(results[part] if part in results else self.part(part, cpu))
            if part == "unet" and _UPDATES in self.modules:
                network = merge(network)
            hashes[part] = save_network(network.half() if self.options.half else network, folder / part)
        self.start.write_tokenizers(folder)
        begin = self.options.start  # a folder's name says nothing elsewhere
        if self.start.folder is not None and begin != PUBLISHED:
            begin = f"weights {fingerprint(self.start.folder)[:12]}"
        note = f"trained: {', '.join(self.stages)}; began with {begin}"
        index = {
            "format": FORMAT,
            "name": note,
            "trained": True,
            "size": list(self.size),
            "scheduler": dict(self.start.scheduler),
        }
        write_json(folder / INDEX, {**index, "sha256": hashes})

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        options = asdict(self.options)
        for name in ("cache", "cache_folder", "save_memory", "half"):
            options.pop(name)
        options["autoencoder"] = sha256_file(self.start.autoencoder) if self.start.autoencoder else ""
        samples = [sample.id for sample in self.samples]
        prompts = sha256_json([[prompt.full, prompt.clothing] for prompt in self.prompts])
        model = None if self.start.sizes is None else self.start.sizes.to_json()
        return {
            "method": "promptdresser",
            "model": model,
            "options": options,
            "samples": samples,
            "prompts": prompts,
        }

    def state(self) -> dict[str, float]:
        """See :meth:`Task.state`: the last step's number, for the sheet."""
        return {"number": float(self._number)}

    def load_state(self, state: Mapping[str, float]) -> None:
        """See :meth:`Task.load_state`."""
        self._number = int(state["number"])
