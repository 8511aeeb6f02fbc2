"""The photo comes back where trying on changed nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fittingroom.core.errors import InputError
from fittingroom.core.images import UInt8
from fittingroom.data.dataset import Dataset
from fittingroom.data.regions import MARGIN, dilate
from fittingroom.data.sample import Sample
from fittingroom.methods.pasta_gan_pp.folder import save_generator
from fittingroom.methods.pasta_gan_pp.method import PastaGan
from fittingroom.methods.pasta_gan_pp.network import Generator
from fittingroom.methods.pasta_gan_pp.paste import Backdrop, backdrop, paste
from fittingroom.methods.pasta_gan_pp.placing import on_canvas
from fittingroom.methods.pasta_gan_pp.recolour import recoloured
from fittingroom.methods.pasta_gan_pp.regions import BACKGROUND, CLASS_LIMBS, CLASS_SKIRT, CLASS_TOPS
from fittingroom.weights.recommended import recommend

from .conftest import TINY

WHITE = {"trained": {"options": {"background": "white"}}}


def sample_of(drawn: Dataset, category: str) -> Sample:
    found = next(each for each in drawn.samples("unpaired") if each.category == category and each.wearer is not None)
    worn = found.worn_garment()
    assert worn is not None
    return replace(found, garment=worn, wearer=None)


def red(back: Backdrop) -> UInt8:
    return np.broadcast_to(np.array([255, 0, 0], np.uint8), back.photo.shape).copy()


@pytest.fixture
def back(drawn: Dataset) -> Backdrop:
    return backdrop(sample_of(drawn, "upper"))


def test_a_network_that_draws_the_same_classes_changes_the_garment_alone(back: Backdrop) -> None:
    out = paste(back, red(back), back.classes)
    top = back.classes == CLASS_TOPS
    inner = top & ~dilate(~top, 3)
    assert (out[inner] == [255, 0, 0]).all()
    assert np.array_equal(out[back.kept], back.photo[back.kept])
    far = ~dilate(top, 4)
    assert np.array_equal(out[far], back.photo[far])


def test_a_removed_garment_leaves_the_wall(back: Backdrop) -> None:
    """Not the old garment's colour, and not the network's white either."""
    out = paste(back, red(back), np.where(back.classes == CLASS_TOPS, BACKGROUND, back.classes).astype(np.uint8))
    top = back.classes == CLASS_TOPS
    inner = top & ~dilate(~top, 3)
    wall = back.photo[back.ground]
    assert (out[inner] >= wall.min(axis=0)).all()
    assert (out[inner] <= wall.max(axis=0)).all()
    assert not (out == [255, 0, 0]).all(axis=-1).any()


def test_bared_arms_are_drawn_and_seen_ones_stay(back: Backdrop) -> None:
    out = paste(back, red(back), np.where(back.classes == CLASS_TOPS, CLASS_LIMBS, back.classes).astype(np.uint8))
    top = back.classes == CLASS_TOPS
    assert (out[top & ~dilate(~top, 3)] == [255, 0, 0]).all()
    seen = (back.classes == CLASS_LIMBS) & ~dilate(top, 4)
    assert seen.any()
    assert np.array_equal(out[seen], back.photo[seen])


def test_a_wider_garment_reaches_over_the_wall_but_not_everywhere(back: Backdrop) -> None:
    everything = np.full_like(back.classes, CLASS_TOPS)
    out = paste(back, red(back), everything)
    changed = (out != back.photo).any(axis=-1)
    assert (changed & ~back.region).any()
    assert not (changed & ~dilate(back.region, 2 * MARGIN * len(out))).any()
    assert not (changed & back.kept).any()


def test_a_scarf_before_the_garment_stays(drawn: Dataset) -> None:
    sample = sample_of(drawn, "upper")
    parse = sample.person.parse()
    labels = parse.labels.copy()
    rows, columns = np.nonzero(parse.mask("upper-clothes", "coat"))
    middle = np.s_[
        int(np.median(rows)) - 10 : int(np.median(rows)) + 10, int(np.median(columns)) - 4 : int(np.median(columns)) + 4
    ]
    labels[middle] = parse.labels_in.ids["scarf"]
    person = replace(sample.person, given={**sample.person.given, "parse": replace(parse, labels=labels)}, _cache={})
    back = backdrop(replace(sample, person=person))
    assert back.kept[middle].all()
    out = paste(back, red(back), np.full_like(back.classes, CLASS_TOPS))
    assert np.array_equal(out[middle], back.photo[middle])


def test_a_dress_below_a_jacket_stays(drawn: Dataset) -> None:
    sample = sample_of(drawn, "upper")
    parse = sample.person.parse()
    labels = parse.labels.copy()
    low = parse.mask("pants", "skirt")
    assert low.any()
    labels[low] = parse.labels_in.ids["dress"]
    person = replace(sample.person, given={**sample.person.given, "parse": replace(parse, labels=labels)}, _cache={})
    dressed = replace(sample, person=person)
    assert (backdrop(dressed, over_dress=True).classes[low] == CLASS_SKIRT).mean() > 0.99
    back = backdrop(dressed, over_dress=True)
    out = paste(back, red(back), back.classes)
    inside = low & ~dilate(~low, 4) & ~dilate(back.classes == CLASS_TOPS, 4)
    assert inside.any()
    assert np.array_equal(out[inside], back.photo[inside])


def test_labels_of_a_smaller_canvas_are_enlarged_smoothly(back: Backdrop) -> None:
    small = back.classes[::4, ::4]
    out, whole = (paste(back, red(back), labels) for labels in (small, back.classes))
    assert np.mean(np.abs(out.astype(int) - whole).max(axis=-1) > 64) < 0.02


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
def test_weights_that_paint_a_white_wall_are_pasted(
    drawn: Dataset, tiny: Generator, tmp_path: Path, category: str
) -> None:
    save_generator(tiny, tmp_path, WHITE)
    sample = sample_of(drawn, category)
    method = PastaGan.load(tmp_path)
    assert method.settings()["paste"] is True
    out, back = method.run(sample), backdrop(sample)
    assert np.array_equal(out[back.kept], back.photo[back.kept])
    assert not np.array_equal(out, back.photo)
    assert PastaGan.load(tmp_path, paste=False).settings()["paste"] is False
    assert PastaGan.load(tmp_path, parity=True).settings()["paste"] is False


def test_other_weights_are_not_pasted_unless_asked(folder: Path, drawn: Dataset) -> None:
    sample = sample_of(drawn, "upper")
    plain, pasted = PastaGan.load(folder), PastaGan.load(folder, paste=True)
    assert plain.settings()["paste"] is False
    kept = backdrop(sample).kept
    photo = sample.person.image()
    assert not np.array_equal(plain.run(sample)[kept], photo[kept])
    assert np.array_equal(pasted.run(sample)[kept], photo[kept])


def test_recolouring_touches_garments_only(drawn: Dataset) -> None:
    body, _ = on_canvas(next(iter(drawn.people.values())), replace(TINY, height=256, width=192))
    worn = (body.upper > 0) | (body.lower > 0)
    other = recoloured(body, 1.0, np.random.default_rng(3))
    assert np.array_equal(other.image[~worn], body.image[~worn])
    assert np.abs(other.image[worn].astype(int) - body.image[worn]).mean() > 10
    assert np.array_equal(recoloured(body, 1.0, np.random.default_rng(3)).image, other.image)
    assert recoloured(body, 0.0, np.random.default_rng(3)) is body


def test_weights_may_recommend_it(tmp_path: Path, tiny: Generator) -> None:
    save_generator(tiny, tmp_path)
    assert not PastaGan.load(tmp_path).paste
    recommend(tmp_path, {"paste": True})
    assert PastaGan.load(tmp_path).paste
    assert not PastaGan.load(tmp_path, paste=False).paste
    recommend(tmp_path, {"paste": "sometimes"})
    with pytest.raises(InputError, match="paste is 'sometimes'"):
        PastaGan.load(tmp_path)
