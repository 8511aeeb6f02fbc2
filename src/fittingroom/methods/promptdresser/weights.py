"""The networks' weights: a folder of ours or of the publishers, read as tensors only and strictly, part by part.

A folder holds one sub-folder per part (``config.json`` and a safetensors file, for tokenizers their vocabulary) and
``promptdresser.json``. Nothing is ever downloaded from here, and no code in a file is run.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from ...core.errors import InputError, MissingError
from ...core.files import cache_folder, read_json, sha256_file, sha256_json, write_json
from ...weights import strict
from ...weights.convert import read_tensors
from ...weights.manifest import entry
from ..requirement import need
from .network import garment_network, main_network, surplus
from .published import FILES, here

NETWORKS = ("unet", "garment_unet", "vae", "text_encoder", "text_encoder_2")
TOKENIZERS = ("tokenizer", "tokenizer_2")
INDEX = "promptdresser.json"
FORMAT = 1
#: files up to this size in bytes are hashed on every load; larger ones only on import
_HASHED_EACH_TIME = 200_000_000


def published_folder() -> Path:
    """Where the imported published weights are looked for."""
    return cache_folder() / "weights" / "promptdresser"


def find_published() -> Path:
    """The folder of the published weights.

    Raises:
        MissingError: not here; says what, from where, how large, under which licence.
    """
    folder = published_folder()
    if (folder / INDEX).is_file():
        return folder
    wanted = [entry(name) for name in FILES.values()]
    total = sum(each.size for each in wanted) / 1e9
    licences = "; ".join(sorted({each.licence for each in wanted}))
    missing = [entry(name).name for part, name in FILES.items() if part not in here()]
    raise MissingError(
        f"the published PromptDresser weights are not here: {total:.1f} GB, {licences}; files not here: {', '.join(missing) or 'none'}",
        mend="fittingroom weights fetch each of them (the first is to be got by hand, see `fittingroom weights list`), then "
        "python -m fittingroom.methods.promptdresser.bring",
    )


def read_index(folder: Path) -> dict[str, Any]:
    """The folder's ``promptdresser.json``: size and scheduler.

    Raises:
        MissingError: no such folder, or parts are missing.
        InputError: not a folder of this method's weights.
    """
    if not folder.is_dir():
        raise MissingError("no such folder of weights", mend="name a folder with promptdresser.json", path=folder)
    if not (folder / INDEX).is_file():
        raise MissingError(f"no {INDEX} in it", mend="import the weights first, see the method's README", path=folder)
    index = read_json(folder / INDEX)
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise InputError(f"not of format {FORMAT}", mend="import the weights again", path=folder / INDEX)
    size = index.get("size")
    if not (
        isinstance(size, list)
        and len(size) == 2
        and all(isinstance(side, int) and side > 0 and side % 32 == 0 for side in size)
    ):
        raise InputError(
            f"size is {size!r}", mend="write [height, width] in pixels, multiples of 32", path=folder / INDEX
        )
    if missing := [part for part in (*NETWORKS, *TOKENIZERS) if not (folder / part).is_dir()]:
        raise MissingError(
            f"these parts are missing: {', '.join(missing)}", mend="import the weights again", path=folder
        )
    return index


def fingerprint(folder: Path) -> str:
    """SHA-256 over the index and the hash of every weights file; those of large files as they were noted on import."""
    index = read_json(folder / INDEX)
    noted = index.get("sha256") if isinstance(index.get("sha256"), dict) else {}
    hashes = {}
    for part in NETWORKS:
        path = weights_file(folder / part)
        known = noted.get(part) if path.stat().st_size > _HASHED_EACH_TIME else None
        hashes[part] = known or sha256_file(path)
    return sha256_json({**index, "sha256": hashes})


def weights_file(folder: Path) -> Path:
    """The weights file in a part's folder."""
    for pattern in ("*.fp16.safetensors", "*.safetensors", "*.bin"):
        found = sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
        if len(found) == 1:
            return found[0]
        if len(found) > 1 and pattern == "*.safetensors":
            names = ", ".join(path.name for path in found[:3])
            raise InputError(f"several weights files: {names}", mend="leave one of them", path=folder)
    raise MissingError("no weights file in it", mend="put the safetensors file there", path=folder)


