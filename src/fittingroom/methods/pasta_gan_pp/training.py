"""Training of PASTA-GAN++ on photos of dressed people: items, one step, sample sheet (spec section 4).

Nobody needs to be photographed twice: a photo's own garments are cut into patches, laid back onto its own pose with parts
erased, and the network learns to make the photo again. Trying on is the same with somebody else's patches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn

from ...core.errors import FittingroomError, InputError
from ...core.images import UInt8
from ...data.dataset import Dataset
from ...data.sample import Person
from ...nn.augment import Controller, augment
from ...nn.perceptual import features
from ...nn.stylegan2 import draw_noise
from ..task import Loop, Task
from .body import Body
from .conditions import prepare_training, tensors
from .config import LABELS, GeneratorConfig
from .discriminator import Discriminator
from .erasing import free_form
from .folder import METHOD, find_weights, load_generator, save_generator
from .growing import HalfSize, half_terms
from .losses import COLOUR, GAN, GAN_PARSING, L1, PARSING, VGG
from .network import Generated, Generator, run_generator
from .options import TrainOptions
from .phases import (
    Augment,
    Features,
    Truth,
    discriminator_phase,
    generator_terms,
    one_hot,
    parsing_phase,
    penalty_phase,
    same,
    total,
)
from .placing import on_canvas
from .reading import StyleReading, dyed, reading_terms
from .recolour import recoloured
from .regions import BACKGROUND
from .sheet import draw_sheet, maker

_ADAM_BETA2, _ADAM_EPS = 0.99, 1e-8
#: the published run keeps a phase of the generator's regularisation in its schedule that does nothing; its rates follow from it
_GENERATOR_INTERVAL = 4
#: bodies kept decoded; one of 512 x 512 takes 3 MB
_KEPT_BODIES = 256
_SHEET_PEOPLE = 6
#: while the patch encoder is taught alone: copies of each photo's patches in other colours
_COPIES = 8
#: keeps the draws of recolouring apart from those of erasing
_DYE = 1


def adam(
    parameters: Sequence[nn.Parameter],
    lr: float,
    interval: int,
    slower: Sequence[nn.Parameter] = (),
    factor: float = 1.0,
) -> torch.optim.Adam:
    """Adam corrected for a regularisation that runs every ``interval`` steps only (Karras et al. 2020, appendix B).

    Args:
        parameters: what it updates.
        lr: rate before the correction.
        interval: steps.
        slower: those of the parameters that have another rate.
        factor: theirs, as a part of ``lr``.
    """
    ratio, apart = interval / (interval + 1), {id(parameter) for parameter in slower}
    groups: list[dict[str, Any]] = [{"params": [each for each in parameters if id(each) not in apart]}]
    if slower:
        groups.append({"params": list(slower), "lr": lr * factor * ratio})
    return torch.optim.Adam(groups, lr=lr * ratio, betas=(0.0, _ADAM_BETA2**ratio), eps=_ADAM_EPS, fused=True)


def usable(people: Sequence[Person], config: GeneratorConfig) -> tuple[list[Person], list[str]]:
    """People whose photos can be learned from, and one line for each of the others."""
    good, refused = [], []
    for person in people:
        try:
            body, _ = on_canvas(person.fresh(), config)
            if not (body.upper.any() or body.lower.any()):
                raise InputError(f"no garment in the parse of {person.id}")
            if all(quad is None for quad in body.quads):
                raise InputError(f"no part of the body of {person.id} can be told from its pose")
        except FittingroomError as error:
            refused.append(str(error))
        else:
            good.append(person)
    return good, refused


class PastaTask(Task):
    """See :class:`fittingroom.methods.task.Task`.

    Args:
        data: any dataset with pose and parse of people; pairs are not looked at.
        config: sizes.
        options: how.
        seed: of the first weights.

    Raises:
        InputError: nobody in the dataset can be used.
        MissingError: weights of the perceptual loss are missing.
    """

    def __init__(self, data: Dataset, config: GeneratorConfig, options: TrainOptions, seed: int = 1) -> None:
        self.config, self.options = config, options
        self._trunk = features(options.perceptual)
        self.people, self.refused = usable(list(data.people.values()), config)
        if not self.people:
            reason = f" ({self.refused[0]})" if self.refused else ""
            raise InputError(
                f"nobody in {data.name} can be trained on{reason}",
                mend="`fittingroom dataset check` says what is missing",
                path=data.root,
            )
        torch.manual_seed(seed)
        self.generator, self._began = Generator(config), ""
        if options.start:
            self._began = self._begin(options.start)
        self.judge = Discriminator(3 + 3, config)
        self.judge_parsing = Discriminator(len(LABELS) + 3, config)
        # after the networks of the published training, whose first weights stay those of the seed
        self._half, self._reading = HalfSize(self.generator), StyleReading(self.generator)
        self.modules = {"generator": self.generator, "image": self.judge, "parsing": self.judge_parsing}
        self.averages = {"generator": options.average_kimg * 1000}
        self.optimizers = {
            "generator": self._adam(),
            "image": adam(list(self.judge.parameters()), options.lr, options.r1_every),
            "parsing": adam(list(self.judge_parsing.parameters()), options.lr, options.r1_every),
        }
        if options.parsing_twice:
            self.optimizers["parsing-again"] = adam(list(self.judge_parsing.parameters()), options.lr, options.r1_every)
        if options.style_kimg:
            self.modules["reading"] = self._reading.head
            self.optimizers["reading"] = self._reading.adam(options.lr)
        self.controller = Controller(target=options.ada_target, kimg=options.ada_kimg)
        self.weights = {
            GAN.name: options.gan,
            GAN_PARSING.name: options.gan,
            L1.name: options.l1,
            COLOUR.name: options.colour,
            VGG.name: options.vgg,
            PARSING.name: options.parsing,
        }
        self._at_half = False
        self._body = lru_cache(maxsize=_KEPT_BODIES)(self._read)

    def _adam(self) -> torch.optim.Adam:
        """The generator's optimiser."""
        slower, factor = list(self.generator.style_encoding.model.parameters()), self.options.style_lr
        return adam(
            list(self.generator.parameters()),
            self.options.lr,
            _GENERATOR_INTERVAL,
            slower if factor != 1 else (),
            factor,
        )

    def _begin(self, start: str) -> str:
        """Take over a generator's weights; returns their SHA-256."""
        given, digest, _ = load_generator(find_weights(start))
        if given.config != self.config:
            raise InputError(
                f"the generator of {start} has other sizes than the recipe",
                mend=f"write them into the recipe's table [generator]: {asdict(given.config)}",
            )
        self.generator.load_state_dict(given.state_dict())
        return digest

    def compilable(self) -> Sequence[nn.Module]:
        """See :meth:`Task.compilable`; the discriminators' penalty needs second derivatives."""
        return [self.generator, self._half, self._reading]

    def __len__(self) -> int:
        return len(self.people) * (2 if self.options.mirror else 1)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["_body"]  # each process that prepares items keeps its own
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._body = lru_cache(maxsize=_KEPT_BODIES)(self._read)

    def _read(self, index: int) -> Body:
        who, mirrored = index % len(self.people), index >= len(self.people)
        return on_canvas(self.people[who].fresh(), self.config, mirrored=mirrored)[0]

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """See :meth:`Task.item`: inputs of the generator, ``photo`` ``(3, H, W)`` and ``label`` ``(1, H, W)``."""
        body = self._body(index)
        if self.options.recolour:
            body = recoloured(body, self.options.recolour, np.random.default_rng([seed, _DYE]))
        erased = None
        if self.options.erase:
            erased = free_form(self.config.height, self.config.width, np.random.default_rng(seed))
        made = prepare_training(body, self.config, Random(seed), erased, erase=self.options.erase)
        photo = torch.from_numpy(self._wanted(body)).permute(2, 0, 1).float() / 127.5 - 1
        return {**tensors(made.inputs), "photo": photo, "label": torch.from_numpy(made.label).float()[None]}

    def _wanted(self, body: Body) -> UInt8:
        """The photo that the network shall make."""
        if self.options.background == "photo":
            return body.image
        return np.where(body.labels[..., None] == BACKGROUND, np.uint8(255), body.image)

    def _features(self, device: torch.device) -> Features | None:
        return None if self._trunk is None else self._trunk.to(device)

    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """See :meth:`Task.step`: generator, image discriminator, parsing discriminator; penalties when they are due."""
        options, size = self.options, len(batch["photo"])
        adversarial = number * size * loop.world >= options.gan_from_kimg * 1000
        truth = Truth(batch["photo"], batch["label"], batch["pose"][:, :3])
        p = self.controller.p if options.ada_target > 0 else 0.0

        def changed(picture: torch.Tensor) -> torch.Tensor:
            return augment(picture, p, generator)

        change: Augment = changed if p > 0 else same
        features, pictures = self._features(loop.device), number * size * loop.world
        self._at_half = pictures < max(options.style_kimg, options.half_kimg) * 1000
        if pictures < options.style_kimg * 1000:
            return self._reading_step(batch["parts"], generator, loop)
        if pictures < options.half_kimg * 1000:
            return self._half_step(batch, truth, features, generator, loop)

        for judge in (self.judge, self.judge_parsing):
            judge.requires_grad_(False)
        with loop.precision():
            drawn = draw_noise(self.generator, [generator] * size)
            made = run_generator(self.generator, batch, truth.label, drawn)
            seen = made
            if options.detach_style:
                seen = Generated(made.coarse, made.final, made.logits, made.label, made.style.detach())
            judges = (self.judge, self.judge_parsing) if adversarial else None
            terms = generator_terms(seen, truth, judges, features, change, colour=self.options.colour > 0)
            loss = total(terms, self.weights)
        loop.update(self.optimizers["generator"], loss)
        numbers = {f"G/{name}": value.detach() for name, value in terms.items()}
        if not adversarial:
            return {name: float(value) for name, value in numbers.items()}
        fakes = made.detach()
        del made, seen, terms

        due = number % options.r1_every == 0
        self.judge.requires_grad_(True)
        fakes = self._fakes(fakes, batch, truth, generator, loop)
        with loop.precision():
            judged = discriminator_phase(fakes, truth, self.judge, change)
        loop.update(self.optimizers["image"], judged.loss)
        numbers["D/loss"] = judged.loss.detach()
        numbers["D/real_sign"] = loop.average(judged.real.detach().sign().mean())
        if due:
            penalty = penalty_phase(truth.photo, truth, fakes.style, self.judge, change)
            loop.update(self.optimizers["image"], penalty * (options.r1_gamma / 2 * options.r1_every))
            numbers["D/r1"] = penalty.detach()
        self.judge.requires_grad_(False)

        self.judge_parsing.requires_grad_(True)
        for name in ("parsing", "parsing-again"):
            if name not in self.optimizers:
                continue
            fakes = self._fakes(fakes, batch, truth, generator, loop)
            with loop.precision():
                judged_parsing = parsing_phase(fakes, truth, self.judge_parsing)
            loop.update(self.optimizers[name], judged_parsing.loss)
            numbers["Dp/loss"] = judged_parsing.loss.detach()
            if due:
                hot = one_hot(truth.label)
                penalty = penalty_phase(hot, truth, fakes.style, self.judge_parsing)
                loop.update(self.optimizers[name], penalty * (options.r1_gamma / 2 * options.r1_every))
                numbers["Dp/r1"] = penalty.detach()

        if options.ada_target > 0:
            self.controller.see(float(numbers["D/real_sign"]))
            self.controller.adjust(number, size * loop.world)
        return {**{name: float(value) for name, value in numbers.items()}, "D/augment_p": self.controller.p}

    def _reading_step(self, parts: torch.Tensor, generator: torch.Generator, loop: Loop) -> Mapping[str, float]:
        """One step of the patch encoder alone; each photo's patches are shown in several colours."""
        parts = dyed(parts.repeat(_COPIES, 1, 1, 1), generator)
        with loop.precision():
            read, w = self._reading(parts)
            terms = reading_terms(read, w, parts)
        loop.update(self.optimizers["reading"], total(terms, dict.fromkeys(terms, 1.0)))
        return {f"style/{name}": float(value.detach()) for name, value in terms.items()}

    def _half_step(
        self,
        batch: Mapping[str, torch.Tensor],
        truth: Truth,
        features: Features | None,
        generator: torch.Generator,
        loop: Loop,
    ) -> Mapping[str, float]:
        """One step of the style branch at half the size."""
        with loop.precision():
            drawn = draw_noise(self.generator, [generator] * len(truth.photo))
            made = self._half(batch["parts"], batch["retain"], batch["pose"], drawn)
            terms = half_terms(made, truth, features)
            loss = total(terms, self.weights)
        loop.update(self.optimizers["generator"], loss)
        return {f"half/{name}": float(value.detach()) for name, value in terms.items()}

    def _fakes(
        self,
        fakes: Generated,
        batch: Mapping[str, torch.Tensor],
        truth: Truth,
        generator: torch.Generator,
        loop: Loop,
    ) -> Generated:
        """What a discriminator learns from: made anew with the new weights, or those of the generator's phase."""
        if self.options.share_forward:
            return fakes
        with torch.no_grad(), loop.precision():
            drawn = draw_noise(self.generator, [generator] * len(truth.photo))
            return run_generator(self.generator, batch, truth.label, drawn).float()

    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """See :meth:`Task.sheet`: rows of photo, the same made again, next person, and her garments on the first."""
        bodies = [self._body(index) for index in range(min(_SHEET_PEOPLE, len(self.people)))]
        return draw_sheet(bodies, self.config, maker(averaged["generator"], half=self._at_half), device)

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """See :meth:`Task.export`."""
        made = averaged["generator"]
        assert isinstance(made, Generator)
        save_generator(made, folder, {"trained": dict(self.description())}, half=self.options.half)

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        options = asdict(self.options)
        options.pop("half")
        options["start"] = self._began
        return {
            "method": METHOD,
            "generator": asdict(self.config),
            "options": options,
            "people": [person.id for person in self.people],
        }

    def state(self) -> dict[str, float]:
        """See :meth:`Task.state`: of the augmentation's controller."""
        return {"p": self.controller.p, "signs": self.controller.signs, "count": self.controller.count}

    def load_state(self, state: Mapping[str, float]) -> None:
        """See :meth:`Task.load_state`."""
        self.controller.p, self.controller.signs, self.controller.count = state["p"], state["signs"], state["count"]
