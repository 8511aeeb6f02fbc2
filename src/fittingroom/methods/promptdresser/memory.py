"""Which network is where, when: plans for cards of 4 to 24 GB, what each needs, and the parts that obey them.

The garment's features are made once per garment, so the garment network need not be there while the person is painted.
Run one after the other, the largest thing in memory is the main network with the features of two rows.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from ...core.errors import InputError
from ...core.images import Size
from .weights import NETWORKS, TOKENIZERS, load_part, load_tokenizer

GIB = 2**30
#: context of the driver, workspace of its libraries and fragmentation, beyond the tensors
OVERHEAD = int(0.8 * GIB)
#: numbers that live at once, per latent pixel and channel of the first level and row; counted with fake tensors at full
#: size and 768x1024 (tests repeat it)
_MAIN_PER_CHANNEL = 15.8
_GARMENT_PER_CHANNEL = 15.3
#: the same for the autoencoder, per pixel and channel of its first level
_DECODE_PER_CHANNEL, _ENCODE_PER_CHANNEL = 6.05, 5.1
#: side of the autoencoder's tiles in pixels
TILE = 512


@dataclass(frozen=True)
class Plan:
    """How memory is spared.

    Args:
        name: for messages.
        staged: only the networks at work are on the device.
        tiled: the autoencoder works tile by tile.
        fp8: the two large networks are kept with 8-bit weights and compute in 16 bits; changes pictures a little.
        stream: the large networks' layers come to the device one after the other.
        together: the three branches in one pass.
        projected: keys and values of the garment are kept instead of its features.
    """

    name: str
    staged: bool = True
    tiled: bool = False
    fp8: bool = False
    stream: bool = False
    together: bool = True
    projected: bool = False


#: from most to least memory; the first that fits is taken
PLANS: tuple[Plan, ...] = (
    Plan("resident", staged=False, projected=True),
    Plan("staged", projected=True),
    Plan("staged, tiled", tiled=True),
    Plan("staged, tiled, 8-bit weights", tiled=True, fp8=True, together=False),
    Plan("streamed, tiled", tiled=True, stream=True, together=False),
)
#: on the processor nothing is moved
HOST = Plan("processor", staged=False, projected=True)


@dataclass(frozen=True)
class Shape:
    """What the need for memory follows from.

    Args:
        weights: part -> number of weights.
        main: configuration of the UNets.
        vae: configuration of the autoencoder.
        size: (height, width) in pixels.
        bytes_each: of a number.
    """

    weights: Mapping[str, int]
    main: Mapping[str, Any]
    vae: Mapping[str, Any]
    size: Size
    bytes_each: int = 2


def feature_values(config: Mapping[str, Any], size: Size) -> int:
    """How many numbers the garment's features of one row have.

    Args:
        config: of the UNets.
        size: (height, width) of the photo in pixels.
    """
    widths, depths = config["block_out_channels"], config["transformer_layers_per_block"]
    levels, layers = len(widths), config["layers_per_block"]
    total = 0
    for level in range(levels):
        tokens = (size[0] // 8 // 2**level) * (size[1] // 8 // 2**level)
        blocks = 0
        if config["down_block_types"][level].startswith("CrossAttn"):
            blocks += layers * depths[level]
        if config["up_block_types"][levels - 1 - level].startswith("CrossAttn"):
            blocks += (layers + 1) * depths[level]
        if level == levels - 1 and config["mid_block_type"] is not None:
            blocks += depths[level]
        total += blocks * tokens * widths[level]
    return total


def needs(plan: Plan, shape: Shape) -> dict[str, int]:
    """Bytes on the device at each stage's peak, without :data:`OVERHEAD`."""
    each, (height, width) = shape.bytes_each, shape.size
    # raw features of two rows stay beside the keys and values made of them
    latent = (height // 8) * (width // 8) * int(shape.main["block_out_channels"][0]) * each
    features = feature_values(shape.main, shape.size) * each
    area = min(TILE * TILE, height * width) if plan.tiled else height * width
    pixels = area * int(shape.vae["block_out_channels"][0]) * each

    def held(part: str) -> int:
        count = shape.weights[part]
        if part in ("unet", "garment_unet"):
            if plan.stream:
                return count * each // 16  # the largest of its layers and the next one
            if plan.fp8:
                return int(count * (1 + 0.03 * each))  # norms and first and last layers keep their precision
        return count * each

    stages = {
        "text": (("text_encoder", "text_encoder_2"), 0),
        "encode": (("vae",), int(_ENCODE_PER_CHANNEL * pixels)),
        "garment": (("garment_unet",), int(_GARMENT_PER_CHANNEL * latent) + 2 * features),
        "paint": (
            ("unet",),
            int(_MAIN_PER_CHANNEL * latent * (3 if plan.together else 1)) + (6 if plan.projected else 2) * features,
        ),
        "decode": (("vae",), int(_DECODE_PER_CHANNEL * pixels)),
    }
    if plan.staged:
        return {name: sum(map(held, parts)) + work for name, (parts, work) in stages.items()}
    everything = sum(map(held, NETWORKS))
    return {name: everything + work for name, (_, work) in stages.items()}


def choose(budget: float, shape: Shape) -> Plan:
    """The first plan that fits into a budget in bytes, overhead included.

    Raises:
        InputError: not even the last one does.
    """
    for plan in PLANS:
        if max(needs(plan, shape).values()) + OVERHEAD <= budget:
            return plan
    least = (max(needs(PLANS[-1], shape).values()) + OVERHEAD) / GIB
    raise InputError(
        f"{shape.size[1]}x{shape.size[0]} needs {least:.1f} GB of graphics memory, there are {budget / GIB:.1f}",
        mend="use --device cpu or a smaller model",
    )


def estimate_line(plan: Plan, shape: Shape) -> str:
    """One line that says what a plan will need."""
    stages = needs(plan, shape)
    name = max(stages, key=lambda stage: stages[stage])
    if plan == HOST:  # networks that do not fit beside the largest are let go, see Parts
        return f"promptdresser: plan {plan.name!r}, up to {stages[name] / GIB:.1f} GB of the machine's memory"
    peak = (stages[name] + OVERHEAD) / GIB
    return f"promptdresser: plan {plan.name!r}, about {peak:.1f} GB at its peak (stage {name})"


class Parts:
    """The networks and tokenizers of a folder, loaded when first used and placed as the plan says.

    Args:
        folder: of the weights.
        kind: precision.
        device: that they compute on.
        plan: how memory is spared.
    """

    def __init__(self, folder: Path, kind: torch.dtype, device: str, plan: Plan) -> None:
        self.folder, self.kind, self.device, self.plan = folder, kind, device, plan
        self._loaded: dict[str, Any] = {}

    def tokenizers(self) -> tuple[Any, Any]:
        """Both tokenizers."""
        for part in TOKENIZERS:
            if part not in self._loaded:
                self._loaded[part] = load_tokenizer(self.folder, part)
        return self._loaded[TOKENIZERS[0]], self._loaded[TOKENIZERS[1]]

    def _load(self, part: str) -> Any:
        if part not in self._loaded:
            network = load_part(self.folder, part, self.kind)
            if part == "vae" and self.plan.tiled:
                network.tile_sample_min_size = TILE
                network.tile_latent_min_size = TILE // 8
                network.enable_tiling()
            if part in ("unet", "garment_unet"):
                self._spare(network)
            self._loaded[part] = network
        return self._loaded[part]

    def _spare(self, network: Any) -> None:
        if self.plan.fp8:
            network.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=self.kind)
        if self.plan.stream:
            network.enable_group_offload(
                onload_device=torch.device(self.device),
                offload_device=torch.device("cpu"),
                offload_type="leaf_level",
                use_stream=self.device.startswith("cuda"),
            )

    @contextlib.contextmanager
    def use(self, *parts: str) -> Iterator[tuple[Any, ...]]:
        """The named networks on the device; what is not needed afterwards leaves it."""
        networks = tuple(self._load(part) for part in parts)
        for part, network in zip(parts, networks, strict=True):
            if not self._streams(part):
                network.to(self.device)
        try:
            yield networks
        finally:
            if self.plan.staged:
                for part, network in zip(parts, networks, strict=True):
                    if not self._streams(part):
                        network.to("cpu")
            del networks
            self._let_go(parts)

    def _streams(self, part: str) -> bool:
        return self.plan.stream and part in ("unet", "garment_unet")

    def _let_go(self, parts: tuple[str, ...]) -> None:
        """Forget networks where the machine's memory would not hold the largest one beside them."""
        largest = max((path.stat().st_size for path in self.folder.glob("*/*.safetensors")), default=0)
        if psutil.virtual_memory().available < 1.2 * largest:
            for part in parts:
                self._loaded.pop(part, None)
            gc.collect()
        if self.device.startswith("cuda") and self.plan.staged:
            torch.cuda.empty_cache()
