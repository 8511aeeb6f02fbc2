r"""What PASTA-GAN++ minimises: every term as a function and as an object that theory chapter and training log read.

arXiv 2207.13475, section 3.5. All adversarial terms are the non-saturating softplus form. The generator answers for
:math:`\mathcal{L}_G` = the sum of the weighted terms of :data:`GENERATOR_LOSSES`; the two discriminators for theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ..autoencoder import AUTOENCODER_COLOUR, coarse_error
from ..base import Loss

#: weights of the classes in the cross-entropy: garments and skin count more than the rest
CLASS_WEIGHTS = (1.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0)
#: label that the cross-entropy leaves out
IGNORED = 255
#: weights of the five VGG taps, shallow to deep
TAP_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
R1_GAMMA = 10.0


def fooling(logits: torch.Tensor) -> torch.Tensor:
    """Non-saturating generator loss: mean softplus(-logit) over ``(B, 1)`` logits of generated pictures."""
    return F.softplus(-logits.float()).mean()


def telling_fake(logits: torch.Tensor) -> torch.Tensor:
    """Discriminator loss on generated pictures: mean softplus(logit)."""
    return F.softplus(logits.float()).mean()


def telling_real(logits: torch.Tensor) -> torch.Tensor:
    """Discriminator loss on real pictures: mean softplus(-logit)."""
    return F.softplus(-logits.float()).mean()


def both(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Coarse and final picture count half each."""
    return (first + second) / 2


def gan_generator(coarse: torch.Tensor, final: torch.Tensor) -> torch.Tensor:
    """Logits ``(B, 1)`` of coarse and final picture -> generator's adversarial loss."""
    return both(fooling(coarse), fooling(final))


