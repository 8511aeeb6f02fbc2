"""FID's Inception, and the resize before it, against torch-fidelity's; both networks with the same random weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from random_weights import random_weights

from fittingroom.metrics.backbones import InceptionExtractor, resize_tf1
from fittingroom.metrics.inception import Inception, load_inception

pytestmark = pytest.mark.oracle


def test_pooled_features(ask: Callable[..., dict[str, np.ndarray]]) -> None:
    generator = np.random.default_rng(0)
    small = torch.from_numpy(generator.uniform(0, 255, (3, 3, 9, 7)))
    # taller than the network's input and narrower: both directions of the resize
    images = torch.nn.functional.interpolate(small, size=(400, 210), mode="bilinear").round().to(torch.uint8)
    answer = ask("torch-fidelity-inception", images=images.numpy())
    np.testing.assert_allclose(resize_tf1(images.float()).numpy(), answer["resized"], atol=5e-3)
    network = load_inception(random_weights(Inception().state_dict()))
    with torch.inference_mode():
        found = network(torch.from_numpy(answer["resized"])).numpy()
    assert found.shape == (3, 2048)
    # pictures must differ, and features be alive, for the agreement to mean something
    assert (answer["pooled"] > 0).mean() > 0.2
    assert np.abs(answer["pooled"][0] - answer["pooled"][1]).max() > 0.01 * answer["pooled"].max()
    np.testing.assert_allclose(found, answer["pooled"], rtol=1e-4, atol=1e-5 * float(answer["pooled"].max()))
    extractor = InceptionExtractor(network, "tf1", "", "cpu")
    embedded = np.stack([extractor.embed(image.permute(1, 2, 0).numpy()) for image in images])
    np.testing.assert_allclose(embedded, answer["pooled"], rtol=1e-3, atol=1e-4 * float(answer["pooled"].max()))
