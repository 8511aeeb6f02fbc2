"""The same generator, several times faster: what does not change the result is not computed.

Made from a trained :class:`~fittingroom.methods.pasta_gan_pp.network.Generator`, for inference only. Savings, none of which
approximates anything but the last digits:

* scales and gains are folded into the weights once; one matrix product makes the styles of all layers; styles and
  demodulation are folded into each item's weights, or into the activations where those are fewer;
* the SPADE norms of a block share what they have in common: skip and first norm normalise the same feature, whose scale goes
  into the weights behind it, and one convolution makes the hidden features of all three;
* convolutions have no bias in SPADE, so a condition that is zero modulates nothing: scale and shift are computed only inside
  the box around the garment (at half size) and around the person (at full size);
* the garment encoder sees a constant outside the garment's region and its result is used inside only: it runs on the box
  around the region and what its receptive field needs;
* behind the last norm only the photo's own columns are computed, if it does not fill the canvas;
* the coarse picture's last toRGB is left out; nobody looks at it; the parsing head takes in the 1x1 convolution before it;
* channels-last memory, operations in place, and bfloat16 above an eighth of the resolution where the processor multiplies it
  faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...core.precision import fast_bfloat16
from ...nn.stylegan2 import EqualConv2d, Noise
from .box import Box, box_of, columns_of
from .config import LOWER_LABELS, UPPER_LABELS
from .encoders import Dense, GarmentResBlock
from .fast_layers import Block, Conv, DenseConv, Head, MergedHead, SpadeConvs, Styles, likeliest
from .network import Generator, Warped, fill_holes, half_size

#: pixels (full size) that the garment encoder looks to each side: 3 + 1 + 1 + 3 + 2, rounded up to an even number
_REACH = 12


def fastest_type(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the hardware multiplies matrices of it faster, else float32."""
    return torch.bfloat16 if fast_bfloat16(device) else torch.float32


@dataclass(frozen=True)
class Garments:
    """What depends on the garments only, kept for everybody who tries them on.

    Args:
        style: ``(B, style)`` code of the patches.
    """

    style: torch.Tensor


