"""Which weights a training begins with, part by part; resting parts are read when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...core.errors import InputError, MissingError
from ...weights.convert import read_tensors
from ...weights.embedded import embedded_folder
from ...weights.fetch import find
from ...weights.manifest import entry
from ..autoencoder import begin_gently, file_of
from .config import POSE, ModelConfig
from .network import PARTS, build, build_base_unet, extend_input
from .recipe import BASE, RANDOM
from .warping import Refinement
from .weights import SETS, Bundle, assign, load_part, open_folder, open_published

#: folder of the embedded parts that are not worth training again
PARTS_FOLDER = "ladi-vton"
#: parts of the base model -> entry of the manifest
_BASE_FILES: Mapping[str, str] = {"vision": "clip-vit-h-14", "text": "sd2-inpainting-text", "vae": "sd2-inpainting-vae"}
_BASE_UNET = "sd2-inpainting-unet"
#: in a folder, the UNet of nine channels that the adapter is first trained with
BASE_UNET_FILE = "base-unet.safetensors"

#: mean and spread of what is brighter and what is darker than grey in garments on white: batch norms that begin with these let
#: colours pass nearly as they are
_BRIGHTER, _DARKER = (0.8, 0.4), (0.1, 0.25)


@torch.no_grad()
def begin_as_given(network: Refinement) -> Refinement:
    """Let a new refinement begin as giving the warped garment back; returns it.

    The garment runs along the first skip connection in six channels, brighter and darker than grey for each colour (ReLU lets
    nothing negative pass), and is put together by the last layer. From random weights, hundreds of steps go by before there are
    colours again. In training mode batch norms disturb it a little.

    Raises:
        ValueError: a network of fewer than six channels.
    """
    if network.outc.conv.in_channels < 6:
        raise ValueError("a refinement needs six channels to begin with")
    for block in (network.inc, network.up4.conv):
        layers = block.double_conv
        for place in (0, 3):
            convolution, norm = layers[place], layers[place + 1]
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            for channel in range(6):
                bright = channel < 3
                outside = block is network.inc and place == 0
                convolution.weight[channel] = 0
                source = convolution.in_channels - 3 + channel % 3 if outside else channel
                convolution.weight[channel, source, 1, 1] = -1 if outside and not bright else 1
                mean, spread = _BRIGHTER if bright else _DARKER
                norm.running_mean[channel], norm.running_var[channel] = mean, spread**2
                norm.bias[channel], norm.weight[channel] = mean, spread
    last = network.outc.conv
    assert last.bias is not None
    last.weight.zero_()
    last.bias.zero_()
    for colour in range(3):
        last.weight[colour, colour, 0, 0], last.weight[colour, colour + 3, 0, 0] = 1, -1
    return network


@torch.no_grad()
def begin_with_the_picture(unet: Any, latent: int) -> Any:
    """Let a new UNet that predicts the velocity begin as repeating what it sees around the mask; returns it.

    What it is shown of pictures (masked photo, warped garment, noisy latents) runs along the longest skip connection in pairs of
    channels, one with the values and one with their opposites, and is there for the last layer, whose output begins as minus
    the masked photo: the velocity at late times. SiLU keeps such pairs whole (``silu(x) - silu(-x) = x``), and a group norm only scales
    them, since the mean of such a group is zero. All residual blocks and attentions begin as doing nothing.

    Args:
        unet: diffusers' ``UNet2DConditionModel`` for channels in the order of :class:`~.denoise.Guide`.
        latent: channels of the latents.

    Raises:
        ValueError: a network that is too narrow.
    """
    begin_gently(unet)
    last, norm = unet.up_blocks[-1].resnets[-1], unet.conv_norm_out
    wide = unet.conv_in.out_channels
    pictures = unet.conv_in.in_channels - 1 - POSE  # channels of these
    if 2 * pictures > wide or (wide // norm.num_groups) % 2 or last.conv_shortcut is None:
        raise ValueError(f"a UNet of {wide} channels in {norm.num_groups} groups is too narrow to begin with pictures")
    masked, noisy = latent + 1, 0
    first = [masked, noisy] if pictures < 3 * latent else [masked, masked + latent + POSE, noisy]
    sources = [start + channel for start in first for channel in range(latent)]
    through = last.conv_shortcut.weight  # (wide, what comes from below + the skip connection, 1, 1)
    for place, source in enumerate(sources):
        for out, sign in ((2 * place, 1.0), (2 * place + 1, -1.0)):
            unet.conv_in.weight[out] = 0
            unet.conv_in.weight[out, source, 1, 1] = sign
            unet.conv_in.bias[out] = 0
            through[out] = 0
            through[out, through.shape[1] - wide + out, 0, 0] = 1
            last.conv_shortcut.bias[out] = 0
    unet.conv_out.weight.mul_(0.1)
    unet.conv_out.bias.zero_()
    for channel in range(latent):
        unet.conv_out.weight[channel] = 0
        unet.conv_out.weight[channel, 2 * channel, 1, 1] = -1
        unet.conv_out.weight[channel, 2 * channel + 1, 1, 1] = 1
    return unet


def given_parts(autoencoder: str, parts: str) -> dict[str, Path]:
    """The files that a recipe's settings ``autoencoder`` and ``parts`` mean, by part.

    Args:
        autoencoder: see :func:`..autoencoder.file_of`; it comes before the one among ``parts``.
        parts: a folder with files named as those of a training's weights, ``embedded`` for the one that comes with the package, or
            empty for none.

    Raises:
        MissingError: there is no such folder, or nothing in it.
    """
    found: dict[str, Path] = {}
    if parts:
        folder = embedded_folder(PARTS_FOLDER) if parts == "embedded" else Path(parts)
        if folder is None:
            raise MissingError("this installation has no embedded parts", mend="train these stages, or name a folder")
        found = {part: path for part in PARTS if (path := folder / f"{part}.safetensors").is_file()}
        if not found:
            raise MissingError(
                "no part of LaDI-VTON here", mend=f"files are named {PARTS[0]}.safetensors and the like", path=folder
            )
    if file := file_of(autoencoder):
        found["vae"] = file
    return found


class Start:
    """Networks to begin with.

    Args:
        name: see :class:`~.recipe.TrainOptions`.
        config: sizes where the name does not say them.
        seed: of new weights.
        given: files of single parts, which come before the start's own.

    Raises:
        MissingError: a folder without weights.
        InputError: a base model with sizes that are not its own.
    """

    def __init__(self, name: str, config: ModelConfig, seed: int, given: Mapping[str, Path] | None = None) -> None:
        self.name, self.seed, self.given = name, seed, dict(given or {})
        self.bundle: Bundle | None = None
        if name not in (RANDOM, BASE):
            self.bundle = open_published(name) if name in SETS else open_folder(Path(name))
            config = self.bundle.config
        self.config = config

    def network(self, part: str) -> Any:
        """A network with the weights to begin with, in float32, at rest.

        Raises:
            MissingError: its file is not here.
            InputError: the file of another network.
        """
        if part in self.given:
            return self._from_file(build_on_meta(part, self.config), part, self.given[part])
        if self.bundle is not None:
            return load_part(self.bundle, part)
        if self.name == BASE and part in _BASE_FILES:
            return self._from_file(build_on_meta(part, self.config), part, _published_file(_BASE_FILES[part]))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = build(part, self.config)
            if part == "vae":
                begin_gently(network)
            if part == "refinement" and self.name == RANDOM:
                begin_as_given(network)
            if part == "unet" and self.name == RANDOM and self.config.noise["prediction_type"] == "v_prediction":
                begin_with_the_picture(network, self.config.latent)
        if self.name == BASE and part == "unet":
            path = _published_file(_BASE_UNET)
            tensors = {name: value.float() for name, value in read_tensors(path).items()}
            assign(network, part, extend_input(tensors, int(self.config.unet["in_channels"])), path)
        return network.eval().requires_grad_(False)

    def base_unet(self) -> Any:
        """The inpainting UNet of nine channels.

        Raises:
            MissingError: it is not here.
        """
        path = _published_file(_BASE_UNET) if self.bundle is None else self._beside(self.bundle)
        with torch.device("meta"):
            network = build_base_unet(self.config)
        return self._from_file(network, "unet", path)

    @staticmethod
    def _beside(bundle: Bundle) -> Path:
        path = bundle.files["unet"][0].with_name(BASE_UNET_FILE)
        if not path.is_file():
            raise MissingError(
                "the stage adapter needs the inpainting network of nine channels",
                mend=f"put it beside the other weights as {BASE_UNET_FILE}, or start from published-base",
                path=path,
            )
        return path

    @staticmethod
    def _from_file(network: Any, part: str, path: Path) -> Any:
        tensors = {
            name: value.float() if value.is_floating_point() else value for name, value in read_tensors(path).items()
        }
        assign(network, part, tensors, path, "vision_model." if part == "vision" else "")
        return network.eval().requires_grad_(False)


def build_on_meta(part: str, config: ModelConfig) -> Any:
    """A network without weights."""
    with torch.device("meta"):
        return build(part, config)


def _published_file(name: str) -> Path:
    path = find(name)
    if path is None:
        known = entry(name)
        raise MissingError(
            f"weights {name!r} ({known.purpose}) are not here: {known.size / 1e9:.1f} GB, {known.licence}",
            mend=f"fittingroom weights fetch {name}, or start from a folder, or from random weights with model.size = 'mini'",
        )
    return path


def check_sizes(config: ModelConfig, name: str, published: ModelConfig) -> None:
    """Refuse a base model's weights for sizes that are not its own.

    Raises:
        InputError: they differ.
    """
    if name == BASE and config != published:
        raise InputError(
            "the published base model has the published sizes only",
            mend="set ladi-vton.start = 'random', or model.size = 'published'",
        )
