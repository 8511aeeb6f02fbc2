r"""What training minimises: the error of the predicted noise, over the whole picture.

The main network is trained on latents :math:`z_t = \sqrt{\bar\alpha_t} z_0 + \sqrt{1 - \bar\alpha_t} \epsilon`; the
garment network stays as it is.
"""

from __future__ import annotations

import torch

from ..autoencoder import AUTOENCODER, AUTOENCODER_COLOUR, AUTOENCODER_KL, AUTOENCODER_VGG
from ..base import Loss
from ..painting import FINISH, FINISH_COLOUR, FINISH_VGG


def noise_error(predicted: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the noise.

    Args:
        predicted: ``(B, 4, h, w)``.
        noise: ``(B, 4, h, w)``, what was added.

    Returns:
        Scalar: mean over everything, computed in float32.
    """
    return (predicted.float() - noise.float()).square().mean()


NOISE = Loss(
    name="noise",
    symbol=r"\mathcal{L}_{\epsilon}",
    formula=r"\mathbb{E}_{z_0, t, \epsilon} \left\| \epsilon - \epsilon_{\theta}(z_t, m, \mathcal{E}(x \odot (1 - m)), t, p, F_g) \right\|^2",
    weight=1.0,
    source="Ho et al., DDPM, NeurIPS 2020, equation 14; inputs: PromptDresser (arXiv 2412.16978), section 3",
    text={
        "en": "The network sees a photo's latents with noise added, the mask, the photo without what the mask hides, the prompt, and the "
        "garment's features in each self-attention; it must tell which noise was added.",
        "ru": "Сеть видит зашумлённое латентное представление фотографии, маску, фотографию без закрытой маской части, текст запроса и — в "
        "каждом слое самовнимания — признаки одежды; она должна определить, какой шум был добавлен.",
    },
    where={
        "en": r"$z_t$: latents at time $t$; $m$: mask; $\mathcal{E}(x \odot (1 - m))$: encoded photo with the mask's inside grey; $p$: prompt; $F_g$: features of the garment network; $\epsilon$: added noise; the norm is a mean over channels and pixels",
        "ru": r"$z_t$ — латентное представление в момент $t$; $m$ — маска; $\mathcal{E}(x \odot (1 - m))$ — кодированная фотография с серым под маской; $p$ — запрос; $F_g$ — признаки от сети одежды; $\epsilon$ — добавленный шум; норма — среднее по каналам и точкам",
    },
    function=noise_error,
)

LOSSES = (
    NOISE,
    FINISH,
    FINISH_COLOUR,
    FINISH_VGG,
    AUTOENCODER,
    AUTOENCODER_COLOUR,
    AUTOENCODER_VGG,
    AUTOENCODER_KL,
)
