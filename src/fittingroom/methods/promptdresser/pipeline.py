"""From conditions to a picture: text, garment, the stage that finds the mask, and the stage that paints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from ...core.errors import InputError
from ...core.files import cache_folder, sha256_bytes, sha256_json, write_bytes
from ...core.images import UInt8, to_image, to_tensor
from ...weights.convert import read_tensors
from .attention import GarmentFeatures, join, project
from .finder import Parser, by_colour, by_parser
from .guidance import BRANCHES, Guidance, branch_inputs, combine
from .masks import Mask, check, to_latents
from .masks import join as join_masks
from .memory import Parts
from .network import garment_features, predict_noise, time_ids
from .options import Options
from .prompts import Prompts
from .schedule import Multistep, Schedule, ancestral_step, clean_latents
from .text import Text, encode

#: how many garments and prompts are remembered
_REMEMBERED = 4
#: what random numbers are drawn for; each purpose has its own
_GARMENT, _FINDING, _PAINTING, _ENCODING = range(4)


@dataclass(frozen=True)
class Inputs:
    """One try-on, at the size that the networks work at.

    Args:
        person: ``(H, W, 3)`` uint8.
        garment: ``(H, W, 3)`` uint8, on white.
        garment_mask: ``(H, W)`` bool.
        fine: ``(H, W)`` bool, mask that hugs what is to be painted anew.
        coarse: ``(H, W)`` bool, all that might be painted anew.
        prompts: of the pair.
        category: of the garment.
        who: for messages.
    """

    person: UInt8
    garment: UInt8
    garment_mask: Mask
    fine: Mask
    coarse: Mask
    prompts: Prompts
    category: Any
    who: str


@dataclass(frozen=True)
class Result:
    """What came out.

    Args:
        picture: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` bool, what was painted.
        draft: ``(H, W, 3)`` uint8, the first stage's picture, where there was one.
        evaluations: branches of the main network computed.
    """

    picture: UInt8
    mask: Mask
    draft: UInt8 | None
    evaluations: int


def generator(seed: int, purpose: int) -> torch.Generator:
    """Random numbers of one purpose, on the processor, so that devices agree."""
    return torch.Generator().manual_seed((seed * 8 + purpose) % 2**63)


class Pipeline:
    """The networks at work on one try-on after another.

    Args:
        parts: the networks.
        plan: noise schedule.
        options: what was chosen.
        parser: of the first stage's picture; by colour without one.
        identity: hash of the weights, part of the garment cache's keys.
    """

    def __init__(
        self, parts: Parts, plan: Schedule, options: Options, parser: Parser | None = None, identity: str = ""
    ) -> None:
        self.parts, self.plan, self.options, self.parser, self.identity = parts, plan, options, parser, identity
        self._texts: OrderedDict[str, Text] = OrderedDict()
        self._garments: OrderedDict[str, GarmentFeatures] = OrderedDict()

    # --- text ---------------------------------------------------------------------------------------------------
    def texts(self, *prompts: str) -> list[Text]:
        """Encoded prompts; the encoders are there only while something new is to be read."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._texts]
        if new:
            tokenizers = self.parts.tokenizers()
            with self.parts.use("text_encoder", "text_encoder_2") as encoders:
                for prompt in new:
                    self._texts[prompt] = encode(tokenizers, (encoders[0], encoders[1]), prompt, self.parts.device)
        found = [self._texts[prompt].to(self.parts.device, self.parts.kind) for prompt in prompts]
        while len(self._texts) > 4 * _REMEMBERED:
            self._texts.popitem(last=False)
        return found

    # --- latents ------------------------------------------------------------------------------------------------
    def encode(self, vae: Any, pixels: torch.Tensor, source: torch.Generator) -> torch.Tensor:
        """``(B, 3, H, W)`` in [-1, 1] to latents ``(B, 4, h, w)`` float32."""
        found = vae.encode(pixels.to(self.parts.device, self.parts.kind)).latent_dist
        latents: torch.Tensor = found.sample(generator=source) if self.options.sample_latents else found.mode()
        return latents.float() * float(vae.config.scaling_factor)

    def decode(self, latents: torch.Tensor) -> UInt8:
        """``(1, 4, h, w)`` to a picture ``(H, W, 3)`` uint8."""
        with self.parts.use("vae") as (vae,):
            pixels = vae.decode((latents / float(vae.config.scaling_factor)).to(self.parts.kind)).sample
            if not torch.isfinite(pixels).all():
                raise InputError("the decoded picture is not finite", mend="use --set dtype=float32")
            return to_image(pixels[0])

    # --- garment ------------------------------------------------------------------------------------------------
    def garment(self, picture: UInt8, prompt: str) -> GarmentFeatures:
        """Features without garment and with it, for the three branches; remembered by content."""
        size = (picture.shape[0], picture.shape[1])
        nothing = self._remembered(
            {"garment": "none", "size": list(size)}, lambda: self._see(torch.zeros(1, 3, *size), None)
        )
        dressed = self._remembered(
            {"garment": sha256_bytes(np.ascontiguousarray(picture).tobytes()), "prompt": prompt, "size": list(size)},
            lambda: self._see(to_tensor(picture)[None], prompt),
        )
        return join([nothing, dressed]).for_rows((0, 1, 1))

    def _see(self, pixels: torch.Tensor, prompt: str | None) -> GarmentFeatures:
        text = self.texts(prompt or "")[0]
        if prompt is None:
            text = Text(torch.zeros_like(text.tokens), torch.zeros_like(text.pooled))
        with self.parts.use("vae") as (vae,):
            # one draw for all garments: features may be shared by seeds and persons
            latents = self.encode(vae, pixels, generator(0, _GARMENT))
        ids = time_ids((pixels.shape[2], pixels.shape[3]), 1).to(self.parts.device, self.parts.kind)
        with self.parts.use("garment_unet") as (network,):
            return garment_features(network, latents.to(self.parts.kind), text.tokens, text.pooled, ids)

    def _remembered(self, key: Mapping[str, Any], make: Callable[[], GarmentFeatures]) -> GarmentFeatures:
        name = sha256_json(
            {**key, "weights": self.identity, "dtype": str(self.parts.kind), "sampled": self.options.sample_latents}
            | {"fp8": self.parts.plan.fp8, "tiled": self.parts.plan.tiled}
        )
        if name in self._garments:
            self._garments.move_to_end(name)
            return self._garments[name].to(self.parts.device)
        path = cache_folder() / "promptdresser" / f"{name}.safetensors"
        found = _read_features(path) if self.options.cache == "disk" else None
        if found is None:
            found = make()
            if self.options.cache == "disk":
                write_bytes(path, safetensors.torch.save({k: v.cpu().contiguous() for k, v in found.banks.items()}))
        if self.options.cache != "none":
            self._garments[name] = found.to("cpu")
            while len(self._garments) > _REMEMBERED:
                self._garments.popitem(last=False)
        return found.to(self.parts.device)

    # --- painting -----------------------------------------------------------------------------------------------
    def _masked(self, person: UInt8, mask: Mask, seed: int, purpose: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The mask at the latents' size, and latents of the person with grey in it."""
        pixels = to_tensor(person)[None] * torch.from_numpy(~mask)[None, None]
        with self.parts.use("vae") as (vae,):
            latents = self.encode(vae, pixels, generator(seed, _ENCODING + purpose))
        small = torch.from_numpy(np.ascontiguousarray(to_latents(mask)))[None, None]
        return small.to(self.parts.device, self.parts.kind), latents.to(self.parts.kind)

    def paint(
        self,
        network: Any,
        condition: tuple[torch.Tensor, torch.Tensor],
        text: torch.Tensor,
        pooled: torch.Tensor,
        features: GarmentFeatures,
        scales: Guidance,
        steps: int,
        noise: torch.Generator,
        stop: int | None = None,
    ) -> tuple[torch.Tensor, int]:
        """Sample from noise.

        Args:
            network: the main network.
            condition: mask and masked latents.
            text: ``(1, T, D)`` full prompt.
            pooled: ``(1, P)`` its summary.
            features: for three rows.
            scales: guidance.
            steps: of the schedule.
            noise: random numbers.
            stop: index of the step at which the predicted picture is returned; None = go to the end.

        Returns:
            ``(1, 4, h, w)`` float32 clean latents, and how many branches were computed.
        """
        mask, masked = condition
        device, kind = self.parts.device, self.parts.kind
        size = (8 * masked.shape[2], 8 * masked.shape[3])
        ids = time_ids(size, 1).to(device, kind)
        latents = torch.randn(masked.shape, generator=noise).to(device)
        multistep = Multistep(self.plan, steps) if self.options.solver == "dpm++" else None
        texts, summaries, all_ids = branch_inputs(text, pooled, ids)
        if self.parts.plan.projected:
            features = project(network, features)
        computed = 0
        for index, time in enumerate(self.plan.times(steps)):
            rows = range(BRANCHES) if scales.at(index, steps) else range(BRANCHES - 1, BRANCHES)
            groups = [list(rows)] if self.parts.plan.together else [[row] for row in rows]
            found = []
            for group in groups:
                count = len(group)
                found.append(
                    predict_noise(
                        network,
                        latents.to(kind).expand(count, -1, -1, -1),
                        mask.expand(count, -1, -1, -1),
                        masked.expand(count, -1, -1, -1),
                        time,
                        texts[group],
                        summaries[group],
                        all_ids[group],
                        features.for_rows(features.rows[row] for row in group),
                    ).float()
                )
                computed += count
            branches = torch.cat(found)
            predicted = combine(branches, scales) if len(branches) == BRANCHES else branches
            if index == stop:
                return clean_latents(self.plan, latents, predicted, time), computed
            if multistep is not None:
                latents = multistep.step(latents, predicted, time)
            else:
                fresh = torch.randn(latents.shape, generator=noise).to(device)
                latents = ancestral_step(self.plan, latents, predicted, time, steps, fresh)
        return latents, computed

    def _stage(
        self, inputs: Inputs, mask: Mask, seed: int, purpose: int, features: GarmentFeatures, *, finding: bool
    ) -> tuple[UInt8, int]:
        chosen = self.options
        full, clothing = self.texts(inputs.prompts.full, inputs.prompts.clothing)
        pooled = clothing.pooled if finding and chosen.clothing_pooled else full.pooled
        condition = self._masked(inputs.person, mask, seed, purpose)
        with self.parts.use("unet") as (network,):
            latents, computed = self.paint(
                network,
                condition,
                full.tokens,
                pooled,
                features,
                chosen.mask_guidance if finding else chosen.guidance,
                chosen.mask_steps if finding else chosen.steps,
                generator(seed, purpose),
                chosen.stop if finding else None,
            )
        return self.decode(latents), computed

    def _seen(self, inputs: Inputs, picture: UInt8, painted: Mask) -> Mask:
        """Where the garment is in a picture."""
        if self.parser is not None:
            return by_parser(picture, self.parser, inputs.category)
        return by_colour(picture, inputs.person, inputs.garment, inputs.garment_mask, painted, inputs.fine)

    def find_mask(self, inputs: Inputs, draft: UInt8) -> Mask:
        """The mask of the second stage, from the picture of the first."""
        return join_masks(inputs.fine, self._seen(inputs, draft, inputs.coarse))

    def find_garment(self, inputs: Inputs, result: Result) -> Mask:
        """Where the garment is in the result: ``(H, W)`` bool."""
        return self._seen(inputs, result.picture, result.mask)

    @torch.inference_mode()
    def run(self, inputs: Inputs, seed: int) -> Result:
        """One try-on.

        Raises:
            InputError: a mask that is empty or covers everything, or numbers that are not finite.
        """
        features = self.garment(inputs.garment, inputs.prompts.clothing)
        draft, first = None, 0
        if self.options.mask == "aware":
            check(inputs.coarse, inputs.who, "coarse")
            draft, first = self._stage(inputs, inputs.coarse, seed, _FINDING, features, finding=True)
            mask = self.find_mask(inputs, draft)
        else:
            mask = inputs.fine if self.options.mask == "fine" else inputs.coarse
        check(mask, inputs.who, self.options.mask)
        picture, second = self._stage(inputs, mask, seed, _PAINTING, features, finding=False)
        return Result(picture, mask, draft, first + second)


def _read_features(path: Path) -> GarmentFeatures | None:
    """Features kept on the disk, or None where there are none that can be read."""
    if not path.is_file():
        return None
    try:
        return GarmentFeatures(read_tensors(path))
    except InputError:
        return None
