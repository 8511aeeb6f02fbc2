"""How PromptDresser is trained. The authors published neither code nor schedule: defaults are ours where no source is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

from ...core.errors import InputError
from ...core.images import Size
from ...nn.perceptual import Perceptual
from ..autoencoder import SMALL_VAE
from ..recipe import Staged, check_options, fallen, options_of, size_of
from .network import SDXL
from .options import CAPTIONS
from .tiny import UNET as TINY_UNET
from .tiny import VAE as TINY_VAE

Cache = Literal["none", "memory", "disk"]
#: in the order of training; ``autoencoder`` only where none is given, ``finish`` only for small models
STAGES = ("autoencoder", "tryon", "finish")
#: where the weights come from that a training begins with
RANDOM, PUBLISHED = "random", "published"


@dataclass(frozen=True)
class Sizes:
    """A model that is trained from nothing.

    Args:
        size: (height, width) of its pictures in pixels, multiples of 32.
        unet: configuration of both UNets, apart from their input channels; its ``cross_attention_dim`` is twice the text
            encoders' width.
        vae: configuration of the autoencoder.
        layers: of each text encoder.
        heads: of each text encoder.
        merges: pairs that the vocabulary joins at most.
        room: tokens of a prompt.
        scheduler: of the noise, see :func:`.schedule.schedule`.
    """

    size: Size
    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    layers: int = 2
    heads: int = 2
    merges: int = 400
    room: int = 77
    scheduler: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Of each text encoder."""
        return int(self.unet["cross_attention_dim"]) // 2

    @property
    def pooled(self) -> int:
        """Of the prompt's summary: what the UNet's embedding has room for beside six numbers."""
        return int(self.unet["projection_class_embeddings_input_dim"]) - 6 * int(self.unet["addition_time_embed_dim"])

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value


#: predicting the noise says next to nothing about the picture at late times, which is where pictures begin
_VELOCITY: Mapping[str, Any] = {"prediction_type": "v_prediction", "timestep_spacing": "trailing"}


def mini_sizes() -> Sizes:
    """A small model that a processor can train from nothing: pictures of 256x192; no attention at the largest size, as SDXL."""
    return Sizes(
        size=(256, 192),
        unet={
            **SDXL,
            "addition_time_embed_dim": 16,
            "attention_head_dim": [2, 3, 4],
            "block_out_channels": [64, 96, 112],
            "cross_attention_dim": 96,
            "layers_per_block": 1,
            "norm_num_groups": 8,
            "out_channels": SMALL_VAE["latent_channels"],
            "projection_class_embeddings_input_dim": 6 * 16 + 64,
            "sample_size": 32,
            "transformer_layers_per_block": [1, 1, 1],
        },
        vae={**TINY_VAE, **SMALL_VAE, "sample_size": 256},
        scheduler=_VELOCITY,
    )


def tiny_sizes() -> Sizes:
    """For tests only: pictures of 128x96, a few thousand weights."""
    return Sizes((128, 96), TINY_UNET, TINY_VAE, merges=64, scheduler=_VELOCITY)


#: what the recipe's table ``[model]`` may name; ``published`` has the sizes of the weights that it begins with
SIZES = {"published": None, "mini": mini_sizes, "tiny": tiny_sizes}


