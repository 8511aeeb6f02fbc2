"""The machine that a run was made on: what the hardware table of a report says."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

LIBRARIES = (
    "torch", "numpy", "scipy", "pillow", "opencv-python-headless", "scikit-image", "matplotlib", "pyarrow", "safetensors",
    "accelerate", "diffusers", "transformers",
)  # fmt: skip


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _gpus() -> list[dict[str, Any]]:
    if not torch.cuda.is_available():
        return []
    driver = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").splitlines()
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(
            {
                "name": properties.name,
                "memory_gb": round(properties.total_memory / 2**30, 1),
                "driver": driver[index] if index < len(driver) else "",
            }
        )
    return found


def library_versions() -> dict[str, str]:
    """Versions of the libraries that results may depend on, where installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe_machine() -> dict[str, Any]:
    """Processor, memory, GPU, driver, Python and library versions as JSON values."""
    from .. import __version__

    folder = Path(__file__).resolve().parent
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "ram_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": _gpus(),
        "cuda": torch.version.cuda or "",
        "torch_threads": torch.get_num_threads(),
        "libraries": library_versions(),
        "fittingroom": __version__,
        "git": _output("git", "-C", str(folder), "rev-parse", "--short", "HEAD"),
    }
