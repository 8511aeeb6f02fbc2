"""What can be chosen: presets and single settings, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ...core.errors import InputError
from ..layering import MATCHES
from .denoise import Solver

SOLVERS = ("ddim", "dpm++", "unipc")
DTYPES = ("auto", "float32", "float16", "bfloat16")
VRAM = ("auto", "4", "6", "8", "12", "24")


@dataclass(frozen=True)
class Options:
    """Everything that may be chosen; the defaults are the published way.

    Args:
        preset: ``parity`` or ``fast``; the settings below replace single values of it.
        solver: ``ddim``, ``dpm++`` (DPM-Solver++, second order) or ``unipc``.
        steps: evaluations of the UNet.
        guidance: scale; at 1 or below there is none.
        guide_from: guided from this share of the steps on ...
        guide_until: ... until this one.
        garment_until: from this share of the steps on the UNet does not see the warped garment (1 = never).
        pose: whether the UNet sees the pose.
        published_mask: absent joints and garments of other categories are treated exactly as in the published code; otherwise
            such joints are left out, and garments that the new one replaces are painted anew, see :func:`.region.rules_for`.
        fused: networks are joined where the result is the same up to rounding (batch norms into convolutions, EMASC's first
            two levels) and kept channels last.
        match: ``layers`` lays the warped garment itself where it was painted, see :mod:`..layering`; for small networks.
        keep_same: put the photo back inside the mask, too, where wall and skin look the same, see :mod:`..pasting`; for small networks,
            where nothing is laid in layers.
        paste: put the photo back outside the mask.
        feather: width of the soft edge of that, as a share of the height.
        dtype: precision of the networks; ``auto`` is bfloat16 where the hardware multiplies it faster, else float32. The solver
            and the matcher always have float32.
        vram: gigabytes of the graphics card to plan for.
    """

    preset: str = "parity"
    solver: str = "ddim"
    steps: int = 50
    guidance: float = 7.5
    guide_from: float = 0.0
    guide_until: float = 1.0
    garment_until: float = 1.0
    pose: bool = True
    published_mask: bool = True
    fused: bool = False
    match: str = "off"
    keep_same: bool = False
    paste: bool = False
    feather: float = 0.01
    dtype: str = "float32"
    vram: str = "auto"

    def sampling(self) -> Solver:
        """The solver with its steps and guidance."""
        return Solver(self.solver, self.steps, self.guidance, self.guide_from, self.guide_until, self.garment_until)

    def to_json(self) -> dict[str, Any]:
        """All that changes the picture, as JSON values; how memory is used does not belong to it."""
        values = asdict(self)
        values.pop("vram")
        return values


#: 100 and 27 evaluations of the UNet. The fast one was chosen by its cost; on the embedded weights it is no worse (docs/benchmarks.md)
PRESETS: Mapping[str, Options] = {
    "parity": Options(),
    "fast": Options(
        preset="fast", solver="dpm++", steps=15, guide_until=0.8, published_mask=False, fused=True, dtype="auto"
    ),
}
_CHOICES = {"solver": SOLVERS, "dtype": DTYPES, "vram": VRAM, "match": MATCHES}
_RANGES: Mapping[str, tuple[float, float]] = {
    "steps": (1, 1000),
    "guidance": (0, 100),
    "guide_from": (0, 1),
    "guide_until": (0, 1),
    "garment_until": (0, 1),
    "feather": (0, 1),
}
_SWITCHES = ("pose", "published_mask", "fused", "keep_same", "paste")


def options(settings: Mapping[str, Any]) -> Options:
    """Options out of settings by name.

    Raises:
        InputError: an unknown name, or a value that cannot be; one line.
    """
    names = {entry.name for entry in fields(Options)}
    if unknown := sorted(set(settings) - names):
        raise InputError(f"ladi-vton has no setting {', '.join(unknown)}", mend=f"it has: {', '.join(sorted(names))}")
    preset = settings.get("preset", "parity")
    if preset not in PRESETS:
        raise InputError(f"no preset named {preset!r}", mend=f"there are: {', '.join(PRESETS)}")
    chosen: dict[str, Any] = {}
    for name, value in settings.items():
        value = str(value) if name == "vram" else value
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InputError(f"{name} is {value!r}", mend=f"choose from {', '.join(_CHOICES[name])}")
        if name in _RANGES:
            value = _number(name, value)
        if name in _SWITCHES and not isinstance(value, bool):
            raise InputError(f"{name} is {value!r}", mend="choose true or false")
        chosen[name] = value
    return replace(PRESETS[preset], **chosen)


def _number(name: str, value: Any) -> float | int:
    low, high = _RANGES[name]
    whole = name == "steps"
    fits = not isinstance(value, bool) and isinstance(value, int if whole else int | float) and low <= value <= high
    if not fits:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{name} is {value!r}", mend=f"choose {kind} from {low:g} to {high:g}")
    return int(value) if whole else float(value)
