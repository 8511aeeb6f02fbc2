"""What a seed gives, and the words for it: no picture is rendered here."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.methods.promptdresser.captions import CLOTHING_KEYS, PERSON_KEYS
from fittingroom.studio.annotate import colour_word, garment_words, person_words
from fittingroom.studio.cuts import LOWER, UPPER, sample_cut
from fittingroom.studio.dyes import sample_cloth
from fittingroom.studio.fabric import albedo, places
from fittingroom.studio.render import render
from fittingroom.studio.scene import mannequin
from fittingroom.studio.spec import plan


def test_same_seed_same_plan() -> None:
    assert asdict(plan(12, 5)) == asdict(plan(12, 5))
    assert asdict(plan(12, 5)) != asdict(plan(12, 6))


def test_people_and_garments_do_not_depend_on_how_many_there_are() -> None:
    few, many = plan(6, 5), plan(12, 5)
    assert few.models == many.models[:6]
    assert [guest.human for guest in few.guests] == [guest.human for guest in many.guests[:6]]


def test_every_kind_is_there() -> None:
    kinds = {model.articles[0].cut.kind for model in plan(24, 1).models}
    assert kinds == {*UPPER, *LOWER, "dress"}


def test_variants_share_cut_and_light_but_not_colours() -> None:
    model = plan(3, 1, variants=2).models[0]
    first, second = model.articles
    assert first.cut == second.cut
    assert first.cloth != second.cloth
    assert (first.id, second.id) == ("g0000a", "g0000b")


def test_pairs_name_other_garments_of_the_same_category() -> None:
    made = plan(12, 2)
    paired, unpaired = made.pairs()
    category = {article.id: article.category for model in made.models for article in model.articles}
    own = dict(paired)
    assert len(paired) == 12
    assert unpaired
    assert all(category[garment] == category[own[person]] and garment != own[person] for person, garment in unpaired)


def test_captions_have_the_keys_of_promptdresser() -> None:
    made = plan(6, 4)
    for guest in made.guests:
        article = made.models[guest.article].articles[0]
        cuts = {article.category: article.cut, **{name: cut for name, (cut, _) in guest.rest.items()}}
        person, clothing = person_words(guest, cuts), garment_words(article.cut, article.cloth)
        assert set(person) == set(PERSON_KEYS)
        assert set(clothing) == set(CLOTHING_KEYS)
        assert all(isinstance(said, str) and said for said in (*person.values(), *clothing.values()))


@pytest.mark.parametrize(("colour", "word"), [((0.02, 0.02, 0.02), "black"), ((0.5, 0.02, 0.03), "red")])
def test_colour_words(colour: tuple[float, float, float], word: str) -> None:
    assert colour_word(colour) == word


def test_print_is_the_same_function_of_cloth_in_the_shop_and_worn() -> None:
    """The same canonical points give the same colours, in whatever order and company they are asked for."""
    rng = np.random.default_rng(0)
    cut, body = sample_cut(rng, "t-shirt"), mannequin(1.0)
    points = rng.uniform((-0.1, 1.0, 0.05), (0.1, 1.3, 0.15), (500, 3)).astype(np.float32)
    region = np.zeros(500, np.int8)
    fields = {name: np.full(500, 0.3, np.float32) for name in ("neck", "hem", "sleeve")}
    for seed in range(8):
        cloth = sample_cloth(np.random.default_rng(seed), "t-shirt")
        whole = albedo(cut, cloth, places(body, points, region, fields))
        some = np.arange(499, -1, -3)
        part = {name: value[some] for name, value in fields.items()}
        assert np.array_equal(albedo(cut, cloth, places(body, points[some], region[some], part)), whole[some])
        assert whole.min() >= 0
        assert whole.max() <= 1


@pytest.mark.parametrize("wrong", [{"count": 0}, {"variants": 0}, {"counterfactuals": -1}, {"size": (32, 24)}])
def test_numbers_that_make_no_sense(tmp_path, wrong) -> None:
    settings = {"count": 1, "seed": 1} | wrong
    with pytest.raises(InputError, match="at least one person"):
        render(tmp_path, **settings)
    assert not list(tmp_path.iterdir())
