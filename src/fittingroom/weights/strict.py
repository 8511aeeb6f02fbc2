"""Giving a network its weights: every name and shape must be there, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..core.errors import InputError


def assign(network: nn.Module, tensors: Mapping[str, torch.Tensor], part: str, path: Path) -> None:
    """Put tensors into a network in place of its own; nothing is left as initialised.

    Args:
        network: may be on the meta device.
        tensors: by the network's names, of any floating precision; they are taken, not copied.
        part: which network that is, for errors.
        path: where the tensors come from, for errors.

    Raises:
        InputError: they are another network's.
        RuntimeError: the network has a buffer that no file holds and that is not a row of positions.
    """
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    lacking, strange = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    wrong = [name for name in wanted if name in tensors and tensors[name].shape != wanted[name]]
    if lacking or strange or wrong:
        words = [
            f"{len(names)} {what} ({names[0]} ...)"
            for what, names in (("missing", lacking), ("unknown", strange), ("of another shape", wrong))
            if names
        ]
        raise InputError(
            f"not the weights of {part}: of {len(wanted)} tensors {', '.join(words)}",
            mend="check which file that is; the method's README names the right one",
            path=path,
        )
    network.load_state_dict(dict(tensors), strict=True, assign=True)
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if not buffer.is_meta:
                continue
            if name != "position_ids":
                raise RuntimeError(f"buffer {name} of {type(module).__name__} has no value")
            module.register_buffer(name, torch.arange(buffer.shape[-1])[None], persistent=False)
