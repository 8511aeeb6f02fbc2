"""One real pair through the whole method; the picture of random weights means nothing, but every condition is real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittingroom.data.dataset import Dataset
from fittingroom.data.pairs import for_category
from fittingroom.methods.ladi_vton.conditions import garment_picture
from fittingroom.methods.ladi_vton.method import LadiVton


@pytest.mark.photos
@pytest.mark.parametrize("category", ["upper", "lower"])
def test_a_real_pair(category: str, photos: Path, tiny: Path) -> None:
    dataset = for_category(Dataset.open(photos / "upt25"), category)  # type: ignore[arg-type]
    method = LadiVton.load(tiny, steps=2, published_mask=False)
    sample = next(dataset.samples("unpaired"))
    entry = method.conditions(sample)
    share = float(entry["mask"].mean())
    assert 0.03 < share < 0.6
    kept = sample.person.parse().mask("face", "hair")
    mask = entry["frame"].mask_back(entry["mask"][0].numpy() > 0)
    assert (kept & mask).sum() < 0.05 * kept.sum()  # a little of the neck is painted anew
    worn = sample.person.parse().mask(*(("upper-clothes", "coat") if category == "upper" else ("pants", "skirt")))
    assert (worn & mask).sum() > 0.95 * worn.sum()
    assert (garment_picture(sample.garment, (512, 384), "dress-code")[:8] == 255).all()
    made = method.run(sample, seed=1)
    assert made.shape == sample.person.image().shape
    assert made.dtype == np.uint8
