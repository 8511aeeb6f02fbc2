"""The encoder: sizes, names and what its convolutions see at the border."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from fittingroom.core.errors import InputError
from fittingroom.nn.efficientnet import STEM, EfficientNetLite, _padded


def test_five_sizes_and_the_published_count() -> None:
    network = EfficientNetLite()
    # Lite0 has 4,652,008 weights, with a layer of 1280 channels and a thousand classes
    classifier = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert sum(value.numel() for value in network.parameters()) == 4_652_008 - classifier
    assert network.widths == (16, 24, 40, 112, 320)
    small = EfficientNetLite(0.25).eval()
    for height, width in ((64, 48), (72, 56)):
        sizes = [tuple(each.shape[-2:]) for each in small(torch.zeros(1, 3, height, width))]
        expected = [(height, width)]
        for _ in range(5):
            expected.append(tuple(-(-side // 2) for side in expected[-1]))  # type: ignore[arg-type]
        assert sizes == expected[1:]


def test_deeper_and_wider_ones_are_the_published_lite1_and_lite2() -> None:
    """Their 5,416,680 and 6,092,072 weights, less those of the classifier."""
    for factors, whole, last in (((1.0, 1.1), 5_416_680, 320), ((1.1, 1.2), 6_092_072, 352)):
        network = EfficientNetLite(*factors)
        classifier = last * 1280 + 2 * 1280 + 1280 * 1000 + 1000
        assert sum(value.numel() for value in network.parameters()) == whole - classifier


@pytest.mark.parametrize(("length", "kernel"), [(8, 3), (9, 3), (8, 5), (9, 5)])
def test_what_is_missing_is_put_at_the_end(length: int, kernel: int) -> None:
    """A stride of two over an even length begins at the first pixel, as the weights were learned."""
    x = torch.arange(1.0, length + 1).expand(1, 1, length, length)
    padded = _padded(x, kernel, 2)
    seen = F.conv2d(padded, torch.ones(1, 1, kernel, kernel), stride=2)
    assert seen.shape[-1] == -(-length // 2)
    zeros_before = int((padded[0, 0, length // 2] == 0).long().cumprod(0).sum())
    assert zeros_before == (kernel // 2 if length % 2 else kernel // 2 - 1 + (kernel == 1))


def test_weights_go_in_by_name_and_nothing_else_does(tmp_path: Path) -> None:
    source, target = EfficientNetLite(), EfficientNetLite()
    file = {
        **source.state_dict(),
        "_conv_head.weight": torch.zeros(2),
        "_bn1.bias": torch.zeros(2),
        "_fc.bias": torch.zeros(2),
    }
    save_file(file, tmp_path / "lite0.safetensors")
    target.read(tmp_path / "lite0.safetensors")
    photo = torch.randn(1, 3, 64, 64)
    for one, two in zip(source.eval()(photo), target.eval()(photo), strict=True):
        assert torch.equal(one, two)
    file.pop("_conv_stem.weight")
    save_file(file, tmp_path / "less.safetensors")
    with pytest.raises(InputError, match="another network"):
        target.read(tmp_path / "less.safetensors")


def test_what_is_added_is_seen_from_there_on() -> None:
    network = EfficientNetLite(0.25).eval()
    photo = torch.randn(1, 3, 64, 64)
    plain = network(photo)
    quarter = network(photo, quarter=torch.ones_like(plain[1]))
    assert torch.equal(plain[0], quarter[0])
    assert torch.allclose(plain[1] + 1, quarter[1])
    assert not torch.equal(plain[2], quarter[2])
    assert not torch.equal(plain[0], network(photo, torch.ones(1, STEM, 32, 32))[0])


def test_stochastic_depth_is_for_training_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    network, photo = EfficientNetLite(0.25), torch.randn(1, 3, 32, 32)
    plain = network.eval()(photo)[-1]
    network.pass_by(0.5)
    assert torch.equal(network(photo)[-1], plain)
    shares = [block.dropped for block in network._blocks]  # type: ignore[union-attr]
    assert shares[0] == 0
    assert shares[-1] == 0.5
    assert shares == sorted(shares)  # type: ignore[type-var]
    block = network._blocks[4]
    assert block.residual
    block.dropped = 0.5  # type: ignore[assignment]
    x = torch.randn(1, block._expand_conv.in_channels, 8, 8)  # type: ignore[union-attr, operator]
    whole = block(x)
    block.training = True  # its norms stay at rest
    many = torch.cat([block(x.expand(100, -1, -1, -1)) for _ in range(20)])
    kinds = (many - x).abs().amax(dim=(1, 2, 3)) < 1e-6
    assert 0.45 < float(kinds.float().mean()) < 0.55
    assert torch.allclose(many.mean(dim=0), whole[0], atol=0.1 * float((whole - x).abs().max()))
