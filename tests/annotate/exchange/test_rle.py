"""Run-length codes: equal to what pycocotools 2.0.11 and label-studio-sdk 2.1.2 make, and exact both ways."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fittingroom.annotate.exchange.rle import (
    brush_decode,
    brush_encode,
    coco_counts,
    coco_lengths,
    coco_mask,
    coco_string,
)
from fittingroom.core.errors import InputError

Mask = npt.NDArray[np.bool_]


def hole() -> Mask:
    mask = np.zeros((7, 9), bool)
    mask[2:5, 3:7] = True
    mask[3, 4] = False
    return mask


def corners() -> Mask:
    mask = np.zeros((5, 6), bool)
    mask[0, 0] = mask[4, 5] = True
    return mask


def noise() -> Mask:
    return np.random.default_rng(5).random((9, 11)) > 0.5


#: mask, pycocotools.mask.encode(...)["counts"], label_studio_sdk.converter.brush.mask2rle(...)
RECORDED = [
    (hole(), "g034NM03200<", "0 0 0 252 57 27 254 83 0 191 255 132 192 35 255 140 2 127 252 38 1 127 255 39 128 0"),
    (corners(), "01l00", "0 0 0 120 57 27 252 127 249 188 2 63 240"),
    (np.ones((4, 3), bool), "0<", "0 0 0 48 57 27 254 47 255 0"),
    (
        noise(),
        "0110030M21NO020N0000020N010O20N11OO23OO0NO10O031M41KO010O0110",
        "0 0 1 140 57 27 253 191 252 46 1 63 252 224 22 255 231 0 143 254 48 8 255 227 0 143 254 48 9 255 227 0 159 254 48 8 "
        "255 227 0 143 254 216 4 127 243 128 71 255 24 4 127 243 128 91 255 156 2 63 248 192 35 255 140 2 63 248 192 39 255 "
        "140 2 223 252 224 17 255 198 1 63 252 96 17 255 206 1 31 252 96 24 95 254 48 9 255 227 0 143 254 48 8 255 239 128 "
        "91 255 140 2 63 248 192 35 255 156 0",
    ),
]


@pytest.mark.parametrize(("mask", "coco", "brush"), RECORDED)
def test_it_is_what_the_tools_themselves_write_and_read(mask: Mask, coco: str, brush: str) -> None:
    assert coco_string(coco_counts(mask)) == coco
    np.testing.assert_array_equal(coco_mask(coco_lengths(coco), mask.shape), mask)
    numbers = [int(word) for word in brush.split()]
    np.testing.assert_array_equal(brush_decode(numbers, mask.shape), mask)
    if not mask.all():  # of equal lengths for a run, the tool takes a longer one in a full picture
        assert brush_encode(mask) == numbers


def test_literal_blocks_are_read() -> None:
    values = [0, 0, 0, 255, 9, 9, 9, 200]  # two pixels, four channels
    head = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    text = head + "000" + f"{7:03b}" + "".join(f"{value:08b}" for value in values)
    text += "0" * (-len(text) % 8)
    data = [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]
    np.testing.assert_array_equal(brush_decode(data, (1, 2)), [[True, True]])


masks = st.tuples(st.integers(1, 24), st.integers(1, 24), st.integers(0, 2**32 - 1), st.floats(0, 1)).map(
    lambda given: np.random.default_rng(given[2]).random(given[:2]) < given[3]
)


@settings(max_examples=150, deadline=None)
@given(masks)
def test_both_are_exact_both_ways(mask: Mask) -> None:
    np.testing.assert_array_equal(coco_mask(coco_lengths(coco_string(coco_counts(mask))), mask.shape), mask)
    np.testing.assert_array_equal(brush_decode(brush_encode(mask), mask.shape), mask)


def test_large_runs() -> None:
    mask = np.zeros((700, 500), bool)
    mask[100:600] = True
    np.testing.assert_array_equal(coco_mask(coco_lengths(coco_string(coco_counts(mask))), mask.shape), mask)
    np.testing.assert_array_equal(brush_decode(brush_encode(mask), mask.shape), mask)


@pytest.mark.parametrize("text", ["\x01", "zzzz", "o" * 40, "0Q", "5"])
def test_a_broken_coco_code_is_one_line(text: str) -> None:
    with pytest.raises(InputError):
        coco_mask(coco_lengths(text), (3, 3))


@pytest.mark.parametrize("data", [[], [1, 2, 3], [300], ["a"], brush_encode(hole())[:-8], brush_encode(corners())])
def test_a_broken_brush_code_is_one_line(data: list[int]) -> None:
    with pytest.raises(InputError):
        brush_decode(data, (7, 9))
