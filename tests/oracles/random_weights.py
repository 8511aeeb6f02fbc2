"""Weights that the test and the library beside it make alike from the names and shapes of a network's tensors."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch


def random_weights(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of the same names and shapes, of a scale that keeps activations alive through many layers."""
    made = {}
    for name, tensor in tensors.items():
        generator = np.random.Generator(np.random.Philox(key=[zlib.crc32(name.encode()), 0]))
        shape = tuple(tensor.shape)
        if name.endswith("num_batches_tracked"):
            made[name] = tensor.clone()
            continue
        if name.endswith(("running_var", "bn.weight")):
            values = generator.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            values = generator.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        else:
            values = generator.normal(0, 0.05, shape)
        made[name] = torch.from_numpy(np.asarray(values, dtype=np.float32))
    return made
