"""A small pose network of our own: an encoder that has seen ImageNet, a light decoder, one map for each of the 18 joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...core.errors import InputError
from ...core.images import Size
from ...core.pose import JOINTS
from ...nn.decoder import Decoder, load_network
from ...nn.efficientnet import EfficientNetLite

FILE, SETTINGS = "pose.safetensors", "pose.json"
#: maps are this many times smaller than the input
STRIDE = 4


@dataclass(frozen=True)
class PoseConfig:
    """What the network is like.

    Args:
        size: (height, width) of its input, multiples of 8.
        width: factor of the encoder's channels; 1 fits weights trained on ImageNet.
        widths: channels of the decoder at 1/4, 1/8, 1/16 and 1/32 of the input.

    Raises:
        InputError: values that make no network.
    """

    size: Size = (192, 144)
    width: float = 1.0
    widths: tuple[int, ...] = (48, 64, 96, 128)

    def __post_init__(self) -> None:
        if len(self.size) != 2 or any(side < 32 or side % 8 for side in self.size):
            raise InputError(f"a pose network's input of {self.size}", mend="choose multiples of 8 from 32")
        if len(self.widths) != 4 or min(self.widths) < 1 or not 0 < self.width <= 4:
            raise InputError("a pose network has a width up to 4 and four widths of its decoder", mend="see PoseConfig")

    def as_json(self) -> dict[str, Any]:
        """As :meth:`of` reads it."""
        return {"size": list(self.size), "width": self.width, "widths": list(self.widths)}

    @staticmethod
    def of(value: Mapping[str, Any]) -> PoseConfig:
        """From JSON.

        Raises:
            InputError: something else.
        """
        try:
            height, width = (int(side) for side in value["size"])
            return PoseConfig((height, width), float(value["width"]), tuple(int(each) for each in value["widths"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not a pose network's settings ({error})", mend="train it again") from error


class PoseNetwork(nn.Module):
    """Where each joint is, and whether it is in the picture at all.

    Args:
        config: see :class:`PoseConfig`.
    """

    def __init__(self, config: PoseConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PoseConfig()
        self.encoder = EfficientNetLite(config.width)
        self.decoder = Decoder(self.encoder.widths[1:], config.widths)
        self.head = nn.Conv2d(config.widths[0], len(JOINTS), 1)
        self.seen = nn.Linear(self.encoder.widths[-1], len(JOINTS))

    def forward(self, photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of each joint's place ``(B, 18, H / 4, W / 4)`` and of its being seen ``(B, 18)``.

        Args:
            photo: ``(B, 3, H, W)``, -1 to 1.
        """
        found = self.encoder(photo)
        seen: torch.Tensor = self.seen(found[-1].mean(dim=(2, 3)))
        return self.head(self.decoder(found[1:])), seen


def load_pose_network(folder: Path) -> PoseNetwork:
    """The network in a folder, ready for use.

    Raises:
        InputError: none there, or another's weights.
    """
    return load_network(folder, FILE, SETTINGS, "pose network", lambda value: PoseNetwork(PoseConfig.of(value)))
