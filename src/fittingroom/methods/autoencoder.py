"""A small autoencoder of its own for models that have no pretrained one: its losses and its step.

Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022, section 3.1, without the adversarial
term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..core.errors import MissingError
from ..weights.embedded import embedded_folder
from .base import Loss
from .requirement import need

#: name -> (weight, unweighted value)
Terms = dict[str, tuple[float, torch.Tensor]]
#: picture ``(B, 3, H, W)`` -> five feature maps
Trunk = Callable[[torch.Tensor], Sequence[torch.Tensor]]
#: weights of the five VGG taps, shallow to deep
TAP_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
#: short side of the pictures that VGG sees
_SHORT = 256
#: sizes of the small autoencoder that the minis of the diffusion methods share. Twice the published channels of latents, because a
#: small decoder cannot invent what four leave out; four channels in the smallest group of a norm, as published, because a group
#: of one forgets how bright it was
SMALL_VAE: Mapping[str, Any] = {
    "block_out_channels": [16, 32, 64, 96],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "latent_channels": 8,
}
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


#: folder of the embedded autoencoder's weights, and the word that means it in recipes
EMBEDDED, FILE = "autoencoder", "vae.safetensors"


def file_of(given: str) -> Path | None:
    """The file that a recipe's setting ``autoencoder`` means.

    Args:
        given: a file, ``embedded`` for the one that comes with the package (sizes :data:`SMALL_VAE`), or empty for none.

    Raises:
        MissingError: the package has none.
    """
    if given != "embedded":
        return Path(given) if given else None
    folder = embedded_folder(EMBEDDED)
    if folder is None:
        raise MissingError(
            "this installation has no embedded autoencoder",
            mend="train one (autoencoder_steps) or name its file in the setting autoencoder",
        )
    return folder / FILE


def begin_gently(vae: Any) -> Any:
    """Let every residual block and attention of a new autoencoder begin as doing nothing; returns it.

    Colours then find their way from one end to the other from the first step on.
    """
    resnet, processor = (need(f"diffusers.models.{name}") for name in ("resnet", "attention_processor"))
    for module in vae.modules():
        last = None
        if isinstance(module, resnet.ResnetBlock2D):
            last = module.conv2
        elif isinstance(module, processor.Attention):
            last = module.to_out[0]
        if last is not None:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    return vae


def absolute_error(made: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two ``(B, 3, H, W)`` pictures, -1 to 1."""
    return F.l1_loss(made, truth)


def coarse_error(made: torch.Tensor, truth: torch.Tensor, side: int = 8) -> torch.Tensor:
    """Mean absolute difference of the means of squares of ``side`` pixels of two ``(B, 3, H, W)`` pictures, -1 to 1."""
    return F.avg_pool2d(made - truth, side).abs().mean()


