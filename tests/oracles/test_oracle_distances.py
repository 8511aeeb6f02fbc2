"""Distances between sets, and clean-fid's resize, against torch-fidelity and clean-fid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from fittingroom.metrics.backbones import resize_clean
from fittingroom.metrics.frechet import frechet_distance
from fittingroom.metrics.kid import SCALE, kid, subset_discrepancies

pytestmark = pytest.mark.oracle


def features(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    mix = np.random.default_rng(9).normal(size=(128, 128)) / np.sqrt(128)
    scale = (1.0 + np.arange(128)) ** -0.5
    values = np.random.default_rng(seed).normal(size=(n, 128)) * scale @ mix * 3 + 0.1 + shift
    return np.maximum(values, 0).astype(np.float32)


def test_torch_fidelity(ask: Callable[..., dict[str, np.ndarray]]) -> None:
    a, b = features(400, 1), features(300, 2, 0.05)
    size, subsets, seed = 90, 12, 2020
    answer = ask("torch-fidelity", a=a, b=b, size=np.array(size), subsets=np.array(subsets), seed=np.array(seed))
    assert frechet_distance(a, b) == pytest.approx(float(answer["fid"]), rel=1e-4)
    # its order of drawing subsets from one generator
    generator = np.random.RandomState(seed)
    drawn = [
        (generator.choice(len(a), size, replace=False), generator.choice(len(b), size, replace=False))
        for _ in range(subsets)
    ]
    values = subset_discrepancies(a, b, np.array([i for i, _ in drawn]), np.array([j for _, j in drawn]))
    assert values.mean() == pytest.approx(float(answer["kid_mean"]), rel=1e-4)
    assert values.std() == pytest.approx(float(answer["kid_std"]), rel=1e-4)


def test_clean_fid(ask: Callable[..., dict[str, np.ndarray]]) -> None:
    a, b = features(250, 1), features(250, 2, 0.05)
    generator = np.random.default_rng(3)
    large, small = (generator.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((411, 302), (100, 73)))
    answer = ask("clean-fid", a=a, b=b, large=large, small=small)
    assert frechet_distance(a, b) == pytest.approx(float(answer["fid"]), rel=1e-4)
    # its subsets are whole sets here, so that its unseeded choice does not matter
    assert kid(a, b).value == pytest.approx(SCALE * float(answer["kid"]), rel=1e-4)
    for name, image in (("large", large), ("small", small)):
        planes = torch.from_numpy(image).permute(2, 0, 1).float()
        resized = resize_clean(planes).permute(1, 2, 0).numpy()
        np.testing.assert_allclose(resized, answer[name], atol=2e-3)
