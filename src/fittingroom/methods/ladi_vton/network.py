"""All networks of one model, built from their sizes, with their published tensor names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...core.errors import InputError
from ..requirement import need
from .adapter import InversionAdapter
from .config import ModelConfig
from .emasc import Emasc
from .warping import Matcher, Refinement

#: in the order in which they are needed
PARTS = ("matcher", "refinement", "vision", "adapter", "text", "vae", "emasc", "unet")


@dataclass
class Networks:
    """The networks of one model.

    Args:
        config: that they were built from.
        matcher: finds the warp.
        refinement: repairs the warped garment.
        vision: CLIP's vision tower, transformers' ``CLIPVisionModel``.
        adapter: makes pseudo-words.
        text: transformers' ``CLIPTextModel``.
        vae: diffusers' ``AutoencoderKL``.
        emasc: carries detail around the bottleneck.
        unet: diffusers' ``UNet2DConditionModel``.
    """

    config: ModelConfig
    matcher: Matcher
    refinement: Refinement
    vision: Any
    adapter: InversionAdapter
    text: Any
    vae: Any
    emasc: nn.Module
    unet: Any

    def named(self) -> dict[str, nn.Module]:
        """The networks by name, in the order of :data:`PARTS`."""
        return {name: getattr(self, name) for name in PARTS}


def _unet(config: ModelConfig) -> Any:
    return need("diffusers").UNet2DConditionModel.from_config(dict(config.unet))


def _vae(config: ModelConfig) -> Any:
    return need("diffusers").AutoencoderKL.from_config(dict(config.vae))


def _text(config: ModelConfig) -> Any:
    transformers = need("transformers")
    return transformers.CLIPTextModel(transformers.CLIPTextConfig(**config.text))


def _vision(config: ModelConfig) -> Any:
    transformers = need("transformers")
    return transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**config.vision))


_BUILDERS: Mapping[str, Callable[[ModelConfig], Any]] = {
    "matcher": lambda config: Matcher(config.warping),
    "refinement": lambda config: Refinement(config.warping),
    "vision": _vision,
    "adapter": lambda config: InversionAdapter(config.adapter),
    "text": _text,
    "vae": _vae,
    "emasc": lambda config: Emasc(*config.emasc_channels()),
    "unet": _unet,
}


def build(part: str, config: ModelConfig) -> Any:
    """One network with the weights it begins with.

    Args:
        part: one of :data:`PARTS`.
        config: sizes.

    Raises:
        MissingError: diffusers or transformers are not installed.
    """
    return _BUILDERS[part](config)


def build_base_unet(config: ModelConfig) -> Any:
    """The inpainting UNet (of nine channels where latents have four) that the extended one begins as."""
    return need("diffusers").UNet2DConditionModel.from_config({**config.unet, "in_channels": config.base_channels})


def build_all(config: ModelConfig) -> Networks:
    """All networks, see :func:`build`."""
    return Networks(config, **{part: build(part, config) for part in PARTS})


def extend_input(tensors: Mapping[str, torch.Tensor], channels: int) -> dict[str, torch.Tensor]:
    """Weights of the base inpainting UNet -> of one that takes more channels, which it ignores at first.

    Args:
        tensors: of the UNet of nine channels, by name.
        channels: of the new one.

    Raises:
        InputError: not that UNet's tensors.
    """
    first = tensors.get("conv_in.weight")
    if first is None or first.ndim != 4 or first.shape[1] > channels:
        raise InputError("not the weights of an inpainting UNet", mend="use Stable Diffusion 2 inpainting")
    wide = first.new_zeros(first.shape[0], channels, *first.shape[2:])
    wide[:, : first.shape[1]] = first
    return {**tensors, "conv_in.weight": wide}


def write_out_attention(networks: Mapping[str, Any], device: torch.device) -> None:
    """Under autocast on a processor, attention is written out: the joined one's way back takes half of a training step's time.

    Args:
        networks: those of ``unet``, ``base``, ``vision`` and ``text`` among them.
        device: where they are.
    """
    if device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return
    plain = need("diffusers").models.attention_processor.AttnProcessor
    for name in ("unet", "base"):
        if name in networks and any(type(each) is not plain for each in networks[name].attn_processors.values()):
            networks[name].set_attn_processor(plain())
    for name in ("vision", "text"):
        if name in networks:
            networks[name].set_attn_implementation("eager")
