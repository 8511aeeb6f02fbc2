"""The photo back outside the mask, and inside it where the picture shows the same."""

from __future__ import annotations

import numpy as np

from fittingroom.core.labels import CIHP20
from fittingroom.data.sample import Parse
from fittingroom.methods.pasting import keep_same, paste_back, same_parts

HEIGHT, WIDTH = 120, 90
WALL, SHIRT, SKIN = (180, 180, 185), (40, 70, 160), (200, 150, 120)


def scene() -> tuple[np.ndarray, Parse, np.ndarray]:
    """A grainy photo with a wall, a shirt and an arm, its parse, and a mask around shirt and arm."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[30:90, 30:60] = CIHP20.ids["upper-clothes"]
    labels[40:100, 62:74] = CIHP20.ids["left-arm"]
    photo = np.empty((HEIGHT, WIDTH, 3), np.float32)
    photo[:] = WALL
    photo[labels == CIHP20.ids["upper-clothes"]] = SHIRT
    photo[labels == CIHP20.ids["left-arm"]] = SKIN
    photo += np.random.default_rng(0).normal(0, 6, photo.shape)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:105, 15:82] = True
    return photo.clip(0, 255).round().astype(np.uint8), Parse(labels, CIHP20), mask


def test_wall_and_skin_that_look_the_same_are_the_photos() -> None:
    photo, parse, mask = scene()
    made = np.empty_like(photo)
    made[:] = WALL
    made[30:90, 30:60] = 90, 160, 60  # another shirt
    made[40:100, 62:74] = SKIN
    out = keep_same(photo, made, same_parts(parse) & mask)
    assert np.array_equal(out[45:95, 65:71], photo[45:95, 65:71])
    assert np.array_equal(out[40:90, 18:26], photo[40:90, 18:26])
    assert np.array_equal(out[34:86, 34:56], made[34:86, 34:56])
    assert np.array_equal(out[~mask], made[~mask])


def test_what_looks_different_stays_as_it_was_made() -> None:
    photo, parse, mask = scene()
    made = np.empty_like(photo)
    made[:] = WALL
    made[25:100, 20:78] = 30, 120, 40  # a coat, over the arm and far into the wall
    out = keep_same(photo, made, same_parts(parse) & mask)
    assert np.array_equal(out[32:95, 26:74], made[32:95, 26:74])
    # what is known to be covered stays as well, whatever its colour
    made[40:100, 62:74] = SKIN
    free = same_parts(parse) & mask
    free[:, 60:] = False
    assert np.array_equal(keep_same(photo, made, free)[45:95, 65:71], made[45:95, 65:71])
    assert keep_same(photo, made, np.zeros_like(mask)) is made


def test_only_wall_and_skin_may_stay() -> None:
    _, parse, _ = scene()
    found = same_parts(parse)
    assert not found[30:90, 30:60].any()
    assert found[45:95, 64:72].all()
    assert found[:28].all()


def test_outside_the_mask_is_the_photo_and_the_edge_is_soft() -> None:
    photo, _, mask = scene()
    made = np.full_like(photo, 255)
    for feather in (0.0, 0.05):
        out = paste_back(photo, made, mask, feather)
        assert np.array_equal(out[~mask], photo[~mask])
        assert (out[40:80, 30:60] == 255).all()
    assert (paste_back(photo, made, mask, 0.0)[mask] == 255).all()
    row = paste_back(np.zeros_like(photo), made, mask, 0.05)[60, 14:24, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert len(set(row.tolist())) > 3
