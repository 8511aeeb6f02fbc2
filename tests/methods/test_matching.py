"""A laid garment's own pattern in a painted picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fittingroom.methods.ladi_vton import details as ladi
from fittingroom.methods.matching import Likeness, match_details
from fittingroom.methods.promptdresser import details as dresser

HEIGHT, WIDTH = 128, 96
BOTH = pytest.mark.parametrize("likeness", [ladi.LIKENESS, dresser.LIKENESS], ids=["ladi-vton", "promptdresser"])


def striped(colour: tuple[int, int, int]) -> np.ndarray:
    """Stripes of a colour and a lighter one."""
    light = [min(255, each + 90) for each in colour]
    rows = (np.arange(HEIGHT) // 4 % 2)[:, None, None]
    return np.broadcast_to(np.where(rows, light, colour), (HEIGHT, WIDTH, 3)).astype(np.uint8)


@BOTH
def test_painted_smears_get_their_stripes_back_and_others_do_not(likeness: Likeness) -> None:
    given = striped((120, 30, 40))
    made = cv2.GaussianBlur(given, (0, 0), 6)
    made[40:60] = 150, 190, 60  # another garment before it
    made[:, 80:] = 128
    where = np.zeros((HEIGHT, WIDTH), bool)
    where[8:120, 8:80] = True
    out = match_details(made, given, where, likeness)
    assert np.array_equal(out[~where], made[~where])
    cloth = np.s_[75:110, 16:70]
    assert (
        np.abs(out[cloth].astype(int) - given[cloth]).mean()
        < 0.4 * np.abs(made[cloth].astype(int) - given[cloth]).mean()
    )
    other = np.s_[46:54, 16:70]
    assert np.abs(out[other].astype(int) - made[other]).mean() < 6
    assert match_details(made, given, np.zeros_like(where), likeness) is made


@BOTH
def test_some_of_another_light_is_kept(likeness: Likeness) -> None:
    given = striped((120, 30, 40))
    dark = (cv2.GaussianBlur(given, (0, 0), 6) * 0.7).astype(np.uint8)
    out = match_details(dark, given, np.ones((HEIGHT, WIDTH), bool), likeness)
    middle = np.s_[20:108, 16:80]
    apart = given[middle].mean() - dark[middle].mean()
    assert 0 < out[middle].mean() - dark[middle].mean() < (likeness.colour[0] + 0.1) * apart
    assert out[middle].std(axis=0).mean() > 2 * dark[middle].std(axis=0).mean()