class FastGenerator:
    """Inference with the weights of a generator, which is not changed.

    Args:
        generator: trained or loaded; later changes of its weights are not seen.
        dtype: of the convolutions; None for the fastest here, see :func:`fastest_type`.
    """

    def __init__(self, generator: Generator, dtype: torch.dtype | None = None) -> None:
        self.config = generator.config
        device = next(generator.parameters()).device
        self.dtype = fastest_type(device) if dtype is None else dtype
        self.device = device
        with torch.inference_mode():
            self._build(generator)

    def _build(self, generator: Generator) -> None:
        dtype, synthesis = self.dtype, generator.synthesis
        self._styles = styles = Styles(self.config.style)
        self._mapping = generator.mapping
        # few operations at low resolution decide the whole picture: they stay in float32
        precise = torch.float32
        self._pose = [
            Conv(layer, precise) for layer in generator.const_encoding.model if isinstance(layer, EqualConv2d)
        ]
        self._patches: list[Conv | DenseConv] = []
        for layer in generator.style_encoding.model:
            if isinstance(layer, EqualConv2d):
                self._patches.append(Conv(layer, precise))
            elif isinstance(layer, Dense):
                self._patches.append(DenseConv(layer, precise))
        self._style = generator.style_encoding.fc
        self._identity = [
            Conv(layer, dtype) for layer in generator.style_encoding.feat_enc if isinstance(layer, EqualConv2d)
        ]
        self._blocks = [
            Block(block, precise if height <= self.config.height // 8 else dtype, styles)
            for block, height in zip(synthesis.blocks(), self.config.heights, strict=True)
        ]
        top = synthesis.blocks()[-1].torgb
        weight, bias = top.get_parameter("m_weight1"), top.get_parameter("m_bias1")
        merge = self._blocks[-1].merge
        assert merge is not None
        self._parsing = MergedHead(merge, Head(top, weight, bias, dtype, styles))
        self._spade = [SpadeConvs(block, dtype) for block in (synthesis.spade_b256_1, synthesis.spade_b256_2)]
        self._texture = Block(synthesis.texture_b512, dtype, styles)
        styles.build(self.device)
        self._garment: list[tuple[Conv, ...]] = []
        for part in synthesis.spade_encoder:
            if isinstance(part, GarmentResBlock):
                self._garment.append(tuple(Conv(layer, dtype) for layer in (part.conv0, part.conv1, part.skip)))
            else:
                assert isinstance(part, EqualConv2d)
                self._garment.append((Conv(part, dtype),))

    def _taken(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.device).contiguous(memory_format=torch.channels_last)

    def garments(self, parts: torch.Tensor) -> Garments:
        """Encode patches ``(B, 45, P, P)``."""
        with torch.inference_mode():
            x = self._taken(parts)
            for layer in self._patches:
                x = layer(x)
            return Garments(self._style(x.mean(dim=(2, 3), dtype=torch.float32)))

    def __call__(
        self,
        garments: Garments,
        retain: torch.Tensor,
        pose: torch.Tensor,
        upper: Warped,
        lower: Warped,
        label: torch.Tensor | None = None,
        noise: Noise = "const",
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Dress a batch; arguments as of :meth:`Generator.forward`, the patches being encoded already.

        Returns:
            Final picture ``(B, 3, H, W)`` float32, white beside the photo, and the label map ``(B, 1, H, W)`` that steered it.
        """
        with torch.inference_mode():
            return self._run(garments, retain, pose, upper, lower, label, noise)

    def _run(
        self,
        garments: Garments,
        retain: torch.Tensor,
        pose: torch.Tensor,
        upper: Warped,
        lower: Warped,
        label: torch.Tensor | None,
        noise: Noise,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        w = self._styles(self._mapping(garments.style))
        identity = {}
        x = self._taken(retain)
        for layer in self._identity:
            x = layer(x)
            identity[x.shape[2]] = x
        x = self._taken(pose)
        for layer in self._pose:
            x = layer(x)
        image: torch.Tensor | None = None
        for block, height in zip(self._blocks[:-1], self.config.heights[:-1], strict=True):
            x = block.features(x, w, identity.get(height), noise)
            image = block.picture(x, image, w)
        whole = identity[self.config.height]
        if label is None:
            top = self._blocks[-1].unmerged(x, w, noise)
            label = likeliest(self._parsing(top, whole, w))
            del top
        label = label.to(self.device, torch.float32)
        condition, box = self._garment_condition(label, upper, lower)
        for spade in self._spade:
            x = spade(x, condition, box)
        x = self._texture.features(x, w, whole, noise)
        person = box_of(label > 0, 2)
        assert self._texture.spade is not None
        if self.config.photo[1] == self.config.width:
            x = self._texture.spade(x, self._taken(person.of(label)), person)
            return self._texture.picture(x, image, w), label
        columns = slice(self.config.left, self.config.left + self.config.photo[1])
        x = self._texture.spade(x, self._taken(person.of(label)), person, columns)
        final = torch.ones(len(label), 3, *self.config.size(self.config.height), device=self.device)
        columns_of(final, columns, 0).copy_(self._texture.picture(x, image, w, columns))
        return final, label

    def _garment_condition(self, label: torch.Tensor, upper: Warped, lower: Warped) -> tuple[torch.Tensor, Box]:
        """Features of both warped garments inside the box around them (at half size)."""
        regions = [(label == a) | (label == b) for a, b in (UPPER_LABELS, LOWER_LABELS)]
        inside = [half_size(region) for region in regions]
        box = box_of(inside[0] | inside[1], 2)
        channels = self._garment[-1][0].weight.shape[0]
        height, width = inside[0].shape[2:]
        condition = torch.zeros(len(label), channels, height, width, dtype=self.dtype, device=self.device)
        condition = condition.contiguous(memory_format=torch.channels_last)
        for region, half, garment in zip(regions, inside, (upper, lower), strict=True):
            # an even corner, so that halving the crop takes the pixels that halving the whole would
            crop = box_of(region, _REACH, even=True)
            if crop.empty:
                continue
            seen = crop.of(region)
            feature = self._encoded(crop.of(garment.image.to(self.device)).where(seen, -1.0))
            filled = fill_holes(feature, seen, crop.of(garment.mask.to(self.device)), area=height * width)
            small = Box(crop.top // 2, -(-crop.bottom // 2), crop.left // 2, -(-crop.right // 2))
            small.of(condition).add_(filled.mul_(small.of(half)))
        return self._taken(box.of(condition)), box

    def _encoded(self, garment: torch.Tensor) -> torch.Tensor:
        x = self._taken(garment)
        for part in self._garment:
            if len(part) == 1:
                x = part[0](x)
            else:
                conv0, conv1, skip = part
                x = conv1(conv0(x)).add_(skip(x))
        return x
