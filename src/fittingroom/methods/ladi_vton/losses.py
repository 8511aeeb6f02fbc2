r"""What LaDI-VTON minimises, stage by stage: every term as a function and as an object that theory chapter and log read.

arXiv 2305.13501, section 3. The stages are trained one after the other, each with the networks before it at rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..autoencoder import (
    AUTOENCODER,
    AUTOENCODER_COLOUR,
    AUTOENCODER_KL,
    AUTOENCODER_VGG,
    absolute_error,
    coarse_error,
    perceptual,
)
from ..base import Loss
from ..painting import CRITIC, FINISH, FINISH_COLOUR, FINISH_GAN, FINISH_VGG
from .warping import POINTS

#: below these nothing is punished: differences of squared segments, summed cross products
_SEGMENT_FLOOR, _CROSS_FLOOR = 0.08, 0.02


@dataclass(frozen=True)
class Regularity:
    """How far control points are from a regular lattice, each ``(B,)``.

    Args:
        rx: horizontal parts of neighbouring segments of a row differ in length.
        ry: vertical parts of these.
        cx: horizontal parts of neighbouring segments of a column.
        cy: vertical parts of these.
        rg: rows are bent.
        cg: columns are bent.
    """

    rx: torch.Tensor
    ry: torch.Tensor
    cx: torch.Tensor
    cy: torch.Tensor
    rg: torch.Tensor
    cg: torch.Tensor

    def total(self, published: bool = False) -> torch.Tensor:
        """Mean over the batch of the sum; ``published`` takes the bends of the first sample for all of them."""
        bends = (self.rg + self.cg)[:1] if published else self.rg + self.cg
        return (self.rx + self.ry + self.cx + self.cy).mean() + bends.mean()


def _along(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Lines ``(B, L, 5, 2)`` -> unevenness in x and y and the bend, each ``(B,)``."""
    step = points[:, :, 1:] - points[:, :, :-1]
    squared = step.square()
    uneven = (squared[:, :, 1:] - squared[:, :, :-1]).abs().clamp_min(_SEGMENT_FLOOR).mean(dim=(1, 2))
    first, second = step[:, :, :-1], step[:, :, 1:]
    cross = (first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]).abs().sum(dim=(1, 2))
    return uneven[:, 0], uneven[:, 1], cross.clamp_min(_CROSS_FLOOR)


def regularity(points: torch.Tensor) -> Regularity:
    """Of control points ``(B, 25, 2)`` as (x, y), row by row."""
    grid = points.float().reshape(-1, POINTS, POINTS, 2)
    rx, ry, rg = _along(grid)
    cx, cy, cg = _along(grid.transpose(1, 2))
    return Regularity(rx, ry, cx, cy, rg, cg)


def irregularity(points: torch.Tensor, published: bool = False) -> torch.Tensor:
    """:meth:`Regularity.total` of control points ``(B, 25, 2)``."""
    return regularity(points).total(published)


