"""The garment's coarse colours come from the patches that were laid."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError
from fittingroom.data.dataset import Dataset
from fittingroom.methods.pasta_gan_pp.colours import LOWER, UPPER, match_colours
from fittingroom.methods.pasta_gan_pp.folder import save_generator
from fittingroom.methods.pasta_gan_pp.method import PastaGan
from fittingroom.methods.pasta_gan_pp.network import Generator
from fittingroom.methods.pasta_gan_pp.placing import on_canvas
from fittingroom.methods.pasta_gan_pp.regions import CLASS_PANTS, CLASS_TOPS

from .conftest import TINY

HEIGHT, WIDTH = 96, 72


def plain(*colour: float) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.float32)[:, None, None].expand(3, HEIGHT, WIDTH).clone()


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A grey top with folds above blue trousers; green patches on a part of the top."""
    label = torch.zeros(HEIGHT, WIDTH, dtype=torch.uint8)
    label[20:50, 20:52], label[50:80, 20:52] = CLASS_TOPS, CLASS_PANTS
    picture = plain(1, 1, 1)
    folds = 0.1 * torch.sin(torch.arange(WIDTH) / 2.0)
    picture[:, label == CLASS_TOPS] = (0.1 + folds.expand(HEIGHT, WIDTH)[label == CLASS_TOPS]).expand(3, -1)
    picture[:, label == CLASS_PANTS] = torch.tensor([-0.8, -0.6, 0.4])[:, None]
    where = torch.zeros(1, HEIGHT, WIDTH)
    where[:, 15:40, 24:48] = 1
    patches = torch.where(where > 0, plain(-0.2, 0.6, -0.2), -1.0)
    return picture, label, patches, where


def lab(colour: torch.Tensor) -> np.ndarray:
    return cv2.cvtColor(((colour + 1) / 2).reshape(1, 1, 3).numpy(), cv2.COLOR_RGB2LAB)[0, 0]


def test_the_garment_takes_the_colour_and_nothing_else_changes() -> None:
    picture, label, patches, where = scene()
    found = match_colours(
        picture, label, [(patches, where, UPPER), (plain(-1, -1, -1), torch.zeros(1, HEIGHT, WIDTH), LOWER)]
    )
    top = label == CLASS_TOPS
    assert torch.equal(found[:, ~top], picture[:, ~top])
    inside = np.s_[24:46, 24:48]  # below the patches too
    distance = np.linalg.norm(lab(found[:, *inside].mean(dim=(1, 2))) - lab(torch.tensor([-0.2, 0.6, -0.2])))
    before = np.linalg.norm(lab(picture[:, *inside].mean(dim=(1, 2))) - lab(torch.tensor([-0.2, 0.6, -0.2])))
    assert distance < 0.15 * before
    light = [
        cv2.cvtColor(((each + 1) / 2).permute(1, 2, 0).numpy().copy(), cv2.COLOR_RGB2LAB)[35, 26:46, 0]
        for each in (picture, found)
    ]
    assert np.corrcoef(*light)[0, 1] > 0.95  # the folds are still there
    assert light[1].std() > 0.5 * light[0].std()


def test_without_patches_on_the_garment_nothing_changes() -> None:
    picture, label, patches, where = scene()
    for mask in (torch.zeros_like(where), where * (torch.arange(WIDTH) < 25)):  # none, and a few pixels
        assert torch.equal(match_colours(picture, label, [(patches, mask, UPPER)]), picture)
    assert torch.equal(match_colours(picture, torch.zeros_like(label), [(patches, where, UPPER)]), picture)


def test_the_method_does_it_when_told_so(drawn: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    save_generator(Generator(TINY), tmp_path)
    sample = next(each for each in drawn.samples("unpaired") if each.category == "upper" and each.wearer is not None)
    classes = torch.from_numpy(on_canvas(sample.person, TINY, sleeves=False)[0].worn.classes)
    drew = torch.full((3, TINY.height, TINY.width), 0.25), classes  # an untrained network draws no garment at all
    monkeypatch.setattr(PastaGan, "_picture", lambda self, inputs: drew)
    made = {}
    for match in ("off", "colours", "details"):
        method = PastaGan.load(tmp_path, match=match)
        assert method.settings()["match"] == match
        made[match] = method.run(sample)
    assert not np.array_equal(made["off"], made["colours"])
    assert not np.array_equal(made["colours"], made["details"])
    monkeypatch.undo()
    plainly = PastaGan.load(tmp_path, match="details", parity=True)
    assert plainly.settings()["match"] == "off"
    assert np.array_equal(plainly.run(sample), PastaGan.load(tmp_path, parity=True).run(sample))
    with pytest.raises(InputError, match="choose one of off, colours, details"):
        PastaGan.load(tmp_path, match="yes")
