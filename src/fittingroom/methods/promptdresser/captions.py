"""Caption entries: what is said of a person and of a garment, read from ``captions.json`` or from a language model's answer.

An entry is an object with ``person`` and ``clothing``, each with the short phrases below; its keys are those of the
published caption files. The person is described apart from the garment, so that nothing of the old garment's look leaks
into a try-on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...core.errors import InputError

Part: TypeAlias = Literal["person", "clothing"]

#: what is said of a person; the last three say how an upper garment is worn
PERSON_KEYS = (
    "gender",
    "body shape",
    "hair length",
    "pose",
    "hand pose",
    "fit of upper cloth",
    "tucking style",
    "sleeve rolling style",
)
#: what is said of a garment
CLOTHING_KEYS = ("upper cloth category", "material", "sleeve", "neckline", "upper cloth length")
KEYS: Mapping[Part, tuple[str, ...]] = {"person": PERSON_KEYS, "clothing": CLOTHING_KEYS}
#: what wearing a garment another way means: these may be overridden for a try-on
STYLE_KEYS = PERSON_KEYS[5:]
#: longer phrases push the end of a prompt out of the text encoder's 77 tokens
MOST_WORDS = 12

#: what a language model is asked; one picture each, the garment's alone
QUESTIONS: Mapping[Part, str] = {
    "person": (
        "Describe the person in the picture for a fitting. Answer with one JSON object and nothing else. Its keys are: "
        + ", ".join(f'"{key}"' for key in PERSON_KEYS)
        + ". Values are short lower-case phrases of at most 12 words. body shape: slim, average or plus-size. hair length: short, "
        "medium or long. fit: tight, regular or loose fit. tucking style: fully tucked, half tucked or untucked. sleeve rolling style: "
        "unrolled, rolled up to the elbow, or no sleeves to roll. Say nothing of the colour, pattern, fabric or kind of the garments."
    ),
    "clothing": (
        "Describe the garment in the picture. Answer with one JSON object and nothing else. Its keys are: "
        + ", ".join(f'"{key}"' for key in CLOTHING_KEYS)
        + ". Values are short lower-case phrases of at most 12 words. sleeve: sleeveless, short sleeve, three-quarter sleeve or long "
        "sleeve. upper cloth length: crop, regular or long. Say nothing of a person."
    ),
}


@dataclass(frozen=True)
class Caption:
    """What is known of one photo.

    Args:
        person: phrases by key of :data:`PERSON_KEYS`; None where nothing is said.
        clothing: phrases by key of :data:`CLOTHING_KEYS`; None where nothing is said.
        source: who says it: ``captions.json``, ``rules``, or a model's name.
    """

    person: Mapping[str, str] | None = None
    clothing: Mapping[str, str] | None = None
    source: str = "captions.json"

    def phrase(self, part: Part, key: str, who: str) -> str:
        """One phrase.

        Raises:
            InputError: the part or the key is not there.
        """
        phrases = self.person if part == "person" else self.clothing
        if phrases is None or key not in phrases:
            missing = f"{key!r} of {part!r}" if phrases is not None else f"{part!r}"
            raise InputError(f"the caption of {who} has no {missing}", mend="complete captions.json")
        return phrases[key]

    def or_else(self, other: Caption) -> Caption:
        """This caption, with what it leaves open taken from another."""

        def merged(own: Mapping[str, str] | None, spare: Mapping[str, str] | None) -> Mapping[str, str] | None:
            return {**(spare or {}), **(own or {})} or None

        person, clothing = merged(self.person, other.person), merged(self.clothing, other.clothing)
        complete = (person, clothing) == (self.person, self.clothing)
        return Caption(person, clothing, self.source if complete else f"{self.source}, {other.source}")


def _phrases(part: Part, value: Any, who: str, strict: bool) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InputError(f"{part!r} of the caption of {who} is not an object", mend="write {key: phrase}")
    found: dict[str, str] = {}
    for key, phrase in value.items():
        name = str(key) if strict else " ".join(str(key).replace("_", " ").split()).lower()
        if name not in KEYS[part]:
            continue
        if not isinstance(phrase, str):
            if strict:
                raise InputError(f"{name!r} in the caption of {who} is not text", mend="write a short phrase")
            if isinstance(phrase, list) and all(isinstance(word, str) for word in phrase):
                phrase = ", ".join(phrase)
            else:
                continue
        found[name] = phrase
    return found


def read_entry(entry: Mapping[str, Any], who: str) -> Caption:
    """An entry of ``captions.json``; keys that are not known are left alone.

    Raises:
        InputError: a part that is no object, or a value that is no text.
    """
    parts = {part: _phrases(part, entry[part], who, strict=True) for part in KEYS if entry.get(part) is not None}
    source = entry.get("source", "captions.json")
    return Caption(parts.get("person"), parts.get("clothing"), source if isinstance(source, str) else "captions.json")


def to_entry(caption: Caption) -> dict[str, Any]:
    """The caption as an entry of ``captions.json``, with its source."""
    entry: dict[str, Any] = {"source": caption.source}
    if caption.person is not None:
        entry["person"] = dict(caption.person)
    if caption.clothing is not None:
        entry["clothing"] = dict(caption.clothing)
    return entry


def _objects(text: str) -> list[Any]:
    """Every JSON object that begins somewhere in a text, outermost ones only."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while (position := text.find("{", position)) >= 0:
        try:
            value, position = decoder.raw_decode(text, position)
            found.append(value)
        except json.JSONDecodeError:
            position += 1
    return found


def parse_answer(text: str, part: Part, source: str) -> Caption:
    """What a language model answered to one of :data:`QUESTIONS`.

    Models wrap their answer in prose or in a code fence, nest it below ``person`` or ``clothing``, write underscores for
    spaces, or give lines of "key: phrase"; all of these are understood. Phrases are lower-cased and cut after 12 words.

    Args:
        text: the answer.
        part: which question it answers.
        source: the model's name.

    Raises:
        InputError: no answer in it, or some keys are missing; the message names them.
    """
    phrases: dict[str, str] = {}
    for value in _objects(text):
        nested = value.get(part) if isinstance(value.get(part), Mapping) else value
        phrases |= _phrases(part, nested, source, strict=False)
    if not phrases:
        for line in text.splitlines():
            key, colon, phrase = re.sub(r"[*`\"]", "", line).strip("-•, \t").partition(":")
            name = " ".join(key.replace("_", " ").split()).lower()
            if colon and name in KEYS[part] and phrase.strip(" ,."):
                phrases[name] = phrase.strip(" ,.")
    phrases = {key: tidy(phrase) for key, phrase in phrases.items()}
    if missing := [key for key in KEYS[part] if not phrases.get(key)]:
        raise InputError(
            f"the answer of {source} lacks {', '.join(missing)}", mend="ask again, or write the caption by hand"
        )
    ordered = {key: phrases[key] for key in KEYS[part]}
    return Caption(ordered, None, source) if part == "person" else Caption(None, ordered, source)


def tidy(phrase: str) -> str:
    """One line, lower case, without a full stop, at most 12 words."""
    return " ".join(phrase.lower().split()[:MOST_WORDS]).strip(" .,;")