def vgg_view(picture: torch.Tensor, short: int = _SHORT) -> torch.Tensor:
    """``(B, 3, H, W)``, -1 to 1 -> what VGG is shown: the short side 256, ImageNet's mean and deviation taken out."""
    height, width = picture.shape[-2:]
    size = (short * height // width, short) if height >= width else (short, short * width // height)
    small = F.interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)
    mean, std = (small.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return ((small + 1) / 2 - mean) / std


def feature_distance(taps: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> torch.Tensor:
    """Weighted sum over five VGG taps of the mean absolute difference; the targets get no gradient."""
    terms = [weight * F.l1_loss(a, b.detach()) for weight, a, b in zip(TAP_WEIGHTS, taps, targets, strict=True)]
    return torch.stack(terms).sum()


def perceptual(
    made: torch.Tensor,
    truth: torch.Tensor,
    features: Callable[[torch.Tensor], Sequence[torch.Tensor]],
    short: int = _SHORT,
) -> torch.Tensor:
    """Distance of two pictures as VGG-19 sees them.

    Args:
        made: ``(B, 3, H, W)``, -1 to 1.
        truth: of the same shape.
        features: the trunk of VGG-19.
        short: of the pictures that it is shown; smaller pictures are enlarged, as in the published training.
    """
    with torch.no_grad():
        target = features(vgg_view(truth, short))
    return feature_distance(features(vgg_view(made, short)), target)


def divergence(mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of normal distributions from the standard one."""
    variance = std.float().square()
    return 0.5 * (mean.float().square() + variance - 1 - variance.log()).mean()


_WHERE_AUTOENCODER = {
    "en": r"$x$: photo or garment; $z \sim \mathcal{N}(\mu, \sigma^2)$: its latents; $\mathcal{D}$: decoder; $\phi_l$, $\lambda_l$: VGG-19's taps and their weights",
    "ru": r"$x$ — фотография или одежда; $z \sim \mathcal{N}(\mu, \sigma^2)$ — латентное представление; $\mathcal{D}$ — декодер; $\phi_l$, $\lambda_l$ — слои VGG-19 и их веса",
}
AUTOENCODER = Loss(
    name="autoencoder_l1",
    symbol=r"\mathcal{L}_{1}^{A}",
    formula=r"\| \mathcal{D}(z) - x \|_1",
    weight=1.0,
    source="Rombach et al., CVPR 2022, section 3.1; only for models that are trained without Stable Diffusion's autoencoder",
    text={
        "en": "A small model has no autoencoder to begin with; its own one must give pictures back.",
        "ru": "У малой модели нет готового автокодировщика; её собственный должен возвращать изображения.",
    },
    where=_WHERE_AUTOENCODER,
    function=absolute_error,
)
AUTOENCODER_COLOUR = Loss(
    name="autoencoder_colour",
    symbol=r"\mathcal{L}_{c}^{A}",
    formula=r"\| M_8(\mathcal{D}(z) - x) \|_1",
    weight=2.0,
    source="ours",
    text={
        "en": "The mean colour of small squares: a garment of a wrong hue is another garment, however sharp its folds are.",
        "ru": "Средний цвет малых квадратов: одежда не того оттенка — другая одежда, как бы ни были резки складки.",
    },
    where={
        "en": r"$x$: photo or garment; $\mathcal{D}(z)$: the same, decoded; $M_8$: means of squares of 8 by 8 pixels",
        "ru": r"$x$ — фотография или одежда; $\mathcal{D}(z)$ — она же после декодера; $M_8$ — средние по квадратам 8 на 8 точек",
    },
    function=coarse_error,
)
AUTOENCODER_VGG = Loss(
    name="autoencoder_vgg",
    symbol=r"\mathcal{L}_{vgg}^{A}",
    formula=r"\sum_{l=1}^{5} \lambda_l \| \phi_l(\mathcal{D}(z)) - \phi_l(x) \|_1",
    weight=0.1,
    source="Rombach et al., CVPR 2022, section 3.1",
    text={
        "en": "The same as VGG-19 sees it.",
        "ru": "То же глазами VGG-19.",
    },
    where=_WHERE_AUTOENCODER,
    function=perceptual,
)
AUTOENCODER_KL = Loss(
    name="autoencoder_kl",
    symbol=r"\mathcal{L}_{KL}^{A}",
    formula=r"\frac{1}{2} \left( \mu^2 + \sigma^2 - 1 - \ln \sigma^2 \right)",
    weight=1e-5,
    source="Kingma and Welling, ICLR 2014, appendix B",
    text={
        "en": "Latents should stay near a standard normal distribution, so that noise can be added to them in a known measure.",
        "ru": "Латентные представления должны оставаться близкими к стандартному нормальному распределению, чтобы добавляемый шум был соизмерим с ними.",
    },
    where={
        "en": r"$\mu$, $\sigma$: mean and deviation that the encoder gives for each latent; the mean over all of them is taken",
        "ru": r"$\mu$, $\sigma$ — среднее и отклонение, которые кодировщик даёт для каждой латентной переменной; берётся среднее по всем",
    },
    function=divergence,
)


def short_side(picture: torch.Tensor) -> int:
    """Short side for VGG: the published one, but pictures of small models are not enlarged to it."""
    return min(256, int(picture.shape[-2]), int(picture.shape[-1]))


def autoencoder_terms(
    vae: Any, truth: torch.Tensor, trunk: Trunk | None, generator: torch.Generator, crop: int = 0
) -> Terms:
    """An autoencoder from nothing: pictures as they were, and latents near a normal distribution.

    Args:
        vae: diffusers' ``AutoencoderKL``.
        truth: ``(B, 3, H, W)``, -1 to 1.
        trunk: of the perceptual loss.
        generator: for latents and places.
        crop: side of the squares that are cut out, a multiple of 8; 0 = whole pictures.
    """
    if crop:
        room = (truth.shape[-2] - crop, truth.shape[-1] - crop)
        row, column = (
            int(torch.randint(0, max(free, 0) + 1, (), generator=generator, device=truth.device)) for free in room
        )
        truth = truth[..., row : row + crop, column : column + crop]
    seen = vae.encode(truth).latent_dist
    noise = torch.randn(seen.mean.shape, generator=generator, device=seen.mean.device)
    made = vae.decode(seen.mean + seen.std * noise.to(seen.mean)).sample.float()
    terms = {
        AUTOENCODER.name: (AUTOENCODER.weight, AUTOENCODER(made, truth)),
        AUTOENCODER_COLOUR.name: (AUTOENCODER_COLOUR.weight, AUTOENCODER_COLOUR(made, truth)),
        AUTOENCODER_KL.name: (AUTOENCODER_KL.weight, AUTOENCODER_KL(seen.mean, seen.std)),
    }
    if trunk is not None:
        terms[AUTOENCODER_VGG.name] = (AUTOENCODER_VGG.weight, AUTOENCODER_VGG(made, truth, trunk, short_side(truth)))
    return terms


def louder(terms: Terms, gain: float) -> Terms:
    """The same terms with the perceptual ones (``..._vgg``) multiplied by a factor."""
    return {
        name: (weight * gain if name.endswith("_vgg") else weight, value) for name, (weight, value) in terms.items()
    }


def total(terms: Terms) -> torch.Tensor:
    """Weighted sum."""
    return torch.stack([weight * value for weight, value in terms.values()]).sum()
