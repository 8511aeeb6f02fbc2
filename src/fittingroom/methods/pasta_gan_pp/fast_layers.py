"""Layers of the fast generator: made from trained ones, with everything constant folded in. See :mod:`.fast`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ...nn.spade import PreActConv2d, Spade, SpadeBlock
from ...nn.stylegan2 import SQRT2, EqualConv2d, Noise, SynthesisLayer, ToRGB, upsample
from .encoders import Dense
from .network import SynthesisBlock


@dataclass(frozen=True)
class Box:
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
        """Whether no pixel is inside."""
        return self.bottom <= self.top or self.right <= self.left


def box_of(mask: torch.Tensor, margin: int, even: bool = False) -> Box:
    """Around all true pixels of ``(B, 1, H, W)``, with a margin, limited to the picture."""
    height, width = mask.shape[2:]
    rows = mask.any(dim=3).any(dim=1).any(dim=0).nonzero()
    columns = mask.any(dim=2).any(dim=1).any(dim=0).nonzero()
    if not len(rows):
        return Box(0, 0, 0, 0)
    top, bottom = int(rows[0]) - margin, int(rows[-1]) + 1 + margin
    left, right = int(columns[0]) - margin, int(columns[-1]) + 1 + margin
    if even:
        top, left, bottom, right = top - top % 2, left - left % 2, bottom + bottom % 2, right + right % 2
    return Box(max(top, 0), min(bottom, height), max(left, 0), min(right, width))


class Conv:
    """A convolution with everything constant folded into its weight."""

    def __init__(self, layer: EqualConv2d, dtype: torch.dtype) -> None:
        gain = layer.gain * (SQRT2 if layer.activation in ("relu", "lrelu") else 1.0)
        self.weight = packed(layer.weight * (layer.weight_gain * gain), dtype)
        self.bias = None if layer.bias is None else (layer.bias * gain).to(dtype)
        self.down, self.activation = layer.down, layer.activation
        self.clamp = None if layer.clamp is None else layer.clamp * layer.gain
        self.filter = depthwise(layer.resample_filter, layer.weight.shape[1], dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H // down, W // down)``, in the layer's own type."""
        x = x.to(self.weight.dtype)
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


