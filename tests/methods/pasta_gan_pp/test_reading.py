"""What the patch encoder is taught first: colours and areas of patches, in many colours."""

from __future__ import annotations

import torch

from fittingroom.methods.pasta_gan_pp.reading import dyed, reading_terms, shown


def test_what_patches_show_is_their_colour_and_area() -> None:
    parts = torch.full((2, 45, 8, 8), -1.0)
    parts[0, 0:3, :4] = torch.tensor([0.5, -0.5, 0.25])[:, None, None]
    parts[1, 42:45] = 0.125
    read = shown(parts)
    assert read.shape == (2, 60)
    wanted = torch.zeros(2, 60)
    wanted[0, :3], wanted[0, 45] = torch.tensor([0.5, -0.5, 0.25]), 2 * 0.5
    wanted[1, 42:45], wanted[1, 59] = 0.125, 2 * 1.0
    assert torch.allclose(read, wanted, atol=1e-6)
    terms = reading_terms(wanted, torch.full((2, 8), 2.0), parts)
    assert terms["mse"] < 1e-12
    assert float(terms["size"]) == 9.0, "w has a mean square of 4 instead of 1"


def test_dyed_patches_keep_their_shape_and_shading() -> None:
    parts = torch.full((64, 45, 8, 8), -1.0)
    parts[:, :30, :4] = 0.0
    parts[:, :30, 0] = 0.1  # one row is lighter
    made = dyed(parts, torch.Generator().manual_seed(1))
    assert (made[:, :, 4:] == -1).all()
    assert (made[:, 30:] == -1).all(), "an empty garment stays empty"
    others = (made != parts).flatten(1).any(dim=1)
    assert 0.5 < others.float().mean() < 0.9
    colour = made[:, :30].unflatten(1, (10, 3))
    assert torch.allclose(colour, colour[:, :1].expand_as(colour), atol=1e-6), "all patches of a garment change alike"
    rows = made[:, :30, :2]
    free = (rows.abs() < 0.99).all(dim=3).all(dim=2)
    assert free.any()
    assert torch.allclose((rows[:, :, 0] - rows[:, :, 1])[free], torch.tensor(0.1), atol=1e-5)
