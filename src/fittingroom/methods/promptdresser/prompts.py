"""Prompts out of captions. The words are those that the published weights were trained with; nothing may be changed in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ...core.errors import InputError
from .captions import STYLE_KEYS, Caption, read_entry

#: pairs that the published lists leave out of Dress Code, by category: the photo is broken
BAD_PHOTOS: Mapping[str, frozenset[str]] = {"upper_body": frozenset({"012143_0"})}


@dataclass(frozen=True)
class Prompts:
    """The two prompts of one try-on.

    Args:
        full: the person in the garment; guides the main network.
        clothing: the garment alone; guides the garment network.
    """

    full: str = ""
    clothing: str = ""


def clothing_prompt(garment: Caption, who: str) -> str:
    """The garment alone.

    Raises:
        InputError: a phrase is missing.
    """
    say = {
        key: garment.phrase("clothing", key, who) for key in ("upper cloth category", "material", "sleeve", "neckline")
    }
    return f"a {say['upper cloth category']}, {say['material']}, with {say['sleeve']}, {say['neckline']}".lower()


def full_prompt(
    person: Caption, garment: Caption, names: tuple[str, str], style: Mapping[str, str] | None = None
) -> str:
    """The person in the garment.

    Body, hair, pose, fit and tucking are the person's; the garment's are its own. How sleeves are rolled is told by
    whoever wears the garment in its caption, else by the person.

    Args:
        person: of the person to be dressed.
        garment: of the garment; its ``person`` is the wearer in the catalogue, where there is one.
        names: ids of person and garment, for messages.
        style: phrases by key of :data:`~fittingroom.methods.promptdresser.captions.STYLE_KEYS` that replace what would be said.

    Raises:
        InputError: a phrase is missing, or an unknown style.
    """
    style = style or {}
    if unknown := sorted(set(style) - set(STYLE_KEYS)):
        raise InputError(f"no style named {', '.join(unknown)}", mend=f"there are: {', '.join(STYLE_KEYS)}")
    wearer, dress = names

    def of(key: str) -> str:
        return style[key] if key in style else person.phrase("person", key, wearer)

    def cloth(key: str) -> str:
        return garment.phrase("clothing", key, dress)

    if "sleeve rolling style" in style:
        sleeve = style["sleeve rolling style"]
    elif "short" in cloth("sleeve"):
        sleeve = "short sleeve"
    else:
        owner, name = (garment, dress) if garment.person is not None else (person, wearer)
        sleeve = owner.phrase("person", "sleeve rolling style", name)
    if "tucking style" not in style and "crop" in cloth("upper cloth length"):
        tucking = "untucked"
    else:
        tucking = of("tucking style")
    return (
        f"a {of('body shape')} {of('gender')} wears {of('fit of upper cloth')}, {cloth('upper cloth category')} "
        f"({cloth('material')}), {cloth('neckline')}, {sleeve}, {tucking}. with {of('hair length')} hair, "
        f"{of('pose')} with hands {of('hand pose')}"
    ).lower()


def prompts(
    person: Caption,
    garment: Caption,
    names: tuple[str, str] = ("person", "garment"),
    style: Mapping[str, str] | None = None,
) -> Prompts:
    """Both prompts of a try-on; see :func:`full_prompt` and :func:`clothing_prompt`."""
    return Prompts(full_prompt(person, garment, names, style), clothing_prompt(garment, names[1]))


def caption_key(file: str, *, by_category: bool = False) -> str:
    """Under which key a photo's caption is kept.

    Args:
        file: name of the photo's file.
        by_category: the layout has one folder per category (Dress Code): the key is the name up to the first ``_``, unless
            the name has four parts or more.
    """
    stem = PurePosixPath(file).stem
    parts = stem.split("_")
    return parts[0] if by_category and len(parts) < 4 else stem


def pair_prompts(
    captions: Mapping[str, Mapping[str, Any]] | None,
    person: str,
    garment: str,
    *,
    by_category: bool = False,
) -> Prompts:
    """Prompts of a pair of files out of a caption file.

    Args:
        captions: the content of the caption file; None where there is none: both prompts are empty then.
        person: name of the person's file.
        garment: name of the garment's file.
        by_category: see :func:`caption_key`.

    Raises:
        InputError: no entry for one of them, or a phrase is missing.
    """
    if captions is None:
        return Prompts()
    keys = [caption_key(name, by_category=by_category) for name in (person, garment)]
    for key in keys:
        if key not in captions:
            raise InputError(f"no caption of {key}", mend="complete captions.json")
    own, other = (read_entry(captions[key], key) for key in keys)
    return prompts(own, other, (keys[0], keys[1]))


def is_skipped(person: str, garment: str, category: str = "") -> bool:
    """Whether the published lists of prompts leave a pair out because one of its photos is bad."""
    bad = BAD_PHOTOS.get(category, frozenset())
    return any(PurePosixPath(name).stem in bad for name in (person, garment))


def in_published_order(lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs in the order in which the published code returns them: by person, then by garment."""
    return sorted(lines)
