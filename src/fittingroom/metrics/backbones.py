"""Backbones: networks that turn pictures into features, each with everything that its features depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..core.errors import MissingError
from ..core.files import sha256_file
from ..core.images import UInt8, resize_exact
from ..nn.small_network import EMBEDDED, load_network, random_network, trained, weights_hash
from ..weights.convert import read_tensors
from ..weights.fetch import require
from .inception import SIZE, load_inception
from .lpips import Lpips, heads_from_tensors, uniform_heads
from .trunks import TRUNKS, load_trunk

#: side of the picture that the small network describes
SMALL_SIZE = (192, 144)


class FeatureExtractor(Protocol):
    """Turns one picture into one vector.

    Pictures are embedded one at a time: a vector then depends on its picture only, to the last bit, and not on what
    else was embedded with it or what came out of a cache.
    """

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that the features depend on besides the picture."""

    def embed(self, image: UInt8) -> npt.NDArray[np.float32]:
        """``(H, W, 3)`` uint8 -> ``(d,)`` float32."""


def _planes(image: UInt8, device: str) -> torch.Tensor:
    """``(1, 3, H, W)`` float32 in [0, 255]."""
    return torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1).float()[None]


def resize_clean(planes: torch.Tensor, side: int = SIZE) -> torch.Tensor:
    """clean-fid's resize: Pillow's anti-aliased bicubic in float, clipped to [0, 255], not rounded (Parmar et al., CVPR 2022)."""
    return resize_exact(planes, (side, side), "bicubic").clamp(0, 255)


@lru_cache(maxsize=32)
def _legacy_matrix(source: int, target: int) -> torch.Tensor:
    matrix = torch.zeros(target, source)
    for row in range(target):
        # float32 as in TensorFlow: the grid's rounding is part of the recipe
        position = float(np.float32(row) * (np.float32(source) / np.float32(target)))
        low = min(int(position), source - 1)
        high = min(low + 1, source - 1)
        share = position - int(position)
        matrix[row, low] += 1 - share
        matrix[row, high] += share
    return matrix


def resize_tf1(planes: torch.Tensor, side: int = SIZE) -> torch.Tensor:
    """TensorFlow 1's bilinear resize: no anti-aliasing, pixel (0, 0) on (0, 0); torch-fidelity's and the first FID's."""
    rows, columns = (_legacy_matrix(size, side).to(planes.device) for size in planes.shape[-2:])
    return rows @ planes @ columns.T


@dataclass(frozen=True)
class InceptionExtractor:
    """FID's Inception behind one of the two resizes.

    Args:
        network: with the published weights.
        preset: ``clean`` or ``tf1``.
        digest: SHA-256 of the weights' file.
        device: torch device.
    """

    network: nn.Module
    preset: str
    digest: str
    device: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """See :class:`FeatureExtractor`."""
        resize = (
            "Pillow bicubic, anti-aliased, float, to 299x299"
            if self.preset == "clean"
            else "TensorFlow 1 bilinear, no anti-aliasing, to 299x299"
        )
        return {
            "backbone": "inception-2015-12-05 pool3",
            "weights_sha256": self.digest,
            "resize": resize,
            "normalise": "(x - 128) / 128",
            "dimensions": 2048,
        }

    @torch.inference_mode()
    def embed(self, image: UInt8) -> npt.NDArray[np.float32]:
        """See :class:`FeatureExtractor`."""
        planes = _planes(image, self.device)
        resized = resize_clean(planes) if self.preset == "clean" else resize_tf1(planes)
        features: npt.NDArray[np.float32] = (
            self.network(resized.to(memory_format=torch.channels_last))[0].float().cpu().numpy()
        )
        return features


