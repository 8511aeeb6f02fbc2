"""One picture after the other: networks that come when they are needed, and whatever need not be done twice."""

from __future__ import annotations

import gc
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from ...core.images import UInt8, to_image
from ..layering import layered
from ..pasting import keep_same, paste_back
from .clip import look
from .denoise import denoise
from .details import laid
from .emasc import Emasc, Encoded, FusedEmasc, encode
from .memory import Plan
from .options import Options
from .pipeline import carry, draws, finish, guide_of, say, say_nothing
from .warping import Refinement, bending, folded, warp
from .weights import Bundle, load_part

#: garments and people whose results are kept
_GARMENTS, _PEOPLE = 64, 2
Kept = TypeVar("Kept")


class Parts:
    """The networks of a bundle, loaded when first used and placed as the plan says.

    Args:
        bundle: where the weights are.
        kind: precision.
        device: that they compute on.
        plan: how memory is spared.
        fused: see :class:`~.options.Options`.
    """

    def __init__(self, bundle: Bundle, kind: torch.dtype, device: str, plan: Plan, fused: bool) -> None:
        self.bundle, self.kind, self.device, self.plan, self.fused = bundle, kind, device, plan, fused
        self._here: dict[str, Any] = {}

    def _load(self, part: str) -> Any:
        if part not in self._here:
            network = load_part(self.bundle, part, self.kind)
            if self.fused:
                network = fuse(network)
            if self.plan.streamed and part == "unet":
                network.enable_group_offload(
                    onload_device=torch.device(self.device),
                    offload_device=torch.device("cpu"),
                    offload_type="leaf_level",
                    use_stream=self.device.startswith("cuda"),
                )
            self._here[part] = network
        return self._here[part]

    @contextmanager
    def use(self, *parts: str) -> Iterator[tuple[Any, ...]]:
        """The named networks on the device; a plan that spares memory takes them away afterwards."""
        networks = tuple(self._load(part) for part in parts)
        moved = [
            network
            for part, network in zip(parts, networks, strict=True)
            if not (self.plan.streamed and part == "unet")
        ]
        for network in moved:
            network.to(self.device)
        try:
            yield networks
        finally:
            if self.plan.staged and self.device != "cpu":
                for network in moved:
                    network.to("cpu")
                torch.cuda.empty_cache()
            if again := set(parts) & set(self.plan.reloaded):
                for part in again:
                    self._here.pop(part, None)
                del networks, moved
                gc.collect()


def fuse(network: nn.Module) -> nn.Module:
    """Join what gives the same up to rounding, and keep convolutions channels last; in place where that is possible."""
    if isinstance(network, Refinement):
        network = folded(network)
    if isinstance(network, Emasc):
        network = FusedEmasc(network).eval().requires_grad_(False)
    if any(isinstance(layer, nn.Conv2d) for layer in network.modules()):
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


