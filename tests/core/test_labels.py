"""Label sets and the maps between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittingroom.core import labels
from fittingroom.core.errors import InputError

NAMES = list(labels.LABEL_SETS)


@pytest.mark.parametrize("name", NAMES)
def test_every_set_speaks_the_shared_vocabulary(name: str) -> None:
    entry = labels.label_set(name)
    assert len(set(entry.names)) == len(entry.names)
    assert set(entry.names) <= set(labels.PARTS)
    assert entry.names[0] == "background"
    assert len({tuple(entry.palette[index]) for index in range(len(entry))}) == len(entry)


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_parts_that_both_sets_have_survive_a_round_trip(source: str, target: str) -> None:
    there, back = labels.mapping(source, target), labels.mapping(target, source)
    lost = labels.lost_parts(source, target)
    for index, part in enumerate(labels.label_set(source).names):
        if part not in lost:
            assert labels.label_set(target).names[there[index]] == part
            assert back[there[index]] == index


def test_what_a_set_lacks_goes_to_its_stand_in() -> None:
    to_atr = labels.mapping("cihp20", "atr18")
    atr, cihp = labels.ATR18, labels.CIHP20
    assert atr.names[to_atr[cihp.ids["coat"]]] == "upper-clothes"
    assert atr.names[to_atr[cihp.ids["torso-skin"]]] == "background"
    from_atr = labels.mapping("atr18", "cihp20")
    assert cihp.names[from_atr[atr.ids["bag"]]] == "background"
    assert labels.CIHP20.names[labels.mapping("lip20", "cihp20")[10]] == "dress"


def test_known_ids() -> None:
    # read off the conventions themselves: a changed order would silently dress people in the wrong parts
    assert [labels.CIHP20.ids[part] for part in ("upper-clothes", "torso-skin", "face", "right-shoe")] == [
        5,
        10,
        13,
        19,
    ]
    assert [labels.ATR18.ids[part] for part in ("upper-clothes", "pants", "left-leg", "right-arm", "scarf")] == [
        4,
        6,
        12,
        15,
        17,
    ]
    assert [labels.LIP20.ids[part] for part in ("jumpsuits", "left-arm")] == [10, 14]


@given(st.lists(st.integers(0, 19), min_size=1, max_size=50))
def test_masks_select_exactly_their_parts(ids: list[int]) -> None:
    array = np.array([ids], np.uint8)
    mask = labels.CIHP20.mask(array, "upper-clothes", "coat")
    assert (mask == np.isin(array, [5, 7])).all()


def test_unknown_words_ids_and_sets() -> None:
    with pytest.raises(KeyError):
        labels.CIHP20.mask(np.zeros((1, 1), np.uint8), "trousers")
    assert labels.CIHP20.unknown_ids(np.array([[0, 20, 255]], np.uint8)) == [20, 255]
    assert not labels.ATR18.mask(np.array([[3]], np.uint8), "coat").any()
    with pytest.raises(InputError, match="no label set named 'x' — choose one of"):
        labels.label_set("x")


def test_groups_of_viton_hd() -> None:
    array = np.arange(20, dtype=np.uint8)[None]
    grouped = labels.group(array, labels.CIHP20, labels.VITON_HD_GROUPS)[0]
    assert grouped.tolist() == [0, 1, 1, 12, 2, 3, 3, 3, 11, 4, 0, 12, 4, 2, 5, 6, 7, 8, 9, 10]
