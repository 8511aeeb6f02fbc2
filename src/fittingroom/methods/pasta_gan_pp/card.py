"""What one should know of PASTA-GAN++."""

from __future__ import annotations

from ..base import MethodCard
from .losses import LOSSES

CARD = MethodCard(
    name="pasta-gan++",
    title="PASTA-GAN++",
    family="GAN",
    reference="Z. Xie, Z. Huang, F. Zhao, H. Dong, M. Kampffmeyer, X. Dong, F. Zhu, X. Liang. PASTA-GAN++: A Versatile Framework for "
    "High-Resolution Unpaired Virtual Try-on. arXiv:2207.13475, 2022.",
    code_licence="Apache-2.0",
    weights_licence="own training: yours; published: no licence granted by their authors",
    needs=("person.image", "person.pose", "person.parse", "wearer.image", "wearer.pose", "wearer.parse"),
    uses=("person.garment-parse", "wearer.garment-parse"),
    native_size=(512, 320),
    losses=LOSSES,
    summary={
        "en": "The garment is taken from a photo of somebody who wears it. Ten parts of the body give ten patches, each brought to the same "
        "square by a homography: what is left is the garment without the pose (patch-routed disentanglement). A StyleGAN2 generator draws "
        "the person from skeleton, kept head, hands and shoes, and the style code of the patches; its second branch works the patches, laid "
        "back onto the new pose, into the picture by SPADE, so that texture is kept. A parsing that the network predicts says where which "
        "garment belongs.",
        "ru": "Одежда берётся с фотографии человека, на котором она надета. Десять частей тела дают десять фрагментов, каждый приводится "
        "гомографией к одному и тому же квадрату: остаётся одежда без позы (patch-routed disentanglement). Генератор StyleGAN2 рисует "
        "человека по скелету, сохранённым голове, кистям и обуви и по коду стиля фрагментов; вторая ветвь вводит в изображение через SPADE "
        "фрагменты, перенесённые на новую позу, благодаря чему сохраняется рисунок ткани. Разметка, которую предсказывает сеть, указывает, "
        "где какая одежда.",
    },
    data={
        "en": "For trying on and for training: photos of single dressed people from the front, with pose (18 joints) and parsing (CIHP-20); "
        "a garment parsing with sleeves helps. No pairs: nobody has to be photographed twice.",
        "ru": "Для примерки и для обучения: фотографии одетых людей анфас по одному, с позой (18 точек) и разметкой (CIHP-20); полезна "
        "разметка одежды с рукавами. Пары не нужны: никого не требуется снимать дважды.",
    },
    limits={
        "en": "The whole picture is drawn anew, face, hands and background included. Studio photos from the front only: bodies from behind, "
        "crossed arms and garments photographed alone are beyond it. Bags, scarves and gloves vanish; a jacket and what is under it become "
        "one garment.",
        "ru": "Всё изображение рисуется заново, включая лицо, кисти рук и фон. Только студийные снимки анфас: вид сзади, скрещённые руки и "
        "одежда, снятая отдельно, недоступны. Сумки, шарфы и перчатки исчезают; куртка и то, что под ней, становятся одной вещью.",
    },
)
