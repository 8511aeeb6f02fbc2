"""The warping module: a network that finds 25 control points of a thin-plate spline, and a U-Net that repairs the result.

arXiv 2305.13501, section 3.1. Names and shapes of the tensors are those of the published files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ...core.errors import InputError
from ...core.images import Size
from ...nn.strided import StridedConv2d
from ...nn.tps import kernel

#: control points to a side, and how far from the centre the outermost lie (the picture reaches from -1 to 1)
POINTS, REACH = 5, 0.9
_L2_EPSILON = 1e-6


@dataclass(frozen=True)
class WarpingConfig:
    """Sizes of both networks.

    Args:
        size: (height, width) that the matcher works at, multiples of 32; half the photo's.
        width: channels after the matcher's first convolution; it grows to eight times as many.
        pose: channels of the pose map.
        refine: channels of the repairing U-Net's first level.
        regress: channels of the first layer that turns correlations into control points; each next one has half as many.

    Raises:
        InputError: a size that the matcher cannot have.
    """

    size: Size = (256, 192)
    width: int = 64
    pose: int = 18
    refine: int = 64
    regress: int = 512

    def __post_init__(self) -> None:
        if any(side % 32 or side < 64 for side in self.size):
            raise InputError(f"a matcher of {self.size[1]}x{self.size[0]}", mend="choose multiples of 32 from 64 on")

    @property
    def coarse(self) -> Size:
        """(height, width) of the features that are matched."""
        return self.size[0] // 16, self.size[1] // 16


def lattice() -> torch.Tensor:
    """``(25, 2)`` float64 resting control points as (x, y), row by row."""
    axis = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


class FeatureExtractor(nn.Module):
    """Four halvings and two convolutions; convolution, ReLU, batch norm in this order.

    Args:
        inputs: channels that go in.
        width: channels after the first convolution.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level in range(4):
            outputs = width << level
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU(), nn.BatchNorm2d(outputs)]
            inputs = outputs
        layers += [nn.Conv2d(inputs, inputs, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(inputs)]
        layers += [nn.Conv2d(inputs, inputs, 3, padding=1), nn.ReLU()]
        self.model = nn.Sequential(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, 0.02)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` -> ``(B, 8 width, H/16, W/16)``, not negative."""
        features: torch.Tensor = self.model(x)
        return features


def unit_length(features: torch.Tensor) -> torch.Tensor:
    """Divide each pixel's vector of ``(B, C, H, W)`` by its length."""
    return features / (features.square().sum(dim=1, keepdim=True) + _L2_EPSILON).sqrt()


def correlation(garment: torch.Tensor, person: torch.Tensor) -> torch.Tensor:
    """How well every place of one feature map fits every place of the other.

    Args:
        garment: ``(B, C, h, w)``.
        person: ``(B, C, h, w)``.

    Returns:
        ``(B, w h, h, w)``: channel ``column * h + row`` of the garment, at each place of the person.
    """
    columns_first = garment.transpose(2, 3).flatten(2)
    batch, _, height, width = person.shape
    return (columns_first.transpose(1, 2) @ person.flatten(2)).reshape(batch, height * width, height, width)


class _Regression(nn.Module):
    """Correlations -> coordinates of the control points."""

    def __init__(self, coarse: Size, wide: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = coarse[0] * coarse[1]
        for outputs, side, stride in ((wide, 4, 2), (wide // 2, 4, 2), (wide // 4, 3, 1), (wide // 8, 3, 1)):
            layers += [
                StridedConv2d(inputs, outputs, side, stride=stride, padding=1),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
        self.conv = nn.Sequential(*layers)
        flat = (wide // 8) * (coarse[0] // 4) * (coarse[1] // 4)
        self.linear = nn.Linear(flat, 2 * POINTS**2)
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.bias.copy_(lattice().reshape(-1).atanh())  # tanh of it is the resting lattice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = self.conv(x).flatten(1)
        # numbers of 16 bits near 1 are half a pixel apart
        with torch.autocast(x.device.type, enabled=False):
            points: torch.Tensor = torch.tanh(self.linear(flat.to(self.linear.weight.dtype)))
        return points


class _Locator(nn.Module):
    """Holds the regression under its published name."""

    def __init__(self, coarse: Size, wide: int) -> None:
        super().__init__()
        self.regression = _Regression(coarse, wide)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, h w, h, w)`` -> ``(B, 25, 2)`` as (x, y), -1 to 1."""
        points: torch.Tensor = self.regression(x)
        return points.reshape(len(x), -1, 2)


def _spline(size: Size) -> tuple[torch.Tensor, torch.Tensor]:
    """The spline's linear system ``(28, 28)``, and what each pixel has to do with it ``(H W, 28)``; float64."""
    rest = lattice()
    count = len(rest)
    system = torch.zeros(count + 3, count + 3, dtype=torch.float64)
    system[:count, :count] = kernel(torch.cdist(rest, rest).square())
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = rest
    system[count + 1 :, :count] = rest.T
    # corner-aligned, although the sampling below is not: the published weights were learned with it
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, size[0], dtype=torch.float64),
        torch.linspace(-1, 1, size[1], dtype=torch.float64),
        indexing="ij",
    )
    pixels = torch.stack([x, y], dim=-1).reshape(-1, 2)
    bend = kernel((pixels[:, None] - rest[None]).square().sum(dim=-1))
    representation = torch.cat([bend, torch.ones(len(pixels), 1, dtype=torch.float64), pixels], dim=1)
    return system, representation


class GridGenerator(nn.Module):
    """Control points -> where each pixel of the warped garment looks; linear in the points.

    Args:
        size: (height, width) of the grid.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        # real even in a network that is built without weights: libraries exchange torch.linspace for a while, and where torch first
        # sees it then, it is never again made "without weights", while its neighbours are
        with torch.device("cpu"):
            system, representation = _spline(size)
        self.inverse_kernel: torch.Tensor
        self.padding_matrix: torch.Tensor
        self.target_coordinate_repr: torch.Tensor
        self.register_buffer("inverse_kernel", torch.linalg.inv(system).float())
        self.register_buffer("padding_matrix", torch.zeros(3, 2))
        self.register_buffer("target_coordinate_repr", representation.float())

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """``(B, 25, 2)`` -> ``(B, H, W, 2)`` as (x, y), -1 to 1 inside the picture."""
        padded = torch.cat([points, self.padding_matrix.expand(len(points), 3, 2)], dim=1)
        with torch.autocast(points.device.type, enabled=False):
            grid = self.target_coordinate_repr @ (self.inverse_kernel @ padded)
        return grid.reshape(len(points), *self.size, 2)


class Matcher(nn.Module):
    """Garment and person -> the spline that lays one on the other; the published one has 19,056,626 weights.

    Args:
        config: sizes.
    """

    def __init__(self, config: WarpingConfig | None = None) -> None:
        super().__init__()
        config = config or WarpingConfig()
        self.size = config.size
        self.extractionA = FeatureExtractor(3, config.width)
        self.extractionB = FeatureExtractor(3 + config.pose, config.width)
        self.loc_net = _Locator(config.coarse, config.regress)
        self.gridGen = GridGenerator(config.size)

    def points(self, garment: torch.Tensor, person: torch.Tensor) -> torch.Tensor:
        """Control points ``(B, 25, 2)``.

        Args:
            garment: ``(B, 3, h, w)``, -1 to 1, of the matcher's size.
            person: ``(B, 21, h, w)``: masked person, then pose map.
        """
        features = unit_length(self.extractionA(garment)), unit_length(self.extractionB(person))
        found: torch.Tensor = self.loc_net(correlation(*features))
        return found

    def forward(self, garment: torch.Tensor, person: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`points`; returns the grid ``(B, h, w, 2)`` and the control points ``(B, 25, 2)``."""
        points = self.points(garment, person)
        return self.gridGen(points), points


def shrink(picture: torch.Tensor, size: Size) -> torch.Tensor:
    """``(B, C, H, W)`` -> ``(B, C, *size)``, bilinear with antialiasing, pixel centres."""
    return F.interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)


def enlarge_grid(grid: torch.Tensor, size: Size) -> torch.Tensor:
    """``(B, h, w, 2)`` -> ``(B, *size, 2)``, bilinear."""
    return F.interpolate(grid.permute(0, 3, 1, 2), size, mode="bilinear", align_corners=False).permute(0, 2, 3, 1)


def sample(garment: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Look up ``(B, 3, H, W)`` at ``(B, h, w, 2)``; outside the picture its border goes on."""
    return F.grid_sample(garment, grid, mode="bilinear", padding_mode="border", align_corners=False)


class DoubleConvolution(nn.Module):
    """Twice convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, middle: int | None = None) -> None:
        super().__init__()
        middle = middle or outputs
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, middle, 3, padding=1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(),
            nn.Conv2d(middle, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H, W)``."""
        out: torch.Tensor = self.double_conv(x)
        return out


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConvolution(inputs, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.maxpool_conv(x)
        return out


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = DoubleConvolution(inputs, outputs, inputs // 2)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        wide = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
        out: torch.Tensor = self.conv(torch.cat([skip, wide], dim=1))
        return out


class _Out(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(x)
        return out


class Refinement(nn.Module):
    """U-Net that repairs a warped garment; the published one has 17,275,203 weights.

    Args:
        config: sizes.
    """

    def __init__(self, config: WarpingConfig | None = None) -> None:
        super().__init__()
        config = config or WarpingConfig()
        wide = config.refine
        self.inc = DoubleConvolution(6 + config.pose, wide)
        self.down1, self.down2 = _Down(wide, 2 * wide), _Down(2 * wide, 4 * wide)
        self.down3, self.down4 = _Down(4 * wide, 8 * wide), _Down(8 * wide, 8 * wide)
        self.up1, self.up2 = _Up(16 * wide, 4 * wide), _Up(8 * wide, 2 * wide)
        self.up3, self.up4 = _Up(4 * wide, wide), _Up(2 * wide, wide)
        self.outc = _Out(wide)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, 24, H, W)``: masked person, pose map, warped garment -> ``(B, 3, H, W)``, not clamped; H, W multiples of 16."""
        first = self.inc(x)
        second = self.down1(first)
        third = self.down2(second)
        fourth = self.down3(third)
        x = self.up1(self.down4(fourth), fourth)
        x = self.up3(self.up2(x, third), second)
        picture: torch.Tensor = self.outc(self.up4(x, first))
        return picture


@torch.no_grad()
def fold_batch_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution that does what a convolution and the batch norm behind it do in eval mode."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        _pair(convolution.kernel_size),
        stride=_pair(convolution.stride),
        padding=_pair(convolution.padding),
    ).to(convolution.weight)
    folded.weight.copy_(convolution.weight * factor[:, None, None, None])
    shift = -norm.running_mean if convolution.bias is None else convolution.bias - norm.running_mean
    assert folded.bias is not None
    folded.bias.copy_(shift * factor + norm.bias)
    return folded


def _pair(value: object) -> tuple[int, int]:
    assert isinstance(value, tuple)
    return int(value[0]), int(value[1])


def folded(network: Refinement) -> Refinement:
    """Replace every convolution and batch norm of a refinement network by one convolution, in place; eval mode only."""
    for part in network.modules():
        if isinstance(part, DoubleConvolution):
            layers = part.double_conv
            if not isinstance(layers[1], nn.BatchNorm2d):
                continue
            first, second = (fold_batch_norm(layers[i], layers[i + 1]) for i in (0, 3))  # type: ignore[arg-type]
            part.double_conv = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())
    return network


def bending(matcher: Matcher, garment: torch.Tensor, masked: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """``(B, H, W, 2)``: where in the garment to look, -1 to 1; see :func:`warp`."""
    person = shrink(torch.cat([masked, pose], dim=1), matcher.size)
    return enlarge_grid(matcher(shrink(garment, matcher.size), person)[0], (garment.shape[-2], garment.shape[-1]))


def warp(
    matcher: Matcher, refinement: Refinement, garment: torch.Tensor, masked: torch.Tensor, pose: torch.Tensor
) -> torch.Tensor:
    """The warped and repaired garment.

    Args:
        matcher: in eval mode.
        refinement: in eval mode.
        garment: ``(B, 3, H, W)``, -1 to 1.
        masked: ``(B, 3, H, W)`` person, 0 where it will be repainted.
        pose: ``(B, 18, H, W)``, 0 to 1.

    Returns:
        ``(B, 3, H, W)``, -1 to 1.
    """
    warped = sample(garment, bending(matcher, garment, masked, pose))
    out: torch.Tensor = refinement(torch.cat([masked, pose, warped], dim=1).to(next(refinement.parameters()).dtype))
    return out.float().clamp(-1, 1)


def parameters(module: nn.Module) -> int:
    """How many weights (not buffers) a module has."""
    return sum(math.prod(parameter.shape) for parameter in module.parameters())
