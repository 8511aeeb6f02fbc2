"""Sample -> what the warp needs: joints without gaps on both sides, masks, labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import InputError
from ...data.sample import Sample
from .figure import complete
from .pieces import cut
from .shop import guess_figure, without_inside
from .target import Target

#: fewer pixels of garment than this are a slip of the parser, not a garment
_FEWEST_PIXELS = 64


def conditions(sample: Sample) -> dict[str, Any]:
    """Everything that :func:`fittingroom.methods.baseline.dress.put_on` takes.

    Raises:
        InputError: shoulders or hips that cannot be told, or no garment to be seen.
        MissingError: an annotation is missing.
    """
    person, garment, category = sample.person, sample.garment, sample.category
    need = "hips" if category == "lower" else "shoulders"
    image = person.image()
    size = (image.shape[0], image.shape[1])
    pose, parsed = person.body()
    target = Target(image.astype(np.float32), parsed, pose, complete(pose, size, need=need, who=f"person {person.id}"))
    mask = garment.mask()
    if mask.sum() < _FEWEST_PIXELS:
        raise InputError(
            f"only {int(mask.sum())} pixels of the {category} garment {garment.id}",
            mend="choose another garment or category",
        )
    photo = garment.image()
    if mask.shape != photo.shape[:2]:
        raise InputError(
            f"mask of {garment.id} is {mask.shape[1]}x{mask.shape[0]} but its photo is {photo.shape[1]}x{photo.shape[0]}",
            mend="make the mask again",
        )
    if garment.worn:
        worn, parse = garment.body()
        figure = complete(worn, (photo.shape[0], photo.shape[1]), need=need, who=f"garment {garment.id}")
    else:
        figure, parse = guess_figure(mask, category), None
        if category != "lower":
            mask = without_inside(photo, mask, figure)
    return {"cut": cut(photo, mask, figure, category, parse), "target": target, "category": category}
