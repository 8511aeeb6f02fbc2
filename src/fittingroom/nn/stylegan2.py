r"""Layers of StyleGAN2 in plain PyTorch: equalised and modulated convolutions, FIR resampling, mapping, minibatch deviation.

Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020 (modulation: section 2.2; discriminator and
minibatch statistics: Karras et al., Progressive Growing of GANs, ICLR 2018, section 3), and Training Generative Adversarial
Networks with Limited Data, NeurIPS 2020 (clamping). Nothing here needs compiled operators; every function can be
differentiated twice, which the gradient penalty needs. Names of parameters and buffers are those of published checkpoints,
hence the unused ``resample_filter`` of layers that do not resample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional as F

from .strided import strided_conv2d

Activation: TypeAlias = Literal["linear", "relu", "lrelu"]
#: noise that was drawn already, ``(B, 1, H, W)`` for each layer by its :attr:`SynthesisLayer.place`
Drawn: TypeAlias = dict[int, torch.Tensor]
#: per-pixel noise of the synthesis: the stored map, none, fresh from one generator for each item of the batch, or drawn already
Noise: TypeAlias = Literal["const", "none"] | Sequence[torch.Generator] | Drawn

SQRT2 = math.sqrt(2.0)
#: an activation's gain keeps the variance of a normal input
_GAINS: dict[str, float] = {"linear": 1.0, "relu": SQRT2, "lrelu": SQRT2}


def binomial_filter() -> torch.Tensor:
    """The low-pass filter of all resampling: the outer product of (1, 3, 3, 1) with itself, ``(4, 4)``, sum 1."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return row[:, None] * row[None, :] / row.sum() ** 2


def fir(x: torch.Tensor, kernel: torch.Tensor, *, padding: int, gain: float = 1.0, stride: int = 1) -> torch.Tensor:
    """Zero-pad and filter each channel.

    Args:
        x: ``(B, C, H, W)``.
        kernel: ``(4, 4)``, symmetric.
        padding: zeros on each side.
        gain: factor on the result.
        stride: only every such pixel of the result is computed.

    Returns:
        ``(B, C, (H + 2 padding - 4) // stride + 1, ...)``.
    """
    channels = x.shape[1]
    weight = (kernel * gain).to(x.dtype).expand(channels, 1, -1, -1)
    return F.conv2d(x, weight, padding=padding, stride=stride, groups=channels)


def upsample(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """``(B, C, H, W)`` -> ``(B, C, 2H, 2W)``: zeros between the pixels, then the filter with gain 4."""
    channels = x.shape[1]
    weight = (kernel * 4).to(x.dtype).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=channels)


def bias_act(
    x: torch.Tensor,
    bias: torch.Tensor | None = None,
    activation: Activation = "linear",
    gain: float = 1.0,
    clamp: float | None = None,
) -> torch.Tensor:
    """Add a bias over dimension 1, activate, multiply by the activation's gain and ``gain``, limit to +-``clamp * gain``."""
    if bias is not None:
        x = x + bias.to(x.dtype).reshape(1, -1, *[1] * (x.ndim - 2))
    if activation == "relu":
        x = F.relu(x)
    elif activation == "lrelu":
        x = F.leaky_relu(x, 0.2)
    factor = _GAINS[activation] * gain
    if factor != 1.0:
        x = x * factor
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)


