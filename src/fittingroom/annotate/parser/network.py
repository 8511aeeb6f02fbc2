"""The parser's network: an encoder that has seen ImageNet and a light decoder, pure torch, any input size.

The pose comes in at a quarter of the size, where it is as precise as it ever is, and again on the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...core.errors import InputError
from ...core.images import Size
from ...nn.decoder import Decoder, enlarge, load_network
from ...nn.efficientnet import STEM, EfficientNetLite
from .classes import NAMES
from .inputs import POSE_PLANES

FILE, SETTINGS = "parser.safetensors", "parser.json"


@dataclass(frozen=True)
class ParserConfig:
    """What the network is like.

    Args:
        size: (height, width) of its input, multiples of 8.
        width: factor of the encoder's channels.
        widths: channels of the decoder at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input.
        depth: factor of the encoder's blocks; see :class:`~fittingroom.nn.efficientnet.EfficientNetLite` for what has weights.

    Raises:
        InputError: values that make no network.
    """

    size: Size = (256, 192)
    width: float = 1.0
    widths: tuple[int, ...] = (24, 40, 64, 96, 128)
    depth: float = 1.0

    def __post_init__(self) -> None:
        if len(self.size) != 2 or any(side < 32 or side % 8 for side in self.size):
            raise InputError(f"a parser's input of {self.size}", mend="choose multiples of 8 from 32, e.g. 256x192")
        if len(self.widths) != 5 or min(self.widths) < 1 or not (0 < self.width <= 4 and 0 < self.depth <= 4):
            raise InputError(
                "a parser has a width and a depth up to 4 and five widths of its decoder", mend="see ParserConfig"
            )

    def as_json(self) -> dict[str, Any]:
        """As :meth:`of` reads it."""
        return {
            "size": list(self.size),
            "width": self.width,
            "depth": self.depth,
            "widths": list(self.widths),
            "classes": list(NAMES),
        }

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
            return ParserConfig(
                (height, width),
                float(value["width"]),
                tuple(int(each) for each in value["widths"]),
                float(value.get("depth", 1.0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not a parser's settings ({error})", mend="train it again") from error


def _nothing(layer: nn.Conv2d) -> nn.Conv2d:
    """A layer that begins by saying nothing: what the encoder has learned stays as it is."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ParserNetwork(nn.Module):
    """Logits of the classes from photo and pose.

    Args:
        config: see :class:`ParserConfig`.
    """

    def __init__(self, config: ParserConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ParserConfig()
        self.encoder = EfficientNetLite(config.width, config.depth)
        self.mask = _nothing(nn.Conv2d(1, STEM, 3, 2, 1, bias=False))
        self.pose = _nothing(nn.Conv2d(POSE_PLANES, self.encoder.widths[1], 1))
        self.pose_again = nn.Conv2d(POSE_PLANES, config.widths[1], 1)
        self.decoder = Decoder(self.encoder.widths, config.widths)
        self.head = nn.Conv2d(config.widths[0], len(NAMES), 1)

    def forward(self, photo: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Logits ``(B, 14, H, W)``.

        Args:
            photo: ``(B, 4, H, W)``, see :func:`.inputs.photo_planes`.
            pose: ``(B, 37, H / 4, W / 4)``, see :func:`.inputs.pose_planes`.
        """
        found = self.encoder(photo[:, :3], self.mask(photo[:, 3:]), self.pose(pose))
        logits: torch.Tensor = self.head(self.decoder(found, (None, self.pose_again(pose), None, None, None)))
        return enlarge(logits, photo)


def load_parser(folder: Path) -> ParserNetwork:
    """The network in a folder, ready for use.

    Raises:
        InputError: no parser there, or another's weights.
    """
    return load_network(folder, FILE, SETTINGS, "parser", lambda value: ParserNetwork(ParserConfig.of(value)))