def gan_discriminator(coarse: torch.Tensor, final: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Logits ``(B, 1)`` of coarse, final and real picture -> the image discriminator's loss."""
    return both(telling_fake(coarse), telling_fake(final)) + telling_real(real)


def parsing_discriminator(fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Logits ``(B, 1)`` of predicted and true parsing -> the parsing discriminator's loss."""
    return telling_fake(fake) + telling_real(real)


def l1(coarse: torch.Tensor, final: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference to the photo ``(B, 3, H, W)``, -1 to 1."""
    return both(F.l1_loss(coarse, photo), F.l1_loss(final, photo))


def colour_error(coarse: torch.Tensor, final: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the means of squares of 8 by 8 pixels to the photo's ``(B, 3, H, W)``, -1 to 1."""
    return both(coarse_error(coarse, photo), coarse_error(final, photo))


def feature_distance(taps: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> torch.Tensor:
    """Weighted sum over five VGG taps of the mean absolute difference; the targets get no gradient."""
    terms = [weight * F.l1_loss(a, b.detach()) for weight, a, b in zip(TAP_WEIGHTS, taps, targets, strict=True)]
    return torch.stack(terms).sum()


def perceptual(
    coarse: Sequence[torch.Tensor], final: Sequence[torch.Tensor], photo: Sequence[torch.Tensor]
) -> torch.Tensor:
    """VGG-19 taps of coarse picture, final picture and photo -> perceptual loss.

    The pictures go into the network in -1 to 1, without ImageNet's mean and deviation, as in the published training.
    """
    return both(feature_distance(coarse, photo), feature_distance(final, photo))


def parsing_cross_entropy(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Weighted mean cross-entropy of ``(B, 7, H, W)`` logits against a ``(B, 1, H, W)`` label map; 255 is left out."""
    weight = torch.tensor(CLASS_WEIGHTS, device=logits.device)
    return F.cross_entropy(logits.float(), label[:, 0].long(), weight=weight, ignore_index=IGNORED)


def gradient_norm(logits: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """Squared norm ``(B,)`` of the gradient of each logit with respect to its picture; can be differentiated again."""
    (gradient,) = torch.autograd.grad(logits.sum(), picture, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


def r1(logits: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """Half the mean squared gradient norm on real pictures; the weight is gamma (Mescheder et al., ICML 2018, eq. 9)."""
    return gradient_norm(logits, picture).mean() / 2


_SECTION = "arXiv 2207.13475, section 3.5"
_WHERE_IMAGE = {
    "en": r"$y$: the photo; $\tilde{y}$: coarse picture; $\hat{y}$: final picture; $D$: image discriminator, which also sees the skeleton and the style code of the patches",
    "ru": r"$y$ — фотография; $\tilde{y}$ — грубое изображение; $\hat{y}$ — итоговое; $D$ — дискриминатор изображений, который видит также скелет и код стиля фрагментов",
}
_WHERE_PARSING = {
    "en": r"$\hat{P}$: predicted logits of the seven classes; $P$: true parsing; $D_P$: parsing discriminator; $\sigma$: softmax",
    "ru": r"$\hat{P}$ — предсказанные логиты семи классов; $P$ — истинная разметка; $D_P$ — дискриминатор разметки; $\sigma$ — softmax",
}

GAN = Loss(
    name="gan",
    symbol=r"\mathcal{L}_{\mathrm{adv}}",
    formula=r"\frac{1}{2} \left( \ln(1 + e^{-D(\tilde{y})}) + \ln(1 + e^{-D(\hat{y})}) \right)",
    weight=1.0,
    source=_SECTION,
    text={
        "en": "Both pictures should pass for photos. It needs no pair: any photo shows what photos look like.",
        "ru": "Оба изображения должны сойти за фотографии. Пары не нужны: как выглядят фотографии, видно по любой из них.",
    },
    where=_WHERE_IMAGE,
    function=gan_generator,
)
GAN_PARSING = Loss(
    name="gan_parsing",
    symbol=r"\mathcal{L}_{\mathrm{adv}}^{P}",
    formula=r"\ln(1 + e^{-D_P(\sigma(\hat{P}))})",
    weight=1.0,
    source=_SECTION,
    text={
        "en": "The predicted parsing should look like that of a real person.",
        "ru": "Предсказанная разметка должна быть похожа на разметку настоящего человека.",
    },
    where=_WHERE_PARSING,
    function=fooling,
)
L1 = Loss(
    name="l1",
    symbol=r"\mathcal{L}_{1}",
    formula=r"\frac{1}{2} \left( \| \tilde{y} - y \|_1 + \| \hat{y} - y \|_1 \right)",
    weight=10.0,
    source=_SECTION,
    text={
        "en": "In training the person is dressed in the own garment, taken apart into patches, so the photo itself is the truth.",
        "ru": "При обучении человек одевается в собственную одежду, разобранную на фрагменты, и сама фотография служит эталоном.",
    },
    where={
        "en": r"$\|\cdot\|_1$: mean absolute value over pixels and channels, values from -1 to 1; $y$: photo; $\tilde{y}$, $\hat{y}$: coarse and final picture",
        "ru": r"$\|\cdot\|_1$ — среднее модулей по пикселям и каналам, значения от -1 до 1; $y$ — фотография; $\tilde{y}$, $\hat{y}$ — грубое и итоговое изображения",
    },
    function=l1,
)
COLOUR = Loss(
    name="colour",
    symbol=r"\mathcal{L}_{c}",
    formula=r"\frac{1}{2} \left( \| M_8(\tilde{y} - y) \|_1 + \| M_8(\hat{y} - y) \|_1 \right)",
    weight=0.0,
    source="ours",
    text=AUTOENCODER_COLOUR.text,
    where={
        "en": r"$M_8$: means of squares of 8 by 8 pixels; $y$: photo; $\tilde{y}$, $\hat{y}$: coarse and final picture",
        "ru": r"$M_8$ — средние по квадратам 8 на 8 точек; $y$ — фотография; $\tilde{y}$, $\hat{y}$ — грубое и итоговое изображения",
    },
    function=colour_error,
)
VGG = Loss(
    name="vgg",
    symbol=r"\mathcal{L}_{\mathrm{vgg}}",
    formula=r"\frac{1}{2} \sum_{l=1}^{5} \lambda_l \left( \| \phi_l(\tilde{y}) - \phi_l(y) \|_1 + \| \phi_l(\hat{y}) - \phi_l(y) \|_1 \right)",
    weight=20.0,
    source=f"{_SECTION}; Johnson et al., ECCV 2016",
    text={
        "en": "Textures and shapes should agree in the features of VGG-19, not only pixel by pixel.",
        "ru": "Текстуры и формы должны совпадать в признаках VGG-19, а не только попиксельно.",
    },
    where={
        "en": r"$\phi_l$: relu1_1, relu2_1, relu3_1, relu4_1, relu5_1; $\lambda$: 1/32, 1/16, 1/8, 1/4, 1; $y$: photo; $\tilde{y}$, $\hat{y}$: coarse and final picture",
        "ru": r"$\phi_l$ — relu1_1, relu2_1, relu3_1, relu4_1, relu5_1; $\lambda$ — 1/32, 1/16, 1/8, 1/4, 1; $y$ — фотография; $\tilde{y}$, $\hat{y}$ — грубое и итоговое изображения",
    },
    function=perceptual,
)
PARSING = Loss(
    name="parsing",
    symbol=r"\mathcal{L}_{\mathrm{ce}}",
    formula=r"- \frac{\sum_{i} w_{P_i} \ln \sigma(\hat{P}_i)_{P_i}}{\sum_{i} w_{P_i}}",
    weight=30.0,
    source=_SECTION,
    text={
        "en": "Each pixel of the predicted parsing should have its true class; garments and skin count three to four times.",
        "ru": "Каждый пиксель предсказанной разметки должен получить свой класс; одежда и кожа весят в три-четыре раза больше.",
    },
    where={
        "en": r"$i$: pixels; $w$: 1, 3, 4, 4, 4, 4, 4 for other, tops, pants, skirt, dress, neck, limbs; $\hat{P}$, $P$: predicted and true parsing; $\sigma$: softmax",
        "ru": r"$i$ — пиксели; $w$ — 1, 3, 4, 4, 4, 4, 4 для прочего, верха, брюк, юбки, платья, шеи, конечностей; $\hat{P}$, $P$ — предсказанная и истинная разметка; $\sigma$ — softmax",
    },
    function=parsing_cross_entropy,
)
DISCRIMINATOR = Loss(
    name="discriminator",
    symbol=r"\mathcal{L}_{D}",
    formula=r"\frac{1}{2} \left( \ln(1 + e^{D(\tilde{y})}) + \ln(1 + e^{D(\hat{y})}) \right) + \ln(1 + e^{-D(y)})",
    weight=1.0,
    source=_SECTION,
    text={
        "en": "The image discriminator tells photos from what the generator makes.",
        "ru": "Дискриминатор изображений отличает фотографии от созданного генератором.",
    },
    where=_WHERE_IMAGE,
    function=gan_discriminator,
)
DISCRIMINATOR_PARSING = Loss(
    name="discriminator_parsing",
    symbol=r"\mathcal{L}_{D_P}",
    formula=r"\ln(1 + e^{D_P(\sigma(\hat{P}))}) + \ln(1 + e^{-D_P(P)})",
    weight=1.0,
    source=_SECTION,
    text={
        "en": "The parsing discriminator tells true parsings from predicted ones. The published training updates it twice a step.",
        "ru": "Дискриминатор разметки отличает истинную разметку от предсказанной. В опубликованном обучении он обновляется дважды за шаг.",
    },
    where=_WHERE_PARSING,
    function=parsing_discriminator,
)
R1 = Loss(
    name="r1",
    symbol=r"R_1",
    formula=r"\frac{1}{2} \left\| \nabla_{y} D(y) \right\|^2",
    weight=R1_GAMMA,
    source="Mescheder et al., ICML 2018, equation 9; every 16 steps as in StyleGAN2, appendix B",
    text={
        "en": "Keeps both discriminators from becoming steep around real photos, which would make training unstable.",
        "ru": "Не даёт дискриминаторам становиться слишком крутыми вблизи настоящих фотографий, из-за чего обучение неустойчиво.",
    },
    where={
        "en": r"$D$: image or parsing discriminator; $y$: photo or true parsing; the gradient with respect to the skeleton is left out",
        "ru": r"$D$ — дискриминатор изображений или разметки; $y$ — фотография или истинная разметка; градиент по скелету не учитывается",
    },
    function=r1,
)

GENERATOR_LOSSES = (GAN, GAN_PARSING, L1, VGG, PARSING)
LOSSES = (*GENERATOR_LOSSES, DISCRIMINATOR, DISCRIMINATOR_PARSING, R1)
