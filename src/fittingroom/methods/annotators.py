"""What the methods offer to the annotation of own datasets: captions, and the agnostic masks as each method builds them.

The floor ``annotate`` lies below this one; these are handed to it by their targets (:data:`TARGETS`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..annotate.base import Annotation, NothingFoundError
from ..annotate.plan import CATEGORY
from ..core.errors import InputError
from ..core.files import sha256_file, sha256_json
from ..core.images import UInt8, resize_labels
from ..data.sample import Category, Garment, Person
from ..data.single import as_category

_OWN = "Apache-2.0 (no weights)"


def _person(photo: UInt8, given: Mapping[str, Any]) -> Person:
    return Person("the person", given={"image": photo, "pose": given["pose"], "parse": given["parse"]})


def _garment(photo: UInt8, given: Mapping[str, Any]) -> Garment:
    values = {"image": photo, "mask": given["garment-mask"]}
    return Garment("the garment", given=values, category=as_category(given[CATEGORY]))


class RuleCaption:
    """A person in words, from parse and pose."""

    name: ClassVar[str] = "caption/rules"
    provides: ClassVar[str] = "caption"
    needs: ClassVar[tuple[str, ...]] = ("pose", "parse")
    licence: ClassVar[str] = _OWN

    def settings(self) -> Mapping[str, Any]:
        """See :class:`~..annotate.base.Annotator`."""
        return {"version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`~..annotate.base.Annotator`."""
        from .promptdresser.captioner import caption

        return Annotation(dict(caption(_person(photo, given), None).person or {}), 0.9)


class RuleGarmentCaption:
    """A garment in words, from its outline and colours."""

    name: ClassVar[str] = "garment-caption/rules"
    provides: ClassVar[str] = "garment-caption"
    needs: ClassVar[tuple[str, ...]] = ("garment-mask", CATEGORY)
    licence: ClassVar[str] = _OWN

    def settings(self) -> Mapping[str, Any]:
        """See :class:`~..annotate.base.Annotator`."""
        return {"version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`~..annotate.base.Annotator`."""
        from .promptdresser.captioner import caption

        return Annotation(dict(caption(_garment(photo, given), None).clothing or {}), 0.9)


class _ModelCaptions:
    """A vision-language model in a folder; where its answer cannot be used, the rules speak.

    Args:
        weights_file: the folder (or a file in it); None for the manifest's model.
        device: torch device.
    """

    licence: ClassVar[str] = "that of the model (SmolVLM: Apache-2.0)"

    def __init__(self, weights_file: Path | None = None, device: str = "cpu") -> None:
        from ..weights.fetch import require
        from .promptdresser.captioner import MODEL, LanguageModel

        folder = require(MODEL).parent if weights_file is None else weights_file
        folder = folder.parent if folder.is_file() else folder
        self._model = LanguageModel(folder, device)
        self._hash = sha256_json([sha256_file(path) for path in sorted(folder.glob("*.safetensors"))])

    def settings(self) -> Mapping[str, Any]:
        """See :class:`~..annotate.base.Annotator`."""
        return {"model": self._model.name, "weights": self._hash, "version": 1}


class ModelCaption(_ModelCaptions):
    """A person in a model's words."""

    name: ClassVar[str] = "caption/model"
    provides: ClassVar[str] = "caption"
    needs: ClassVar[tuple[str, ...]] = ("pose", "parse")

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`~..annotate.base.Annotator`."""
        from .promptdresser.captioner import caption

        said = caption(_person(photo, given), self._model)
        by_model = said.source == self._model.name
        return Annotation(dict(said.person or {}), 0.8 if by_model else 0.5, () if by_model else ("said by rule",))


class ModelGarmentCaption(_ModelCaptions):
    """A garment in a model's words."""

    name: ClassVar[str] = "garment-caption/model"
    provides: ClassVar[str] = "garment-caption"
    needs: ClassVar[tuple[str, ...]] = ("garment-mask", CATEGORY)

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`~..annotate.base.Annotator`."""
        from .promptdresser.captioner import caption

        said = caption(_garment(photo, given), self._model)
        by_model = said.source == self._model.name
        return Annotation(dict(said.clothing or {}), 0.8 if by_model else 0.5, () if by_model else ("said by rule",))


def _ladi(person: Person, category: Category) -> npt.NDArray[np.bool_]:
    from .ladi_vton.conditions import person_parts

    frame, _, _, _, mask = person_parts(
        person, category, (512, 384), "viton-hd" if category == "upper" else "dress-code", published=False
    )
    return frame.mask_back(mask)


def _prompt(variant: Any) -> Callable[[Person, Category], npt.NDArray[np.bool_]]:
    def mask(person: Person, category: Category) -> npt.NDArray[np.bool_]:
        from .promptdresser.conditions import person_mask

        height, width = person.image().shape[:2]
        return person_mask(person, category, variant, (height, width))

    return mask


def _pasta(person: Person, category: Category) -> npt.NDArray[np.bool_]:
    from .pasta_gan_pp.body import Measures
    from .pasta_gan_pp.conditions import retained
    from .pasta_gan_pp.config import GeneratorConfig
    from .pasta_gan_pp.placing import on_canvas

    body, place = on_canvas(person, GeneratorConfig())
    kept = retained(body, Measures(body.image.shape[0]))
    inside = kept[place.top : place.top + place.inner[0], place.left : place.left + place.inner[1]]
    return (person.parse().labels > 0) & ~np.asarray(resize_labels(inside, place.size), bool)


#: variant -> mask builder; names of PromptDresser's variants are the published ones
VARIANTS: Mapping[str, Callable[[Person, Category], npt.NDArray[np.bool_]]] = {
    "ladi-vton": _ladi,
    "pasta-gan++": _pasta,
    **{
        f"promptdresser-{name}": _prompt(name)
        for name in ("official", "v9", "only_cloth", "only_cloth_pad", "only_cloth_arm", "armneck")
    },
}


class MethodMask:
    """The region that one method paints anew (LaDI-VTON, PromptDresser's six), or does not keep (PASTA-GAN++).

    Args:
        variant: of :data:`VARIANTS`.
        category: of the garment to be put on.

    Raises:
        InputError: no such variant or category.
    """

    name: ClassVar[str] = "agnostic-mask/method"
    provides: ClassVar[str] = "agnostic-mask"
    needs: ClassVar[tuple[str, ...]] = ("pose", "parse")
    licence: ClassVar[str] = _OWN

    def __init__(self, variant: str = "ladi-vton", category: str = "upper") -> None:
        if variant not in VARIANTS:
            raise InputError(
                f"no agnostic mask named {variant!r}", mend=f"choose from canonical, {', '.join(VARIANTS)}"
            )
        self._variant, self._category = variant, as_category(category)

    def settings(self) -> Mapping[str, Any]:
        """See :class:`~..annotate.base.Annotator`."""
        return {"variant": self._variant, "category": self._category, "version": 1}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`~..annotate.base.Annotator`."""
        mask = VARIANTS[self._variant](_person(photo, given), self._category)
        if not mask.any():
            raise NothingFoundError(
                f"nothing to be painted anew for category {self._category}", mend="correct the parse by hand"
            )
        return Annotation(np.asarray(mask, bool), 1.0)


#: annotator -> where it is
TARGETS: Mapping[str, str] = {
    kind.name: f"{kind.__module__}:{kind.__name__}"
    for kind in (RuleCaption, RuleGarmentCaption, ModelCaption, ModelGarmentCaption, MethodMask)
}
