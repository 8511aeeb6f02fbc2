"""From an encoder's feature maps to one fine map, and networks of that kind in a folder: weights in one file, settings in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from ..core.errors import InputError
from ..core.files import read_json
from ..weights.convert import read_tensors

Network = TypeVar("Network", bound=nn.Module)


def enlarge(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """``(B, C, h, w)`` at the size of another tensor, bilinear."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """Maps of several sizes are narrowed and joined from coarse to fine (Lin et al., Feature Pyramid Networks, CVPR 2017).

    The coarsest one also learns what the whole picture is like.

    Args:
        inside: channels of the maps, finest first.
        widths: channels they are narrowed to.
    """

    def __init__(self, inside: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.take = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(inside, widths, strict=True))
        self.whole = nn.Linear(widths[-1], widths[-1])
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.narrow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairs)
        self.smooth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(fine, fine, 3, 1, 1, bias=False), nn.BatchNorm2d(fine), nn.ReLU(True))
            for _, fine in pairs
        )

    def forward(self, found: Sequence[torch.Tensor], more: Sequence[torch.Tensor | None] | None = None) -> torch.Tensor:
        """The finest map, ``(B, widths[0], h, w)``.

        Args:
            found: maps, finest first.
            more: of the narrowed maps' shapes, added to them.
        """
        levels = [take(each) for take, each in zip(self.take, found, strict=True)]
        if more is not None:
            levels = [level if add is None else level + add for level, add in zip(levels, more, strict=True)]
        x = levels[-1]
        x = F.relu(x + self.whole(x.mean(dim=(2, 3)))[:, :, None, None])
        for narrow, smooth, level in zip(self.narrow, self.smooth, levels[-2::-1], strict=True):
            x = smooth(level + enlarge(narrow(x), level))
        return x


def load_network(folder: Path, file: str, settings: str, what: str, build: Callable[[Any], Network]) -> Network:
    """A network in a folder, ready for use.

    Args:
        folder: of both files.
        file: name of the weights.
        settings: name of the settings.
        what: the network is called in messages.
        build: makes it from the settings.

    Raises:
        InputError: none there, or another's weights.
    """
    if not (folder / settings).is_file() or not (folder / file).is_file():
        raise InputError(
            f"no {what} here ({settings} and {file})", mend="name the folder of a trained one", path=folder
        )
    network = build(read_json(folder / settings))
    wanted = network.state_dict()
    tensors = read_tensors(folder / file)
    if {name: value.shape for name, value in tensors.items()} != {name: value.shape for name, value in wanted.items()}:
        raise InputError(f"these weights do not fit the {what}'s settings", mend="train it again", path=folder / file)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
