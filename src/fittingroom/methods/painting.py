"""One step from noise, decoded and compared with the photo: what the stage ``finish`` of both diffusion methods has in common.

Not a part of the published trainings. A small network is best asked for its picture once, and is then taught on pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from .autoencoder import Terms, Trunk, absolute_error, coarse_error, perceptual, short_side
from .base import Loss


def taken_for_photos(judged: Sequence[torch.Tensor]) -> torch.Tensor:
    """What the painter loses where the critic judges its pictures so, ``(N,)`` for each tap: less, the more they look like photos."""
    return -torch.stack([each.float().mean() for each in judged]).mean()


def hinge(real: Sequence[torch.Tensor], made: Sequence[torch.Tensor]) -> torch.Tensor:
    """What the critic loses: photos judged below 1, paintings above -1; ``(N,)`` for each tap."""
    found = [
        torch.relu(1 - photo.float()).mean() + torch.relu(1 + painting.float()).mean()
        for photo, painting in zip(real, made, strict=True)
    ]
    return torch.stack(found).mean()


_FINISH = "ours, after Martin Garcia et al., arXiv 2409.11355, end-to-end fine-tuning"
_WHERE_FINISH = {
    "en": r"$x$: photo; $\hat{z}_0$: what the UNet makes of pure noise in one step at the last time; $\hat{x} = m \odot \mathcal{D}(\hat{z}_0) + (1 - m) \odot x$: decoded (in LaDI-VTON with its skip connections), and laid into the photo within the mask $m$; $M_8$: means of squares of 8 by 8 pixels; $\phi_l$, $\lambda_l$: VGG-19's taps and their weights",
    "ru": r"$x$ — фотография; $\hat{z}_0$ — то, что сеть делает из чистого шума за один шаг в последний момент времени; $\hat{x} = m \odot \mathcal{D}(\hat{z}_0) + (1 - m) \odot x$ — декодированное (в LaDI-VTON с обходными связями) и вложенное в фотографию внутри маски $m$; $M_8$ — средние по квадратам 8 на 8 точек; $\phi_l$, $\lambda_l$ — слои VGG-19 и их веса",
}

FINISH = Loss(
    name="finish_l1",
    symbol=r"\mathcal{L}_{1}^{F}",
    formula=r"\| \hat{x} - x \|_1",
    weight=4.0,
    source=_FINISH,
    text={
        "en": "What one step makes of noise should be the photo. An average of all pictures that might be there is blurred, and that is what the "
        "loss of the noise wants of one step; half of each batch goes on learning from it.",
        "ru": "То, что один шаг делает из шума, должно быть фотографией. Среднее всех возможных изображений размыто, а именно его требует от одного "
        "шага ошибка шума; на ней продолжает учиться половина каждого пакета.",
    },
    where=_WHERE_FINISH,
    function=absolute_error,
)
FINISH_COLOUR = Loss(
    name="finish_colour",
    symbol=r"\mathcal{L}_{c}^{F}",
    formula=r"\| M_8(\hat{x} - x) \|_1",
    weight=4.0,
    source="ours",
    text={
        "en": "Its colours, where folds and patterns are a little off.",
        "ru": "То же о цветах, когда складки и рисунок немного смещены.",
    },
    where=_WHERE_FINISH,
    function=coarse_error,
)
FINISH_VGG = Loss(
    name="finish_vgg",
    symbol=r"\mathcal{L}_{vgg}^{F}",
    formula=r"\sum_{l=1}^{5} \lambda_l \| \phi_l(\hat{x}) - \phi_l(x) \|_1",
    weight=0.5,
    source=_FINISH,
    text={
        "en": "The same as VGG-19 sees it: edges and patterns rather than their average.",
        "ru": "То же глазами VGG-19: края и рисунок, а не их среднее.",
    },
    where=_WHERE_FINISH,
    function=perceptual,
)

_WHERE_GAN = {
    "en": r"$C$: the critic, which judges places within the mask by four taps $\phi_l$ of a resting trunk, beside the latents $s$ that the painter is shown; $\hat{x}$: as above; the mean over places and taps is taken",
    "ru": r"$C$ — критик, оценивающий места внутри маски по четырём слоям $\phi_l$ неподвижной сети вместе с латентными представлениями $s$, которые видит сеть; $\hat{x}$ — как выше; берётся среднее по местам и слоям",
}
FINISH_GAN = Loss(
    name="finish_gan",
    symbol=r"\mathcal{L}_{adv}^{F}",
    formula=r"-C(\hat{x}, m, s)",
    weight=0.3,
    source="Lim and Ye, Geometric GAN, arXiv 1705.02894; on a trunk: Sauer et al., Projected GANs, NeurIPS 2021, section 3",
    text={
        "en": "A critic should take the painting for a photo: outlines and stripes have to be somewhere, not everywhere a little.",
        "ru": "Критик должен принять изображение за фотографию: контуры и полосы должны быть где-то, а не везде понемногу.",
    },
    where=_WHERE_GAN,
    function=taken_for_photos,
)
CRITIC = Loss(
    name="critic",
    symbol=r"\mathcal{L}_{C}",
    formula=r"\max(0, 1 - C(x, m, s)) + \max(0, 1 + C(\hat{x}, m, s))",
    weight=1.0,
    source="Lim and Ye, Geometric GAN, arXiv 1705.02894, equation 8",
    text={
        "en": "The critic learns to tell photos from paintings.",
        "ru": "Критик учится отличать фотографии от нарисованного.",
    },
    where=_WHERE_GAN,
    function=hinge,
)


@dataclass(frozen=True)
class Painted:
    """What the critic is shown of a step, squares or whole pictures.

    Args:
        made: ``(B, 3, H, W)``, painted within the mask.
        truth: the photos.
        mask: ``(B, 1, H, W)``.
        shown: ``(B, C, H/8, W/8)`` latents of the masked photo and, where there is one, of the warped garment.
    """

    made: torch.Tensor
    truth: torch.Tensor
    mask: torch.Tensor
    shown: torch.Tensor


def painted(count: int) -> int:
    """How many of a batch are painted; the others learn as in the stage before."""
    return (count + 1) // 2


def squares(mask: torch.Tensor, side: int, generator: torch.Generator) -> torch.Tensor:
    """``(B, 2)`` upper left corners (row, column), multiples of 8, of squares around a random place inside of each mask.

    Args:
        mask: ``(B, 1, H, W)``, 1 = paint; H and W multiples of 8. Where nothing is to be painted any place will do.
        side: of the squares, a multiple of 8; at most H and W, or it is cut to what there is.
        generator: for the places.
    """
    small = F.max_pool2d(mask.float(), 8)[:, 0]
    height, width = small.shape[-2:]
    chance = small.flatten(1)
    chance = torch.where(chance.sum(1, keepdim=True) > 0, chance, 1.0)
    place = torch.multinomial(chance, 1, generator=generator)[:, 0]
    middle = torch.stack([place // width, place % width], dim=1)
    most = torch.tensor([height, width], device=mask.device) - side // 8
    corners = torch.minimum((middle - side // 16).clamp_min(0), most.clamp_min(0))
    return corners * 8


def cut(pictures: torch.Tensor, corners: torch.Tensor, side: int) -> torch.Tensor:
    """Squares ``(B, C, side, side)`` of ``(B, C, H, W)`` at the corners of :func:`squares`."""
    found = [
        picture[:, row : row + side, column : column + side]
        for picture, (row, column) in zip(pictures, corners.tolist(), strict=True)
    ]
    return torch.stack(found)


def late_times(count: int, end: int, late: float, generator: torch.Generator, device: torch.device) -> torch.Tensor:
    """``(count,)`` times from 0 to ``end - 1`` at random.

    Args:
        count: of samples.
        end: of the times.
        late: above 1, late (noisy) ones are drawn more often: with a density that grows as time to the power of ``late - 1``.
        generator: drawn from.
        device: of the result.
    """
    if late == 1:
        return torch.randint(0, end, (count,), generator=generator, device=device)
    share = torch.rand(count, generator=generator, device=device, dtype=torch.float64) ** (1 / late)
    return (share * end).long().clamp(max=end - 1)


def picture_terms(made: torch.Tensor, truth: torch.Tensor, trunk: Trunk | None) -> Terms:
    """How far paintings ``(B, 3, H, W)`` are from photos, -1 to 1; with a trunk, also as it sees them."""
    terms: Terms = {loss.name: (loss.weight, loss(made, truth)) for loss in (FINISH, FINISH_COLOUR)}
    if trunk is not None:
        terms[FINISH_VGG.name] = (FINISH_VGG.weight, FINISH_VGG(made, truth, trunk, short_side(made)))
    return terms
