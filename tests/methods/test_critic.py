"""The critic of the stage ``finish``: judges places within the mask, and learns quickly what is blurred."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from fittingroom.methods.critic import Critic, critic_terms, new_critic
from fittingroom.methods.painting import Painted, hinge, taken_for_photos
from fittingroom.nn.perceptual import features


def test_only_places_within_the_mask_are_judged() -> None:
    torch.manual_seed(0)
    critic = Critic([3, 5, 7], shown=8)
    taps = [torch.randn(2, channels, side, side) for channels, side in ((3, 32), (5, 16), (7, 8))]
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, :32, :16] = 1
    shown = torch.randn(2, 8, 8, 8)
    assert [len(each) for each in critic(taps, mask, shown)] == [16 * 8, 8 * 4, 4 * 2]
    assert [len(each) for each in critic(taps, torch.zeros_like(mask), shown)] == [2 * 32**2, 2 * 16**2, 2 * 8**2]


def test_its_losses() -> None:
    real, made = [torch.tensor([2.0, 0.0]), torch.tensor([1.0])], [torch.tensor([-3.0, 1.0]), torch.tensor([0.0])]
    assert float(hinge(real, made)) == pytest.approx(((0 + 1) / 2 + (0 + 2) / 2 + 0 + 1) / 2)
    assert float(taken_for_photos(made)) == pytest.approx((1 + 0) / 2)


def test_it_learns_what_is_blurred() -> None:
    trunk, generator = features("small"), torch.Generator().manual_seed(1)
    assert trunk is not None
    torch.manual_seed(1)
    critic = new_critic(trunk, 8)
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.99))

    def drawn() -> Painted:
        truth = F.interpolate(torch.rand(4, 3, 32, 32, generator=generator) * 2 - 1, (64, 64))
        made = F.avg_pool2d(truth, 5, stride=1, padding=2)
        return Painted(made, truth, torch.ones(4, 1, 64, 64), torch.zeros(4, 8, 8, 8))

    for _ in range(40):
        ((_, loss),) = critic_terms(critic, trunk, drawn()).values()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        given = drawn()
        real, made = (critic(trunk(each), given.mask, given.shown) for each in (given.truth, given.made))
    assert float(taken_for_photos(made)) - float(taken_for_photos(real)) > 0.5
