"""How LaDI-VTON is trained; the defaults are the published schedule (spec section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from ...core.errors import InputError
from ...nn.perceptual import Perceptual
from ..autoencoder import SMALL_VAE
from ..recipe import Staged, check_options, fallen, options_of, size_of
from .adapter import AdapterConfig
from .config import PUBLISHED, ModelConfig, channels
from .prompts import USED, WORDS
from .region import RuleName
from .tiny import tiny_config
from .warping import WarpingConfig

Cache = Literal["none", "memory", "disk"]
#: in the order of training; ``autoencoder`` only where none is given, ``finish`` only where it is asked for
STAGES = ("autoencoder", "warp", "refine", "emasc", "adapter", "tryon", "finish")
#: where the weights come from that a training begins with
RANDOM, BASE = "random", "published-base"


@dataclass(frozen=True)
class TrainOptions(Staged):
    """What the recipe's table ``[ladi-vton]`` may say.

    Args:
        stage: ``all``, one after the other, or one of :data:`STAGES` alone for all of the training's steps.
        autoencoder_steps: of this stage among ``all``; 0 leaves a stage out. The last stage has all the steps that remain.
        warp_steps: the matcher.
        refine_steps: the U-Net behind it.
        emasc_steps: the skip connections.
        adapter_steps: the adapter, with the base inpainting UNet of nine channels.
        tryon_steps: the UNet with the adapter; 0 = all the steps that remain, as published. Otherwise the stage ``finish`` has the rest:
            half of each batch is painted in one step from noise, decoded, and compared as pictures, for models that are meant for
            one step; the other half goes on as before.
        autoencoder: file of an autoencoder's weights to begin with, e.g. ``vae.safetensors`` of another training; ``embedded``: the one
            that comes with the package; empty = the start's.
        parts: folder of single parts to begin with, files named as in a training's weights (``matcher.safetensors`` ...); ``embedded``:
            warping and skip connections that come with the package; empty = the start's. Their stages may then have 0 steps.
        start: ``published-base`` (Stable Diffusion 2 inpainting and CLIP, own parts new), ``random``, ``published``,
            ``published-dress-code``, or a folder.
        rules: whose label conventions and regions; Dress Code's know all categories.
        lr_warp: Adam's rate for the matcher.
        halve_warp: as ``halve``, for the matcher's rate alone; 0 = that of all.
        beta: Adam's first one for matcher and refinement, at most 0.999.
        warp_coarse: factor on what the matcher is told besides of the means of small squares, see :data:`.losses.WARP_COARSE`.
        warp_even: factor on its regularity.
        lr_refine: Adam's rate for the refinement.
        still_norms: the refinement's batch norms keep the statistics that they begin with, for one that begins as giving the warped
            garment back: a batch's own would shift its colours.
        refine_perceptual: the refinement hears the perceptual loss, as published; a small trunk makes it paint garments paler.
        lr_autoencoder: AdamW's rate for the autoencoder, if that is trained.
        lr: AdamW's rate for the other stages.
        lr_finish: AdamW's rate for the stage ``finish``.
        critic: the stage ``finish`` has a critic, which tells painted squares from photos by the perceptual trunk (:mod:`.critic`).
        lr_critic: Adam's rate for it.
        warmup: steps of a stage over which AdamW's rate rises from 0.
        halve: steps of a stage after which all rates have halved, smoothly; 0 = constant, as published. Short trainings end better so.
        clip: largest norm of a stage's gradient, matcher and refinement excepted.
        dropout: share of samples whose prompt is emptied in the last stage; likewise, each by itself, pose and garment.
        late: above 1, late (noisy) times are drawn more often, in which a picture takes shape: time t of T with a density that grows
            as t to the power of ``late - 1``; 1 = all alike, as published.
        variations: every sample is seen in so many ways, mirrored, nearer, in other colours (:mod:`.vary`); 1 = as it is, as published.
            What resting networks make of each is kept too.
        align: share of what the UNet learns from whose warped garment is moved onto the photo's by optical flow and has its detail
            (:mod:`.align`), so that it learns that patterns lie where the warp puts them; 0 = none, as published.
        perceptual: trunk of the perceptual losses: ``vgg19`` (ImageNet weights, fetched), ``small``, ``random`` or ``none``.
        perceptual_gain: factor on what it says; the weights are meant for VGG-19, and what the small network says is a third of L1.
        encoders: vision tower and text encoder learn with the adapter, for models without pretrained ones.
        crop: side of the squares that the autoencoder learns from, and that the stage ``finish`` decodes, a multiple of 8; 0 = whole
            pictures.
        lora: rank of low-rank updates of the UNet's attention instead of all its weights; 0 = all weights.
        save_memory: activations are computed again in the backward pass.
        cache: where what resting networks make of an item is kept: ``none``, ``memory`` or ``disk``.
        cache_folder: for ``disk``.
        half: weights are written with 16 bits.
        average_kimg: half-life of the running mean of the last stage's networks, in thousand pictures; 0 = none, as published.
        published: slips of the published training are repeated: bends measured on the first sample of a batch; the matcher
            trained on conditions that were made at its own small size; warped garments through JPEG.

    Raises:
        InputError: a value that makes no sense.
    """

    all_stages: ClassVar = STAGES
    stage: str = "all"
    autoencoder_steps: int = 0
    warp_steps: int = 36_400
    refine_steps: int = 36_400
    emasc_steps: int = 40_001
    adapter_steps: int = 200_001
    tryon_steps: int = 0
    autoencoder: str = ""
    parts: str = ""
    start: str = BASE
    rules: RuleName = "dress-code"
    lr_warp: float = 1e-4
    halve_warp: int = 0
    beta: float = 0.5
    warp_coarse: float = 0.0
    warp_even: float = 1.0
    lr_refine: float = 1e-4
    still_norms: bool = False
    refine_perceptual: bool = True
    lr_autoencoder: float = 2e-4
    lr: float = 1e-5
    lr_finish: float = 1e-5
    critic: bool = False
    lr_critic: float = 5e-4
    warmup: int = 500
    halve: int = 0
    clip: float = 1.0
    dropout: float = 0.2
    late: float = 1.0
    variations: int = 1
    align: float = 0.0
    perceptual: Perceptual = "vgg19"
    perceptual_gain: float = 1.0
    encoders: bool = False
    crop: int = 0
    lora: int = 0
    save_memory: bool = True
    cache: Cache = "none"
    cache_folder: str = ""
    half: bool = False
    average_kimg: float = 0.0
    published: bool = False

    def __post_init__(self) -> None:
        choices = {
            "stage": ("all", *STAGES),
            "rules": get_args(RuleName),
            "perceptual": get_args(Perceptual),
            "cache": get_args(Cache),
        }
        check_options(self, "ladi-vton", choices, {"dropout": 1, "beta": 0.999, "align": 1})
        if self.cache == "disk" and not self.cache_folder:
            raise InputError("ladi-vton.cache is disk, but where?", mend="set ladi-vton.cache_folder")
        if self.critic and self.perceptual == "none":
            raise InputError("ladi-vton.critic looks through the perceptual trunk", mend="choose a trunk, or no critic")
        if self.late < 1:
            raise InputError(f"ladi-vton.late is {self.late:g}", mend="choose 1 or more")
        if self.variations < 1 or (self.variations > 1 and self.published):
            mend = "choose 1 or more, and 1 where the published training is repeated"
            raise InputError(f"ladi-vton.variations is {self.variations}", mend=mend)
        if self.align and self.published:
            raise InputError(
                f"ladi-vton.align is {self.align:g}", mend="choose 0 where the published training is repeated"
            )
        if self.crop % 8:
            raise InputError(f"ladi-vton.crop is {self.crop}", mend="choose a multiple of 8")
        if self.start == RANDOM and "adapter" in self.stages():
            raise InputError(
                "the stage adapter teaches the adapter with a trained inpainting network, but the start is random",
                mend="set adapter_steps = 0, or start from a base model",
            )

    def rate(self, stage: str, local: int) -> float:
        """Learning rate at a step of a stage."""
        fall = fallen(local, (self.halve_warp if stage == "warp" else 0) or self.halve)
        if stage in ("warp", "refine"):
            return (self.lr_warp if stage == "warp" else self.lr_refine) * fall
        own = {"autoencoder": self.lr_autoencoder, "critic": self.lr_critic, "finish": self.lr_finish}
        top = own.get(stage, self.lr)
        return top * min(1.0, (local + 1) / max(self.warmup, 1)) * fall


def mini_config() -> ModelConfig:
    """A small model that a processor can train from nothing: pictures of 256x192."""
    text = {**PUBLISHED.text, "hidden_size": 96, "intermediate_size": 384, "num_hidden_layers": 2}
    vision = {**PUBLISHED.vision, "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4}
    return ModelConfig(
        size=(256, 192),
        unet={
            **PUBLISHED.unet,
            "in_channels": channels(SMALL_VAE["latent_channels"]),
            "out_channels": SMALL_VAE["latent_channels"],
            "block_out_channels": [64, 96, 112, 80],
            "attention_head_dim": [2, 3, 4, 4],
            # none at the largest size, where it would take a third of the time
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "cross_attention_dim": 96,
            "layers_per_block": 1,
            "norm_num_groups": 8,
        },
        vae={**PUBLISHED.vae, **SMALL_VAE},
        # predicting the noise says next to nothing about the picture at late times, which is where pictures begin
        noise={**PUBLISHED.noise, "prediction_type": "v_prediction"},
        text={**text, "num_attention_heads": 3, "vocab_size": len(USED), "projection_dim": 96},
        vision={**vision, "num_attention_heads": 4, "image_size": 128, "patch_size": 16, "projection_dim": 96},
        adapter=AdapterConfig(width=128, inner=256, heads=4, hidden=192, words=WORDS, word=96),
        warping=WarpingConfig(size=(128, 96), width=12, refine=16, regress=256),
    )


#: what the recipe's table ``[model]`` may name
SIZES = {"published": lambda: PUBLISHED, "mini": mini_config, "tiny": tiny_config}


def from_recipe(recipe: Mapping[str, Mapping[str, Any]]) -> tuple[ModelConfig, TrainOptions]:
    """Sizes from the table ``[model]``, options from ``[ladi-vton]``.

    Raises:
        InputError: an unknown name or a bad value.
    """
    return SIZES[size_of(recipe, list(SIZES))](), options_of(recipe, "ladi-vton", TrainOptions)
