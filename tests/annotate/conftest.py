from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    """The annotators of tests, importable here and in worker processes."""
    import os

    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH", "")])]))
    sys.modules.pop("fake_annotators", None)


@pytest.fixture
def photos_folder(tmp_path):
    """Four people and three garments."""
    import fake_annotators as fake

    from fittingroom.core.images import write_png

    root = tmp_path / "photos"
    for index in range(4):
        write_png(root / "people" / f"p{index}.png", fake.figure(index))
    for index in range(3):
        write_png(root / "garments" / f"g{index}.png", fake.garment(index))
    return root


@pytest.fixture
def plan():
    """Everything, by the annotators of tests and our own that need no weights."""
    return make_plan()


def make_plan(parse: str = "parse/fake", shift: float = 0.0, **more):
    import fake_annotators as fake

    from fittingroom.annotate.plan import Plan, Step
    from fittingroom.methods.annotators import TARGETS

    targets = {**TARGETS, **fake.TARGETS}
    names = ["pose/fake", "person-mask/fake", parse, "agnostic-mask/canonical", "agnostic/grey", "garment-mask/colour"]
    names += ["caption/rules", "garment-caption/rules"]
    names = [more.get(name, name) for name in names]
    options = {"pose/fake": {"shift": shift}}
    return Plan(tuple(Step(name, targets.get(name, ""), "", options.get(name, {})) for name in names if name))


@pytest.fixture
def build():
    """:func:`make_plan`."""
    return make_plan


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a dataset."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def files_of():
    """:func:`tree`."""
    return tree
