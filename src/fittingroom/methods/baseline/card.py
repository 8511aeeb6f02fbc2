"""What one should know of the baseline."""

from __future__ import annotations

from ..base import MethodCard
from .losses import LOSSES

CARD = MethodCard(
    name="baseline",
    title="Geometric baseline",
    family="geometric",
    reference="",
    code_licence="Apache-2.0",
    weights_licence="none needed",
    needs=("person.image", "person.pose", "person.parse", "garment.image", "garment.mask", "worn.pose", "worn.parse"),
    native_size=None,
    trained=False,
    losses=LOSSES,
    summary={
        "en": "Nothing is learned. The garment is taken apart into trunk, sleeves and legs; each piece is warped onto the body by a "
        "thin-plate spline whose control points are joints, the body's axis and the garment's outline. Coarse light of the old garment is "
        "carried over, skin and background that come to light are filled from what is seen, hair and hands stay in front, and edges are "
        "feathered. It is an honest lower bound: a learned method should beat it.",
        "ru": "Обучения нет. Одежда разбирается на стан, рукава и штанины; каждая часть переносится на тело тонкопластинчатым сплайном, "
        "опорные точки которого — суставы, ось тела и контур одежды. Крупные светотени старой одежды переносятся на новую, открывшиеся кожа "
        "и фон достраиваются по видимым участкам, волосы и кисти рук остаются спереди, края смягчаются. Это честная нижняя граница: "
        "обучаемый метод должен её превосходить.",
    },
    data={
        "en": "For trying on: pose and parsing of the person; a mask of a garment photographed alone, or pose and parsing of its wearer. For training: nothing.",
        "ru": "Для примерки: поза и разметка частей тела человека; маска одежды, снятой отдельно, либо поза и разметка того, на ком она надета. "
        "Для обучения: ничего.",
    },
    limits={
        "en": "No new folds, no true lighting, nothing that the garment's photo does not show; bodies from the side or from behind, crossed arms "
        "and legs, and garments much wider than the body come out wrong. Its quality is that of the parsing.",
        "ru": "Не создаёт новых складок, настоящего освещения и ничего, чего нет на фотографии одежды; вид сбоку и со спины, скрещённые руки "
        "и ноги, одежда намного шире тела передаются неверно. Качество ограничено качеством разметки.",
    },
)
