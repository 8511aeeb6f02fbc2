"""Sample sheets of a training: rows that show what the stage at hand can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ...core.images import UInt8, to_image
from .clip import look
from .config import ModelConfig
from .denoise import Solver
from .emasc import Encoded, decode, encode
from .pipeline import carry, draws, guide_of, paint, say_nothing
from .steps import said
from .warping import sample, shrink, warp

#: few steps, since sheets are many; one where that is what is learned
_SOLVER, _ONE_STEP = Solver("dpm++", 8, 2.5), Solver("dpm++", 1, 1.0)


@torch.no_grad()
def preview(stage: str, network: Callable[[str], Any], batch: Mapping[str, torch.Tensor], config: ModelConfig) -> UInt8:
    """Rows of pictures, one for each item.

    Args:
        stage: of the training.
        network: name -> network in eval mode, on the batch's device.
        batch: see :meth:`.training.LadiTask.item`, stacked.
        config: of the model.

    Returns:
        ``(B H, n W, 3)``: garment and person, then the warped, repaired, decoded or painted picture beside its truth.
    """
    columns = [batch["garment"], batch["person"]]
    masked = batch["person"] * (1 - batch["mask"])
    if stage == "autoencoder":
        columns.append(decode(network("vae"), encode(network("vae"), batch["person"]).mean))
    elif stage == "warp":
        matcher = network("matcher")
        person = torch.cat([masked, batch["pose"]], dim=1)
        grid, _ = matcher(shrink(batch["garment"], matcher.size), shrink(person, matcher.size))
        small = sample(shrink(batch["garment"], matcher.size), grid)
        columns += [torch.nn.functional.interpolate(small, batch["person"].shape[-2:]), batch["worn"]]
    elif stage == "refine":
        columns += [_warped(network, batch, masked), batch["worn"]]
    elif stage == "emasc":
        vae = network("vae")
        _, additions = carry(vae, network("emasc"), masked, batch["mask"])
        columns.append(decode(vae, encode(vae, batch["person"]).mean, additions))
    else:
        columns.append(_painted(network, batch, masked, config, _ONE_STEP if stage == "finish" else _SOLVER))
    rows = [
        np.concatenate([to_image(column[row]) for column in columns], axis=1) for row in range(len(batch["person"]))
    ]
    return np.concatenate(rows, axis=0)


def _warped(network: Callable[[str], Any], batch: Mapping[str, torch.Tensor], masked: torch.Tensor) -> torch.Tensor:
    return warp(network("matcher"), network("refinement"), batch["garment"], masked, batch["pose"])


def _painted(
    network: Callable[[str], Any],
    batch: Mapping[str, torch.Tensor],
    masked: torch.Tensor,
    config: ModelConfig,
    solver: Solver,
) -> torch.Tensor:
    device = masked.device
    noise = draws(config, range(len(masked)))
    noise = type(noise)(*(each.to(device) for each in (noise.garment, noise.latents, noise.masked)))
    words = network("adapter")(look(network("vision"), batch["garment"]))
    text = said(network("text"), words, batch["category"])
    encoded, additions = carry(network("vae"), network("emasc"), masked, batch["mask"])
    garment: Encoded | None = None
    if config.takes_garment:
        garment = encode(network("vae"), _warped(network, batch, masked))
    guide = guide_of(config, text, batch["mask"], batch["pose"], encoded, garment, noise)
    blank = say_nothing(network("text"), device)
    return paint(config, network("unet"), network("vae"), guide, blank, additions, noise.latents, solver)
