"""Ways to spoil a picture a little or a lot: what the small network learns to put in order."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

Distortion = Callable[[torch.Tensor, float, torch.Tensor, torch.Generator], torch.Tensor]


def _draw(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=generator)


def blurred(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Gaussian blur of up to 3 pixels."""
    sigma = 0.3 + 2.7 * amount
    at = torch.arange(-9, 10, dtype=torch.float32)
    kernel = torch.exp(-at.square() / (2 * sigma**2))
    kernel /= kernel.sum()
    planes = F.pad(picture[:, None], (9, 9, 9, 9), mode="reflect")
    return F.conv2d(F.conv2d(planes, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]


def noisy(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise of up to 0.4 in a range of 2."""
    return picture + 0.4 * amount * _draw(tuple(picture.shape), generator)


def tinted(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Another contrast, brightness and colour cast."""
    direction = _draw((3, 1, 1), generator)
    direction = direction / direction.norm()
    sign = 1.0 if float(torch.rand((), generator=generator)) < 0.5 else -1.0
    return picture * (1 + sign * 0.5 * amount) + 0.6 * amount * direction


def bent(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A smooth displacement of up to a tenth of the side."""
    field = F.interpolate(_draw((1, 2, 5, 5), generator), picture.shape[-2:], mode="bicubic", align_corners=True)[0]
    field = field / field.abs().max().clamp_min(1e-6) * 0.2 * amount
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 3, *picture.shape[-2:]], align_corners=False)
    grid = grid + field.permute(1, 2, 0)[None]
    return F.grid_sample(picture[None], grid, padding_mode="reflection", align_corners=False)[0]


def coarse(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Fewer pixels: as if it had been enlarged by up to 6 times."""
    small = [max(4, round(side / (1 + 5 * amount))) for side in picture.shape[-2:]]
    down = F.interpolate(picture[None], small, mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(down, picture.shape[-2:], mode="bilinear", align_corners=False)[0]


def covered(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A part of another picture in the middle of a place drawn by chance; the larger amount covers the smaller's place."""
    height, width = picture.shape[-2:]
    middle = torch.rand((2,), generator=generator) * torch.tensor([height, width])
    rows = (torch.arange(height) - middle[0]).abs() < 0.35 * amount * height
    columns = (torch.arange(width) - middle[1]).abs() < 0.35 * amount * width
    return torch.where(rows[:, None] & columns[None, :], other, picture)


def faded(picture: torch.Tensor, amount: float, other: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Another picture shines through: ghosts."""
    return picture + 0.6 * amount * (other - picture)


DISTORTIONS: tuple[Distortion, ...] = (blurred, noisy, tinted, bent, coarse, covered, faded)


def two_strengths(
    picture: torch.Tensor, other: torch.Tensor, kind: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same distortion, weaker and stronger, everything else about it equal.

    Args:
        picture: ``(3, H, W)``, -1 to 1.
        other: of the same shape, for distortions that mix another picture in.
        kind: index into :data:`DISTORTIONS`.
        seed: of strengths, places and directions.

    Returns:
        Two pictures, -1 to 1; the second is at least 1.3 times as strongly distorted.
    """
    generator = torch.Generator().manual_seed(seed)
    weak = float(torch.rand((), generator=generator)) * 0.65 + 0.03
    strong = min(1.0, weak * (1.3 + float(torch.rand((), generator=generator)) * 1.5))
    state = generator.get_state()
    found = []
    for amount in (weak, strong):
        generator.set_state(state)
        found.append(DISTORTIONS[kind](picture, amount, other, generator).clamp(-1, 1))
    return found[0], found[1]
