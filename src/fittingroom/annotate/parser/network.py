"""The parser's network: a residual encoder and a light decoder, pure torch, any input size.

Plain 3x3 convolutions: on a processor they are several times as fast as depthwise ones at the same number of weights. The pose
comes in at a quarter of the size, where it is as precise as it ever is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ...core.errors import InputError
from ...core.files import read_json
from ...core.images import Size
from ...weights.convert import read_tensors
from .classes import NAMES
from .inputs import POSE_PLANES

FILE, SETTINGS = "parser.safetensors", "parser.json"


@dataclass(frozen=True)
class ParserConfig:
    """What the network is like.

    Args:
        size: (height, width) of its input, multiples of 8.
        widths: channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.
        blocks: residual blocks at each size from 1/4 on.

    Raises:
        InputError: values that make no network.
    """

    size: Size = (192, 144)
    widths: tuple[int, ...] = (16, 32, 64, 128, 160)
    blocks: int = 2

    def __post_init__(self) -> None:
        if len(self.size) != 2 or any(side < 32 or side % 8 for side in self.size):
            raise InputError(f"a parser's input of {self.size}", mend="choose multiples of 8 from 32, e.g. 192x144")
        if len(self.widths) != 5 or min(self.widths) < 1 or self.blocks < 1:
            raise InputError("a parser has five widths and one block at least", mend="see ParserConfig")

    def as_json(self) -> dict[str, Any]:
        """As :meth:`of` reads it."""
        return {"size": list(self.size), "widths": list(self.widths), "blocks": self.blocks, "classes": list(NAMES)}

    @staticmethod
    def of(value: Mapping[str, Any]) -> ParserConfig:
        """From JSON.

        Raises:
            InputError: something else, or other classes.
        """
        try:
            if tuple(value["classes"]) != NAMES:
                raise InputError("a parser of other classes", mend="train it again")
            height, width = (int(side) for side in value["size"])
            return ParserConfig((height, width), tuple(int(each) for each in value["widths"]), int(value["blocks"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not a parser's settings ({error})", mend="train it again") from error


def _conv(inside: int, outside: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU(True)
    )


class _Block(nn.Module):
    """Two convolutions and a way past them (He et al., CVPR 2016)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(inside, outside, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside))
        self.past: nn.Module = nn.Identity()
        if stride > 1 or inside != outside:
            self.past = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.past(x) + self.second(self.first(x)))


def _enlarge(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


class ParserNetwork(nn.Module):
    """Logits of the classes from photo and pose.

    Args:
        config: see :class:`ParserConfig`.
    """

    def __init__(self, config: ParserConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ParserConfig()
        half, *rest = config.widths
        self.stem = _conv(4, half, 3, 2)
        self.down = _conv(half, rest[0], 3, 2)
        self.pose = nn.Conv2d(POSE_PLANES, rest[0], 1)
        self.stages = nn.ModuleList()
        before = rest[0]
        for index, width in enumerate(rest):
            first = _Block(before, width, 2 if index else 1)
            self.stages.append(nn.Sequential(first, *(_Block(width, width, 1) for _ in range(config.blocks - 1))))
            before = width
        self.whole = nn.Linear(rest[-1], rest[-1])
        # from coarse to fine: bring to the finer width, add, and smooth
        pairs = list(zip(config.widths[:0:-1], config.widths[-2::-1], strict=True))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairs)
        self.smooth = nn.ModuleList(_conv(fine, fine) for _, fine in pairs)
        self.head = nn.Conv2d(half, len(NAMES), 1)

    def forward(self, photo: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Logits ``(B, 13, H, W)``.

        Args:
            photo: ``(B, 4, H, W)``, see :func:`.inputs.photo_planes`.
            pose: ``(B, 37, H / 4, W / 4)``, see :func:`.inputs.pose_planes`.
        """
        half = self.stem(photo)
        x = self.down(half)
        x = x + self.pose(pose)
        levels = [half]
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        x = F.relu(x + self.whole(x.mean(dim=(2, 3)))[:, :, None, None])
        for narrow, smooth, level in zip(self.narrow, self.smooth, levels[-2::-1], strict=True):
            x = smooth(level + _enlarge(narrow(x), level))
        logits: torch.Tensor = self.head(x)
        return _enlarge(logits, photo)


def load_parser(folder: Path) -> ParserNetwork:
    """The network in a folder, ready for use.

    Raises:
        InputError: no parser there, or another's weights.
    """
    if not (folder / SETTINGS).is_file() or not (folder / FILE).is_file():
        raise InputError(
            f"no parser here ({SETTINGS} and {FILE})", mend="name the folder of a trained one", path=folder
        )
    network = ParserNetwork(ParserConfig.of(read_json(folder / SETTINGS)))
    wanted = network.state_dict()
    tensors = read_tensors(folder / FILE)
    if {name: value.shape for name, value in tensors.items()} != {name: value.shape for name, value in wanted.items()}:
        raise InputError("these weights do not fit the parser's settings", mend="train it again", path=folder / FILE)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
