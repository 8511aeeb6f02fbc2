"""The two body networks of OpenPose, with the layer names of the published files.

Both begin with the first ten layers of VGG-19 and two layers of their own, which see the photo at an eighth of its size.

* ``coco-18``: six stages; each refines part affinity fields (branch L1) and heat maps (branch L2) at once from the features and
  both results of the stage before (Cao et al., CVPR 2017).
* ``body-25``: four stages refine the fields alone, then two the heat maps given the fields. A convolution of 7x7 became three of
  3x3 whose results are joined, with a learned slope below zero (Cao et al., TPAMI 2019, section 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ...core.errors import InputError
from ...weights.convert import read_tensors
from ...weights.strict import assign
from .skeletons import BODY25, COCO18, SKELETONS, Skeleton

#: pixels of the photo per cell of the maps
STRIDE = 8
#: (name, output channels) of VGG's layers; "pool" halves the resolution
_VGG: tuple[tuple[str, int] | str, ...] = (
    ("conv1_1", 64), ("conv1_2", 64), "pool", ("conv2_1", 128), ("conv2_2", 128), "pool", ("conv3_1", 256),
    ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256), "pool", ("conv4_1", 512), ("conv4_2", 512),
)  # fmt: skip
_FEATURES = 128
_VGG_WIDTH = 64


class BodyNetwork(nn.Module):
    """What both networks share: layers that are known by their published names.

    Args:
        skeleton: says how many maps come out.
        divisor: divides the number of inner channels, for small networks in tests.
    """

    def __init__(self, skeleton: Skeleton, divisor: int = 1) -> None:
        super().__init__()
        self.skeleton, self.divisor = skeleton, divisor
        self.heat_channels = len(skeleton.joints) + 1
        self.field_channels = 2 * len(skeleton.limbs)

    def _conv(self, name: str, inputs: int, outputs: int, kernel: int) -> None:
        self.add_module(name, nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))

    def _add_vgg(self) -> None:
        channels = 3
        for step in _VGG:
            if not isinstance(step, str):
                self._conv(step[0], channels, step[1] // self.divisor, 3)
                channels = step[1] // self.divisor
        self._conv("conv4_3_CPM", channels, 256 // self.divisor, 3)
        self._conv("conv4_4_CPM", 256 // self.divisor, _FEATURES // self.divisor, 3)

    def _layer(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(x)

    def _vgg(self, x: torch.Tensor) -> torch.Tensor:
        for step in _VGG:
            if isinstance(step, str):
                x = F.max_pool2d(x, 2)
            elif step[0] != "conv4_2":
                x = F.relu(self._layer(step[0], x))
        return self._layer("conv4_2", x)


class Coco18Network(BodyNetwork):
    """The network of ``pose_iter_440000``."""

    def __init__(self, divisor: int = 1) -> None:
        super().__init__(COCO18, divisor)
        self._add_vgg()
        features = _FEATURES // divisor
        both = self.field_channels + self.heat_channels
        for branch, outputs in (("L1", self.field_channels), ("L2", self.heat_channels)):
            for index, (inputs, channels, kernel) in enumerate(
                [(features, features, 3)] * 3 + [(features, 512 // divisor, 1), (512 // divisor, outputs, 1)], 1
            ):
                self._conv(f"conv5_{index}_CPM_{branch}", inputs, channels, kernel)
            for stage in range(2, 7):
                widths = [features + both] + [features] * 6
                for index, inputs in enumerate(widths, 1):
                    last = outputs if index == 7 else features
                    self._conv(f"Mconv{index}_stage{stage}_{branch}", inputs, last, 7 if index < 6 else 1)

    def _branch(self, x: torch.Tensor, names: list[str]) -> torch.Tensor:
        for name in names[:-1]:
            x = F.relu(self._layer(name, x))
        return self._layer(names[-1], x)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps of a batch of photos.

        Args:
            x: ``(B, 3, H, W)`` float32 BGR in [-0.5, 0.5); H and W are multiples of 8.

        Returns:
            Heat maps ``(B, 19, H/8, W/8)``, the last one the background, and fields ``(B, 38, H/8, W/8)``.
        """
        x = F.relu(self._vgg(x))
        for name in ("conv4_3_CPM", "conv4_4_CPM"):
            x = F.relu(self._layer(name, x))
        fields, heat = (self._branch(x, [f"conv5_{i}_CPM_{branch}" for i in range(1, 6)]) for branch in ("L1", "L2"))
        for stage in range(2, 7):
            joined = torch.cat([fields, heat, x], dim=1)
            fields, heat = (
                self._branch(joined, [f"Mconv{i}_stage{stage}_{branch}" for i in range(1, 8)])
                for branch in ("L1", "L2")
            )
        return heat, fields


