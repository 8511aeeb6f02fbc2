"""What this machine can run, what is missing, and the mend."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .compare.environment import describe_machine
from .core.errors import FittingroomError
from .core.files import cache_folder, write_bytes
from .methods.registry import card, method_names
from .weights.fetch import find
from .weights.manifest import entries

_EXTRAS = {
    "app": ("gradio", "the browser app"),
    "studio": ("mitsuba", "rendering people (its commands are not there yet)"),
    "annotate": ("onnxruntime", "annotating photos by ONNX networks; HEIC photos"),
    "ray": ("ray", "making pictures on a Ray cluster"),
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Args:
        state: ``ok``, ``missing`` (optional) or ``broken``.
        what: of what.
        detail: what was found.
        mend: what to do.
    """

    state: str
    what: str
    detail: str
    mend: str = ""


def _cache() -> Finding:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            write_bytes(Path(temporary) / "probe", b"x")
    except (OSError, FittingroomError):
        return Finding("broken", "cache", f"{folder} cannot be written", "set FITTINGROOM_CACHE to a folder that can")
    free = shutil.disk_usage(folder).free / 2**30
    if free < 1:
        return Finding(
            "missing", "cache", f"{folder}: {free:.1f} GB free", "make room, or set FITTINGROOM_CACHE to another disk"
        )
    return Finding("ok", "cache", f"{folder}: {free:.0f} GB free")


def _methods() -> list[Finding]:
    found = []
    for name in method_names():
        try:
            entry = card(name)
        except FittingroomError as error:
            found.append(Finding("broken", f"method {name}", error.problem, error.mend))
            continue
        what = "no weights needed" if not entry.trained else f"weights: {entry.weights_licence}"
        found.append(Finding("ok", f"method {name}", f"{what}; needs {', '.join(entry.needs)}"))
    return found


def findings() -> list[Finding]:
    """Everything worth knowing of this machine, in the order that it is shown."""
    machine = describe_machine()
    lines = [
        Finding("ok", "python", f"{machine['python']} on {machine['platform']}"),
        Finding("ok", "processor", f"{machine['cpu']}, {machine['cores']} cores, {machine['ram_gb']} GB of memory"),
        Finding("ok", "torch", f"{machine['libraries'].get('torch', '?')}, {machine['torch_threads']} threads"),
    ]
    if machine["gpu"]:
        lines += [
            Finding("ok", "GPU", f"{gpu['name']}, {gpu['memory_gb']} GB, driver {gpu['driver'] or '?'}")
            for gpu in machine["gpu"]
        ]
    else:
        lines.append(
            Finding(
                "missing",
                "GPU",
                "none that torch can use",
                "everything runs on the processor; for a GPU install the CUDA build of torch",
            )
        )
    if machine["ram_gb"] < 6:
        lines.append(Finding("missing", "memory", f"{machine['ram_gb']} GB", "6 GB or more are advised for measuring"))
    lines.append(_cache())
    lines += _methods()
    for entry in entries():
        path = find(entry.name)
        if path:
            lines.append(Finding("ok", entry.name, str(path)))
        else:
            # what no program can fetch is got by hand
            mend = f"fittingroom weights fetch {entry.name}" if entry.mirrors else f"from {entry.where}"
            size = f"{entry.size / 1e6:.0f} MB" if entry.size < 1e10 else f"{entry.size / 1e9:.0f} GB"
            lines.append(Finding("missing", entry.name, f"{entry.purpose}, {size}, {entry.licence}", mend))
    for extra, (module, purpose) in _EXTRAS.items():
        here = find_spec(module) is not None
        lines.append(
            Finding(
                "ok" if here else "missing",
                f"extra {extra}",
                purpose,
                "" if here else f"pip install 'fittingroom[{extra}]'",
            )
        )
    if os.environ.get("FITTINGROOM_OFFLINE") == "1":
        lines.append(Finding("ok", "network", "not used (FITTINGROOM_OFFLINE=1)"))
    return lines
