"""Checkpoints: written whole or not at all, read as tensors only.

A checkpoint is a folder ``checkpoints/step-00001000`` with ``weights.safetensors`` (networks and running means),
``optimizers.pt`` (read by PyTorch's reader for tensors only) and ``state.json``. It is complete when it has its final name.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ..core.errors import InputError
from ..core.files import read_json, write_json
from ..methods.task import Task
from .average import Averages

_PREFIX = "step-"


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a training, oldest first."""
    found = folder / "checkpoints"
    return sorted(path for path in found.glob(f"{_PREFIX}*") if (path / "state.json").is_file())


def _tensors(task: Task, averages: Averages) -> dict[str, torch.Tensor]:
    named = {
        f"module.{name}.{key}": value
        for name, module in task.modules.items()
        for key, value in module.state_dict().items()
    }
    for name, module in averages.modules.items():
        named |= {f"average.{name}.{key}": value for key, value in module.state_dict().items()}
    return {key: value.detach().cpu().contiguous().clone() for key, value in named.items()}


def save(folder: Path, step: int, task: Task, averages: Averages, description: Mapping[str, Any], keep: int) -> Path:
    """Write the checkpoint after ``step`` steps and remove all but the newest ``keep``.

    Returns:
        Its folder.
    """
    final = folder / "checkpoints" / f"{_PREFIX}{step:08d}"
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    safetensors.torch.save_file(_tensors(task, averages), partial / "weights.safetensors")
    torch.save({name: each.state_dict() for name, each in task.optimizers.items()}, partial / "optimizers.pt")
    write_json(partial / "state.json", {"step": step, "task": task.state(), "description": description})
    for path in partial.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load(path: Path, task: Task, averages: Averages, description: Mapping[str, Any]) -> int:
    """Take everything back.

    Returns:
        Steps done.

    Raises:
        InputError: the checkpoint is of another training, or broken.
    """
    state = read_json(path / "state.json")
    if differing := sorted(
        key for key in {*state["description"], *description} if state["description"].get(key) != description.get(key)
    ):
        raise InputError(
            f"the checkpoint is of another training ({', '.join(differing)} differ)",
            mend="train into another folder or take the settings back",
            path=path,
        )
    try:
        tensors = safetensors.torch.load_file(path / "weights.safetensors")
        optimizers = torch.load(path / "optimizers.pt", map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError, safetensors.SafetensorError) as error:
        raise InputError(
            "the checkpoint cannot be read", mend="remove it; the one before is used", path=path
        ) from error
    for kind, modules in (("module", task.modules), ("average", averages.modules)):
        for name, module in modules.items():
            prefix = f"{kind}.{name}."
            module.load_state_dict(
                {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
            )
    for name, optimizer in task.optimizers.items():
        optimizer.load_state_dict(optimizers[name])
    task.load_state(state["task"])
    return int(state["step"])