@dataclass(frozen=True)
class TrainOptions(Staged):
    """What the recipe's table ``[promptdresser]`` may say.

    Args:
        stage: ``all``, one after the other, or one of :data:`STAGES` alone for all of the training's steps.
        autoencoder_steps: of this stage among ``all``; 0 leaves it out. The last stage has all the steps that remain.
        tryon_steps: of the stage ``tryon`` among ``all``; all that remain are the stage ``finish``'s then, in which half of each batch is
            painted in one step from noise and compared as pictures (:mod:`.finish`). 0 = there is no such stage.
        autoencoder: file of an autoencoder's weights to begin with, e.g. ``vae.safetensors`` of LaDI-VTON's mini; ``embedded``: the one
            that comes with the package; empty = the start's.
        start: ``published``, a folder of weights (see :mod:`.bring`), or ``random`` (then ``model.size`` is needed).
        lr: AdamW's rate.
        lr_finish: in the stage ``finish``.
        lr_autoencoder: of the autoencoder's stage.
        warmup: steps of a stage over which the rate rises from 0.
        halve: steps of a stage after which the rate has halved, smoothly; 0 = constant. Short trainings end better so.
        clip: largest norm of the gradient.
        dropout: share of samples that lose garment and both prompts; as many lose garment and clothing prompt, and as many the
            full prompt (spec: 0.05 each).
        augment: colours, mirroring, cuts and scale change at random, see :mod:`.augment`; person and garment latents are kept
            only without it.
        random_mask: the mask lies at random between the fine and the coarse one; otherwise it is the fine one.
        variations: with ``augment``, every sample is seen in so many ways, the first as it is, the others changed and mostly in other
            colours, so that few photos go further; what resting networks make of each is kept. 0 = changed anew each time.
        late: above 1, late (noisy) times are drawn more often, in which a picture takes shape: time t of T with a density that grows
            as t to the power of ``late - 1``; 1 = all alike.
        last_time: the last time, at which nothing of the signal is left, may be drawn too. From there "which noise was added"
            says nothing about the photo, and sampling never visits it; the velocity there is the photo itself.
        garment: the garment network learns too; published ones keep it at rest.
        encoders: both text encoders learn too, for models without pretrained ones.
        lora: rank of low-rank updates of the main network's attention instead of all its weights; 0 = all weights.
        captions: as in the method's options.
        perceptual: trunk of the perceptual losses: ``vgg19`` (ImageNet weights, fetched), ``small``, ``random`` or ``none``.
        perceptual_gain: factor on what it says; the weights are meant for VGG-19, and what the small network says is a third of L1.
        crop: side of the squares that the autoencoder learns from, and that the stage ``finish`` decodes, a multiple of 8; 0 = whole
            pictures.
        save_memory: activations of the main network are computed again in the backward pass.
        cache: where encoded prompts and latents are kept: ``none``, ``memory`` or ``disk``.
        cache_folder: for ``disk``.
        half: weights are written with 16 bits.
        average_kimg: half-life of the running mean of what learns in the last stage, in thousand pictures; 0 = none.

    Raises:
        InputError: a value that makes no sense.
    """

    all_stages: ClassVar = STAGES
    stage: str = "all"
    autoencoder_steps: int = 0
    tryon_steps: int = 0
    autoencoder: str = ""
    start: str = PUBLISHED
    lr: float = 1e-5
    lr_finish: float = 1e-5
    lr_autoencoder: float = 2e-4
    warmup: int = 500
    halve: int = 0
    clip: float = 1.0
    dropout: float = 0.05
    augment: bool = True
    variations: int = 0
    late: float = 1.0
    random_mask: bool = True
    last_time: bool = False
    garment: bool = False
    encoders: bool = False
    lora: int = 0
    captions: str = "auto"
    perceptual: Perceptual = "vgg19"
    perceptual_gain: float = 1.0
    crop: int = 0
    save_memory: bool = True
    cache: Cache = "memory"
    cache_folder: str = ""
    half: bool = True
    average_kimg: float = 0.0

    def __post_init__(self) -> None:
        choices = {
            "stage": ("all", *STAGES),
            "captions": CAPTIONS,
            "perceptual": get_args(Perceptual),
            "cache": get_args(Cache),
        }
        check_options(self, "promptdresser", choices, {"dropout": 1 / 3})
        if self.cache == "disk" and not self.cache_folder:
            raise InputError("promptdresser.cache is disk, but where?", mend="set promptdresser.cache_folder")
        if self.late < 1:
            raise InputError(f"promptdresser.late is {self.late:g}", mend="choose 1 or more")
        if self.variations and not self.augment:
            raise InputError(
                "promptdresser.variations are augmented samples", mend="set augment = true, or no variations"
            )
        if self.crop % 8:
            raise InputError(f"promptdresser.crop is {self.crop}", mend="choose a multiple of 8")

    def rate(self, stage: str, local: int) -> float:
        """Learning rate at a step of a stage."""
        top = {"autoencoder": self.lr_autoencoder, "finish": self.lr_finish}.get(stage, self.lr)
        return top * min(1.0, (local + 1) / max(self.warmup, 1)) * fallen(local, self.halve)


def from_recipe(recipe: Mapping[str, Mapping[str, Any]]) -> tuple[Sizes | None, TrainOptions]:
    """Sizes from the table ``[model]`` (None for those of the weights to begin with), options from ``[promptdresser]``.

    Raises:
        InputError: an unknown name, a bad value, or sizes that do not fit the start.
    """
    name, options = size_of(recipe, list(SIZES)), options_of(recipe, "promptdresser", TrainOptions)
    make = SIZES[name]
    if (options.start == RANDOM) != (make is not None):
        raise InputError(
            f"model.size is {name!r} but promptdresser.start is {options.start!r}",
            mend="a model from nothing (start = 'random') needs model.size = 'mini'; other starts bring their own size",
        )
    return (None if make is None else make()), options