class EqualLinear(nn.Module):
    """Fully connected layer whose weight is stored with unit variance and scaled when used (equalised learning rate).

    Args:
        inputs: width of the input.
        outputs: width of the output.
        activation: ``linear`` or ``lrelu``.
        lr_mult: learning rate relative to the others; the stored weight is divided by it.
        bias_init: of the effective bias.
    """

    def __init__(
        self, inputs: int, outputs: int, activation: Activation = "linear", lr_mult: float = 1.0, bias_init: float = 0.0
    ) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mult)
        self.bias = nn.Parameter(torch.full((outputs,), bias_init / lr_mult))
        self.weight_gain = lr_mult / math.sqrt(inputs)
        self.bias_gain = lr_mult

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, inputs)`` -> ``(B, outputs)``."""
        weight = (self.weight * self.weight_gain).to(x.dtype)
        return bias_act(x @ weight.T, self.bias * self.bias_gain, self.activation)


class EqualConv2d(nn.Module):
    """Convolution with equalised learning rate and, if asked, filtered halving of the resolution.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel: side of the kernel, odd.
        activation: applied after the bias.
        bias: whether there is one.
        down: 1 or 2.
        gain: factor on the output.
        clamp: limit of the output before ``gain``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        activation: Activation = "linear",
        bias: bool = True,
        down: int = 1,
        gain: float = 1.0,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.down, self.gain, self.clamp = down, gain, clamp
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.register_buffer("resample_filter", binomial_filter())
        self.resample_filter: torch.Tensor
        self.weight_gain = 1 / math.sqrt(inputs * kernel * kernel)

    def convolve(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution alone, ``(B, inputs, H, W)`` -> ``(B, outputs, H // down, W // down)``."""
        weight = (self.weight * self.weight_gain).to(x.dtype)
        side = weight.shape[-1]
        if self.down == 1:
            return F.conv2d(x, weight, padding=side // 2)
        if side == 1:
            return F.conv2d(fir(x, self.resample_filter, padding=1, stride=2), weight)
        return strided_conv2d(fir(x, self.resample_filter, padding=2), weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See :meth:`convolve`; then bias, activation, gain and clamp."""
        return bias_act(self.convolve(x), self.bias, self.activation, self.gain, self.clamp)


def modulated_conv(
    x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor, *, demodulate: bool, up: torch.Tensor | None = None
) -> torch.Tensor:
    """Convolution whose input channels are scaled by a style, and whose output is brought back to unit variance.

    Scaling activations before and after is the same as scaling the weights of each item (section 2.2 of the StyleGAN2
    paper), and lets one convolution serve the whole batch.

    Args:
        x: ``(B, C, H, W)``.
        weight: ``(D, C, k, k)``.
        styles: ``(B, C)``.
        demodulate: divide by the norm that the scaled kernel of each output has.
        up: resampling filter ``(4, 4)``; with it the resolution is doubled.

    Returns:
        ``(B, D, H, W)`` or ``(B, D, 2H, 2W)``.
    """
    y = x * styles.to(x.dtype)[:, :, None, None]
    kernel = weight.to(x.dtype)
    if up is None:
        y = F.conv2d(y, kernel, padding=weight.shape[-1] // 2)
    else:
        y = F.conv_transpose2d(y, kernel.transpose(0, 1), stride=2)
        y = fir(y, up, padding=1, gain=4)
    if demodulate:
        energy = weight.square().sum(dim=(2, 3)) @ styles.square().T
        y = y * (energy.T + 1e-8).rsqrt().to(y.dtype)[:, :, None, None]
    return y


class SynthesisLayer(nn.Module):
    """Modulated convolution with noise, bias and leaky ReLU.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        style: width of w.
        size: (height, width) of the output.
        up: whether the resolution doubles.
        clamp: limit of the output.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style: int,
        size: tuple[int, int],
        *,
        up: bool = False,
        clamp: float | None = 256,
    ) -> None:
        super().__init__()
        self.up, self.clamp = up, clamp
        #: which layer of a network this is, see :func:`draw_noise`
        self.place = 0
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("resample_filter", binomial_filter())
        self.register_buffer("noise_const", torch.randn(size))
        self.resample_filter: torch.Tensor
        self.noise_const: torch.Tensor
        self.affine = EqualLinear(style, inputs, bias_init=1)

    def noise(self, batch: int, mode: Noise) -> torch.Tensor | None:
        """``(1 or B, 1, H, W)`` noise with its strength applied, or None."""
        if mode == "none":
            return None
        if mode == "const":
            return (self.noise_const * self.noise_strength)[None, None]
        if isinstance(mode, dict):
            return mode[self.place] * self.noise_strength
        if len(mode) != batch:
            raise ValueError(f"noise needs one generator for each of {batch} items, not {len(mode)}")
        return self.drawn(mode) * self.noise_strength

    def drawn(self, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """``(B, 1, H, W)`` fresh noise without its strength."""
        made = [torch.randn(self.noise_const.shape, generator=each, device=each.device) for each in generators]
        return torch.stack(made).to(self.noise_const)[:, None]

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise: Noise = "const") -> torch.Tensor:
        """``(B, inputs, H, W)``, ``(B, style)`` -> ``(B, outputs, H, W)``, twice that when ``up``."""
        y = modulated_conv(
            x, self.weight, self.affine(w), demodulate=True, up=self.resample_filter if self.up else None
        )
        if (added := self.noise(len(x), noise)) is not None:
            y = y + added.to(y.dtype)
        return bias_act(y, self.bias, "lrelu", clamp=self.clamp)


def draw_noise(network: nn.Module, generators: Sequence[torch.Generator]) -> Drawn:
    """Draw what all layers of a network need, in their order: a network that is compiled cannot draw by itself."""
    layers = [layer for layer in network.modules() if isinstance(layer, SynthesisLayer)]
    return {layer.place: layer.drawn(generators) for layer in sorted(layers, key=lambda layer: layer.place)}


class ToRGB(nn.Module):
    """1x1 modulated convolution without demodulation: features -> an image to be added.

    Args:
        inputs: channels of the input.
        outputs: channels of the image.
        style: width of w.
        clamp: limit of the output.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, clamp: float | None = 256) -> None:
        super().__init__()
        self.clamp = clamp
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight_gain = 1 / math.sqrt(inputs)
        self.affine = EqualLinear(style, inputs, bias_init=1)

    def styles(self, w: torch.Tensor) -> torch.Tensor:
        """``(B, style)`` -> ``(B, inputs)`` scales of the input's channels."""
        return self.affine(w) * self.weight_gain

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)``, ``(B, style)`` -> ``(B, outputs, H, W)``."""
        return bias_act(modulated_conv(x, self.weight, self.styles(w), demodulate=False), self.bias, clamp=self.clamp)


def normalise_second_moment(x: torch.Tensor) -> torch.Tensor:
    """``(B, C)`` scaled so that the mean square of each row is 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class Mapping(nn.Module):
    """Condition vector -> w: embedding, normalisation, then fully connected layers that learn a hundred times slower.

    Args:
        condition: width of the condition vector.
        width: of the embedding, the layers and w.
        layers: number of fully connected layers.
        average: None, or the decay of the running mean ``w_avg`` that is kept while training.
    """

    def __init__(self, condition: int, width: int, layers: int, average: float | None = None) -> None:
        super().__init__()
        self.average, self.layers = average, layers
        if average is not None:
            self.register_buffer("w_avg", torch.zeros(width))
            self.w_avg: torch.Tensor
        self.embed = EqualLinear(condition, width)
        for index in range(layers):
            setattr(self, f"fc{index}", EqualLinear(width, width, "lrelu", lr_mult=0.01))

    def forward(self, c: torch.Tensor) -> torch.Tensor:
        """``(B, condition)`` -> ``(B, width)``."""
        x = normalise_second_moment(self.embed(c))
        for index in range(self.layers):
            x = getattr(self, f"fc{index}")(x)
        if self.average is not None and self.training:
            with torch.no_grad():
                self.w_avg.lerp_(x.detach().mean(dim=0).to(self.w_avg.dtype), 1 - self.average)
        return x


class MinibatchStd(nn.Module):
    """Appends one channel: the mean standard deviation over a group of items; lets a discriminator see lack of variety.

    Args:
        group: items in a group; a smaller batch is one group, and one that cannot be split into such groups has smaller ones.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` -> ``(B, C + 1, H, W)``."""
        batch, channels, height, width = x.shape
        group = next(size for size in range(min(self.group, batch), 0, -1) if batch % size == 0)
        deviation = x.reshape(group, batch // group, channels, height, width).float()
        deviation = (deviation - deviation.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt().mean(dim=(1, 2, 3))
        plane = deviation.repeat(group).to(x.dtype).reshape(batch, 1, 1, 1).expand(-1, -1, height, width)
        return torch.cat([x, plane], dim=1)
