"""Weights as a folder: ``config.json`` and ``generator.safetensors``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ...core.errors import InputError
from ...core.files import read_json, sha256_bytes, write_bytes, write_json
from ...weights.convert import read_tensors
from ...weights.fetch import require
from ...weights.stylegan_pickle import read_network
from .config import PUBLISHED, GeneratorConfig
from .network import Generator

CONFIG, WEIGHTS = "config.json", "generator.safetensors"
METHOD = "pasta-gan++"


def save_generator(
    generator: Generator, folder: Path, about: Mapping[str, Any] | None = None, *, half: bool = False
) -> str:
    """Write a generator.

    Args:
        generator: to be kept.
        folder: created where needed; the index is written last, so that a folder that has one is whole.
        about: what else the index shall say, e.g. how it was trained.
        half: in float16, half as large; they are float32 again when they are loaded.

    Returns:
        SHA-256 of the weights.
    """
    kind = torch.float16 if half else torch.float32
    tensors = {key: value.detach().cpu().to(kind).contiguous() for key, value in generator.state_dict().items()}
    data = safetensors.torch.save(tensors)
    write_bytes(folder / WEIGHTS, data)
    digest = sha256_bytes(data)
    write_json(
        folder / CONFIG,
        {"method": METHOD, "generator": asdict(generator.config), "sha256": digest, **(about or {})},
    )
    return digest


def read_config(folder: Path) -> tuple[GeneratorConfig, dict[str, Any]]:
    """Sizes, and the whole index.

    Raises:
        InputError: no index, of another method, or with unknown sizes.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise InputError("no config.json beside the weights", mend="name the folder that training wrote", path=folder)
    index = read_json(path)
    table = index.get("generator") if isinstance(index, dict) else None
    known = {each.name for each in fields(GeneratorConfig)}
    if not isinstance(table, dict) or index.get("method") != METHOD or not set(table) <= known:
        raise InputError(f"not weights of {METHOD}", mend="name the folder that training wrote", path=path)
    return GeneratorConfig(**table), index


def fill(generator: Generator, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put tensors into a generator, strictly.

    Raises:
        InputError: a tensor is missing, superfluous or of another shape; the message names the first.
    """
    state = generator.state_dict()
    for key in [*state, *tensors]:
        if key not in tensors or key not in state:
            word = "is missing" if key not in tensors else "does not belong there"
            raise InputError(
                f"weights of another network: {key} {word}", mend="check that it is the right file", path=path
            )
        if state[key].shape != tensors[key].shape:
            shapes = f"{tuple(tensors[key].shape)} instead of {tuple(state[key].shape)}"
            raise InputError(f"weights of another network: {key} is {shapes}", mend="check the sizes", path=path)
    generator.load_state_dict(dict(tensors))


def find_weights(name: str | Path) -> Path:
    """Where weights lie: ``published`` (imported before), a training's folder, or a file.

    Raises:
        MissingError: the published ones were not imported.
    """
    return require(METHOD) if str(name) == "published" else Path(name)


def _white(index: Mapping[str, Any]) -> bool:
    """Whether the index says ``trained.options.background = "white"``."""
    trained = index.get("trained")
    options = trained.get("options") if isinstance(trained, dict) else None
    return isinstance(options, dict) and options.get("background") == "white"


def load_generator(path: Path) -> tuple[Generator, str, bool]:
    """A generator from a folder that :func:`save_generator` wrote, or from a file of published weights.

    Returns:
        The generator, ready for inference, the SHA-256 of its weights, and whether it was trained to paint a white background.

    Raises:
        InputError: nothing there, broken, or of another network.
    """
    if path.is_dir():
        config, index = read_config(path)
        file, digest = path / WEIGHTS, str(index.get("sha256", ""))
    elif path.is_file():
        config, file, digest, index = PUBLISHED, path, "", {}
    else:
        raise InputError("no such weights", mend="name a folder that training wrote, or a file", path=path)
    tensors = read_network(file) if file.suffix == ".pkl" else read_tensors(file)
    actual = sha256_bytes(file.read_bytes())
    if digest and actual != digest:
        raise InputError(
            "the weights are not those that config.json speaks of", mend="copy the folder again", path=file
        )
    with torch.device("meta"):
        generator = Generator(config)
    generator.to_empty(device="cpu")
    fill(generator, tensors, file)
    return generator.eval().requires_grad_(False), actual, _white(index)
