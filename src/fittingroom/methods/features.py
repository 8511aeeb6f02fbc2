"""What resting networks make of training items, kept so that it is computed once.

Every item is computed alone, and rounded as it will be kept: a training that was interrupted finds the same bits, whether it
reads them or makes them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from ..core.errors import InputError
from ..core.files import write_bytes

Features = Mapping[str, torch.Tensor]


def tensors_hash(network: nn.Module) -> str:
    """SHA-256 over all tensors of a network."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class FeatureStore:
    """Features by item.

    Args:
        place: ``none``, ``memory`` or ``disk``.
        folder: for ``disk``; may be shared by trainings with the same resting networks and data.
        key: of everything that the features depend on.
    """

    def __init__(self, place: str, folder: str, key: str) -> None:
        self.place = place
        self.folder = Path(folder) / hashlib.sha256(key.encode()).hexdigest()[:16] if place == "disk" else None
        self._kept: dict[int, Features] = {}

    def get(self, index: int, make: Callable[[], Features]) -> Features:
        """Features of an item, on the processor; made where they are not kept.

        Args:
            index: of the item.
            make: computes them, without a batch dimension.

        Raises:
            InputError: a kept file cannot be read.
        """
        if self.place == "none":
            return _rounded(make())
        if self.folder is not None:
            path = self.folder / f"{index:07d}.safetensors"
            if path.is_file():
                try:
                    return safetensors.torch.load_file(path)
                except (safetensors.SafetensorError, OSError, ValueError) as error:
                    raise InputError("not readable features", mend="remove the file", path=path) from error
            made = _rounded(make())
            write_bytes(path, safetensors.torch.save(dict(made)))
            return made
        if index not in self._kept:
            self._kept[index] = _rounded(make())
        return self._kept[index]

    def batch(
        self, indices: torch.Tensor, make: Callable[[int], Features], device: torch.device
    ) -> dict[str, torch.Tensor]:
        """Features of several items, stacked, on a device, in float32.

        Args:
            indices: ``(B,)`` of the items.
            make: row of the batch -> its features.
            device: where they are wanted.
        """
        rows = [self.get(int(index), lambda row=row: make(row)) for row, index in enumerate(indices)]  # type: ignore[misc]
        return {name: torch.stack([row[name] for row in rows]).to(device).float() for name in rows[0]}


def _rounded(features: Features) -> Features:
    """Latents as they are; the tokens of the vision tower, which are many, with 16 bits."""
    return {
        name: value.detach().cpu().to(torch.float16 if name == "tokens" else torch.float32).contiguous()
        for name, value in features.items()
    }
