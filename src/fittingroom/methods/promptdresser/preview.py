"""Sample sheets of a training: rows that show what the stage at hand can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ...core.images import UInt8, to_image, to_tensor
from .memory import HOST
from .options import Options
from .pipeline import Inputs, Pipeline
from .schedule import Schedule
from .steps import distributions

#: few steps, since sheets are many
_QUICK = Options(preset="fast", solver="dpm++", steps=8, mask="fine", cache="none")


def preview(
    stage: str,
    network: Callable[[str], Any],
    tokenizers: tuple[Any, Any],
    items: Sequence[Inputs],
    plan: Schedule,
    device: torch.device,
) -> UInt8:
    """Rows of pictures, one for each item.

    Args:
        stage: of the training.
        network: name -> network in eval mode, on the device.
        tokenizers: of both text encoders.
        items: what is painted.
        plan: noise schedule.
        device: of the networks.

    Returns:
        ``(B H, n W, 3)``: garment and photo, then the photo decoded again, or with the mask in it and painted anew.
    """
    rows = []
    for index, inputs in enumerate(items):
        if stage == "autoencoder":
            with torch.no_grad():
                vae = network("vae")
                mean = distributions(vae, to_tensor(inputs.person)[None].to(device))[0]
                made = [to_image(vae.decode(mean).sample[0].float())]
        else:
            parts = Live(network, tokenizers, str(device))
            result = Pipeline(parts, plan, _QUICK).run(inputs, index)  # type: ignore[arg-type]
            hidden = np.where(inputs.fine[..., None], np.uint8(128), inputs.person).astype(np.uint8)
            made = [hidden, result.picture]
        rows.append(np.concatenate([inputs.garment, inputs.person, *made], axis=1))
    return np.concatenate(rows, axis=0)


class Live:
    """The networks of a training, as the pipeline wants them."""

    def __init__(self, network: Any, tokenizers: tuple[Any, Any], device: str) -> None:
        self._network, self._tokenizers, self.device = network, tokenizers, device
        self.kind, self.plan = torch.float32, HOST

    def tokenizers(self) -> tuple[Any, Any]:
        """Both tokenizers."""
        return self._tokenizers

    @contextmanager
    def use(self, *parts: str) -> Iterator[tuple[Any, ...]]:
        """The named networks, which are where they are."""
        yield tuple(self._network(part) for part in parts)
