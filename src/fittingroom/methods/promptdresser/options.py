"""What can be chosen: presets and single settings, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ...core.errors import InputError
from ..layering import MATCHES
from .captions import STYLE_KEYS
from .guidance import Guidance

#: how the stage that finds the mask, and the prompts, may be chosen
MASKS = ("aware", "fine", "coarse")
CAPTIONS = ("auto", "given", "rules", "none")
SOLVERS = ("ddpm", "dpm++")
VRAM = ("auto", "4", "8", "12", "24")
DTYPES = ("auto", "float32", "float16", "bfloat16")
CACHES = ("memory", "disk", "none")


@dataclass(frozen=True)
class Options:
    """Everything that may be chosen; the defaults are the published way.

    Args:
        preset: ``parity`` or ``fast``; the settings below replace single values of it.
        solver: ``ddpm`` (ancestral) or ``dpm++`` (second order, deterministic).
        steps: of the second stage.
        guidance_garment: scale.
        guidance_text: scale.
        guidance_first: guided from this share of the steps of the second stage on.
        guidance_last: guided until this share.
        mask: ``aware``: a first stage finds out how much room the garment needs; ``fine`` and ``coarse``: no first stage.
        mask_steps: of the first stage's schedule.
        mask_stop: share of them after which it stops.
        sample_latents: draw from the encoder's distribution, as published, instead of taking its middle.
        clothing_pooled: in the first stage give the clothing prompt's summary to the third branch, as published (it looks
            like a slip).
        captions: ``auto``: given ones, completed by rule; ``given``: refuse what is not there; ``rules``: by rule only;
            ``none``: empty prompts.
        style: phrases for fit, tucking and rolled sleeves, by key.
        match: ``layers`` lays the garment itself where it was painted, see :mod:`..layering`; for small networks.
        keep_same: put the photo back inside the mask, too, where wall and skin look the same, see :mod:`..pasting`; for small networks,
            where nothing is laid in layers.
        paste: put the photo back outside the mask, with a soft edge.
        feather: width of that edge as a share of the height.
        vram: gigabytes of the graphics card to plan for.
        dtype: precision of the networks; ``auto``: float16 on graphics cards; on processors float32, or with the fast preset bfloat16
            where the hardware multiplies that faster. The solver always has float32.
        cache: where garment features are kept: they are the same for every person.
    """

    preset: str = "parity"
    solver: str = "ddpm"
    steps: int = 30
    guidance_garment: float = 4.5
    guidance_text: float = 7.5
    guidance_first: float = 0.0
    guidance_last: float = 1.0
    mask: str = "aware"
    mask_steps: int = 30
    mask_stop: float = 0.5
    sample_latents: bool = True
    clothing_pooled: bool = True
    captions: str = "auto"
    style: Mapping[str, str] = field(default_factory=dict)
    match: str = "off"
    keep_same: bool = False
    paste: bool = False
    feather: float = 0.01
    vram: str = "auto"
    dtype: str = "auto"
    cache: str = "memory"

    @property
    def guidance(self) -> Guidance:
        """Scales and interval of the second stage."""
        return Guidance(self.guidance_garment, self.guidance_text, self.guidance_first, self.guidance_last)

    @property
    def mask_guidance(self) -> Guidance:
        """Scales of the first stage, which is guided throughout."""
        return Guidance(self.guidance_garment, self.guidance_text)

    @property
    def stop(self) -> int:
        """Index of the step at which the first stage predicts its picture."""
        return min(int(self.mask_steps * self.mask_stop), self.mask_steps - 1)

    def evaluations(self) -> int:
        """How many branches the main network computes for one picture."""
        first = self.mask_guidance.evaluations(self.mask_steps, self.stop + 1) if self.mask == "aware" else 0
        return first + self.guidance.evaluations(self.steps)

    def to_json(self) -> dict[str, Any]:
        """All that changes the picture, as JSON values; how memory is used does not belong to it."""
        values = asdict(self)
        for name in ("vram", "cache"):
            values.pop(name)
        return values


#: 138 and 32 evaluations. The fast one was chosen by its cost; on the embedded weights it is as good (docs/benchmarks.md)
PRESETS: Mapping[str, Options] = {
    "parity": Options(),
    "fast": Options(
        preset="fast",
        solver="dpm++",
        steps=10,
        guidance_last=0.5,
        mask_steps=6,
        sample_latents=False,
        clothing_pooled=False,
    ),
}

_CHOICES = {
    "solver": SOLVERS,
    "mask": MASKS,
    "captions": CAPTIONS,
    "vram": VRAM,
    "dtype": DTYPES,
    "cache": CACHES,
    "match": MATCHES,
}
_RANGES: Mapping[str, tuple[float, float]] = {
    "steps": (1, 500),
    "mask_steps": (2, 500),
    "guidance_garment": (0, 100),
    "guidance_text": (0, 100),
    "guidance_first": (0, 1),
    "guidance_last": (0, 1),
    "mask_stop": (0, 1),
    "feather": (0, 1),
}


def options(settings: Mapping[str, Any]) -> Options:
    """Options out of settings by name.

    Raises:
        InputError: an unknown name, or a value that cannot be; one line.
    """
    names = {entry.name for entry in fields(Options)}
    if unknown := sorted(set(settings) - names):
        raise InputError(
            f"promptdresser has no setting {', '.join(unknown)}", mend=f"it has: {', '.join(sorted(names))}"
        )
    preset = settings.get("preset", "parity")
    if preset not in PRESETS:
        raise InputError(f"no preset named {preset!r}", mend=f"there are: {', '.join(PRESETS)}")
    chosen: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "vram":
            value = str(value)
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InputError(f"{name} is {value!r}", mend=f"choose from {', '.join(_CHOICES[name])}")
        if name in _RANGES:
            value = _number(name, value)
        if name in ("sample_latents", "clothing_pooled", "keep_same", "paste") and not isinstance(value, bool):
            raise InputError(f"{name} is {value!r}", mend="choose true or false")
        if name == "style":
            _check_style(value)
            value = dict(value)
        chosen[name] = value
    return replace(PRESETS[preset], **chosen)


def _number(name: str, value: Any) -> float | int:
    low, high = _RANGES[name]
    whole = isinstance(PRESETS["parity"].__getattribute__(name), int)
    fits = not isinstance(value, bool) and isinstance(value, int if whole else int | float) and low <= value <= high
    if not fits:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{name} is {value!r}", mend=f"choose {kind} from {low:g} to {high:g}")
    return int(value) if whole else float(value)


def _check_style(value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(phrase, str) for phrase in value.values()):
        raise InputError(f"style is {value!r}", mend="give phrases by key")
    if unknown := sorted(set(value) - set(STYLE_KEYS)):
        raise InputError(f"no style named {', '.join(unknown)}", mend=f"there are: {', '.join(STYLE_KEYS)}")
