"""Embedded weights: found by a method without a name, with a word of warning; one line where there are none."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fittingroom.core.errors import MissingError
from fittingroom.methods.ladi_vton import tiny
from fittingroom.methods.ladi_vton.method import LadiVton
from fittingroom.weights import embedded


def test_a_method_without_a_name_of_weights_takes_the_embedded_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.setattr(embedded, "ROOT", tmp_path)
    folder = tiny.write(tmp_path / "ladi-vton")
    (folder / embedded.CARD).write_text("# a card\n")
    with caplog.at_level(logging.WARNING, "fittingroom"):
        here = LadiVton.load()
    assert here.settings()["weights"] == LadiVton.load(folder).settings()["weights"]
    assert [record for record in caplog.records if "small" in record.message and "@published" in record.message]


def test_a_folder_without_a_card_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "ROOT", tmp_path)
    (tmp_path / "ladi-vton").mkdir()
    assert embedded.embedded_folder("ladi-vton") is None
    with pytest.raises(MissingError, match="ladi-vton comes without weights") as error:
        embedded.require_embedded("ladi-vton", "ladi-vton@FOLDER")
    assert "ladi-vton@FOLDER" in str(error.value)
    assert "\n" not in str(error.value)
