"""Sizes of all the networks; the published ones are :data:`PUBLISHED`, written out because their base model was deleted.

The base model (Stable Diffusion 2 inpainting) left its home in November 2025; with these tables no file but the weights
themselves is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...core.errors import InputError
from ...core.images import Size
from .adapter import AdapterConfig
from .warping import WarpingConfig

#: the autoencoder halves three times
FACTOR = 8
LATENT, POSE, PICTURE = 4, 18, 3


def channels(latent: int) -> int:
    """Of the UNet's input: noisy latents, mask, latents of the masked person, pose map, latents of the warped garment.

    Args:
        latent: channels of the latents.
    """
    return 3 * latent + 1 + POSE


_UNET: Mapping[str, Any] = {
    "sample_size": 64,
    "in_channels": channels(LATENT),
    "out_channels": LATENT,
    "block_out_channels": [320, 640, 1280, 1280],
    "attention_head_dim": [5, 10, 20, 20],
    "cross_attention_dim": 1024,
    "layers_per_block": 2,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "use_linear_projection": True,
    "dual_cross_attention": False,
    "act_fn": "silu",
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "downsample_padding": 1,
    "mid_block_scale_factor": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "center_input_sample": False,
}
_VAE: Mapping[str, Any] = {
    "in_channels": PICTURE,
    "out_channels": PICTURE,
    "latent_channels": LATENT,
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "act_fn": "silu",
    "sample_size": 512,
    "scaling_factor": 0.18215,
}
_TEXT: Mapping[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "vocab_size": 49408,
    "max_position_embeddings": 77,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "projection_dim": 512,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
}
_VISION: Mapping[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "num_channels": PICTURE,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "projection_dim": 1024,
}
#: of the noise that is predicted; no prediction type in the published file means that it is the noise itself
_NOISE: Mapping[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "clip_sample": False,
    "prediction_type": "epsilon",
}


@dataclass(frozen=True)
class ModelConfig:
    """Everything that the networks are built from.

    Args:
        size: (height, width) of the photos, multiples of 64.
        unet: of diffusers' ``UNet2DConditionModel``.
        vae: of diffusers' ``AutoencoderKL``.
        text: of transformers' ``CLIPTextModel``.
        vision: of transformers' ``CLIPVisionModel``.
        noise: of diffusers' schedulers.
        adapter: of the inversion adapter.
        warping: of matcher and refinement.

    Raises:
        InputError: sizes that do not fit each other.
    """

    size: Size = (512, 384)
    unet: Mapping[str, Any] = field(default_factory=lambda: dict(_UNET))
    vae: Mapping[str, Any] = field(default_factory=lambda: dict(_VAE))
    text: Mapping[str, Any] = field(default_factory=lambda: dict(_TEXT))
    vision: Mapping[str, Any] = field(default_factory=lambda: dict(_VISION))
    noise: Mapping[str, Any] = field(default_factory=lambda: dict(_NOISE))
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    warping: WarpingConfig = field(default_factory=WarpingConfig)

    def __post_init__(self) -> None:
        if any(side % 64 or side < 128 for side in self.size):
            raise InputError(f"photos of {self.size[1]}x{self.size[0]}", mend="choose multiples of 64 from 128 on")
        if self.adapter.width != self.vision["hidden_size"] or self.adapter.word != self.text["hidden_size"]:
            raise InputError("the adapter fits neither CLIP nor the text encoder", mend="make their widths equal")
        if self.unet["cross_attention_dim"] != self.text["hidden_size"]:
            raise InputError("the UNet does not fit the text encoder", mend="make their widths equal")
        whole = channels(self.latent)
        if self.unet["in_channels"] not in (whole, whole - self.latent):
            raise InputError(
                f"a UNet of {self.unet['in_channels']} channels", mend=f"choose {whole}, or {whole - self.latent}"
            )
        if self.unet["out_channels"] != self.latent:
            raise InputError(
                f"a UNet that gives {self.unet['out_channels']} channels", mend=f"latents have {self.latent}"
            )

    @property
    def latent(self) -> int:
        """Channels of the latents."""
        return int(self.vae["latent_channels"])

    @property
    def base_channels(self) -> int:
        """What the base model's UNet takes: noisy latents, mask, latents of the masked person."""
        return 2 * self.latent + 1

    @property
    def latent_size(self) -> Size:
        """(height, width) of the latents."""
        return self.size[0] // FACTOR, self.size[1] // FACTOR

    @property
    def scaling(self) -> float:
        """Factor between the autoencoder's latents and those that are noised."""
        return float(self.vae.get("scaling_factor", 0.18215))

    @property
    def takes_garment(self) -> bool:
        """Whether the UNet sees the warped garment's latents (the variant of 27 channels does not)."""
        return bool(self.unet["in_channels"] == channels(self.latent))

    def emasc_channels(self) -> tuple[Sequence[int], Sequence[int]]:
        """Channels of EMASC's inputs and outputs, which follow from the autoencoder; finest first."""
        one, two, three, four = self.vae["block_out_channels"]
        return (one, one, one, two, three), (one, two, three, four, four)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`of_json` takes."""
        value = asdict(self)
        return {**value, "size": list(self.size), "warping": {**value["warping"], "size": list(self.warping.size)}}

    @classmethod
    def of_json(cls, value: Any) -> ModelConfig:
        """Read back what :meth:`to_json` gave.

        Raises:
            InputError: something else.
        """
        try:
            warping = dict(value["warping"])
            return replace(
                cls(),
                size=(int(value["size"][0]), int(value["size"][1])),
                **{name: dict(value[name]) for name in ("unet", "vae", "text", "vision", "noise")},
                adapter=AdapterConfig(**value["adapter"]),
                warping=WarpingConfig(**{**warping, "size": (int(warping["size"][0]), int(warping["size"][1]))}),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(
                f"not a configuration of ladi-vton ({type(error).__name__}: {error})", mend="get it again"
            ) from error


#: the published model
PUBLISHED = ModelConfig()
