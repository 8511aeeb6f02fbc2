"""Augmentation of what a discriminator sees, and the controller of its probability."""

from __future__ import annotations

import pytest
import torch

from fittingroom.nn.augment import Controller, _Sample, augment, colour, geometry


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(batch: int = 8, height: int = 32, width: int = 20) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([rows, columns, (rows * columns).sin()]).expand(batch, 3, -1, -1).contiguous()


def test_sampling_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    picture = torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    grid = (torch.rand(1, 5, 4, 2, dtype=torch.float64) * 2.4 - 1.2).requires_grad_(False)
    assert torch.autograd.gradcheck(lambda x: _Sample.apply(x, grid), picture)
    assert torch.autograd.gradgradcheck(lambda x: _Sample.apply(x, grid).square(), picture)


def test_without_probability_nothing_happens() -> None:
    picture = smooth()
    assert augment(picture, 0.0, generator()) is picture


def test_the_same_generator_gives_the_same_pictures() -> None:
    picture = smooth()
    assert torch.equal(augment(picture, 0.7, generator(4)), augment(picture, 0.7, generator(4)))
    assert not torch.equal(augment(picture, 0.7, generator(4)), augment(picture, 0.7, generator(5)))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_each_transformation_happens_as_often_as_told(p: float) -> None:
    matrices = geometry(6000, (32, 32), p, generator(1))
    # seven independent steps; a mirror or turn drawn as "none of it" changes nothing, as the paper has it
    untouched = (matrices == torch.eye(3)).all(dim=(1, 2)).float().mean()
    nothing = (1 - p / 2) * (1 - 0.75 * p) * (1 - p) ** 5
    assert untouched == pytest.approx(nothing, rel=0.15, abs=0.01)
    colours = colour(6000, p, generator(2))
    expected = (1 - p / 2) * (1 - p) ** 4
    assert (colours == torch.eye(4)).all(dim=(1, 2)).float().mean() == pytest.approx(expected, rel=0.15, abs=0.02)


def test_pictures_that_are_not_square_are_never_laid_on_their_side() -> None:
    tall = geometry(400, (40, 20), 1.0, generator(3))
    assert torch.isfinite(tall).all()
    assert augment(smooth(16), 1.0, generator(3)).shape == (16, 3, 32, 20)


def test_hue_and_saturation_keep_grey() -> None:
    matrices = colour(200, 1.0, generator(5))
    grey = torch.tensor([0.3, 0.3, 0.3, 1.0])
    made = (matrices @ grey)[:, :3]
    assert (made - made.mean(dim=1, keepdim=True)).abs().max() < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_reduced_precision_around_it_does_no_harm(dtype: torch.dtype) -> None:
    picture = smooth().requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        made = augment(picture, 0.8, generator(6))
    assert torch.equal(made, augment(picture, 0.8, generator(6)))
    made.float().square().sum().backward()
    assert picture.grad is not None
    assert torch.isfinite(picture.grad).all()


def test_the_controller_follows_the_discriminator() -> None:
    controller = Controller(target=0.6, kimg=1, every=2)
    for step in range(8):
        controller.see(1.0)
        controller.adjust(step, 10)
    # adjusted at steps 0, 2, 4 and 6, by 10 pictures x 2 steps of 1000 each
    assert controller.p == pytest.approx(4 * 20 / 1000)
    for step in range(40):
        controller.see(-1.0)
        controller.adjust(step, 10)
    assert controller.p == 0.0


def test_a_discriminator_that_is_right_more_often_than_not_does_not_overfit_yet() -> None:
    controller = Controller(target=0.6, kimg=1, every=1, p=0.5)
    for step in range(4):
        controller.see(0.5)  # three of four photos told to be real: below the target
        controller.adjust(step, 10)
    assert controller.p == pytest.approx(0.5 - 4 * 10 / 1000)
