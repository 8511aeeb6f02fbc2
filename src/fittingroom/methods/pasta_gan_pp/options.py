"""How PASTA-GAN++ is trained; the defaults are the published schedule (spec section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from ...core.errors import InputError
from ...nn.perceptual import Perceptual
from .config import GeneratorConfig

Background = Literal["photo", "white"]
_CHOICES = {"perceptual": get_args(Perceptual), "background": get_args(Background)}


@dataclass(frozen=True)
class TrainOptions:
    """What the recipe's table ``[pasta-gan++]`` may say.

    Args:
        start: weights that the generator begins with: a training's folder, a file, or ``published``; empty = random ones. The
            discriminators always begin anew.
        lr: Adam's base rate of all networks; lazy regularisation corrects it as in the published training.
        r1_every: steps between gradient penalties of both discriminators.
        r1_gamma: their weight.
        average_kimg: half-life of the running mean of the generator, in thousand pictures.
        ada_target: mean sign of the discriminator's answers to photos that augmentation aims at; 0 = no augmentation.
        ada_kimg: thousand pictures that move its probability by 1.
        parsing_twice: update the parsing discriminator twice a step with two optimisers, as published.
        share_forward: discriminators learn from the pictures of the generator's own phase instead of new ones, which saves a
            third of the generator's work.
        detach_style: the generator's adversarial loss does not reach the style code that conditions the discriminators.
        perceptual: trunk of the perceptual loss: ``vgg19`` (ImageNet weights, fetched), ``small``, ``random`` or ``none``.
        mirror: every photo is also shown mirrored.
        erase: rows and pixels of the garments are erased, see :mod:`.erasing`.
        recolour: chance that a garment of a photo gets another colour, for trainings on few photos; see :mod:`.recolour`.
        l1: weight of the L1 loss.
        colour: weight of the colours of small squares, a loss of ours for small networks; 0 = none, as published.
        vgg: weight of the perceptual loss.
        parsing: weight of the cross-entropy.
        gan: weight of both adversarial terms of the generator.
        gan_from_kimg: thousand pictures before the discriminators come in. Until then only the photo itself is the judge, which
            saves all their work while colours and shapes get into place.
        style_kimg: thousand pictures, from the first on, that only the patch encoder learns from: to tell what the patches show
            (:mod:`.reading`); 0 = none, as published.
        style_lr: the patch encoder learns at so many times ``lr``; what it was taught first is lost at a high rate.
        half_kimg: up to so many thousand pictures in all, only the style branch learns, at half the size (:mod:`.growing`):
            silhouettes are learned there at a fraction of the work; 0 = none, as published.
        background: ``photo`` asks for the photo's own background, of which the network sees nothing; ``white`` paints it
            over, as if everybody had been photographed before a white wall, and leaves it to the setting ``paste`` to put
            the photo's back.
        half: the finished weights are written in float16.

    Raises:
        InputError: a value that makes no sense.
    """

    start: str = ""
    lr: float = 5e-4
    r1_every: int = 16
    r1_gamma: float = 10.0
    average_kimg: float = 10.0
    ada_target: float = 0.6
    ada_kimg: float = 500.0
    parsing_twice: bool = True
    share_forward: bool = False
    detach_style: bool = False
    perceptual: Perceptual = "vgg19"
    mirror: bool = True
    erase: bool = True
    recolour: float = 0.0
    l1: float = 10.0
    colour: float = 0.0
    vgg: float = 20.0
    parsing: float = 30.0
    gan: float = 1.0
    gan_from_kimg: float = 0.0
    style_kimg: float = 0.0
    style_lr: float = 1.0
    half_kimg: float = 0.0
    background: Background = "photo"
    half: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(each.default, bool):
                good = isinstance(value, bool)
            elif each.name == "start":
                good = isinstance(value, str)
            elif each.name in _CHOICES:
                good = value in _CHOICES[each.name]
            elif isinstance(each.default, int):
                good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            else:
                good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
            if (
                not good
                or (each.name in ("lr", "style_lr", "average_kimg", "ada_kimg") and value <= 0)
                or (each.name == "recolour" and value > 1)
            ):
                raise InputError(
                    f"pasta-gan++.{each.name} is {value!r}",
                    mend=f"choose something like {each.default!r}; see the method's README",
                )


def _table(kind: type[Any], table: dict[str, Any], name: str) -> Any:
    known = [each.name for each in fields(kind)]
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{name} has no setting {', '.join(unknown)}", mend=f"it has: {', '.join(known)}")
    return kind(**table)


def from_recipe(recipe: dict[str, Any]) -> tuple[GeneratorConfig, TrainOptions]:
    """Sizes from the table ``[generator]``, options from ``[pasta-gan++]``.

    Raises:
        InputError: an unknown name or a bad value.
    """
    config = _table(GeneratorConfig, recipe.get("generator", {"frame": 320}), "generator")
    options = _table(TrainOptions, recipe.get("pasta-gan++", {}), "pasta-gan++")
    return config, options
