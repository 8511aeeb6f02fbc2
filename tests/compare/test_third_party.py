"""A method of another package, found through its entry point, takes part in a run; its crashes stay its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fittingroom.compare.engine import compare
from fittingroom.compare.job import Job, MethodSpec
from fittingroom.core.errors import InputError
from fittingroom.methods.registry import method_class, method_names

MODULE = """
import numpy as np
from fittingroom.methods.base import Method, MethodCard

both = {"en": "x", "ru": "x"}

class Fade(Method):
    card = MethodCard("fade", "Fade", "test", "", "MIT", "none", ("person.image",), both, both, both, trained=False)
    def __init__(self, strength): self.strength = strength
    @classmethod
    def load(cls, weights=None, *, device="cpu", strength=0.5): return cls(strength)
    def settings(self): return {"strength": self.strength}
    def conditions(self, sample): return {"image": sample.person.image(), "paired": sample.paired}
    def generate(self, batch, seeds):
        if not batch[0]["paired"]:
            raise ZeroDivisionError("a bug")
        return [(entry["image"] * self.strength).astype(np.uint8) for entry in batch]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fade_package.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "fade_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fade-package\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[fittingroom.methods]\nfade = fade_package:Fade\nbroken = fade_package:nothing\nwrong = fade_package:both\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("fade_package", None)


@pytest.mark.usefixtures("package")
def test_it_runs_beside_ours(tmp_path: Path) -> None:
    assert "fade" in method_names()
    assert method_names()[0] == "baseline"
    job = Job("drawn-mini", (MethodSpec("baseline"), MethodSpec("fade", settings={"strength": 0.25})), limit=2)
    run = compare(job, tmp_path / "run", metrics=("ssim", "psnr"), quiet=True)
    made = [(item.method, item.setting) for item in run.items if item.image]
    assert made.count(("fade", "paired")) == 2
    assert made.count(("baseline", "unpaired")) == 2
    errors = [item.error for item in run.items if item.method == "fade" and item.setting == "unpaired"]
    assert len(errors) == 2
    assert all("ZeroDivisionError: a bug" in line and "\n" not in line for line in errors)
    assert "Traceback" in (run.folder / "log.txt").read_text(encoding="utf-8")
    paired = [entry for entry in run.comparisons if entry["setting"] == "paired"]
    assert {(entry["a"], entry["b"]) for entry in paired} == {("baseline", "fade")}


@pytest.mark.usefixtures("package")
def test_packages_that_cannot_be_used_are_one_line() -> None:
    with pytest.raises(InputError, match="method 'broken' cannot be imported"):
        method_class("broken")
    with pytest.raises(InputError, match="not a fittingroom Method"):
        method_class("wrong")
