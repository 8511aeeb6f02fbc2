"""The generator of PASTA-GAN++, top down: encoders, style branch, texture branch. Nothing but tensors.

Xie et al., PASTA-GAN++: A Versatile Framework for High-Resolution Unpaired Virtual Try-on, arXiv 2207.13475, sections 3.2
to 3.4. Names and shapes of parameters are those of the published checkpoint (:data:`PUBLISHED`: 43,076,462 parameters).
The published network sees a square although photos are 5:8; every size here is free, so what we train runs at native width.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass, fields

import torch
from torch import nn
from torch.nn import functional as F

from ...nn.spade import SpadeBlock
from ...nn.stylegan2 import EqualConv2d, Mapping, Noise, SynthesisLayer, ToRGB, binomial_filter, upsample
from .config import LABELS, LOWER_LABELS, PUBLISHED, UPPER_LABELS, GeneratorConfig
from .encoders import GarmentResBlock, PoseEncoder, StyleEncoder

#: fewer valid pixels than this do not give a mean garment feature
_FEWEST_VALID = 10


class _ParsingToRGB(ToRGB):
    """toRGB that owns the weights of the parsing head, which shares its styles."""

    def __init__(self, inputs: int, outputs: int, style: int, labels: int, *, clamp: float | None) -> None:
        super().__init__(inputs, outputs, style, clamp=clamp)
        self.m_weight1 = nn.Parameter(torch.randn(labels, inputs, 1, 1))
        self.m_bias1 = nn.Parameter(torch.zeros(labels))

    def parsing(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)``, ``(B, style)`` -> ``(B, labels, H, W)`` logits."""
        y = x * self.styles(w).to(x.dtype)[:, :, None, None]
        y = F.conv2d(y, self.m_weight1.to(x.dtype), self.m_bias1.to(x.dtype))
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution of the synthesis: two modulated convolutions, identity map, optional SPADE block, image.

    Args:
        config: sizes.
        height: of this block.
        first: the lowest block starts from the pose feature and has one convolution only.
        labels: classes of the parsing head, 0 for none.
        spade: whether a SPADE block conditioned on the label map follows.
    """

    def __init__(
        self, config: GeneratorConfig, height: int, *, first: bool = False, labels: int = 0, spade: bool = False
    ) -> None:
        super().__init__()
        channels, size, style, clamp = config.channels(height), config.size(height), config.style, config.clamp
        self.first = first
        if first:  # learned by StyleGAN2, replaced by the pose feature here, kept for the checkpoint's sake
            self.const = nn.Parameter(torch.randn(channels, *size))
        self.register_buffer("resample_filter", binomial_filter())
        self.resample_filter: torch.Tensor
        if not first:
            self.conv0 = SynthesisLayer(config.channels(height // 2), channels, style, size, up=True, clamp=clamp)
        self.conv1 = SynthesisLayer(channels, channels, style, size, clamp=clamp)
        if labels:
            self.torgb: ToRGB = _ParsingToRGB(channels, 3, style, labels, clamp=clamp)
        else:
            self.torgb = ToRGB(channels, 3, style, clamp=clamp)
        self.merges = height in config.identity_heights and not first
        if self.merges:
            self.merge_conv = EqualConv2d(channels + config.identity, channels, 1)
        if spade:
            self.spade_b512 = SpadeBlock(channels, 1)
        self.has_spade = spade

    def features(
        self, x: torch.Tensor, w: torch.Tensor, identity: torch.Tensor | None, label: torch.Tensor | None, noise: Noise
    ) -> torch.Tensor:
        """``(B, C', H/2, W/2)`` (the first block: ``(B, C, H, W)``) -> ``(B, C, H, W)``."""
        if not self.first:
            x = self.conv0(x, w, noise)
        x = self.conv1(x, w, noise)
        if self.merges and identity is not None:
            x = self.merge_conv(torch.cat([x, identity.to(x.dtype)], dim=1))
        if self.has_spade and label is not None:
            x = self.spade_b512(x, label.to(x.dtype))
        return x

    def picture(self, x: torch.Tensor, image: torch.Tensor | None, w: torch.Tensor) -> torch.Tensor:
        """Add this block's part to the picture of the block below: ``(B, 3, H, W)``."""
        rgb = self.torgb(x, w)
        return rgb if image is None else upsample(image, self.resample_filter) + rgb


@dataclass(frozen=True)
class Warped:
    """One warped garment.

    Args:
        image: ``(B, 3, H, W)``, -1 to 1, -1 where there is no garment.
        mask: ``(B, 1, H, W)``, 1 where there is.
    """

    image: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class Generated:
    """What the generator gives.

    Args:
        coarse: ``(B, 3, H, W)`` picture of the style branch; nominally -1 to 1.
        final: ``(B, 3, H, W)`` picture of the texture branch.
        logits: ``(B, 7, H, W)`` of the target's parsing, see :data:`LABELS`.
        label: ``(B, 1, H, W)`` float label map that steered the texture branch.
        style: ``(B, style)`` code of the patches; also the discriminators' condition.
    """

    coarse: torch.Tensor
    final: torch.Tensor
    logits: torch.Tensor
    label: torch.Tensor
    style: torch.Tensor

    def float(self) -> Generated:
        """Everything in float32."""
        return Generated(*(getattr(self, each.name).float() for each in fields(self)))

    def detach(self) -> Generated:
        """Everything without gradients."""
        return Generated(*(getattr(self, each.name).detach() for each in fields(self)))


class Synthesis(nn.Module):
    """Style branch up to a coarse picture and a parsing, then the texture branch that works the warped garments in.

    Args:
        config: sizes.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        heights = config.heights
        for height in heights:
            last = height == heights[-1]
            block = SynthesisBlock(config, height, first=height == heights[0], labels=len(LABELS) if last else 0)
            setattr(self, f"b{height}", block)
        top, half = config.channels(heights[-1]), config.channels(heights[-2])
        # the names in the checkpoint say 256 and 512 whatever the size is
        self.spade_b256_1 = SpadeBlock(half, half)
        self.spade_b256_2 = SpadeBlock(half, half)
        self.texture_b512 = SynthesisBlock(config, heights[-1], spade=True)
        self.spade_encoder = nn.Sequential(
            EqualConv2d(3, top, 7, activation="relu"), GarmentResBlock(top, top), GarmentResBlock(top, half, down=2)
        )
        layers = [layer for layer in self.modules() if isinstance(layer, SynthesisLayer)]
        for place, layer in enumerate(layers):  # the order of the branches is that of the forward pass
            layer.place = place

    def blocks(self) -> list[SynthesisBlock]:
        """Blocks of the style branch, lowest first."""
        return [getattr(self, f"b{height}") for height in self.config.heights]

    def garment_feature(self, region: torch.Tensor, garment: Warped) -> torch.Tensor:
        """Feature of a warped garment; where the region has no garment pixels, the garment's mean feature.

        Args:
            region: ``(B, 1, H, W)`` bool, where the parsing wants this garment.
            garment: the warped garment.

        Returns:
            ``(B, C, H/2, W/2)``.
        """
        seen = garment.image.where(region, -1.0)
        return fill_holes(self.spade_encoder(seen), region, garment.mask)

    def lower(
        self, w: torch.Tensor, pose: torch.Tensor, identity: dict[int, torch.Tensor], noise: Noise = "const"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The style branch without its highest block: features and picture ``(B, 3, H/2, W/2)`` at half size."""
        x, image = pose, None
        for block, height in zip(self.blocks()[:-1], self.config.heights[:-1], strict=True):
            x = block.features(x, w, identity.get(height), None, noise)
            image = block.picture(x, image, w)
        assert image is not None  # there are at least five blocks
        return x, image

    def forward(
        self,
        w: torch.Tensor,
        pose: torch.Tensor,
        identity: dict[int, torch.Tensor],
        upper: Warped,
        lower: Warped,
        label: torch.Tensor | None = None,
        noise: Noise = "const",
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pictures and parsing.

        Args:
            w: ``(B, style)``.
            pose: ``(B, C, h, w)`` of :class:`PoseEncoder`.
            identity: maps by height, of :meth:`StyleEncoder.identity`.
            upper: warped upper garment.
            lower: warped lower garment.
            label: ``(B, 1, H, W)`` label map that steers the texture branch; None for the network's own (argmax).
            noise: see :data:`~fittingroom.nn.stylegan2.Noise`.

        Returns:
            coarse, final ``(B, 3, H, W)``, logits ``(B, 7, H, W)``, label ``(B, 1, H, W)``.
        """
        below = self.lower(w, pose, identity, noise)
        block = self.blocks()[-1]
        x = block.features(below[0], w, identity.get(self.config.height), None, noise)
        image = block.picture(x, below[1], w)
        top = block.torgb
        assert isinstance(top, _ParsingToRGB)
        logits = top.parsing(x, w)
        if label is None:
            label = logits.argmax(dim=1, keepdim=True).to(logits.dtype)
        final = self.texture(*below, w, identity[self.config.height], upper, lower, label, noise)
        return image, final, logits, label

    def texture(
        self,
        x: torch.Tensor,
        image: torch.Tensor | None,
        w: torch.Tensor,
        identity: torch.Tensor,
        upper: Warped,
        lower: Warped,
        label: torch.Tensor,
        noise: Noise,
    ) -> torch.Tensor:
        """The texture branch: features and picture at half size -> final picture ``(B, 3, H, W)``."""
        feature: torch.Tensor | float = 0.0
        for labels, garment in ((UPPER_LABELS, upper), (LOWER_LABELS, lower)):
            region = (label == labels[0]) | (label == labels[1])
            feature = feature + self.garment_feature(region, garment) * half_size(region).to(x.dtype)
        assert isinstance(feature, torch.Tensor)
        x = self.spade_b256_1(x, feature)
        x = self.spade_b256_2(x, feature)
        x = self.texture_b512.features(x, w, identity, label, noise)
        return self.texture_b512.picture(x, image, w)


def half_size(mask: torch.Tensor) -> torch.Tensor:
    """Nearest neighbour: ``(B, 1, H, W)`` -> every second pixel from 0, ``(B, 1, H/2, W/2)``."""
    return mask[:, :, ::2, ::2]


def fill_holes(
    feature: torch.Tensor, region: torch.Tensor, mask: torch.Tensor, area: int | None = None
) -> torch.Tensor:
    """Replace the feature where a region has no garment by its mean over where it has.

    Args:
        feature: ``(B, C, H/2, W/2)``.
        region: ``(B, 1, H, W)`` bool.
        mask: ``(B, 1, H, W)``, 1 where the warped garment is.
        area: pixels of the whole picture at half size, where these are crops of it.

    Returns:
        ``(B, C, H/2, W/2)``. With ten valid pixels or fewer the mean is (practically) 0.
    """
    inside = half_size(region)
    valid = inside & (half_size(mask) > 0)
    count = valid.sum(dim=(2, 3), keepdim=True)
    area = feature.shape[2] * feature.shape[3] if area is None else area
    total = (feature * valid).sum(dim=(2, 3), keepdim=True, dtype=torch.float32)
    mean = total / count.where(count > _FEWEST_VALID, area)
    return torch.where(inside & ~valid, mean.to(feature.dtype), feature)


class Generator(nn.Module):
    """Everything: patches, kept pixels, pose and warped garments -> the dressed person.

    Args:
        config: sizes.
    """

    def __init__(self, config: GeneratorConfig = PUBLISHED) -> None:
        super().__init__()
        self.config = config
        self.synthesis = Synthesis(config)
        self.mapping = Mapping(config.style, config.style, 1, average=0.995)
        self.const_encoding = PoseEncoder(config)
        self.style_encoding = StyleEncoder(config)

    def forward(
        self,
        parts: torch.Tensor,
        retain: torch.Tensor,
        pose: torch.Tensor,
        upper: Warped,
        lower: Warped,
        label: torch.Tensor | None = None,
        noise: Noise = "const",
    ) -> Generated:
        """Dress a batch.

        Args:
            parts: ``(B, 45, H/4, H/4)`` garment patches: ten upper (RGB each), five lower; -1 to 1, -1 where empty.
            retain: ``(B, 6, H, W)``: kept pixels of the person, -1 elsewhere (3); skin colour (3).
            pose: ``(B, 5, H, W)``: skeleton picture (3), kind of lower garment, its upper bound.
            upper: warped upper garment.
            lower: warped lower garment.
            label: ``(B, 1, H, W)`` floats 0 to 6; given in training (teacher forcing), None for the network's own.
            noise: see :data:`~fittingroom.nn.stylegan2.Noise`.
        """
        style = self.style_encoding.code(parts)
        coarse, final, logits, label = self.synthesis(
            self.mapping(style),
            self.const_encoding(pose),
            self.style_encoding.identity(retain),
            upper,
            lower,
            label,
            noise,
        )
        return Generated(coarse, final, logits, label, style)


def run_generator(
    generator: nn.Module, batch: abc.Mapping[str, torch.Tensor], label: torch.Tensor | None, noise: Noise
) -> Generated:
    """The generator on a batch of :func:`.conditions.tensors`; see :meth:`Generator.forward` for label and noise."""
    made: Generated = generator(
        batch["parts"],
        batch["retain"],
        batch["pose"],
        Warped(batch["upper"], batch["upper_mask"]),
        Warped(batch["lower"], batch["lower_mask"]),
        label,
        noise,
    )
    return made