class _Recent(OrderedDict[str, Any]):
    """The last few results by key."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def get_or_make(self, key: str, make: Callable[[], Kept]) -> Kept:
        if key in self:
            self.move_to_end(key)
            kept: Kept = self[key]
            return kept
        made = make()
        self[key] = made
        while len(self) > self.size:
            self.popitem(last=False)
        return made


def _key(*values: torch.Tensor | str) -> str:
    digest = hashlib.sha256()
    for value in values:
        digest.update(value.encode() if isinstance(value, str) else value.contiguous().numpy().tobytes())
    return digest.hexdigest()


class Runner:
    """Conditions and a seed -> a picture.

    Args:
        parts: the networks.
        options: see :class:`~.options.Options`.
    """

    def __init__(self, parts: Parts, options: Options) -> None:
        self.parts, self.options = parts, options
        self.config = parts.bundle.config
        self._blank: torch.Tensor | None = None
        self._texts, self._people = _Recent(_GARMENTS), _Recent(_PEOPLE)

    @property
    def _device(self) -> torch.device:
        return torch.device(self.parts.device)

    def _batch(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor[None].to(self._device)

    def text(self, garment: torch.Tensor, category: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """``(1, 77, width)`` each: the garment in words, and the empty prompt; both are kept.

        Args:
            garment: ``(3, H, W)``, -1 to 1.
            category: of the garment.
        """

        def make() -> torch.Tensor:
            with self.parts.use("vision", "adapter") as (vision, adapter):
                words = adapter(look(vision, self._batch(garment)))
            with self.parts.use("text") as (text,):
                if self._blank is None:
                    self._blank = say_nothing(text, self._device)
                return say(text, words, [category])

        described = self._texts.get_or_make(_key(garment, str(category)), make)
        assert self._blank is not None
        return described, self._blank

    def warped(self, entry: Mapping[str, Any]) -> torch.Tensor:
        """``(1, 3, H, W)``, -1 to 1: the garment laid on the person."""
        masked = entry["person"] * (1 - entry["mask"])
        with self.parts.use("matcher", "refinement") as (matcher, refinement):
            return warp(
                matcher, refinement, self._batch(entry["garment"]), self._batch(masked), self._batch(entry["pose"])
            )

    def person(self, entry: Mapping[str, Any]) -> tuple[Encoded, list[torch.Tensor]]:
        """The masked person, encoded, and what passes by the bottleneck; kept for the next garment."""

        def make() -> tuple[Encoded, list[torch.Tensor]]:
            masked, mask = self._batch(entry["person"] * (1 - entry["mask"])), self._batch(entry["mask"])
            with self.parts.use("vae", "emasc") as (vae, emasc):
                encoded, additions = carry(vae, emasc, masked, mask)
            return Encoded(encoded.mean, encoded.std, []), additions

        return self._people.get_or_make(_key(entry["person"], entry["mask"]), make)

    def run(self, entry: Mapping[str, Any], seed: int) -> UInt8:
        """``(H, W, 3)`` of the photo's size.

        Args:
            entry: see :func:`~.conditions.conditions`.
            seed: of this picture.
        """
        frame = entry["frame"]
        picture: UInt8 = frame.back(self.make(entry, seed))
        mask = frame.mask_back(entry["mask"][0].numpy() > 0)
        same, geometry, free = entry.get("same"), entry.get("geometry"), mask
        if self.config.takes_garment and (geometry is not None or same is not None):
            own = laid(self.bent(entry), entry["worn"], frame)
            free = mask & ~own[1]
            if geometry is not None:
                picture, mask = layered(picture, geometry, mask, own[1] & mask, own)
        if geometry is None and same is not None:
            picture = keep_same(entry["photo"], picture, same & free)
        return paste_back(entry["photo"], picture, mask, self.options.feather) if self.options.paste else picture

    @torch.inference_mode()
    def bent(self, entry: Mapping[str, Any]) -> torch.Tensor:
        """``(1, H, W, 2)``: where in the garment to look, see :func:`~.warping.bending`."""
        masked = entry["person"] * (1 - entry["mask"])
        with self.parts.use("matcher") as (matcher,):
            return bending(matcher, *(self._batch(each) for each in (entry["garment"], masked, entry["pose"])))

    @torch.inference_mode()
    def make(self, entry: Mapping[str, Any], seed: int) -> UInt8:
        """What the networks paint, at the size of the weights, never mended nor pasted back: what the paper's numbers were measured on."""
        noise = draws(self.config, [seed])
        described, blank = self.text(entry["garment"], entry["category"])
        garment = None
        if self.config.takes_garment:
            warped = self.warped(entry)
            with self.parts.use("vae") as (vae,):
                seen = encode(vae, warped.to(next(vae.parameters()).dtype))
                garment = Encoded(seen.mean, seen.std, [])
        masked, additions = self.person(entry)
        noise = type(noise)(*(each.to(self._device) for each in (noise.garment, noise.latents, noise.masked)))
        guide = guide_of(
            self.config,
            described,
            self._batch(entry["mask"]),
            self._batch(entry["pose"]),
            masked,
            garment,
            noise,
            use_pose=self.options.pose,
        )
        with self.parts.use("unet") as (unet,):
            latents = denoise(unet, self.config.noise, noise.latents, guide, blank, self.options.sampling())
        with self.parts.use("vae") as (vae,):
            made = finish(vae, latents / self.config.scaling, additions)
        return to_image(made[0])
