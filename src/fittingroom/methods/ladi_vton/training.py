"""Training of LaDI-VTON: five stages as one training (and one more for models without a ready autoencoder).

Which stage a step belongs to follows from its number, so a training that was stopped goes on in the same stage with the same
bits. Each stage has its own optimiser; networks of other stages rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...core.errors import FittingroomError, InputError
from ...core.files import sha256_file, sha256_json
from ...core.images import Size, UInt8, to_tensor
from ...data.dataset import Dataset
from ...data.sample import CATEGORIES, Sample
from ...nn.lora import inject, merge
from ...nn.perceptual import features
from ...weights.recommended import recommend
from ..autoencoder import Terms, autoencoder_terms, louder, total
from ..critic import Critic, critic_terms, new_critic
from ..features import FeatureStore, tensors_hash
from ..painting import Painted, painted
from ..requirement import need
from ..task import Loop, Task
from .clip import look
from .conditions import garment_picture, person_parts, pose_factors, worn_garment
from .config import ModelConfig
from .finish import finish_terms
from .network import PARTS, write_out_attention
from .optimise import CRITIC, UPDATES, optimizer_of, trained_parts
from .preview import preview
from .recipe import TrainOptions
from .region import Rules, rules_for
from .start import Start, given_parts
from .steps import (
    Batch,
    dropped,
    emasc_terms,
    latent_features,
    noise_terms,
    refine_terms,
    resting_pictures,
    said,
    warp_terms,
    with_pose,
)
from .vary import Seen, varied
from .weights import SETS, copy_part, save_part, write_index

#: bytes of samples kept decoded, without their pose maps: photo, labels, mask and garment take eight for each pixel
_KEPT = 2**31
#: items by which the spread of a new autoencoder's latents is measured
_MEASURED = 16
#: raised whenever masks or what is aligned change, so that features that were kept on the disk are made again
_MASKS = 4
#: stages in which the UNet learns, and with the adapter's all that need features
_LAST = {"tryon", "finish"}
_DENOISING = {"adapter", *_LAST}


class LadiTask(Task):
    """See :class:`fittingroom.methods.task.Task`.

    Args:
        data: paired samples are learned from.
        config: sizes; those of the weights where the training begins with a folder's.
        options: how.
        seed: of new weights.

    Raises:
        InputError: no sample can be used.
        MissingError: libraries or weights are missing.
    """

    def __init__(self, data: Dataset, config: ModelConfig, options: TrainOptions, seed: int = 1) -> None:
        self.diffusers = need("diffusers")
        need("transformers")
        given = given_parts(options.autoencoder, options.parts)
        self.options, self.start = options, Start(options.start, config, seed, given)
        self.config = self.start.config
        self.samples, self.refused = self._usable(data)
        if not self.samples:
            reason = f" ({self.refused[0]})" if self.refused else ""
            raise InputError(
                f"nothing in {data.name} can be trained on{reason}",
                mend="paired samples with pose and parse are needed; `fittingroom dataset check` says what is missing",
                path=data.root,
            )
        self.stages = options.stages()
        looking = not {"adapter", "tryon"} >= set(self.stages)
        self._trunk = features(options.perceptual) if looking else None
        learning = {part for stage in self.stages for part in trained_parts(stage, options)}
        self.modules = {}
        self._resting: dict[str, Any] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for part in (*PARTS, UPDATES):
                if part == UPDATES and part in learning:
                    self._resting["unet"] = self.start.network("unet")
                    self.modules[part] = inject(self._resting["unet"], options.lora)
                elif part in learning:
                    self.modules[part] = self.start.network(part)
            if options.critic and self._trunk is not None and "finish" in self.stages:
                shown = self.config.latent * (2 if self.config.takes_garment else 1)
                self.modules[CRITIC] = new_critic(self._trunk, shown)
        # low-rank updates have no running mean: it would be that of two factors, not of their product
        last = [part for part in trained_parts("tryon", options) if part != UPDATES and _LAST & set(self.stages)]
        self.averages = dict.fromkeys(last, 1000 * options.average_kimg) if options.average_kimg else {}
        teaching = {stage: trained_parts(stage, options) for stage in self.stages}
        teaching |= {CRITIC: (CRITIC,)} if CRITIC in self.modules else {}
        self.optimizers = {
            stage: optimizer_of(stage, [self.modules[part] for part in parts], options)
            for stage, parts in teaching.items()
        }
        self._store: FeatureStore | None = None
        self._number, self._measured = -1, 0.0
        self._painted: Painted | None = None
        self._parts = lru_cache(maxsize=self._kept())(self._read)

    def _usable(self, data: Dataset) -> tuple[list[Sample], list[str]]:
        good, refused = [], []
        for sample in data.samples("paired"):
            try:
                self._prepare(sample, self.config.size)
            except FittingroomError as error:
                refused.append(str(error))
            else:
                good.append(replace(sample, person=sample.person.fresh(), garment=sample.garment.fresh()))
        return good, refused

    # --- items -----------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self.samples)

    def __getstate__(self) -> dict[str, Any]:
        # processes that prepare items need the samples only
        wanted = ("samples", "config", "options")
        return {name: value for name, value in self.__dict__.items() if name in wanted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._parts = lru_cache(maxsize=self._kept())(self._read)

    def _prepare(self, sample: Sample, size: Size) -> tuple[Any, ...]:
        rules = self.options.rules
        published = self.options.published
        _, picture, labels, pose, mask = person_parts(sample.person, sample.category, size, rules, published=published)
        return picture, labels, pose, mask, garment_picture(sample.garment, size, rules)

    def _kept(self) -> int:
        return max(1, _KEPT // (8 * self.config.size[0] * self.config.size[1]))

    def _read(self, index: int, size: Size) -> tuple[Any, ...]:
        sample = self.samples[index]
        return self._prepare(replace(sample, person=sample.person.fresh(), garment=sample.garment.fresh()), size)

    def _rules(self, index: int) -> Rules:
        return rules_for(self.options.rules, self.samples[index].category, published=self.options.published)

    def _tensors(self, index: int, size: Size, variation: int = 0) -> dict[str, torch.Tensor]:
        seen, rules = Seen(*self._parts(index, size)), self._rules(index)
        if variation:
            seen = varied(seen, rules.worn, np.random.default_rng((index, variation)))
        person = to_tensor(seen.picture)
        rows, columns = pose_factors(seen.pose, size)
        return {
            "person": person,
            "garment": to_tensor(seen.garment),
            "worn": worn_garment(person, seen.labels, rules),
            "mask": torch.from_numpy(seen.mask[None]).float(),
            "rows": rows.float(),
            "columns": columns.float(),
        }

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """See :meth:`Task.item`: ``person``, ``garment``, ``worn`` ``(3, H, W)``, ``mask``, factors of the pose map; the seed varies."""
        count, variation = self.options.variations, seed % self.options.variations
        made = self._tensors(index, self.config.size, variation)
        if self.options.published and "warp" in self.options.stages():
            small = self._tensors(index, self.config.warping.size)
            made |= {f"low_{name}": value for name, value in small.items()}
        category = CATEGORIES.index(self.samples[index].category)
        return {**made, "index": torch.tensor(index * count + variation), "category": torch.tensor(category)}

    # --- networks --------------------------------------------------------------------------------------------
    def part(self, name: str, device: torch.device) -> Any:
        """A network, learning or at rest, on a device."""
        if name in self.modules:
            return self.modules[name]
        if name not in self._resting:
            self._resting[name] = self.start.base_unet() if name == "base" else self.start.network(name)
        return self._resting[name].to(device)

    def _ready(self, stage: str) -> None:
        """The stage's networks learn, all others rest."""
        learning = trained_parts(stage, self.options)
        for name, module in self.modules.items():
            module.train(name in learning)
            module.requires_grad_(name in learning)
            if name == "refinement" and self.options.still_norms:
                module.eval()  # nothing else in it has two modes
        if self.options.save_memory and stage in _DENOISING:
            here: dict[str, Any] = {**self._resting, **self.modules}
            for name in ("unet", "base"):
                if name in here:
                    here[name].enable_gradient_checkpointing()
                    here[name].train()  # it works in this mode only; there is no dropout in these networks

    def scaled(self, device: torch.device) -> ModelConfig:
        """Sizes, with the scale of the latents measured where the autoencoder is not the start's."""
        if "autoencoder" not in self.stages and "vae" not in self.start.given:
            return self.config
        if not self._measured:
            vae, spread = self.part("vae", device), []
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                for index in range(min(_MEASURED, len(self))):
                    person = self._tensors(index, self.config.size)["person"].to(device)
                    spread.append(latent_features(vae, {"person": person})["person_mean"].cpu())
            self._measured = 1.0 / max(float(torch.stack(spread).std()), 1e-6)
        return replace(self.config, vae={**self.config.vae, "scaling_factor": self._measured})

    def _latents(self, batch: Batch, device: torch.device) -> dict[str, torch.Tensor]:
        """What resting networks make of a batch: distributions of latents, and the vision tower's tokens."""
        vae, learned = self.part("vae", device), "vision" in self.modules
        takes = self.config.takes_garment
        matcher, refinement = (self.part(name, device) if takes else None for name in ("matcher", "refinement"))

        @torch.no_grad()
        def make(row: int) -> dict[str, torch.Tensor]:
            one = {name: value[row : row + 1] for name, value in batch.items()}
            found = latent_features(vae, resting_pictures(one, matcher, refinement, self.options))
            if not learned:
                found["tokens"] = look(self.part("vision", device), one["garment"])[0]
            return found

        if self._store is None:
            reduced = torch.is_autocast_enabled(device.type)
            key = self._key(reduced) if self.options.cache == "disk" else ""
            self._store = FeatureStore(self.options.cache, self.options.cache_folder, key)
        features = self._store.batch(batch["index"], make, device)
        if learned:
            features["tokens"] = look(self.part("vision", device), batch["garment"])
        return features

    def _key(self, reduced: bool) -> str:
        """Of everything that the features depend on: data, sizes, precision, and the weights of the networks that make them."""
        # a vision tower that learns leaves nothing behind that is kept
        makers = ("vae", "matcher", "refinement", *(() if "vision" in self.modules else ("vision",)))
        weights = {part: tensors_hash(self.modules[part]) for part in makers if part in self.modules}
        begin = self.options.start if self.start.bundle is None else self.start.bundle.fingerprint(*makers)
        begin += self._given(makers)
        samples = [[each.person.content_hash(), each.garment.content_hash()] for each in self.samples]
        options = self.options
        slips = [options.published, options.rules, _MASKS, reduced, options.variations, options.align]
        return sha256_json([self.config.to_json(), begin, self.start.seed, weights, slips, samples])

    def _given(self, parts: Sequence[str] = PARTS) -> str:
        """SHA-256 of the parts' own files, or nothing."""
        return " ".join(sha256_file(path) for part, path in sorted(self.start.given.items()) if part in parts)

    # --- steps -----------------------------------------------------------------------------------------------
    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """See :meth:`Task.step`: one step of the stage that the number belongs to."""
        stage, local = self.options.stage_at(number)
        self._number, batch = number, with_pose(batch)
        if stage in _DENOISING:
            self.part("base" if stage == "adapter" else "unet", loop.device)
        self._ready(stage)
        with loop.precision():
            if stage in _DENOISING and not self.options.save_memory:
                write_out_attention({**self._resting, **self.modules}, loop.device)
            terms = self._terms(stage, batch, generator, loop.device)
            loss = total(louder(terms, self.options.perceptual_gain))
        optimizer = self.optimizers[stage]
        for group in optimizer.param_groups:
            group["lr"] = self.options.rate(stage, local)
        loop.update(optimizer, loss)
        values = {name: value for name, (_, value) in terms.items()}
        given, self._painted = self._painted, None
        if given is not None and CRITIC in self.modules:
            values |= self._judge(given, loop, local)
        return {f"{stage}/{name}": float(value.detach()) for name, value in values.items()}

    def _judge(self, given: Painted, loop: Loop, local: int) -> dict[str, torch.Tensor]:
        """One step of the critic on what was just painted."""
        critic, trunk = self.modules[CRITIC].train().requires_grad_(True), self._trunk
        assert trunk is not None  # options without one are refused
        assert isinstance(critic, Critic)
        with loop.precision():
            terms = critic_terms(critic, trunk, given)
        for group in self.optimizers[CRITIC].param_groups:
            group["lr"] = self.options.rate(CRITIC, local)
        loop.update(self.optimizers[CRITIC], total(terms))
        return {name: value for name, (_, value) in terms.items()}

    def _terms(self, stage: str, batch: Batch, generator: torch.Generator, device: torch.device) -> Terms:
        options, part = self.options, partial(self.part, device=device)
        trunk = None if self._trunk is None else self._trunk.to(device)
        if stage == "autoencoder":
            truth = torch.cat([batch["person"], batch["garment"]])
            return autoencoder_terms(part("vae"), truth, trunk, generator, options.crop)
        if stage == "warp":
            return warp_terms(part("matcher"), batch, options.published, options.warp_coarse, options.warp_even)
        if stage == "refine":
            heard = trunk if options.refine_perceptual else None
            return refine_terms(part("matcher"), part("refinement"), batch, heard)
        if stage == "emasc":
            return emasc_terms(part("vae"), part("emasc"), batch, trunk, generator, options.save_memory)
        config, features = self.scaled(device), self._latents(batch, device)
        words = part("adapter")(features["tokens"])
        noise = self.diffusers.DDPMScheduler.from_config(dict(config.noise))
        if stage == "adapter":
            text = said(part("text"), words, batch["category"])
            return noise_terms(part("base"), noise, config, batch, features, text, generator, None, options.late)
        spared = painted(len(words)) if stage == "finish" else 0
        gone = dropped(len(words), options.dropout, generator, device, spared)
        text = said(part("text"), words, batch["category"], gone.prompt)
        if stage == "finish":
            names = ("unet", "vae", "emasc", *((CRITIC,) if CRITIC in self.modules else ()))
            parts = {name: part(name) for name in names}
            terms, self._painted = finish_terms(
                parts, noise, config, batch, features, text, generator, gone, trunk, options.late, options.crop
            )
            return terms
        return noise_terms(part("unet"), noise, config, batch, features, text, generator, gone, options.late)

    # --- results ---------------------------------------------------------------------------------------------
    def _results(self, averaged: Mapping[str, nn.Module]) -> dict[str, Any]:
        """Networks that have learned something, with their running means where there are any."""
        found = {name: averaged.get(name, module) for name, module in self.modules.items() if name != UPDATES}
        if UPDATES in self.modules:
            found["unet"] = self._resting["unet"]
        return found

    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """See :meth:`Task.sheet`: what the present stage can do, see :func:`~.preview.preview`."""
        results = self._results(averaged)

        def network(name: str) -> Any:
            made = results[name].to(device) if name in results else self.part(name, device)
            return made.eval()

        stage = self.options.stage_at(max(self._number, 0))[0]
        items = [self.item(index, 0) for index in range(min(4, len(self)))]
        batch = with_pose({name: torch.stack([item[name] for item in items]).to(device) for name in items[0]})
        rows: UInt8 = preview(stage, network, batch, self.scaled(device) if stage in _LAST else self.config)
        return np.ascontiguousarray(rows)

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """See :meth:`Task.export`: what has learned, and whatever else is here; published base parts are not copied."""
        results = self._results(averaged)
        if UPDATES in self.modules:  # a copy, since the training may go on
            import copy

            results["unet"] = merge(copy.deepcopy(self._resting["unet"]))
        for part in PARTS:
            kind = torch.float16 if self.options.half else None
            if part in results:
                save_part(results[part], part, folder, kind)
            elif self.start.bundle is not None and part not in self.start.given:
                copy_part(self.start.bundle, part, folder)
            elif self.options.start != "published-base":
                save_part(self.part(part, torch.device("cpu")), part, folder, kind)
        config = self.scaled(next(iter(next(iter(results.values())).parameters())).device)
        begin = self.options.start  # a folder's name says nothing elsewhere
        if self.start.bundle is not None and begin not in SETS:
            begin = f"weights {self.start.bundle.fingerprint()[:12]}"
        note = f"trained: {', '.join(self.stages)}; began with {begin}"
        recommend(folder, {"published_mask": self.options.published})  # as they were learned with
        write_index(folder, config, self.options.rules, note, True)

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        options = asdict(self.options)
        for name in ("cache", "cache_folder", "save_memory", "half"):
            options.pop(name)
        options["autoencoder"] = options["parts"] = self._given()
        samples = [sample.id for sample in self.samples]
        return {"method": "ladi-vton", "model": self.config.to_json(), "options": options, "samples": samples}

    def state(self) -> dict[str, float]:
        """See :meth:`Task.state`: the last step's number, for the sheet."""
        return {"number": float(self._number)}

    def load_state(self, state: Mapping[str, float]) -> None:
        """See :meth:`Task.load_state`."""
        self._number = int(state["number"])
