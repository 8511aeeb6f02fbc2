"""What one should know of PromptDresser."""

from __future__ import annotations

from ..base import MethodCard
from .losses import LOSSES

CARD = MethodCard(
    name="promptdresser",
    title="PromptDresser",
    family="latent diffusion",
    reference="Kim, Jin, Park, Choo: PromptDresser: Improving the Quality and Controllability of Virtual Try-On via Generative Textual "
    "Prompt and Prompt-aware Mask, ICCV 2025 (arXiv 2412.16978)",
    code_licence="Apache-2.0",
    weights_licence="published: CC BY-NC-SA 4.0 (main network), OpenRAIL++-M (SDXL), MIT (autoencoder)",
    needs=("person.image", "person.pose", "person.parse", "garment.image", "worn.parse"),
    uses=("person.caption", "garment.caption", "garment.mask", "worn.pose"),
    native_size=(1024, 768),
    paired_training=True,
    losses=LOSSES,
    summary={
        "en": "Two SDXL networks. The garment network looks at the garment once; each self-attention of the main network, which paints the "
        "masked part of the person, attends to the garment's features beside its own. Prompts are made of captions of the person and the "
        "garment, so that fit, tucking and rolled sleeves can be said in words. A first run in a coarse mask finds out how much room the "
        "garment needs; the second run paints only there and leaves the rest of the person to be seen.",
        "ru": "Две сети SDXL. Сеть одежды один раз смотрит на одежду; каждый слой самовнимания основной сети, дорисовывающей закрытую маской "
        "часть человека, видит рядом со своими и признаки одежды. Запросы составляются из описаний человека и одежды, поэтому посадку, "
        "заправленность и закатанные рукава можно задать словами. Первый прогон с грубой маской выясняет, сколько места нужно одежде; "
        "второй рисует только там, оставляя остального человека видимым.",
    },
    data={
        "en": "For trying on: pose and parsing of the person; a garment photographed alone on white, or worn with a parsing of its wearer. "
        "Captions are optional: without them they are made by rule. For training: photos of the same garment alone and worn, with captions.",
        "ru": "Для примерки: поза и разметка человека; одежда, снятая отдельно на белом, либо надетая на ком-то с его разметкой. Описания "
        "необязательны: недостающие составляются по правилам. Для обучения: фотографии одной и той же одежды отдельно и на человеке, с описаниями.",
    },
    limits={
        "en": "The published weights know upper garments of studio photos at 768x1024 only. Faces and backgrounds pass through the autoencoder "
        "and change a little unless the photo is pasted back. Small print suffers. Prompts end after 77 tokens. Slow: 138 evaluations of a "
        "network of 2.6 billion parameters for one picture in the published setting.",
        "ru": "Опубликованные веса знают только верхнюю одежду на студийных фотографиях 768x1024. Лица и фон проходят через автокодировщик и "
        "слегка меняются, если не вклеить обратно исходную фотографию. Мелкий рисунок страдает. Запрос обрывается после 77 токенов. "
        "Медленно: в опубликованном режиме 138 вычислений сети с 2,6 млрд параметров на одну картинку.",
    },
)
