"""The models that come with the package: small enough, and they put on the garment that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittingroom.core.images import read_image, resize_image
from fittingroom.data.dataset import Dataset
from fittingroom.methods.registry import load_method
from fittingroom.weights import embedded
from fittingroom.weights.embedded import embedded_folder

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

METHODS = [name for name in ("pasta-gan++", "ladi-vton", "promptdresser") if embedded_folder(name)]


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def test_some_come_with_the_package_and_they_are_small() -> None:
    assert METHODS == ["pasta-gan++", "ladi-vton", "promptdresser"]
    sizes = {name: megabytes(embedded.ROOT / name) for name in METHODS}
    assert max(sizes.values()) <= 24
    assert sum(sizes.values()) <= 64


@pytest.mark.parametrize("name", METHODS)
def test_a_mini_puts_on_the_garment_that_was_asked_for(name: str) -> None:
    """Beside the true picture it is nearer to it than the photo was, and nothing else in the photo changes much."""
    data = Dataset.open("studio-mini")
    method = load_method(name)
    left, kept = [], []
    for sample in list(data.samples("unpaired"))[:6]:
        photo = sample.person.image()
        made = method.run(sample, seed=1)
        truth = resize_image(read_image(data.truths[sample.person.id, sample.garment.id]), photo.shape[:2])
        assert made.shape == photo.shape
        far = np.abs(photo.astype(int) - truth).max(axis=2) > 24  # where the truth is another picture than the photo
        before, after = (np.abs(each.astype(int) - truth)[far].mean() for each in (photo, made))
        left.append(after / before)
        still = ~far
        kept.append(float(np.abs(made.astype(int) - photo)[still].mean()))
    assert np.median(left) < 0.8, left
    assert np.median(kept) < 6
