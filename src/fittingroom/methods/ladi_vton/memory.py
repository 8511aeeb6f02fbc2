"""Which network is where, when: plans for cards of 4 to 24 GB and for small machines, and what each needs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch

from ...core.errors import InputError
from ...core.precision import fast_bfloat16
from .config import FACTOR, ModelConfig
from .network import PARTS, build
from .warping import parameters

GIB = 2**30
#: the driver's context, workspace of its libraries and fragmentation, beyond the tensors
OVERHEAD = int(0.8 * GIB)
#: parts that are at work together, in order
STAGES: Mapping[str, tuple[str, ...]] = {
    "words": ("vision", "adapter"),
    "text": ("text",),
    "warp": ("matcher", "refinement"),
    "encode": ("vae", "emasc"),
    "paint": ("unet",),
    "decode": ("vae",),
}
#: numbers that live at once, per pixel and channel of the first level; counted with fake tensors at 512x384 in bfloat16,
#: operation by operation
_PER_CHANNEL: Mapping[str, float] = {"warp": 8.3, "encode": 10.1, "paint": 26.4, "decode": 8.0}
#: EMASC's features of one person, which wait while the UNet paints, per pixel and channel of the autoencoder's first level
_WAITING = 4.3


@dataclass(frozen=True)
class Plan:
    """How memory is spared.

    Args:
        name: for messages.
        staged: only the networks at work are on the device.
        streamed: the UNet's layers come to the device one after the other.
        reloaded: parts that are let go of after their work and read from the disk again when they are needed.
    """

    name: str
    staged: bool = False
    streamed: bool = False
    reloaded: tuple[str, ...] = ()


#: from most to least memory on the device; the first that fits is taken
PLANS = (Plan("resident"), Plan("staged", staged=True), Plan("streamed", staged=True, streamed=True))
HOST, SMALL_HOST = Plan("processor"), Plan("processor, one stage at a time", reloaded=PARTS)
#: what describes a garment is needed once for each, and is a third of the weights
LEAN_HOST = Plan("processor, garments described one by one", reloaded=("vision", "adapter", "text"))
#: a model that needs more than this at once is not held as a whole, however much memory a machine has: others work there too
_WHOLE = 4 * GIB


def fastest(device: str) -> torch.dtype:
    """The precision that the hardware multiplies fastest without harm: 16 bits on graphics cards and processors with AMX."""
    if fast_bfloat16(device):
        return torch.bfloat16
    return torch.float16 if device.startswith("cuda") else torch.float32


@lru_cache(maxsize=8)
def _counts(key: str) -> Mapping[str, int]:
    config = ModelConfig.of_json(json.loads(key))
    with torch.device("meta"):
        return {part: parameters(build(part, config)) for part in PARTS}


def weights(config: ModelConfig) -> Mapping[str, int]:
    """How many weights each part has."""
    return _counts(json.dumps(config.to_json(), sort_keys=True))


def activations(config: ModelConfig, each: int) -> Mapping[str, int]:
    """Bytes at each stage's peak beside the weights, for one picture.

    Args:
        config: of the model.
        each: bytes of a number.
    """
    pixels = math.prod(config.size)
    wide = int(config.vae["block_out_channels"][0])
    first = {
        "warp": pixels * config.warping.refine,
        "encode": pixels * wide,
        "decode": pixels * wide,
        "paint": 2 * pixels // FACTOR**2 * int(config.unet["block_out_channels"][0]),  # two rows, for guidance
    }
    work = {stage: int(_PER_CHANNEL[stage] * size * each) for stage, size in first.items()}
    waiting = int(_WAITING * pixels * wide * each)
    return {stage: size + (waiting if stage in ("paint", "decode") else 0) for stage, size in work.items()}


def needs(plan: Plan, config: ModelConfig, each: int) -> dict[str, int]:
    """Bytes on the device at each stage's peak, without :data:`OVERHEAD`."""
    counts, work = weights(config), activations(config, each)

    def held(part: str) -> int:
        size = counts[part] * (4 if part == "matcher" else each)
        # the largest of the layers and the next one
        return size // 16 if plan.streamed and part == "unet" else size

    def here(parts: tuple[str, ...]) -> int:
        stay = () if plan.staged else tuple(part for part in PARTS if part not in plan.reloaded)
        return sum(map(held, {*stay, *parts}))

    return {stage: here(parts) + work.get(stage, 0) for stage, parts in STAGES.items()}


def choose_host(available: float, config: ModelConfig, each: int) -> Plan:
    """The plan for a processor: everything held where that is little, one stage at a time where there is little memory.

    Args:
        available: bytes.
        config: of the model.
        each: bytes of a number.
    """
    if max(needs(HOST, config, each).values()) < min(_WHOLE, 0.9 * available):
        return HOST
    return LEAN_HOST if max(needs(LEAN_HOST, config, each).values()) < 0.9 * available else SMALL_HOST


def choose(budget: float, config: ModelConfig, each: int) -> Plan:
    """The first plan for a graphics card that fits into a budget in bytes, overhead included.

    Raises:
        InputError: not even the last one does.
    """
    for plan in PLANS:
        if max(needs(plan, config, each).values()) + OVERHEAD <= budget:
            return plan
    least = (max(needs(PLANS[-1], config, each).values()) + OVERHEAD) / GIB
    raise InputError(
        f"{config.size[1]}x{config.size[0]} needs {least:.1f} GB of graphics memory, there are {budget / GIB:.1f}",
        mend="use --device cpu",
    )


def estimate_line(plan: Plan, config: ModelConfig, each: int) -> str:
    """One line that says what a plan will need."""
    stages = needs(plan, config, each)
    stage = max(stages, key=lambda name: stages[name])
    peak = (stages[stage] + (0 if plan in (HOST, LEAN_HOST, SMALL_HOST) else OVERHEAD)) / GIB
    return f"ladi-vton: plan {plan.name!r}, about {peak:.1f} GB at its peak (stage {stage})"