class Body25Network(BodyNetwork):
    """The network of ``pose_iter_584000``."""

    #: (stage, branch): L2 are the fields, L1 the heat maps
    _STAGES = ((0, "L2"), (1, "L2"), (2, "L2"), (3, "L2"), (0, "L1"), (1, "L1"))

    def __init__(self, divisor: int = 1) -> None:
        super().__init__(BODY25, divisor)
        self._add_vgg()
        for name, channels in (("4_2", 512), ("4_3_CPM", 256), ("4_4_CPM", _FEATURES)):
            self.add_module(f"prelu{name}", nn.PReLU(channels // divisor))
        for stage, branch in self._STAGES:
            inputs = _FEATURES // divisor
            if branch == "L1" or stage:
                inputs += self.field_channels
            if (stage, branch) == (1, "L1"):
                inputs += self.heat_channels
            self._add_stage(f"stage{stage}_{branch}", inputs, 128 if stage else 96, 512 if stage else 256)

    def _add_stage(self, name: str, inputs: int, width: int, wide: int) -> None:
        width, wide = width // self.divisor, wide // self.divisor
        for block in range(1, 6):
            for part in range(3):
                first = (inputs if block == 1 else 3 * width) if part == 0 else width
                self._conv(f"Mconv{block}_{name}_{part}", first, width, 3)
                self.add_module(f"Mprelu{block}_{name}_{part}", nn.PReLU(width))
        self._conv(f"Mconv6_{name}", 3 * width, wide, 1)
        self.add_module(f"Mprelu6_{name}", nn.PReLU(wide))
        self._conv(f"Mconv7_{name}", wide, self.field_channels if name.endswith("L2") else self.heat_channels, 1)

    def _stage(self, x: torch.Tensor, name: str) -> torch.Tensor:
        for block in range(1, 6):
            parts = []
            for part in range(3):
                tail = f"{block}_{name}_{part}"
                x = self._layer(f"Mprelu{tail}", self._layer(f"Mconv{tail}", x))
                parts.append(x)
            x = torch.cat(parts, dim=1)
        x = self._layer(f"Mprelu6_{name}", self._layer(f"Mconv6_{name}", x))
        return self._layer(f"Mconv7_{name}", x)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`Coco18Network.forward`, with 26 heat maps and 52 channels of fields."""
        x = self._layer("prelu4_2", self._vgg(x))
        for name in ("4_3_CPM", "4_4_CPM"):
            x = self._layer(f"prelu{name}", self._layer(f"conv{name}", x))
        fields = self._stage(x, "stage0_L2")
        for stage in (1, 2, 3):
            fields = self._stage(torch.cat([x, fields], dim=1), f"stage{stage}_L2")
        heat = self._stage(torch.cat([x, fields], dim=1), "stage0_L1")
        heat = self._stage(torch.cat([x, heat, fields], dim=1), "stage1_L1")
        return heat, fields


NETWORKS: Mapping[str, type[Coco18Network] | type[Body25Network]] = {
    COCO18.name: Coco18Network,
    BODY25.name: Body25Network,
}


def layer_names(tensors: Mapping[str, torch.Tensor], network: BodyNetwork) -> dict[str, torch.Tensor]:
    """Tensors under the published layer names, whatever a conversion put before them.

    A conversion that kept Caffe's names needs nothing; one that grouped layers in modules (``model0.conv1_1.weight``) or wrapped
    the network (``module.``) is told by the last two parts of its names. Old Caffe files keep a bias as ``(1, 1, 1, C)``: sides of
    length one are dropped where that gives the shape wanted.

    Raises:
        InputError: two tensors would get the same name.
    """
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    out: dict[str, torch.Tensor] = {}
    for name, value in tensors.items():
        short = ".".join(name.split(".")[-2:])
        if short in out:
            raise InputError(f"two tensors for layer {short}", mend="check that it is the right file")
        wanted = shapes.get(short)
        same = wanted is not None and _long_sides(value.shape) == _long_sides(wanted)
        out[short] = value.reshape(wanted) if wanted is not None and same else value
    return out


def _long_sides(shape: torch.Size) -> list[int]:
    return [side for side in shape if side != 1]


def load_network(path: Path | str, skeleton: str | None = None) -> Coco18Network | Body25Network:
    """A network with published weights.

    Args:
        path: ``.caffemodel``, ``.pth``, ``.pt`` or ``.safetensors`` with the tensors of one of the two networks.
        skeleton: ``coco-18`` or ``body-25``; told from the layers' names by default.

    Raises:
        InputError: not a file of weights, or not every layer of one network and nothing else.
    """
    path = Path(path)
    if skeleton is not None and skeleton not in SKELETONS:
        raise InputError(f"no body {skeleton!r}", mend=f"there are: {', '.join(SKELETONS)}")
    tensors = read_tensors(path)
    if skeleton is None:
        skeleton = BODY25.name if any("prelu" in name for name in tensors) else COCO18.name
    # a network with fewer channels, as tests make, is told from its first layer
    first = next((value for name, value in tensors.items() if name.endswith("conv1_1.weight")), None)
    width = _VGG_WIDTH if first is None else max(1, len(first))
    with torch.device("meta"):
        network = NETWORKS[skeleton](_VGG_WIDTH // width if width in (2, 4, 8, 16, 32) else 1)
    try:
        named = layer_names(tensors, network)
    except InputError as error:
        raise InputError(error.problem, mend=error.mend, path=path) from error
    assign(network, {name: value.float() for name, value in named.items()}, f"OpenPose {skeleton}", path)
    return network.eval().requires_grad_(False)