def squares_error(made: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the means of squares of 4, 8 and 16 pixels of two ``(B, 3, H, W)`` pictures, added up."""
    return torch.stack([coarse_error(made, truth, side) for side in (4, 8, 16)]).sum()


def noise_error(predicted: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Mean squared error of predicted noise ``(B, 4, h, w)``, computed in float32."""
    return (predicted.float() - noise.float()).square().mean()


_WARP, _EMASC, _WORDS = (f"arXiv 2305.13501, section 3.{number}" for number in (1, 4, 3))
_WHERE_WARP = {
    "en": r"$c$: garment alone; $W$: warp by the spline of control points $p$; $w$: the garment as the person wears it, cut out on white; $\|\cdot\|_1$: mean absolute value over pixels and channels, values from -1 to 1",
    "ru": r"$c$ — одежда отдельно; $W$ — деформация сплайном с опорными точками $p$; $w$ — та же одежда, вырезанная с человека на белом; $\|\cdot\|_1$ — среднее модулей по точкам и каналам, значения от -1 до 1",
}
_WHERE_REFINE = {
    "en": r"$R$: U-Net that repairs the warped garment; $w$: the garment as worn, on white; $\phi_l$: tap $l$ of VGG-19 (relu1_1 to relu5_1), $\lambda_l = 1/32, 1/16, 1/8, 1/4, 1$",
    "ru": r"$R$ — U-Net, исправляющая деформированную одежду; $w$ — одежда на человеке, на белом; $\phi_l$ — $l$-й слой VGG-19 (от relu1_1 до relu5_1), $\lambda_l = 1/32, 1/16, 1/8, 1/4, 1$",
}
_WHERE_EMASC = {
    "en": r"$x$: photo; $\hat{x} = \mathcal{D}(\mathcal{E}(x), M \cdot e(\mathcal{E}_l(x \odot (1 - m))))$: decoded with the skip connections $e$, which see the photo without what the mask $m$ hides and are switched off inside it; $\phi_l$, $\lambda_l$: VGG-19's taps and their weights",
    "ru": r"$x$ — фотография; $\hat{x} = \mathcal{D}(\mathcal{E}(x), M \cdot e(\mathcal{E}_l(x \odot (1 - m))))$ — декодированная с обходными связями $e$, которые видят фотографию без закрытого маской $m$ и отключены внутри неё; $\phi_l$, $\lambda_l$ — слои VGG-19 и их веса",
}
WARP = Loss(
    name="warp_l1",
    symbol=r"\mathcal{L}_{1}^{W}",
    formula=r"\| W(c; p) - w \|_1",
    weight=1.0,
    source=_WARP,
    text={
        "en": "The warped garment should lie where it lies on the person who wears it.",
        "ru": "Деформированная одежда должна лечь так, как она лежит на человеке, который её носит.",
    },
    where=_WHERE_WARP,
    function=absolute_error,
)
WARP_COARSE = Loss(
    name="warp_coarse",
    symbol=r"\mathcal{L}_{c}^{W}",
    formula=r"\sum_{s \in \{4, 8, 16\}} \| M_s(W(c; p) - w) \|_1",
    weight=1.0,
    source="ours",
    text={
        "en": "Blurred pictures say where to go from farther away than single pixels do. Not in the published training, and off by default: "
        "a matcher that is trained for minutes needs it.",
        "ru": "Размытые изображения подсказывают направление издалека, чего отдельные точки не могут. В опубликованном обучении этого нет, и по умолчанию "
        "отключено: нужно сети, которую обучают минуты.",
    },
    where={
        "en": r"$M_s$: means of squares of $s$ by $s$ pixels, at the matcher's size; the rest as above",
        "ru": r"$M_s$ — средние по квадратам $s$ на $s$ точек в размере сети; остальное как выше",
    },
    function=squares_error,
)
REGULARITY = Loss(
    name="warp_regularity",
    symbol=r"\mathcal{L}_{reg}",
    formula=r"\sum_{d \in \{x, y\}} \overline{\max(0.08, |a_d^2 - b_d^2|)} + \max(0.02, \sum |a_x b_y - a_y b_x|)",
    weight=0.01,
    source="Yang et al., ACGPN, CVPR 2020, section 3.2, as used in " + _WARP,
    text={
        "en": "Neighbouring control points should stay about evenly spaced and on nearly straight lines, so that the garment does not fold over. "
        "The published training measures the bends on the first sample of a batch only; here every sample counts.",
        "ru": "Соседние опорные точки должны оставаться примерно равноотстоящими и почти на прямых, чтобы одежда не складывалась сама на себя. "
        "В опубликованном обучении изгибы измеряются только на первом примере пакета; здесь считается каждый.",
    },
    where={
        "en": r"$a$, $b$: two neighbouring segments of a row or column of the 5x5 lattice; the bar is a mean over all of them, rows and columns are added; $d$: coordinate",
        "ru": r"$a$, $b$ — два соседних отрезка строки или столбца решётки 5x5; черта — среднее по всем таким парам, строки и столбцы складываются; $d$ — координата",
    },
    function=irregularity,
)
REFINE = Loss(
    name="refine_l1",
    symbol=r"\mathcal{L}_{1}^{R}",
    formula=r"\| R(W(c; p)) - w \|_1",
    weight=1.0,
    source=_WARP,
    text={
        "en": "The repaired garment should equal the worn one: folds, shadows and edges that no spline can make.",
        "ru": "Исправленная одежда должна совпасть с надетой: складки, тени и края, которых не даст никакой сплайн.",
    },
    where=_WHERE_REFINE,
    function=absolute_error,
)
REFINE_VGG = Loss(
    name="refine_vgg",
    symbol=r"\mathcal{L}_{vgg}^{R}",
    formula=r"\sum_{l=1}^{5} \lambda_l \| \phi_l(R(W(c; p))) - \phi_l(w) \|_1",
    weight=0.25,
    source=_WARP,
    text={
        "en": "The same as VGG-19 sees it, which keeps prints sharp where pixels alone would blur them.",
        "ru": "То же глазами VGG-19: рисунок остаётся чётким там, где попиксельная ошибка размыла бы его.",
    },
    where=_WHERE_REFINE,
    function=perceptual,
)
EMASC = Loss(
    name="emasc_l1",
    symbol=r"\mathcal{L}_{1}^{E}",
    formula=r"\| \hat{x} - x \|_1",
    weight=1.0,
    source=_EMASC,
    text={
        "en": "The photo should come back from the autoencoder with its detail: faces, hands and background pass by the bottleneck.",
        "ru": "Фотография должна вернуться из автокодировщика со всеми деталями: лица, руки и фон проходят в обход узкого места.",
    },
    where=_WHERE_EMASC,
    function=absolute_error,
)
EMASC_VGG = Loss(
    name="emasc_vgg",
    symbol=r"\mathcal{L}_{vgg}^{E}",
    formula=r"\sum_{l=1}^{5} \lambda_l \| \phi_l(\hat{x}) - \phi_l(x) \|_1",
    weight=0.5,
    source=_EMASC,
    text={
        "en": "The same as VGG-19 sees it.",
        "ru": "То же глазами VGG-19.",
    },
    where=_WHERE_EMASC,
    function=perceptual,
)
NOISE = Loss(
    name="noise",
    symbol=r"\mathcal{L}_{\epsilon}",
    formula=r"\mathbb{E}_{z_0, t, \epsilon} \left\| \epsilon - \epsilon_{\theta}(z_t, m, \mathcal{E}(x \odot (1 - m)), q, \mathcal{E}(\hat{w}), t, Y) \right\|^2",
    weight=1.0,
    source="Ho et al., DDPM, NeurIPS 2020, equation 14; inputs: " + _WORDS,
    text={
        "en": "Which noise was added to the photo's latents? First the inversion adapter alone learns to say in sixteen pseudo-words what helps the "
        "unmodified inpainting network most (no pose, no warped garment); then it and the extended network learn together, with prompt, pose and "
        "garment each left out in a fifth of the samples.",
        "ru": "Какой шум был добавлен к латентному представлению? Сначала один адаптер учится говорить шестнадцатью псевдословами то, что больше всего "
        "помогает неизменённой сети дорисовки (без позы и деформированной одежды); затем он и расширенная сеть учатся вместе, причём запрос, поза "
        "и одежда независимо опускаются в пятой части примеров.",
    },
    where={
        "en": r"$z_t$: the photo's latents at time $t$; $m$: mask; $q$: pose map; $\hat{w}$: warped garment; $Y$: text embedding with the pseudo-words; $\epsilon$: added noise; the norm is a mean over channels and pixels",
        "ru": r"$z_t$ — латентное представление фотографии в момент $t$; $m$ — маска; $q$ — карта позы; $\hat{w}$ — деформированная одежда; $Y$ — текстовое представление с псевдословами; $\epsilon$ — добавленный шум; норма — среднее по каналам и точкам",
    },
    function=noise_error,
)
LOSSES = (
    AUTOENCODER,
    AUTOENCODER_COLOUR,
    AUTOENCODER_VGG,
    AUTOENCODER_KL,
    WARP,
    WARP_COARSE,
    REGULARITY,
    REFINE,
    REFINE_VGG,
    EMASC,
    EMASC_VGG,
    NOISE,
    FINISH,
    FINISH_COLOUR,
    FINISH_VGG,
    FINISH_GAN,
    CRITIC,
)
