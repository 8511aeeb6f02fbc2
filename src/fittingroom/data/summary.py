"""A dataset at a glance: counts in words, and a contact sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import cv2
import numpy as np

from ..core.errors import FittingroomError
from ..core.images import UInt8, fit_size, resize_image
from ..core.labels import label_set
from ..core.pose import draw_skeleton
from .dataset import Dataset
from .sample import Garment, Person, Sample

_CONDITIONS = ("pose", "parse", "densepose", "agnostic", "mask", "garment-parse", "caption")


def summary(dataset: Dataset) -> str:
    """What is in a dataset, as plain text; decodes nothing."""
    lines = [f"{dataset.name} ({dataset.layout}) in {dataset.root}"]
    for key in ("provenance", "licence", "consent"):
        if dataset.info.get(key):
            lines.append(f"{key}: {dataset.info[key]}")
    lines.append(f"people: {len(dataset.people)}")
    for condition in _CONDITIONS:
        count = sum(person.has(condition) for person in dataset.people.values())
        if count:
            lines.append(f"  with {condition}: {count}")
    kinds = Counter((garment.category, garment.worn) for garment in dataset.garments.values())
    lines.append(f"garments: {len(dataset.garments)}")
    lines += [
        f"  {category}, {'worn' if worn else 'in-shop'}: {count}" for (category, worn), count in sorted(kinds.items())
    ]
    lines += [f"{setting} pairs: {len(pairs)}" for setting, pairs in dataset.pairs.items()]
    if dataset.truths:
        lines.append(f"true pictures of unpaired samples: {len(dataset.truths)}")
    lines += [f"note: {issue}" for issue in dataset.issues[:10]]
    if len(dataset.issues) > 10:
        lines.append(f"note: and {len(dataset.issues) - 10} more, see `fittingroom dataset check`")
    return "\n".join(lines)


def _overlaid(person: Person) -> UInt8:
    parse = person.parse()
    colours = label_set(parse.labels_in.name).palette[parse.labels]
    mixed = 0.35 * person.image() + 0.65 * colours
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _outlined(garment: Garment) -> UInt8:
    """The garment with the outline of its mask in red, where it has one of its size."""
    image = garment.image()
    try:
        mask = garment.mask().astype(np.uint8)
    except FittingroomError:
        return image
    if mask.shape != image.shape[:2]:
        return image
    reach = max(1, round(max(mask.shape) / 250))
    rim = cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) != mask
    return np.where(rim[..., None], np.array((220, 30, 30), np.uint8), image).astype(np.uint8)


def _cell(make: Callable[[], UInt8], box: tuple[int, int]) -> UInt8:
    """A picture fitted into a box on white; an empty grey box where it cannot be made."""
    out = np.full((*box, 3), 255, np.uint8)
    try:
        image = make()
    except FittingroomError:
        out[:] = 235
        return out
    size = fit_size((image.shape[0], image.shape[1]), box)
    top, left = (box[0] - size[0]) // 2, (box[1] - size[1]) // 2
    out[top : top + size[0], left : left + size[1]] = resize_image(image, size)
    return out


def contact_sheet(dataset: Dataset, count: int = 8, box: tuple[int, int] = (256, 192)) -> UInt8:
    """Person, pose, parse and garment (its mask outlined) of the first samples, one row each, two samples beside each other.

    Where the dataset has no pairs, people are shown with garments in their order.

    Args:
        dataset: whose.
        count: so many samples.
        box: (height, width) of each picture.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    pairs = dataset.pairs.get("unpaired") or dataset.pairs.get("paired") or ()
    samples: list[Sample | Person] = [dataset.sample(pair) for pair in pairs[:count]]
    if not samples:
        samples = [person.fresh() for person in list(dataset.people.values())[:count]]
    rows = []
    for entry in samples:
        person = entry.person if isinstance(entry, Sample) else entry
        makers: list[Callable[[], UInt8]] = [
            person.image,
            lambda person=person: draw_skeleton(
                person.pose(), (person.image().shape[0], person.image().shape[1]), person.image()
            ),  # type: ignore[misc]
            lambda person=person: _overlaid(person),  # type: ignore[misc]
        ]
        if isinstance(entry, Sample):
            makers.append(lambda garment=entry.garment: _outlined(garment))  # type: ignore[misc]
        rows.append(np.concatenate([_cell(make, box) for make in makers], axis=1))
    if not rows:
        return np.full((*box, 3), 255, np.uint8)
    if len(rows) % 2:
        rows.append(np.full_like(rows[0], 255))
    gap = np.full((rows[0].shape[0], 12, 3), 255, np.uint8)
    return np.concatenate(
        [np.concatenate([rows[index], gap, rows[index + 1]], axis=1) for index in range(0, len(rows), 2)], axis=0
    )
