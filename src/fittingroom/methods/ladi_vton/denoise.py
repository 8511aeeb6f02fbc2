"""From noise to latents: what the UNet is shown in which channel, guidance, and the steps of a solver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F

from ...core.images import Size
from ..requirement import need

#: called after each step with (index, unguided or None, conditioned, guided, latents)
Trace = Callable[[int, torch.Tensor | None, torch.Tensor, torch.Tensor, torch.Tensor], None]


@dataclass(frozen=True)
class Guide:
    """Everything that the latents are made to fit.

    Args:
        text: ``(B, 77, width)``.
        mask: ``(B, 1, h, w)``, 1 = paint.
        masked: ``(B, 4, h, w)`` scaled latents of the masked person.
        pose: ``(B, 18, h, w)``, 0 to 1.
        garment: ``(B, 4, h, w)`` scaled latents of the warped garment; None for the UNet that does not take them.
    """

    text: torch.Tensor
    mask: torch.Tensor
    masked: torch.Tensor
    pose: torch.Tensor
    garment: torch.Tensor | None

    def unconditional(self, empty: torch.Tensor) -> Guide:
        """What guidance leads away from: no prompt, no pose, no garment; the person around the mask stays.

        Args:
            empty: ``(1 or B, 77, width)`` of the empty prompt.
        """
        text = empty.to(self.text).expand_as(self.text)
        return replace(self.without_garment(), text=text, pose=torch.zeros_like(self.pose))

    def without_garment(self) -> Guide:
        """The same with the garment's latents at zero."""
        return replace(self, garment=None if self.garment is None else torch.zeros_like(self.garment))

    def channels(self) -> torch.Tensor:
        """``(B, 27, h, w)``: what is concatenated behind the noisy latents."""
        parts = [self.mask, self.masked, self.pose]
        if self.garment is not None:
            parts.append(self.garment)
        return torch.cat(parts, dim=1)


def both(first: Guide, second: Guide) -> Guide:
    """Two guides in one batch, ``first`` first."""
    garment = None if first.garment is None or second.garment is None else torch.cat([first.garment, second.garment])
    return Guide(
        torch.cat([first.text, second.text]),
        torch.cat([first.mask, second.mask]),
        torch.cat([first.masked, second.masked]),
        torch.cat([first.pose, second.pose]),
        garment,
    )


def small_mask(mask: torch.Tensor, size: Size) -> torch.Tensor:
    """``(B, 1, H, W)`` -> ``(B, 1, *size)``, nearest neighbour, so that it stays 0 or 1."""
    return F.interpolate(mask, size)


def small_pose(pose: torch.Tensor, size: Size) -> torch.Tensor:
    """``(B, 18, H, W)`` -> ``(B, 18, *size)``, bilinear without antialiasing."""
    return F.interpolate(pose, size, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Solver:
    """How many steps, of what kind, how strongly guided.

    Args:
        name: ``ddim`` (as published), ``dpm++`` (DPM-Solver++, second order) or ``unipc``.
        steps: evaluations of the UNet.
        guidance: scale; at 1 or below there is none.
        guide_from: guided from this share of the steps on ...
        guide_until: ... until this one; elsewhere the conditioned prediction alone is taken, at half the cost.
        garment_until: from this share on the garment's latents are zero (1 = never).
    """

    name: str = "ddim"
    steps: int = 50
    guidance: float = 7.5
    guide_from: float = 0.0
    guide_until: float = 1.0
    garment_until: float = 1.0

    def guided(self, index: int) -> bool:
        """Whether the step of this index is guided."""
        return self.guidance > 1 and self.guide_from * self.steps <= index < self.guide_until * self.steps

    def evaluations(self) -> int:
        """How many samples the UNet computes for one picture."""
        return sum(2 if self.guided(index) else 1 for index in range(self.steps))

    def schedule(self, noise: Mapping[str, Any]) -> Any:
        """Diffusers' scheduler, set to the steps.

        Args:
            noise: configuration of the training's noise.
        """
        diffusers = need("diffusers")
        if self.name == "ddim":
            scheduler = diffusers.DDIMScheduler.from_config(dict(noise))
        else:
            # trailing: the first step is at the noisiest time that was trained, however few steps there are
            settings = {**noise, "timestep_spacing": "trailing", "final_sigmas_type": "zero"}
            kind = diffusers.DPMSolverMultistepScheduler if self.name == "dpm++" else diffusers.UniPCMultistepScheduler
            scheduler = kind.from_config(settings)
        scheduler.set_timesteps(self.steps)
        return scheduler


def predict(unet: Any, latents: torch.Tensor, time: torch.Tensor, guide: Guide) -> torch.Tensor:
    """One evaluation of the UNet: the noise in ``(B, 4, h, w)`` latents at a time, in float32."""
    kind = next(unet.parameters()).dtype
    shown = torch.cat([latents, guide.channels().to(latents)], dim=1).to(kind)
    noise: torch.Tensor = unet(shown, time, encoder_hidden_states=guide.text.to(kind), return_dict=False)[0]
    return noise.float()


def denoise(
    unet: Any,
    noise: Mapping[str, Any],
    latents: torch.Tensor,
    guide: Guide,
    empty: torch.Tensor,
    solver: Solver,
    trace: Trace | None = None,
) -> torch.Tensor:
    """Latents of pictures that fit the guide; the solver's arithmetic is float32 whatever the UNet's precision.

    Args:
        unet: diffusers' ``UNet2DConditionModel``.
        noise: configuration of the training's noise.
        latents: ``(B, 4, h, w)`` standard normal.
        guide: see :class:`Guide`.
        empty: ``(1 or B, 77, width)`` of the empty prompt.
        solver: see :class:`Solver`.
        trace: is told of every step.

    Returns:
        ``(B, 4, h, w)`` scaled latents.
    """
    scheduler = solver.schedule(noise)
    latents = latents.float() * float(scheduler.init_noise_sigma)
    twice = both(guide.unconditional(empty), guide)
    for index, time in enumerate(scheduler.timesteps):
        if index >= solver.garment_until * solver.steps:
            guide, twice = guide.without_garment(), twice.without_garment()
        shown = scheduler.scale_model_input(latents, time)
        unguided = None
        if solver.guided(index):
            unguided, conditioned = predict(unet, torch.cat([shown, shown]), time, twice).chunk(2)
            chosen = unguided + solver.guidance * (conditioned - unguided)
        else:
            chosen = conditioned = predict(unet, shown, time, guide)
        latents = scheduler.step(chosen, time, latents, return_dict=False)[0]
        if trace:
            trace(index, unguided, conditioned, chosen, latents)
    return latents
