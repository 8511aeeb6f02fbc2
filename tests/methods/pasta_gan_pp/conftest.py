"""A tiny random generator, and people of the embedded dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fittingroom.data.dataset import Dataset
from fittingroom.methods.pasta_gan_pp.config import GeneratorConfig
from fittingroom.methods.pasta_gan_pp.folder import save_generator
from fittingroom.methods.pasta_gan_pp.network import Generator

TINY = GeneratorConfig(height=128, width=96, channel_base=1024, channel_max=24, style_base=4, identity=4)


@pytest.fixture(scope="session")
def tiny() -> Generator:
    torch.manual_seed(3)
    made = Generator(TINY)
    for name, parameter in made.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.1)  # built as zero, which would hide mistakes
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def folder(tiny: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny-pasta")
    save_generator(tiny, path)
    return path


@pytest.fixture(scope="session")
def drawn() -> Dataset:
    return Dataset.open("drawn-mini")
