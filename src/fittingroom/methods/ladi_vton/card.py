"""What one should know of LaDI-VTON."""

from __future__ import annotations

from ..base import MethodCard
from .losses import LOSSES

CARD = MethodCard(
    name="ladi-vton",
    title="LaDI-VTON",
    family="latent diffusion",
    reference="Morelli, Baldrati, Cartella, Cornia, Bertini, Cucchiara: LaDI-VTON: Latent Diffusion Textual-Inversion Enhanced Virtual "
    "Try-On, ACM Multimedia 2023 (arXiv 2305.13501)",
    code_licence="Apache-2.0",
    weights_licence="published: CC BY-NC 4.0 (its own parts), OpenRAIL++-M (Stable Diffusion 2), MIT (CLIP ViT-H/14)",
    needs=("person.image", "person.pose", "person.parse", "garment.image", "worn.parse"),
    uses=("garment.mask",),
    native_size=(512, 384),
    paired_training=True,
    losses=LOSSES,
    summary={
        "en": "A matcher lays the garment on the body by a thin-plate spline of 25 points, and a U-Net repairs the result. Stable Diffusion 2 "
        "paints the masked part of the person; it sees the mask, the rest of the photo, the pose and the warped garment in extra channels. What the "
        "garment looks like is also said in words: an adapter turns what CLIP sees of it into sixteen pseudo-words of the prompt. Skip connections "
        "(EMASC) lead around the autoencoder's bottleneck, so that face and hands keep their detail.",
        "ru": "Сеть сопоставления укладывает одежду на тело тонкопластинчатым сплайном по 25 точкам, U-Net исправляет результат. Stable Diffusion 2 "
        "дорисовывает закрытую маской часть человека; маску, остаток фотографии, позу и деформированную одежду она видит в дополнительных каналах. "
        "Вид одежды передаётся и словами: адаптер превращает то, что видит CLIP, в шестнадцать псевдослов запроса. Обходные связи (EMASC) ведут мимо "
        "узкого места автокодировщика, поэтому лицо и руки сохраняют детали.",
    },
    data={
        "en": "For trying on: pose and parsing of the person; a garment photographed alone on white (or with a mask), or worn with a parsing of its "
        "wearer. For training: photos of the same garment alone and worn, with pose and parsing.",
        "ru": "Для примерки: поза и разметка человека; одежда, снятая отдельно на белом (или с маской), либо надетая на ком-то с его разметкой. "
        "Для обучения: фотографии одной и той же одежды отдельно и на человеке, с позой и разметкой.",
    },
    limits={
        "en": "Logos, text and fine patterns are lost or invented. A short sleeve on somebody in long sleeves may leave remnants; whatever the parsing "
        "gets wrong stays in the picture. The published weights of VITON-HD know upper garments only; those of Dress Code know all three categories. "
        "Works at 384x512; small faces suffer from the autoencoder in spite of EMASC unless the photo is pasted back.",
        "ru": "Логотипы, надписи и мелкий рисунок теряются или выдумываются. Короткий рукав на человеке в длинных рукавах может оставить их следы; "
        "ошибки разметки остаются на картинке. Опубликованные веса VITON-HD знают только верхнюю одежду, веса Dress Code — все три категории. "
        "Работает в размере 384x512; мелкие лица страдают от автокодировщика даже с EMASC, если не вклеить обратно исходную фотографию.",
    },
)
