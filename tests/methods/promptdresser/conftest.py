"""A tiny model with random weights, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittingroom.data.dataset import Dataset


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("diffusers", reason="needs the extra `diffusion`")
    pytest.importorskip("transformers", reason="needs the extra `diffusion`")
    from fittingroom.methods.promptdresser import tiny

    return tiny.write(tmp_path_factory.mktemp("tiny") / "promptdresser")


@pytest.fixture(scope="session")
def drawn() -> Dataset:
    return Dataset.open("drawn-mini")