def count_values(path: Path) -> int:
    """How many numbers a safetensors file holds, from its header only.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError("not a readable safetensors file", mend="get it again", path=path) from error


def read_large(path: Path) -> dict[str, torch.Tensor]:
    """As :func:`~fittingroom.weights.convert.read_tensors`, but a PyTorch archive of many GB stays on the disk until used.

    Raises:
        InputError: see there.
    """
    if path.suffix == ".safetensors" or not zipfile.is_zipfile(path):
        return read_tensors(path)
    with zipfile.ZipFile(path) as archive:
        if any(name.rsplit("/", 1)[-1] == "constants.pkl" or "/code/" in name for name in archive.namelist()):
            return read_tensors(path)  # refuses it
    try:
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, OSError):
        return read_tensors(path)  # says what is wrong with it
    if isinstance(value, Mapping) and value and all(isinstance(tensor, torch.Tensor) for tensor in value.values()):
        return {str(name): tensor for name, tensor in value.items()}
    return read_tensors(path)


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a part.

    Raises:
        InputError: missing or broken.
    """
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise InputError("not a JSON object", mend="get it again", path=folder / "config.json")
    return config


def _build_vae(config: Mapping[str, Any]) -> Any:
    return need("diffusers").AutoencoderKL.from_config(dict(config))


def _build_text(config: Mapping[str, Any]) -> Any:
    transformers = need("transformers")
    return transformers.CLIPTextModel(transformers.CLIPTextConfig(**config))


def _build_text_2(config: Mapping[str, Any]) -> Any:
    transformers = need("transformers")
    return transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**config))


BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "unet": main_network,
    "garment_unet": garment_network,
    "vae": _build_vae,
    "text_encoder": _build_text,
    "text_encoder_2": _build_text_2,
}


def _renamed(part: str, tensors: dict[str, torch.Tensor], wanted: set[str], network: Any) -> dict[str, torch.Tensor]:
    """Published names -> names of today's classes; surplus tensors that are known to be unused are left out."""
    if part.startswith("text_encoder"):
        tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("position_ids")}
        if not any(name.startswith("text_model.") for name in wanted):
            tensors = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    if part == "garment_unet":
        unused = surplus(set(tensors), network)
        tensors = {name: tensor for name, tensor in tensors.items() if name not in unused}
    return tensors


def load_part(folder: Path, part: str, kind: torch.dtype) -> Any:
    """One network of a folder of all parts; see :func:`load_network`."""
    return load_network(part, read_config(folder / part), weights_file(folder / part), kind)


def load_network(part: str, config: Mapping[str, Any], path: Path, kind: torch.dtype) -> Any:
    """One network with its weights, in the processor's memory.

    Names and shapes must agree exactly; nothing is left as initialised.

    Args:
        part: one of :data:`NETWORKS`.
        config: of the network.
        path: file of its weights, of today's names or of the published ones.
        kind: precision of the weights.

    Raises:
        MissingError: a file or library is missing.
        InputError: broken, or the file of another network.
    """
    with torch.device("meta"):
        network = BUILDERS[part](config)
    tensors = _renamed(part, read_large(path), set(network.state_dict()), network)
    strict.assign(network, {name: tensor.to(kind) for name, tensor in tensors.items()}, part, path)
    return network.eval().requires_grad_(False)


def load_tokenizer(folder: Path, part: str) -> Any:
    """One of the two tokenizers.

    Raises:
        InputError: its files cannot be read.
        MissingError: ``transformers`` is not installed.
    """
    kind = need("transformers").CLIPTokenizer
    try:
        return kind.from_pretrained(str(folder / part), local_files_only=True)
    except Exception as error:  # the library raises OSError, ValueError, TypeError, KeyError ... on broken files
        raise InputError(
            "not a tokenizer that can be read", mend="get vocab.json and merges.txt again", path=folder / part
        ) from error


def save_network(network: Any, folder: Path) -> str:
    """Write a network's configuration and tensors; returns the file's SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    config = network.config
    plain = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    write_json(folder / "config.json", {key: value for key, value in plain.items() if _is_json(value)})
    path = folder / "model.safetensors"
    safetensors.torch.save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    return sha256_file(path)


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | tuple | dict)
