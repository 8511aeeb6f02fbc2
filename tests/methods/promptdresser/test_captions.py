"""Captions: given, answered by a language model, made by rule; and the prompts made of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.data.dataset import Dataset
from fittingroom.methods.promptdresser.captions import (
    CLOTHING_KEYS,
    PERSON_KEYS,
    QUESTIONS,
    Caption,
    parse_answer,
    read_entry,
    to_entry,
)
from fittingroom.methods.promptdresser.prompts import caption_key, clothing_prompt, full_prompt, pair_prompts, prompts
from fittingroom.methods.promptdresser.rules import colour_words, garment_caption, person_caption

PERSON = {
    "gender": "Woman",
    "body shape": "slim",
    "hair length": "long",
    "pose": "standing facing forward",
    "hand pose": "on hips",
    "fit of upper cloth": "regular fit",
    "tucking style": "fully tucked",
    "sleeve rolling style": "unrolled",
}
CLOTHING = {
    "upper cloth category": "Shirt",
    "material": "cotton",
    "sleeve": "long sleeve",
    "neckline": "collared",
    "upper cloth length": "regular",
}


def test_the_documented_prompt() -> None:
    garment = Caption({**PERSON, "sleeve rolling style": "rolled up to elbow"}, CLOTHING)
    assert full_prompt(Caption(PERSON), garment, ("a", "b")) == (
        "a slim woman wears regular fit, shirt (cotton), collared, rolled up to elbow, fully tucked. "
        "with long hair, standing facing forward with hands on hips"
    )
    assert clothing_prompt(garment, "b") == "a shirt, cotton, with long sleeve, collared"


def test_another_way_of_wearing_is_said() -> None:
    garment = Caption(None, {**CLOTHING, "sleeve": "short", "upper cloth length": "crop"})
    names = ("a", "b")
    plain = full_prompt(Caption(PERSON), garment, names)
    assert "collared, short sleeve, untucked. with" in plain
    style = {
        "fit of upper cloth": "loose fit",
        "tucking style": "half tucked",
        "sleeve rolling style": "rolled up",
    }
    assert "wears loose fit, shirt (cotton), collared, rolled up, half tucked. with" in full_prompt(
        Caption(PERSON), garment, names, style
    )
    with pytest.raises(InputError, match="no style named colour"):
        full_prompt(Caption(PERSON), garment, names, {"colour": "red"})


@pytest.mark.parametrize("key", [*PERSON_KEYS[:7], *CLOTHING_KEYS])
def test_a_missing_phrase_is_named(key: str) -> None:
    person = Caption({name: phrase for name, phrase in PERSON.items() if name != key})
    garment = Caption(None, {name: phrase for name, phrase in CLOTHING.items() if name != key})
    with pytest.raises(InputError) as caught:
        prompts(person, garment, ("ada", "shirt"))
    assert repr(key) in str(caught.value)
    assert ("ada" if key in PERSON else "shirt") in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"person": "tall"}, "'person' of the caption of x is not an object"),
        ({"clothing": {"sleeve": 3}}, "'sleeve' in the caption of x is not text"),
    ],
)
def test_odd_entries_are_one_line(entry: dict[str, object], line: str) -> None:
    with pytest.raises(InputError, match=line):
        read_entry(entry, "x")


def test_a_caption_is_written_and_read_again() -> None:
    caption = Caption(PERSON, CLOTHING, "somebody")
    assert read_entry(json.loads(json.dumps(to_entry(caption))), "x") == caption
    assert read_entry({"hair": "long", "wears": ["x"]}, "x") == Caption()


def test_what_is_left_open_is_completed_and_both_sources_are_named() -> None:
    given = Caption({"gender": "man"}, CLOTHING, "captions.json")
    completed = given.or_else(Caption(PERSON, {"sleeve": "none"}, "rules"))
    assert completed.person == {**PERSON, "gender": "man"}
    assert completed.clothing == CLOTHING
    assert completed.source == "captions.json, rules"
    assert Caption(PERSON, CLOTHING).or_else(Caption(PERSON, CLOTHING, "rules")).source == "captions.json"


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(CLOTHING),
        "Sure! Here it is:\n```json\n" + json.dumps(CLOTHING, indent=2) + "\n```\nAnything else?",
        json.dumps({"clothing": CLOTHING}),
        json.dumps({key.replace(" ", "_").title(): phrase for key, phrase in CLOTHING.items()}),
        "\n".join(f"- **{key.capitalize()}**: {phrase}," for key, phrase in CLOTHING.items()),
        '{"broken": ' + json.dumps(CLOTHING),
        json.dumps({**CLOTHING, "sleeve": ["long sleeve"], "colour": "red", "neckline": "collared."}),
    ],
)
def test_answers_of_language_models_are_understood(answer: str) -> None:
    found = parse_answer(answer, "clothing", "some-model")
    assert found == Caption(None, {key: phrase.lower() for key, phrase in CLOTHING.items()}, "some-model")


def test_answers_that_lack_something_say_what() -> None:
    with pytest.raises(InputError, match=r"the answer of m lacks material, sleeve, neckline, upper cloth length"):
        parse_answer('{"upper cloth category": "shirt", "material": null}', "clothing", "m")
    with pytest.raises(InputError, match="lacks gender"):
        parse_answer("I cannot help with that.", "person", "m")


def test_long_phrases_are_cut() -> None:
    answer = {**PERSON, "pose": "word " * 40}
    assert parse_answer(json.dumps(answer), "person", "m").person["pose"] == " ".join(["word"] * 12)  # type: ignore[index]


def test_the_questions_name_every_key() -> None:
    for part, keys in (("person", PERSON_KEYS), ("clothing", CLOTHING_KEYS)):
        assert all(f'"{key}"' in QUESTIONS[part] for key in keys)  # type: ignore[index]


def test_keys_of_captions() -> None:
    assert caption_key("00006_00.jpg") == "00006_00"
    assert caption_key("020714_0.jpg", by_category=True) == "020714"
    assert caption_key("a_b_c_d.jpg", by_category=True) == "a_b_c_d"
    with pytest.raises(InputError, match="no caption of nobody"):
        pair_prompts({}, "nobody.jpg", "x.jpg")


# --- by rule ----------------------------------------------------------------------------------------------------
def test_rules_find_the_drawn_garments(drawn: Dataset) -> None:
    """The words follow what was drawn: kind, sleeves, colours."""
    wanted = {
        "sun-tee": ("t-shirt", "yellow", "short sleeve"),
        "rib-tank": ("tank top", "turquoise", "sleeveless"),
        "sailor": ("top", "navy", "long sleeve"),
        "grey-hoodie": ("top", "grey", "long sleeve"),
        "olive-trousers": ("long pants", "olive", "no sleeves"),
        "pleated-skirt": ("skirt", "purple", "no sleeves"),
        "sand-shorts": ("short pants", "beige", "no sleeves"),
        "red-dress": ("dress", "red", ""),
    }
    for name, (kind, colour, sleeve) in wanted.items():
        garment = drawn.garments[name]
        said = garment_caption(garment.image(), garment.mask(), garment.category).clothing
        assert said is not None
        assert set(said) == set(CLOTHING_KEYS)
        assert kind in said["upper cloth category"], name
        assert colour in said["material"], name
        assert sleeve in said["sleeve"], name


def test_rules_describe_every_drawn_person(drawn: Dataset) -> None:
    phrases = [person_caption(person.parse(), person.pose()).person for person in drawn.people.values()]
    for said in phrases:
        assert said is not None
        assert set(said) == set(PERSON_KEYS)
        assert all(said.values())
    # the drawn people differ, and so do the words for them
    for key in ("body shape", "hair length", "fit of upper cloth", "tucking style", "sleeve rolling style"):
        assert len({said[key] for said in phrases if said}) > 1, key


@pytest.mark.parametrize(
    ("colours", "words"),
    [
        ([(250, 250, 250)], "plain white fabric"),
        ([(10, 10, 12)], "plain black fabric"),
        ([(200, 30, 40)], "plain red fabric"),
        ([(20, 30, 80)], "plain navy fabric"),
        ([(250, 250, 250), (250, 250, 250), (20, 30, 80)], "white and navy patterned fabric"),
    ],
)
def test_colours_are_named(colours: list[tuple[int, int, int]], words: str) -> None:
    image = np.zeros((30, 30, 3), np.uint8)
    for index, colour in enumerate(colours):
        image[index * 30 // len(colours) :] = colour
    assert colour_words(image, np.ones((30, 30), bool)) == words


def test_no_garment_is_one_line() -> None:
    with pytest.raises(InputError, match="no garment to describe"):
        garment_caption(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), bool), "upper")
