"""What this machine can run, what is missing, and the mend."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from .annotate.plan import Step, problem_of
from .annotate.registry import annotator_class, annotator_names
from .compare.environment import describe_machine
from .core.errors import FittingroomError, MissingError
from .core.files import cache_folder, write_bytes
from .methods.annotators import TARGETS
from .methods.registry import OWN, card, method_names
from .weights.embedded import embedded_folder
from .weights.fetch import find
from .weights.manifest import entries

#: modules of an extra, and what it is for
_EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "diffusion": (("diffusers", "transformers"), "the methods of the family latent diffusion"),
    "train": (("accelerate",), "training"),
    "app": (("gradio",), "the browser app"),
    "studio": (("mitsuba",), "rendering people"),
    "annotate": (("onnxruntime",), "annotating photos by ONNX networks; HEIC photos"),
    "ray": (("ray",), "making pictures on a Ray cluster"),
}
#: of a method's card: what needs the extra ``diffusion``
_DIFFUSION = "latent diffusion"


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
        if entry.trained and name in OWN and embedded_folder(name) is None:
            what = f"comes without weights: name {name}@FOLDER of a training, or {name}@published; {what}"
        detail, mend = f"{what}; needs {', '.join(entry.needs)}", ""
        if entry.family == _DIFFUSION and (absent := _absent("diffusion")):
            detail, mend = f"{' and '.join(absent)} not installed; {detail}", _install("diffusion")
        found.append(Finding("missing" if mend else "ok", f"method {name}", detail, mend))
    return found


def _annotators() -> list[Finding]:
    """Who can annotate here: each is loaded, since a file that is there may be another's."""
    found = []
    for name in [*annotator_names(), *TARGETS]:
        target = TARGETS.get(name, "")
        problem = problem_of(Step(name, target))
        if problem is None:
            made_by = "made by hand in the review" if name.endswith("/hand") else annotator_class(name, target).licence
            found.append(Finding("ok", f"annotator {name}", made_by))
        else:
            state = "missing" if isinstance(problem, MissingError) else "broken"
            found.append(Finding(state, f"annotator {name}", problem.problem, problem.mend))
    return found


def _absent(extra: str) -> list[str]:
    return [module for module in _EXTRAS[extra][0] if find_spec(module) is None]


def _install(extra: str) -> str:
    return f"pip install 'fittingroom[{extra}]'"


def has_kernels(capability: tuple[int, int], built: Sequence[str]) -> bool:
    """Whether a build of torch has code for a card.

    Args:
        capability: compute capability of the card, e.g. (6, 1).
        built: what torch was built for, e.g. ``sm_86`` (code for 8.6 and later ones of 8) or ``compute_90`` (a recipe that any
            later card can translate); letters behind the number mean this very card.
    """
    for entry in built:
        kind, _, text = entry.partition("_")
        number = text.rstrip("af")
        if not number.isdigit():
            continue
        major, minor = int(number[:-1]), int(number[-1])
        if kind == "compute" and (major, minor) <= capability:
            return True
        if kind == "sm" and major == capability[0] and minor <= capability[1]:
            return True
    return False


def _gpu(index: int, gpu: Mapping[str, Any]) -> Finding:
    what = f"{gpu['name']}, {gpu['memory_gb']} GB, driver {gpu['driver'] or '?'}"
    capability = torch.cuda.get_device_capability(index)
    # ROCm's builds name their cards otherwise
    if torch.version.hip or has_kernels(capability, torch.cuda.get_arch_list()):
        return Finding("ok", "GPU", what)
    number = ".".join(map(str, capability))
    mend = (
        "install a build of torch for CUDA 12.6, the last with code for such cards"
        if capability < (7, 5)
        else "install a newer build of torch"
    )
    return Finding("broken", "GPU", f"{what}: this torch has no code for its compute capability {number}", mend)


def findings() -> list[Finding]:
    """Everything worth knowing of this machine, in the order that it is shown."""
    machine = describe_machine()
    lines = [
        Finding("ok", "python", f"{machine['python']} on {machine['platform']}"),
        Finding("ok", "processor", f"{machine['cpu']}, {machine['cores']} cores, {machine['ram_gb']} GB of memory"),
        Finding("ok", "torch", f"{machine['libraries'].get('torch', '?')}, {machine['torch_threads']} threads"),
    ]
    if machine["gpu"]:
        lines += [_gpu(index, gpu) for index, gpu in enumerate(machine["gpu"])]
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
    lines += _annotators()
    for entry in entries():
        path = find(entry.name)
        if path:
            lines.append(Finding("ok", entry.name, str(path)))
        else:
            # what no program can fetch is got by hand
            mend = f"fittingroom weights fetch {entry.name}" if entry.mirrors else f"from {entry.where}"
            size = f"{entry.size / 1e6:.0f} MB" if entry.size < 1e10 else f"{entry.size / 1e9:.0f} GB"
            lines.append(Finding("missing", entry.name, f"{entry.purpose}, {size}, {entry.licence}", mend))
    for extra, (_, purpose) in _EXTRAS.items():
        missing = bool(_absent(extra))
        lines.append(
            Finding("missing" if missing else "ok", f"extra {extra}", purpose, _install(extra) if missing else "")
        )
    if os.environ.get("FITTINGROOM_OFFLINE") == "1":
        lines.append(Finding("ok", "network", "not used (FITTINGROOM_OFFLINE=1)"))
    return lines