def packed(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A weight as the convolutions take it: of that type, channels last."""
    return weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)


def depthwise(kernel: torch.Tensor, channels: int, dtype: torch.dtype, gain: float = 1.0) -> torch.Tensor:
    """A resampling filter ``(k, k)`` as the weight ``(channels, 1, k, k)`` of a grouped convolution."""
    return (kernel * gain).to(dtype).expand(channels, 1, -1, -1).contiguous()


class DenseConv:
    """The patch encoder's fully connected layer with its norm, as a 1x1 convolution."""

    def __init__(self, layer: Dense, dtype: torch.dtype) -> None:
        # a constant added to a channel does not survive the instance norm behind it, so the bias is left out
        self.weight = packed(layer.linear.weight[:, :, None, None], dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` -> the same size."""
        return F.leaky_relu_(normalised(F.conv2d(x, self.weight)), 0.01)


def normalised(x: torch.Tensor) -> torch.Tensor:
    """Instance norm of ``(B, C, H, W)``; of channels-last memory on the CPU it is the quickest we know, and exact.

    The CPU's channels-last kernels add a channel's pixels up one after the other in float32, which at 512x512 costs three
    digits of the variance. Here each column has its own sums, put together afterwards.
    """
    if x.device.type != "cpu":
        return F.instance_norm(x)
    items = []
    for item in torch.split(x.contiguous(memory_format=torch.channels_last), 1):
        _, channels, height, width = item.shape
        columns = item.permute(0, 2, 3, 1).reshape(1, height, 1, width * channels).permute(0, 3, 1, 2)
        means, variances = torch.batch_norm_update_stats(columns, None, None, 0.0)
        means, variances = (each.float().view(width, channels) for each in (means, variances))
        mean = means.mean(dim=0)
        variance = (variances + (means - mean).square()).mean(dim=0)
        items.append(F.batch_norm(item, mean, variance, training=False))
    return items[0] if len(items) == 1 else torch.cat(items)


class Styles:
    """The affine layers that turn w into styles, as one."""

    def __init__(self, width: int) -> None:
        self._layers: list[Callable[[torch.Tensor], torch.Tensor]] = []
        self._width = width
        self.sizes: list[int] = []

    def add(self, layer: Callable[[torch.Tensor], torch.Tensor]) -> int:
        """Take in an affine map of ``(B, style)``; its place in what :meth:`__call__` gives."""
        self._layers.append(layer)
        return len(self._layers) - 1

    def build(self, device: torch.device) -> None:
        """After the last layer."""
        nothing, units = torch.zeros(1, self._width, device=device), torch.eye(self._width, device=device)
        shifts = [layer(nothing) for layer in self._layers]
        self.sizes = [shift.shape[1] for shift in shifts]
        self.bias = torch.cat(shifts, dim=1)[0]
        self.matrix = torch.cat(
            [layer(units) - shift for layer, shift in zip(self._layers, shifts, strict=True)], dim=1
        )
        self._layers = []

    def __call__(self, w: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """``(B, style)`` -> styles ``(B, channels)`` of each layer."""
        return torch.split(torch.addmm(self.bias, w, self.matrix), self.sizes, dim=1)


class Modulated:
    """A modulated convolution with noise and activation."""

    def __init__(self, layer: SynthesisLayer, dtype: torch.dtype, styles: Styles) -> None:
        self.layer, self.dtype = layer, dtype
        self.style = styles.add(layer.affine)
        self.weight = layer.weight.detach()
        self.packed = self.weight.transpose(0, 1).contiguous() if layer.up else self.weight
        self.packed = packed(self.packed, dtype)
        self.energy = self.weight.square().sum(dim=(2, 3)).T.contiguous()
        self.bias = (layer.bias * SQRT2).to(dtype)
        self.filter = depthwise(layer.resample_filter, self.weight.shape[0], dtype, 4.0)

    def __call__(self, x: torch.Tensor, styles: tuple[torch.Tensor, ...], noise: Noise) -> torch.Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H, W)``, twice as large where the layer doubles."""
        x, style = x.to(self.dtype), styles[self.style]
        factor = (style.square() @ self.energy + 1e-8).rsqrt() * SQRT2
        outputs = self.weight.shape[0] * x.shape[2] * x.shape[3] * (4 if self.layer.up else 1)
        if self.weight.numel() > x[0].numel() + outputs:
            y = self._convolved(x * style.to(x.dtype)[:, :, None, None], self.packed, None)
            y.mul_(factor.to(y.dtype)[:, :, None, None]).add_(self.bias[:, None, None])
        else:
            items = []
            for item, scale, gain in zip(torch.split(x, 1), style, factor, strict=True):
                weight = self.weight * scale[None, :, None, None] * gain[:, None, None, None]
                weight = packed(weight.transpose(0, 1) if self.layer.up else weight, self.dtype)
                items.append(self._convolved(item, weight, self.bias))
            y = items[0] if len(items) == 1 else torch.cat(items)
        if (added := self.layer.noise(len(x), noise)) is not None:
            y.add_((added * SQRT2).to(self.dtype))
        F.leaky_relu_(y, 0.2)
        return y if self.layer.clamp is None else y.clamp_(-self.layer.clamp, self.layer.clamp)

    def _convolved(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        if not self.layer.up:
            return F.conv2d(x, weight, bias, padding=1)
        y = F.conv_transpose2d(x, weight, stride=2)
        return F.conv2d(y, self.filter, bias, padding=1, groups=y.shape[1])


class Head:
    """toRGB or the parsing head: a 1x1 convolution with the styles in its weight; its result is in float32."""

    def __init__(
        self, layer: ToRGB, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype, styles: Styles
    ) -> None:
        self.layer, self.dtype = layer, dtype
        self.style = styles.add(layer.styles)
        self.weight, self.bias = weight.detach(), bias.detach()

    def __call__(self, x: torch.Tensor, styles: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """``(B, C, H, W)`` -> ``(B, outputs, H, W)`` float32."""
        rows = [
            F.conv2d(item.to(self.dtype), (self.weight * style[None, :, None, None]).to(self.dtype))
            for item, style in zip(torch.split(x, 1), styles[self.style], strict=True)
        ]
        y = (rows[0] if len(rows) == 1 else torch.cat(rows)).float().add_(self.bias[:, None, None])
        return y if self.layer.clamp is None else y.clamp_(-self.layer.clamp, self.layer.clamp)


class Merge:
    """The 1x1 convolution that takes an identity map in; without laying both beside each other first."""

    def __init__(self, layer: EqualConv2d, dtype: torch.dtype) -> None:
        weight = layer.weight.detach() * (layer.weight_gain * layer.gain)
        self.matrix = weight[:, :, 0, 0]
        own = len(weight)
        self.own, self.other = packed(weight[:, :own], dtype), packed(weight[:, own:], dtype)
        assert layer.bias is not None
        self.bias = layer.bias.detach() * layer.gain
        self.narrow = self.bias.to(dtype)

    def __call__(self, x: torch.Tensor, identity: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` and ``(B, I, H, W)`` -> ``(B, C, H, W)``."""
        return F.conv2d(x, self.own).add_(F.conv2d(identity.to(x.dtype), self.other, self.narrow))


class MergedHead:
    """A merge and the head behind it, both linear, as one 1x1 convolution; its result is in float32."""

    def __init__(self, merge: Merge, head: Head) -> None:
        self.merge, self.head = merge, head

    def __call__(self, x: torch.Tensor, identity: torch.Tensor, styles: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """``(B, C, H, W)`` before the merge and ``(B, I, H, W)`` -> ``(B, outputs, H, W)``."""
        rows = []
        identity = identity.to(x.dtype)
        for item, other, style in zip(
            torch.split(x, 1), torch.split(identity, 1), styles[self.head.style], strict=True
        ):
            scaled = self.head.weight[:, :, 0, 0] * style
            matrix = (scaled @ self.merge.matrix).to(x.dtype)[:, :, None, None]
            own = item.shape[1]
            y = F.conv2d(item, matrix[:, :own]).float().add_(F.conv2d(other, matrix[:, own:]))
            rows.append(y.add_((scaled @ self.merge.bias + self.head.bias)[:, None, None]))
        y = rows[0] if len(rows) == 1 else torch.cat(rows)
        clamp = self.head.layer.clamp
        return y if clamp is None else y.clamp_(-clamp, clamp)


class SpadeConvs:
    """A SPADE residual block whose modulation is computed inside a box only."""

    def __init__(self, block: SpadeBlock, dtype: torch.dtype) -> None:
        def folded(layer: PreActConv2d) -> torch.Tensor:
            gain = 1.0 if layer.gain is None else SQRT2 * layer.gain
            return packed(layer.weight * (layer.weight_gain * gain), dtype)

        self.conv, self.conv0, self.conv1, self.skip = map(folded, (block.conv, block.conv0, block.conv1, block.skip))
        norms: tuple[Spade, ...] = (block.spade_skip, block.spade0, block.spade1)
        self.hidden = packed(torch.cat([folded(norm.conv_mlp) for norm in norms]), dtype)
        # scale (whose 1 is the bias) and shift of a norm come out of one convolution
        self.both = [packed(torch.cat([folded(norm.conv_gamma), folded(norm.conv_beta)]), dtype) for norm in norms]
        channels = len(self.both[0]) // 2
        self.ones = torch.cat([torch.ones(channels), torch.zeros(channels)]).to(self.both[0])

    def __call__(
        self, x: torch.Tensor, condition: torch.Tensor, box: Box, columns: slice | None = None
    ) -> torch.Tensor:
        """Run the block.

        Args:
            x: ``(B, C, H, W)``.
            condition: inside the box, which has two pixels more to each side than where it is not zero.
            box: where.
            columns: of the result that are wanted; None for all.
        """
        x = normalised(F.conv2d(x.to(self.conv.dtype), self.conv, padding=1))
        hidden: tuple[torch.Tensor, ...] = ()
        if not box.empty:
            hidden = F.conv2d(condition.to(self.hidden.dtype), self.hidden, padding=1).relu_().chunk(3, dim=1)
        skip = self._modulated(x.clone(), hidden, 0, box)
        if columns is not None:
            skip = columns_of(skip, columns, 0)
        skip = F.conv2d(skip, self.skip)
        y = F.conv2d(self._modulated(x, hidden, 1, box), self.conv0, padding=1)
        y = self._modulated(normalised(y), hidden, 2, box)
        if columns is None:
            return F.conv2d(y, self.conv1, padding=1).add_(skip)
        # a column more to each side, which the convolution looks at instead of zeros
        return F.conv2d(columns_of(y, columns, 1), self.conv1, padding=(1, 0)).add_(skip)

    def _modulated(self, x: torch.Tensor, hidden: tuple[torch.Tensor, ...], index: int, box: Box) -> torch.Tensor:
        """Scale and shift inside the box, in place; then ReLU."""
        if not box.empty:
            inside = box.of(x)
            gamma, beta = F.conv2d(hidden[index], self.both[index], self.ones, padding=1).chunk(2, dim=1)
            inside.mul_(gamma).add_(beta)
        return x.relu_()


def columns_of(x: torch.Tensor, columns: slice, margin: int) -> torch.Tensor:
    """Some columns of ``(B, C, H, W)`` with a margin, a view."""
    return x[:, :, :, slice(columns.start - margin, columns.stop + margin)]


class Block:
    """One resolution of the style or texture branch."""

    def __init__(self, block: SynthesisBlock, dtype: torch.dtype, styles: Styles) -> None:
        self.block = block
        self.conv0 = None if block.first else Modulated(block.conv0, dtype, styles)
        self.conv1 = Modulated(block.conv1, dtype, styles)
        self.merge = Merge(block.merge_conv, dtype) if block.merges else None
        self.torgb = Head(block.torgb, block.torgb.weight, block.torgb.bias, dtype, styles)
        self.spade = SpadeConvs(block.spade_b512, dtype) if block.has_spade else None

    def features(
        self, x: torch.Tensor, styles: tuple[torch.Tensor, ...], identity: torch.Tensor | None, noise: Noise
    ) -> torch.Tensor:
        """Features of the block below -> of this one, ``(B, C, H, W)``; SPADE is not applied."""
        x = self.unmerged(x, styles, noise)
        return x if self.merge is None or identity is None else self.merge(x, identity)

    def unmerged(self, x: torch.Tensor, styles: tuple[torch.Tensor, ...], noise: Noise) -> torch.Tensor:
        """As :meth:`features`, before the identity map comes in."""
        if self.conv0 is not None:
            x = self.conv0(x, styles, noise)
        return self.conv1(x, styles, noise)

    def picture(
        self,
        x: torch.Tensor,
        image: torch.Tensor | None,
        styles: tuple[torch.Tensor, ...],
        columns: slice | None = None,
    ) -> torch.Tensor:
        """Add this block's part to the picture of the block below; of some columns only where ``x`` has only those."""
        rgb = self.torgb(x, styles)
        if image is None:
            return rgb
        image = upsample(image, self.block.resample_filter)
        return (image if columns is None else columns_of(image, columns, 0)).add_(rgb)
