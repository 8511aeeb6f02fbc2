"""The same generator, several times faster: what does not change the result is not computed.

Made from a trained :class:`~fittingroom.methods.pasta_gan_pp.network.Generator`, for inference only. Savings, none of which
approximates anything but the last digits:

* scales and gains are folded into the weights once; styles and demodulation are folded into each item's weights, so a
  modulated convolution is a plain one;
* the SPADE norms of a block share what they have in common: skip and first norm normalise the same feature, and one
  convolution makes the hidden features of all three;
* convolutions have no bias in SPADE, so a condition that is zero modulates nothing: scale and shift are computed only inside
  the box around the garment (at half size) and around the person (at full size);
* the garment encoder sees a constant outside the garment's region and its result is used inside only: it runs on the box
  around the region and what its receptive field needs;
* the coarse picture's last toRGB is left out; nobody looks at it;
* channels-last memory, operations in place, and bfloat16 where the processor multiplies it faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ...nn.spade import PreActConv2d, Spade, SpadeBlock
from ...nn.stylegan2 import SQRT2, EqualConv2d, Noise, SynthesisLayer, ToRGB, upsample
from .config import LOWER_LABELS, UPPER_LABELS
from .encoders import Dense, GarmentResBlock
from .network import Generator, SynthesisBlock, Warped, fill_holes, half_size

#: pixels (full size) that the garment encoder looks to each side: 3 + 1 + 1 + 3 + 2, rounded up to an even number
_REACH = 12


def fastest_type(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the hardware multiplies matrices of it faster, else float32."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return torch.bfloat16 if tiles is not None and tiles() else torch.float32


@dataclass(frozen=True)
class _Box:
    """A rectangle of pixels; empty where there is nothing."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """The part of ``(B, C, H, W)`` inside, a view."""
        return x[:, :, self.top : self.bottom, self.left : self.right]

    @property
    def empty(self) -> bool:
        return self.bottom <= self.top or self.right <= self.left


def _box(mask: torch.Tensor, margin: int, even: bool = False) -> _Box:
    """Around all true pixels of ``(B, 1, H, W)``, with a margin, limited to the picture."""
    height, width = mask.shape[2:]
    rows = mask.any(dim=3).any(dim=1).any(dim=0).nonzero()
    columns = mask.any(dim=2).any(dim=1).any(dim=0).nonzero()
    if not len(rows):
        return _Box(0, 0, 0, 0)
    top, bottom = int(rows[0]) - margin, int(rows[-1]) + 1 + margin
    left, right = int(columns[0]) - margin, int(columns[-1]) + 1 + margin
    if even:
        top, left, bottom, right = top - top % 2, left - left % 2, bottom + bottom % 2, right + right % 2
    return _Box(max(top, 0), min(bottom, height), max(left, 0), min(right, width))


class _Conv:
    """A convolution with everything constant folded into its weight."""

    def __init__(self, layer: EqualConv2d, dtype: torch.dtype) -> None:
        gain = layer.gain * (SQRT2 if layer.activation in ("relu", "lrelu") else 1.0)
        self.weight = _packed(layer.weight * (layer.weight_gain * gain), dtype)
        self.bias = None if layer.bias is None else (layer.bias * gain).to(dtype)
        self.down, self.activation = layer.down, layer.activation
        self.clamp = None if layer.clamp is None else layer.clamp * layer.gain
        self.filter = _depthwise(layer.resample_filter, layer.weight.shape[1], dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        side = self.weight.shape[-1]
        if self.down == 1:
            y = F.conv2d(x, self.weight, self.bias, padding=side // 2)
        elif side == 1:
            y = F.conv2d(F.conv2d(x, self.filter, padding=1, stride=2, groups=x.shape[1]), self.weight, self.bias)
        else:
            y = F.conv2d(F.conv2d(x, self.filter, padding=2, groups=x.shape[1]), self.weight, self.bias, stride=2)
        if self.activation == "relu":
            y.relu_()
        elif self.activation == "lrelu":
            F.leaky_relu_(y, 0.2)
        return y if self.clamp is None else y.clamp_(-self.clamp, self.clamp)


def _packed(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)


def _depthwise(kernel: torch.Tensor, channels: int, dtype: torch.dtype, gain: float = 1.0) -> torch.Tensor:
    return (kernel * gain).to(dtype).expand(channels, 1, -1, -1).contiguous()


class _Dense:
    def __init__(self, layer: Dense, dtype: torch.dtype) -> None:
        # a constant added to a channel does not survive the instance norm behind it, so the bias is left out
        self.weight = _packed(layer.linear.weight[:, :, None, None], dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu_(_normalised(F.conv2d(x, self.weight)), 0.01)


def _normalised(x: torch.Tensor) -> torch.Tensor:
    """Instance norm; moments in float32."""
    pixels = x.shape[2] * x.shape[3]
    mean = x.sum(dim=(2, 3), keepdim=True, dtype=torch.float32) / pixels
    square = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True, dtype=torch.float32).square() / pixels
    scale = (square - mean.square()).clamp_min(0).add_(1e-5).rsqrt_()
    return torch.addcmul((-mean * scale).to(x.dtype), x, scale.to(x.dtype))


class _Synthesis:
    """A modulated convolution: each item has its own weight, with style and demodulation in it."""

    def __init__(self, layer: SynthesisLayer, dtype: torch.dtype) -> None:
        self.layer, self.dtype = layer, dtype
        self.weight = layer.weight.detach()
        self.energy = self.weight.square().sum(dim=(2, 3))
        self.bias = (layer.bias * SQRT2).to(dtype)
        self.filter = _depthwise(layer.resample_filter, self.weight.shape[0], dtype, 4.0)

    def __call__(self, x: torch.Tensor, w: torch.Tensor, noise: Noise) -> torch.Tensor:
        styles = self.layer.affine(w)
        demodulation = (styles.square() @ self.energy.T + 1e-8).rsqrt() * SQRT2
        results = []
        for item, style, factor in zip(torch.split(x, 1), styles, demodulation, strict=True):
            weight = self.weight * style[None, :, None, None] * factor[:, None, None, None]
            if self.layer.up:
                y = F.conv_transpose2d(item, weight.transpose(0, 1).to(self.dtype), stride=2)
                results.append(F.conv2d(y, self.filter, self.bias, padding=1, groups=y.shape[1]))
            else:
                results.append(F.conv2d(item, _packed(weight, self.dtype), self.bias, padding=1))
        y = results[0] if len(results) == 1 else torch.cat(results)
        if (added := self.layer.noise(len(x), noise)) is not None:
            y.add_((added * SQRT2).to(self.dtype))
        F.leaky_relu_(y, 0.2)
        return y if self.layer.clamp is None else y.clamp_(-self.layer.clamp, self.layer.clamp)


class _Head:
    """toRGB or the parsing head: a 1x1 convolution with the styles in its weight; its result is in float32."""

    def __init__(self, layer: ToRGB, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> None:
        self.layer, self.dtype = layer, dtype
        self.weight, self.bias = weight.detach(), bias.detach()

    def __call__(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        rows = [
            F.conv2d(item, (self.weight * style[None, :, None, None]).to(self.dtype))
            for item, style in zip(torch.split(x, 1), self.layer.styles(w), strict=True)
        ]
        y = (rows[0] if len(rows) == 1 else torch.cat(rows)).float().add_(self.bias[:, None, None])
        return y if self.layer.clamp is None else y.clamp_(-self.layer.clamp, self.layer.clamp)


class _SpadeBlock:
    """A SPADE residual block whose modulation is computed inside a box only."""

    def __init__(self, block: SpadeBlock, dtype: torch.dtype) -> None:
        def folded(layer: PreActConv2d) -> torch.Tensor:
            gain = 1.0 if layer.gain is None else SQRT2 * layer.gain
            return _packed(layer.weight * (layer.weight_gain * gain), dtype)

        self.conv, self.conv0, self.conv1, self.skip = map(folded, (block.conv, block.conv0, block.conv1, block.skip))
        norms: tuple[Spade, ...] = (block.spade_skip, block.spade0, block.spade1)
        self.hidden = _packed(torch.cat([folded(norm.conv_mlp) for norm in norms]), dtype)
        self.gammas = [folded(norm.conv_gamma) for norm in norms]
        self.betas = [folded(norm.conv_beta) for norm in norms]

    def __call__(self, x: torch.Tensor, condition: torch.Tensor, box: _Box) -> torch.Tensor:
        """``(B, C, H, W)`` and the condition inside the box, which has two pixels more to each side than the condition."""
        x = _normalised(F.conv2d(x, self.conv, padding=1))
        hidden: tuple[torch.Tensor, ...] = ()
        if not box.empty:
            hidden = F.conv2d(condition, self.hidden, padding=1).relu_().chunk(3, dim=1)
        skip = F.conv2d(self._modulated(x.clone(), hidden, 0, box), self.skip)
        y = F.conv2d(self._modulated(x, hidden, 1, box), self.conv0, padding=1)
        y = self._modulated(_normalised(y), hidden, 2, box)
        return F.conv2d(y, self.conv1, padding=1).add_(skip)

    def _modulated(self, x: torch.Tensor, hidden: tuple[torch.Tensor, ...], index: int, box: _Box) -> torch.Tensor:
        """Scale and shift inside the box, in place; then ReLU."""
        if not box.empty:
            inside = box.of(x)
            gamma = F.conv2d(hidden[index], self.gammas[index], padding=1).add_(1)
            beta = F.conv2d(hidden[index], self.betas[index], padding=1)
            inside.mul_(gamma).add_(beta)
        return x.relu_()


class _Block:
    """One resolution of the style or texture branch."""

    def __init__(self, block: SynthesisBlock, dtype: torch.dtype) -> None:
        self.block = block
        self.conv0 = None if block.first else _Synthesis(block.conv0, dtype)
        self.conv1 = _Synthesis(block.conv1, dtype)
        self.merge = _Conv(block.merge_conv, dtype) if block.merges else None
        self.torgb = _Head(block.torgb, block.torgb.weight, block.torgb.bias, dtype)
        self.spade = _SpadeBlock(block.spade_b512, dtype) if block.has_spade else None

    def features(self, x: torch.Tensor, w: torch.Tensor, identity: torch.Tensor | None, noise: Noise) -> torch.Tensor:
        if self.conv0 is not None:
            x = self.conv0(x, w, noise)
        x = self.conv1(x, w, noise)
        if self.merge is not None and identity is not None:
            x = self.merge(torch.cat([x, identity], dim=1))
        return x

    def picture(self, x: torch.Tensor, image: torch.Tensor | None, w: torch.Tensor) -> torch.Tensor:
        rgb = self.torgb(x, w)
        return rgb if image is None else upsample(image, self.block.resample_filter).add_(rgb)


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
        self._mapping = generator.mapping
        self._pose = [_Conv(layer, dtype) for layer in generator.const_encoding.model if isinstance(layer, EqualConv2d)]
        self._patches: list[_Conv | _Dense] = []
        for layer in generator.style_encoding.model:
            if isinstance(layer, EqualConv2d):
                self._patches.append(_Conv(layer, dtype))
            elif isinstance(layer, Dense):
                self._patches.append(_Dense(layer, dtype))
        self._style = generator.style_encoding.fc
        self._identity = [
            _Conv(layer, dtype) for layer in generator.style_encoding.feat_enc if isinstance(layer, EqualConv2d)
        ]
        self._blocks = [_Block(block, dtype) for block in synthesis.blocks()]
        top = synthesis.blocks()[-1].torgb
        weight, bias = top.get_parameter("m_weight1"), top.get_parameter("m_bias1")
        self._parsing = _Head(top, weight, bias, dtype)
        self._spade = [_SpadeBlock(block, dtype) for block in (synthesis.spade_b256_1, synthesis.spade_b256_2)]
        self._texture = _Block(synthesis.texture_b512, dtype)
        self._garment: list[tuple[_Conv, ...]] = []
        for part in synthesis.spade_encoder:
            if isinstance(part, GarmentResBlock):
                self._garment.append(tuple(_Conv(layer, dtype) for layer in (part.conv0, part.conv1, part.skip)))
            else:
                assert isinstance(part, EqualConv2d)
                self._garment.append((_Conv(part, dtype),))

    def _taken(self, x: torch.Tensor) -> torch.Tensor:
        return x.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)

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
            Final picture ``(B, 3, H, W)`` float32, and the label map ``(B, 1, H, W)`` that steered it.
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
        w = self._mapping(garments.style)
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
            top = self._blocks[-1].features(x, w, whole, noise)
            label = self._parsing(top, w).argmax(dim=1, keepdim=True).float()
            del top
        label = label.to(self.device, torch.float32)
        condition, box = self._garment_condition(label, upper, lower)
        for spade in self._spade:
            x = spade(x, condition, box)
        x = self._texture.features(x, w, whole, noise)
        person = _box(label > 0, 2)
        assert self._texture.spade is not None
        x = self._texture.spade(x, self._taken(person.of(label)), person)
        return self._texture.picture(x, image, w), label

    def _garment_condition(self, label: torch.Tensor, upper: Warped, lower: Warped) -> tuple[torch.Tensor, _Box]:
        """Features of both warped garments inside the box around them (at half size)."""
        regions = [(label == a) | (label == b) for a, b in (UPPER_LABELS, LOWER_LABELS)]
        inside = [half_size(region) for region in regions]
        box = _box(inside[0] | inside[1], 2)
        channels = self._garment[-1][0].weight.shape[0]
        height, width = inside[0].shape[2:]
        condition = torch.zeros(len(label), channels, height, width, dtype=self.dtype, device=self.device)
        condition = condition.contiguous(memory_format=torch.channels_last)
        for region, half, garment in zip(regions, inside, (upper, lower), strict=True):
            # an even corner, so that halving the crop takes the pixels that halving the whole would
            crop = _box(region, _REACH, even=True)
            if crop.empty:
                continue
            seen = crop.of(region)
            feature = self._encoded(crop.of(garment.image.to(self.device)).where(seen, -1.0))
            filled = fill_holes(feature, seen, crop.of(garment.mask.to(self.device)), area=height * width)
            small = _Box(crop.top // 2, -(-crop.bottom // 2), crop.left // 2, -(-crop.right // 2))
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
