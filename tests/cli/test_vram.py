"""``--vram``: which methods it reaches, what is refused, and what is said before anything starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fittingroom.cli import main, options
from fittingroom.compare.job import MethodSpec
from fittingroom.core.errors import InputError

QUICK = {
    "ladi-vton": ["--set", "ladi-vton.steps=2"],
    "promptdresser": ["--set", "promptdresser.preset=fast", "--set", "promptdresser.steps=2"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("diffusers", reason="needs the extra `diffusion`")
    pytest.importorskip("transformers", reason="needs the extra `diffusion`")
    from fittingroom.methods.ladi_vton import tiny as ladi
    from fittingroom.methods.promptdresser import tiny as dresser

    root = tmp_path_factory.mktemp("tiny")
    return {"ladi-vton": ladi.write(root / "ladi"), "promptdresser": dresser.write(root / "dresser")}


@pytest.mark.parametrize("name", QUICK)
def test_the_estimate_is_said_once_before_the_picture(
    name: str,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    method = f"{name}@{folders[name]}"
    arguments = ["try-on", "ada", "sun-tee", "--data", "drawn-mini", "--method", method, "--vram", "8", *QUICK[name]]
    monkeypatch.setattr(sys, "argv", ["fittingroom", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith(f"{name}: plan ")]
    assert len(lines) == 1, said.err
    assert "processor" in lines[0]
    assert " GB " in lines[0]
    assert said.out.startswith("picture: ")


def test_only_methods_that_plan_are_told() -> None:
    pytest.importorskip("diffusers", reason="needs the extra `diffusion`")
    specs = [MethodSpec("baseline"), MethodSpec("ladi-vton"), MethodSpec("promptdresser", settings={"vram": "4"})]
    assert [dict(spec.settings) for spec in options.planned(specs, "8")] == [{}, {"vram": "8"}, {"vram": "4"}]
    assert [dict(spec.settings) for spec in options.planned(specs, "")] == [{}, {}, {"vram": "4"}]
    with pytest.raises(InputError, match="--vram is '7' — ladi-vton plans for auto, 4, 6, 8, 12, 24"):
        options.planned(specs, "7")
    with pytest.raises(InputError, match="--vram means nothing to these methods"):
        options.planned(specs[:1], "8")
