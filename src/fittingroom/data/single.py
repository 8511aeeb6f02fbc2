"""One sample made of loose files, for trying on without a dataset."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from ..core.labels import label_set as find_label_set
from .sample import CATEGORIES, Category, Garment, Person, Sample


def as_category(name: str) -> Category:
    """The category called ``name``.

    Raises:
        InputError: no such category.
    """
    for category in CATEGORIES:
        if category == name:
            return category
    raise InputError(f"no category named {name!r}", mend=f"choose from {', '.join(CATEGORIES)}")


def _existing(**files: Path | str | None) -> dict[str, Path]:
    found = {name: Path(path) for name, path in files.items() if path is not None}
    for path in found.values():
        if not path.is_file():
            raise InputError("no such file", path=path)
    return found


def sample_from_files(
    person: Path | str,
    garment: Path | str,
    *,
    category: str = "upper",
    person_pose: Path | str | None = None,
    person_parse: Path | str | None = None,
    garment_mask: Path | str | None = None,
    garment_pose: Path | str | None = None,
    garment_parse: Path | str | None = None,
    label_set: str = "cihp20",
    worn: bool | None = None,
) -> Sample:
    """A sample from a person's photo, a garment's photo and their annotation files, as far as there are any.

    Args:
        person: the person's photo.
        garment: the garment's photo.
        category: ``upper``, ``lower`` or ``dress``.
        person_pose: OpenPose JSON.
        person_parse: label map.
        garment_mask: mask of an in-shop garment.
        garment_pose: OpenPose JSON of a worn garment's wearer.
        garment_parse: label map of a worn garment's photo.
        label_set: convention of the label maps.
        worn: whether somebody wears the garment in its photo; by default a garment with a parse is worn.

    Raises:
        InputError: a file that is not there, an unknown category or label set.
    """
    find_label_set(label_set)
    worn = garment_parse is not None if worn is None else worn
    return Sample(
        Person(Path(person).stem, _existing(image=person, pose=person_pose, parse=person_parse), label_set),
        Garment(
            Path(garment).stem,
            _existing(image=garment, mask=garment_mask, pose=garment_pose, parse=garment_parse),
            label_set,
            category=as_category(category),
            worn=worn,
        ),
        paired=False,
    )
