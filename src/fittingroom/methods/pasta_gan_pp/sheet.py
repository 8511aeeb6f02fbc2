"""The sample sheet of a training: people made again, and dressed in the next one's garments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ...core.images import UInt8, to_image
from .body import Body
from .conditions import prepare, prepare_training, tensors
from .config import GeneratorConfig
from .growing import HalfSize
from .network import Generator, run_generator

#: a batch of the generator's inputs -> pictures ``(B, 3, H, W)``
Maker: TypeAlias = Callable[[dict[str, torch.Tensor]], torch.Tensor]


def maker(generator: nn.Module, *, half: bool) -> Maker:
    """What makes the sheet's pictures.

    Args:
        generator: the running mean.
        half: only what is below the highest block has been taught so far; its picture is shown, enlarged.
    """
    assert isinstance(generator, Generator)

    def whole_picture(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return run_generator(generator, batch, None, "const").final

    def half_picture(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return F.interpolate(HalfSize(generator)(batch["parts"], batch["retain"], batch["pose"]), scale_factor=2.0)

    return half_picture if half else whole_picture


def draw_sheet(bodies: Sequence[Body], config: GeneratorConfig, make: Maker, device: torch.device) -> UInt8:
    """Rows of photo, the same made again, next person, her upper garment on the first, and everything of hers.

    Args:
        bodies: one for each row.
        config: sizes.
        make: see :func:`maker`.
        device: of the generator.

    Returns:
        ``(rows * H, 5 * W, 3)``.
    """
    rows = []
    for index, body in enumerate(bodies):
        other = bodies[(index + 1) % len(bodies)]
        again = prepare_training(body, config, Random(0), erase=False).inputs
        row = []
        for inputs in (again, prepare(body, other, "upper", config), prepare(body, other, "full", config)):
            batch = {name: value[None].to(device) for name, value in tensors(inputs).items()}
            with torch.no_grad():
                row.append(to_image(make(batch)[0]))
        rows.append(np.concatenate([body.image, row[0], other.image, *row[1:]], axis=1))
    return np.concatenate(rows, axis=0)
