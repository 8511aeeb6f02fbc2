"""Adaptive discriminator augmentation: random changes that a discriminator sees on real and generated pictures alike.

Karras et al., Training Generative Adversarial Networks with Limited Data, NeurIPS 2020: pipeline "bgc" (appendix B: pixel
blitting, geometry, colour) and the controller of its probability (section 3.1). Resampling is bilinear with mirrored borders
here, without the paper's wavelet filters. Everything can be differentiated twice, which the gradient penalty needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F


class _Sample(torch.autograd.Function):
    """Bilinear sampling, linear in the picture; PyTorch's own cannot be differentiated twice."""

    @staticmethod
    def forward(ctx: Any, picture: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = picture.shape
        return F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _SampleAdjoint.apply(gradients[0], grid, ctx.shape), None  # type: ignore[no-untyped-call]


class _SampleAdjoint(torch.autograd.Function):
    """The transpose of :class:`_Sample`, whose own derivative is sampling again."""

    @staticmethod
    def forward(ctx: Any, gradient: torch.Tensor, grid: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        ctx.save_for_backward(grid)
        blank = gradient.new_zeros(shape)
        # interpolation 0 = bilinear, padding 2 = reflection
        result: torch.Tensor = torch.ops.aten.grid_sampler_2d_backward(
            gradient, blank, grid, 0, 2, False, [True, False]
        )[0]
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradients[0], grid), None, None  # type: ignore[no-untyped-call]


def _matrices(
    count: int, size: int, entries: dict[tuple[int, int], torch.Tensor], device: torch.device
) -> torch.Tensor:
    matrix = torch.eye(size, device=device).repeat(count, 1, 1)
    for (row, column), value in entries.items():
        matrix[:, row, column] = value
    return matrix


class _Draw:
    """Random numbers for a batch, each transformation happening with probability p.

    Args:
        batch: number of pictures.
        p: probability.
        generator: random numbers.
    """

    def __init__(self, batch: int, p: float, generator: torch.Generator) -> None:
        self.batch, self.p, self.generator, self.device = batch, p, generator, generator.device

    def uniform(self) -> torch.Tensor:
        return torch.rand(self.batch, generator=self.generator, device=self.device)

    def normal(self) -> torch.Tensor:
        return torch.randn(self.batch, generator=self.generator, device=self.device)

    def sometimes(self, value: torch.Tensor, otherwise: float = 0.0, p: float | None = None) -> torch.Tensor:
        happens = self.uniform() < (self.p if p is None else p)
        return torch.where(happens, value, torch.full_like(value, otherwise))


def _rotation(angle: torch.Tensor) -> torch.Tensor:
    cos, sin = angle.cos(), angle.sin()
    return _matrices(len(angle), 3, {(0, 0): cos, (0, 1): -sin, (1, 0): sin, (1, 1): cos}, angle.device)


def _scale(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return _matrices(len(x), 3, {(0, 0): x, (1, 1): y}, x.device)


def _shift(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return _matrices(len(x), 3, {(0, 2): x, (1, 2): y}, x.device)


def geometry(batch: int, size: tuple[int, int], p: float, generator: torch.Generator) -> torch.Tensor:
    """Where each pixel of the result looks in the picture, ``(B, 3, 3)``, in pixels from the centre.

    Mirroring, quarter turns (half turns where the picture is not square), whole-pixel shifts up to 1/8, scaling by
    2**N(0, 0.2), rotation, stretching by 2**N(0, 0.2), shifts by N(0, 1/8).
    """
    height, width = size
    draw = _Draw(batch, p, generator)
    one = torch.ones(batch, device=draw.device)
    matrix = _scale(draw.sometimes(1 - 2 * (draw.uniform() * 2).floor(), 1.0), one)
    turns = (draw.uniform() * 4).floor() if height == width else 2 * (draw.uniform() * 2).floor()
    matrix = matrix @ _rotation(draw.sometimes(turns) * (math.pi / 2))
    x, y = ((draw.uniform() * 2 - 1) * 0.125 for _ in range(2))
    happens = draw.sometimes(one)
    matrix = matrix @ _shift((x * happens * width).round(), (y * happens * height).round())
    scale = draw.sometimes(torch.exp2(draw.normal() * 0.2), 1.0)
    matrix = matrix @ _scale(scale, scale)
    p_rotation = 1 - math.sqrt(1 - p)  # twice, so that it happens with p in all
    matrix = matrix @ _rotation(draw.sometimes((draw.uniform() * 2 - 1) * math.pi, p=p_rotation))
    stretch = draw.sometimes(torch.exp2(draw.normal() * 0.2), 1.0)
    matrix = matrix @ _scale(stretch, 1 / stretch)
    matrix = matrix @ _rotation(draw.sometimes((draw.uniform() * 2 - 1) * math.pi, p=p_rotation))
    happens = draw.sometimes(one)
    x, y = draw.normal() * 0.125 * happens, draw.normal() * 0.125 * happens
    return matrix @ _shift(x * width, y * height)


def colour(batch: int, p: float, generator: torch.Generator) -> torch.Tensor:
    """Affine maps of colours, ``(B, 4, 4)``: brightness, contrast, luma flip, hue, saturation; values are -1 to 1."""
    draw = _Draw(batch, p, generator)
    device = draw.device
    brightness = draw.sometimes(draw.normal() * 0.2)
    matrix = _matrices(batch, 4, {(0, 3): brightness, (1, 3): brightness, (2, 3): brightness}, device)
    contrast = draw.sometimes(torch.exp2(draw.normal() * 0.5), 1.0)
    matrix = _matrices(batch, 4, {(0, 0): contrast, (1, 1): contrast, (2, 2): contrast}, device) @ matrix
    axis = torch.tensor([1.0, 1.0, 1.0, 0.0], device=device) / math.sqrt(3)
    along = torch.outer(axis, axis)
    flip = draw.sometimes((draw.uniform() * 2).floor())[:, None, None]
    identity = torch.eye(4, device=device)
    matrix = (identity - 2 * along * flip) @ matrix
    angle = draw.sometimes((draw.uniform() * 2 - 1) * math.pi)
    matrix = _hue(angle) @ matrix
    saturation = draw.sometimes(torch.exp2(draw.normal()), 1.0)[:, None, None]
    return (along + (identity - along) * saturation) @ matrix


def _hue(angle: torch.Tensor) -> torch.Tensor:
    """Rotation about the grey axis (Rodrigues' formula)."""
    cos, sin = angle.cos(), angle.sin()
    same, other = (1 + 2 * cos) / 3, (1 - cos) / 3
    a, b = other - sin / math.sqrt(3), other + sin / math.sqrt(3)
    entries = {(i, i): same for i in range(3)}
    entries |= {(i, (i + 1) % 3): a for i in range(3)}
    entries |= {(i, (i + 2) % 3): b for i in range(3)}
    return _matrices(len(angle), 4, entries, angle.device)


def augment(picture: torch.Tensor, p: float, generator: torch.Generator) -> torch.Tensor:
    """Change each picture at random.

    Args:
        picture: ``(B, 3, H, W)``, -1 to 1.
        p: probability of each transformation; 0 gives the pictures back.
        generator: random numbers, on the picture's device.

    Returns:
        ``(B, 3, H, W)``, not limited to -1 to 1.
    """
    if p <= 0:
        return picture
    # coordinates need more digits than half precision has
    with torch.autocast(picture.device.type, enabled=False):
        batch, _, height, width = picture.shape
        pixels = geometry(batch, (height, width), p, generator)
        # grid coordinates run from -1 to 1 over the picture
        units = torch.tensor([width / 2, height / 2, 1.0], device=picture.device)
        theta = (pixels * units[None, None, :] / units[None, :, None])[:, :2]
        grid = F.affine_grid(theta, [batch, 3, height, width], align_corners=False)
        moved = _Sample.apply(picture.float(), grid)  # type: ignore[no-untyped-call]
        matrix = colour(batch, p, generator)
        mixed = matrix[:, :3, :3] @ moved.reshape(batch, 3, -1) + matrix[:, :3, 3:]
        return mixed.reshape(batch, 3, height, width).to(picture.dtype)


@dataclass
class Controller:
    """Raises the probability while the discriminator overfits, and lowers it otherwise.

    Args:
        target: wanted mean sign of the discriminator's answers to real pictures.
        kimg: so many thousand pictures move the probability by 1.
        every: steps between adjustments.
        p: probability now.
    """

    target: float = 0.6
    kimg: float = 500.0
    every: int = 4
    p: float = 0.0
    signs: float = 0.0
    count: float = 0.0

    def see(self, sign: float) -> None:
        """Take note of the mean sign of a step's answers to real pictures, -1 to 1 (the same in every process)."""
        self.signs += sign
        self.count += 1

    def adjust(self, step: int, pictures: int) -> None:
        """After a step that has shown so many pictures."""
        if step % self.every == 0 and self.count:
            direction = math.copysign(1.0, self.signs / self.count - self.target)
            change = direction * pictures * self.every / (self.kimg * 1000)
            self.p = min(max(self.p + change, 0.0), 1.0)
            self.signs = self.count = 0.0
