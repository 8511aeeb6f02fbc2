"""Foreign checkpoints, read as tensors only: no code in a file is ever run."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from ..core.errors import InputError
from ..core.files import sha256_file, write_bytes
from .caffemodel import read_caffemodel
from .fetch import weights_folder
from .manifest import entry
from .stylegan_pickle import read_network

_NESTED = ("state_dict", "model_state_dict", "model")


def read_tensors(path: Path | str) -> dict[str, torch.Tensor]:
    """The named tensors of a checkpoint.

    Safetensors, Caffe and PyTorch files (zip or old) are read; a PyTorch file may hold the tensors directly, below
    ``state_dict``, or below the names of several networks. Anything that asks for code to be run is refused: PyTorch's
    reader for tensors only is used.

    Raises:
        InputError: missing, broken, an archive of code (TorchScript), or a pickle that holds more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such weights file", path=path)
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise InputError("not a readable safetensors file", mend="get it again", path=path) from error
    if path.suffix == ".caffemodel":
        return {key: torch.from_numpy(value) for key, value in read_caffemodel(path).items()}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.rsplit("/", 1)[-1] == "constants.pkl" or "/code/" in name for name in archive.namelist()):
                raise InputError(
                    "a TorchScript archive, which holds code", mend="use the file with tensors only", path=path
                )
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            "the file holds more than tensors and is not read",
            mend="convert it to safetensors where you trust it",
            path=path,
        ) from error
    except Exception as error:  # torch raises RuntimeError, EOFError, KeyError, ValueError ... on broken files
        raise InputError("not a readable checkpoint", mend="get it again", path=path) from error
    return _tensors(value, path)


def _tensors(value: Any, path: Path) -> dict[str, torch.Tensor]:
    if isinstance(value, Mapping):
        for key in _NESTED:
            if isinstance(value.get(key), Mapping):
                return _tensors(value[key], path)
        found = {str(key): tensor for key, tensor in value.items() if isinstance(tensor, torch.Tensor)}
        if found:
            return found
        # several networks in one file: the outer name goes before the inner ones
        found = {
            f"{outer}.{key}": tensor
            for outer, inner in value.items()
            if isinstance(inner, Mapping)
            for key, tensor in inner.items()
            if isinstance(tensor, torch.Tensor)
        }
        if found:
            return found
    raise InputError("no named tensors in it", mend="check that it is the right file", path=path)


def import_file(name: str, path: Path | str) -> Path:
    """Take a published file that the user has: check its hash, keep its tensors as safetensors.

    Returns:
        The converted file in the cache.

    Raises:
        InputError: unknown name, wrong file, or nothing that can be read safely.
    """
    known, path = entry(name), Path(path)
    if not path.is_file():
        raise InputError("no such weights file", path=path)
    digest = sha256_file(path)
    if path.suffix != ".safetensors" and not known.matches(digest):
        expected = (known.sha256 or known.sha256_prefix)[:8]
        raise InputError(
            f"not the published {known.file} (SHA-256 begins with {digest[:8]}, expected {expected})",
            mend="get it again",
            path=path,
        )
    if not known.tensors:
        kept = weights_folder() / known.file
        write_bytes(kept, path.read_bytes())
        return kept
    snapshot = known.snapshot and path.suffix != ".safetensors"
    tensors = read_network(path, known.snapshot) if snapshot else read_tensors(path)
    numbers = sum(tensor.numel() for tensor in tensors.values())
    if known.parameters and numbers != known.parameters:
        raise InputError(
            f"not the weights of {name}: {numbers} numbers instead of {known.parameters}",
            mend="check that it is the right file",
            path=path,
        )
    tensors = {key: tensor.contiguous().clone() for key, tensor in tensors.items()}
    target = weights_folder() / f"{name}.safetensors"
    write_bytes(target, safetensors.torch.save(tensors, metadata={"source": known.file, "sha256": digest}))
    return target