@dataclass(frozen=True)
class SmallExtractor:
    """The embedded small network's description of a picture; ``random`` or ``mini``."""

    network: Any
    digest: str
    device: str
    name: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """See :class:`FeatureExtractor`."""
        return {
            "backbone": _SMALL[self.name],
            "weights_sha256": self.digest,
            "resize": f"Pillow bicubic, anti-aliased, float, to {SMALL_SIZE[1]}x{SMALL_SIZE[0]}",
            "normalise": "x / 127.5 - 1, then LPIPS's shift and scale",
            "dimensions": 512,
        }

    @torch.inference_mode()
    def embed(self, image: UInt8) -> npt.NDArray[np.float32]:
        """See :class:`FeatureExtractor`."""
        from .lpips import scaled_input

        planes = resize_exact(_planes(image, self.device), SMALL_SIZE, "bicubic").clamp(0, 255) / 127.5 - 1
        features: npt.NDArray[np.float32] = (
            self.network.describe(scaled_input(planes.clamp(-1, 1)))[0].float().cpu().numpy()
        )
        return features


_SMALL = {
    "random": "embedded small network, untrained (random weights from a fixed seed)",
    "mini": "embedded small network, trained on rendered people and street photos",
}


@lru_cache(maxsize=4)
def _small(name: str, device: str) -> tuple[Any, str]:
    if name == "random":
        network = random_network()
    elif trained():
        network = load_network(EMBEDDED)
    else:
        raise MissingError(
            "this installation has no trained small network", mend="use the metrics whose names end in -random"
        )
    return network.to(device), weights_hash(network)


@lru_cache(maxsize=2)
def _inception(path: Path, device: str) -> tuple[nn.Module, str]:
    network = load_inception(read_tensors(path))
    return network.to(device, memory_format=torch.channels_last), sha256_file(path)  # type: ignore[call-overload]


def extractor(name: str, overrides: Mapping[str, Path], device: str) -> FeatureExtractor:
    """The extractor ``clean``, ``tf1``, ``mini`` or ``random``.

    Raises:
        MissingError: Inception's weights, or those of the small network, are not here.
    """
    if name in _SMALL:
        small, digest = _small(name, device)
        return SmallExtractor(small, digest, device, name)
    network, digest = _inception(require("inception", overrides), device)
    return InceptionExtractor(network, name, digest, device)


@dataclass(frozen=True)
class LpipsBackbone:
    """LPIPS through one backbone.

    Args:
        lpips: trunk and heads.
        settings: everything its values depend on.
        device: torch device.
    """

    lpips: Lpips
    settings: Mapping[str, Any]
    device: str

    @torch.inference_mode()
    def taps(self, image: UInt8) -> Any:
        """Features of one picture ``(H, W, 3)`` uint8 at its own size."""
        return self.lpips.taps(_planes(image, self.device) / 127.5 - 1)


def lpips_backbone(name: str, overrides: Mapping[str, Path], device: str) -> LpipsBackbone:
    """LPIPS through ``alex``, ``vgg``, ``squeeze``, ``mini`` or ``random``.

    Raises:
        MissingError: its trunk or heads are not here.
    """
    return _lpips(name, tuple(sorted((key, str(path)) for key, path in overrides.items())), device)


@lru_cache(maxsize=4)
def _lpips(name: str, overrides: tuple[tuple[str, str], ...], device: str) -> LpipsBackbone:
    files = {key: Path(path) for key, path in overrides}
    if name in _SMALL:
        network, digest = _small(name, device)
        settings = {
            "backbone": _SMALL[name],
            "weights_sha256": digest,
            "heads": "equal weights",
        }
        return LpipsBackbone(
            Lpips(network, tuple(head.to(device) for head in uniform_heads(network.channels))),
            {**settings, **_LPIPS},
            device,
        )
    weights = TRUNKS[name][1]
    trunk_file, heads_file = require(weights, files), require(f"lpips-{name}", files)
    trunk = load_trunk(name, read_tensors(trunk_file)).to(device)
    heads = tuple(head.to(device) for head in heads_from_tensors(read_tensors(heads_file)))
    settings = {
        "backbone": weights,
        "weights_sha256": sha256_file(trunk_file),
        "heads": f"LPIPS 0.1, sha256 {sha256_file(heads_file)[:16]}",
    }
    return LpipsBackbone(Lpips(trunk, heads), {**settings, **_LPIPS}, device)


_LPIPS = {"version": "0.1", "size": "the picture's own", "input": "[-1, 1]"}
