"""Settings that a folder of weights recommends: they hold where nobody chose others, for both diffusion methods (PASTA-GAN++: see its own tests)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fittingroom.core.errors import InputError
from fittingroom.weights.recommended import SETTINGS, recommend, recommended


def test_what_was_given_comes_first(tmp_path: Path) -> None:
    assert recommended(tmp_path, {"steps": 3}) == {"steps": 3}
    recommend(tmp_path, {"steps": 20, "paste": True})
    assert recommended(tmp_path, {"steps": 3}) == {"steps": 3, "paste": True}
    (tmp_path / "generator.safetensors").write_bytes(b"")
    assert recommended(tmp_path / "generator.safetensors", {}) == {"steps": 20, "paste": True}


@pytest.mark.parametrize("text", ["[1, 2]", "paste: true"])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(InputError, match=SETTINGS):
        recommended(tmp_path, {})


def diffusion(name: str, folder: Path) -> type[Any]:
    """Tiny random weights in a folder, and the method's class."""
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    if name == "ladi-vton":
        from fittingroom.methods.ladi_vton import tiny
        from fittingroom.methods.ladi_vton.method import LadiVton

        tiny.write(folder)
        return LadiVton
    from fittingroom.methods.promptdresser import tiny as tiny_dresser
    from fittingroom.methods.promptdresser.method import PromptDresser

    tiny_dresser.write(folder)
    return PromptDresser


@pytest.mark.parametrize("name", ["ladi-vton", "promptdresser"])
def test_the_diffusion_methods_ask_the_folder(name: str, tmp_path: Path) -> None:
    kind = diffusion(name, tmp_path / "weights")
    assert not kind.load(tmp_path / "weights").options.paste
    recommend(tmp_path / "weights", {"preset": "fast", "paste": True})
    method = kind.load(tmp_path / "weights")
    method.save(tmp_path / "saved")
    for chosen in (method.options, kind.load(tmp_path / "saved").options):
        assert (chosen.preset, chosen.paste) == ("fast", True)
    chosen = kind.load(tmp_path / "weights", preset="parity", paste=False).options
    assert (chosen.preset, chosen.paste) == ("parity", False)
    recommend(tmp_path / "weights", {"colour": "red"})
    with pytest.raises(InputError, match="has no setting colour"):
        kind.load(tmp_path / "weights")
