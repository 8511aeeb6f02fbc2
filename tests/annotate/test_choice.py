"""From what is asked for to a plan, third parties' annotators, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from fittingroom.annotate import choice, registry
from fittingroom.annotate.choice import Wanted, choose_plan, describe
from fittingroom.annotate.registry import annotator_class, annotator_names, load_annotator
from fittingroom.cli.main import app
from fittingroom.core.errors import InputError, MissingError
from fittingroom.data.dataset import Dataset
from fittingroom.methods.annotators import TARGETS, VARIANTS


@pytest.fixture
def registered(monkeypatch):
    """The fakes as if a package offered them, and preferred."""
    import fake_annotators as fake

    monkeypatch.setattr(registry, "_OWN", {**registry._OWN, **fake.TARGETS})
    auto = {**choice.AUTO, "pose": ("pose/fake",), "person-mask": ("person-mask/fake",), "parse": ("parse/fake",)}
    monkeypatch.setattr(choice, "AUTO", auto)


def test_every_annotator_says_what_it_is():
    for name in [*annotator_names(), *TARGETS]:
        kind = annotator_class(name, TARGETS.get(name, ""))
        assert kind.name == name
        assert name.startswith(f"{kind.provides}/")
        assert kind.licence
    assert len(describe(TARGETS)) == len(annotator_names()) + len(TARGETS)
    assert set(annotator_names("garment-mask")) == {f"garment-mask/{name}" for name in ("colour", "rembg", "hand")}


def test_others_offer_annotators_by_an_entry_point(monkeypatch):
    import importlib.metadata

    def entry_points(group):
        assert group == "fittingroom.annotators"
        return [
            importlib.metadata.EntryPoint("pose/theirs", "fake_annotators:FakePose", group),
            importlib.metadata.EntryPoint("pose/broken", "no_such_module:X", group),
            importlib.metadata.EntryPoint("pose/none", "pathlib:Path", group),
        ]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert "pose/theirs" in annotator_names("pose")
    assert load_annotator("pose/theirs", shift=2.0).settings() == {"shift": 2.0}
    with pytest.raises(InputError, match="'pose/broken' cannot be imported"):
        annotator_class("pose/broken")
    with pytest.raises(InputError, match="is not a fittingroom Annotator"):
        annotator_class("pose/none")


def test_auto_takes_what_is_here_and_says_what_is_not(registered, monkeypatch):
    plan, remarks = choose_plan(Wanted(), targets=TARGETS)
    names = [step.name for step in plan.steps]
    assert names == [
        "pose/fake",
        "person-mask/fake",
        "parse/fake",
        "agnostic-mask/canonical",
        "agnostic/grey",
        "caption/rules",
        "garment-mask/colour",
        "garment-caption/rules",
    ]
    assert not remarks
    monkeypatch.setattr(choice, "AUTO", {**choice.AUTO, "parse": ("parse/segformer",)})
    plan, remarks = choose_plan(Wanted(), targets=TARGETS)
    assert "parse/hand" in [step.name for step in plan.steps]
    assert len(remarks) == 2
    assert "weights fetch segformer-clothes" in remarks[0]
    assert "\n" not in remarks[0]
    with pytest.raises(MissingError, match="segformer-clothes"):  # asked for by name it is an error
        choose_plan(Wanted(parse="segformer"), targets=TARGETS)
    with pytest.raises(InputError, match="pose/fakes"):
        choose_plan(Wanted(), targets=TARGETS, settings={"pose/fakes": {"x": 1}})
    assert choose_plan(Wanted(pose="none"), targets=TARGETS)[0].steps[0].name == "garment-mask/colour"


def test_without_any_pose_annotator_it_is_an_error(monkeypatch):
    monkeypatch.setattr(choice, "AUTO", {**choice.AUTO, "pose": ()})
    with pytest.raises(MissingError, match="no pose annotator"):
        choose_plan(Wanted(), targets=TARGETS)
    monkeypatch.undo()
    import sys

    from fittingroom.annotate import pose_mediapipe
    from fittingroom.weights import embedded

    pose_mediapipe._session.cache_clear()
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert choose_plan(Wanted(), targets=TARGETS)[0].steps[0].name == "pose/embedded"
    monkeypatch.setattr(embedded, "embedded_folder", lambda name: None)
    with pytest.raises(MissingError, match="--no-deps mediapipe==0.10.21") as caught:  # the one that needs no download
        choose_plan(Wanted(), targets=TARGETS)
    assert "\n" not in str(caught.value)


def test_the_command(registered, photos_folder, tmp_path):
    out, runner = tmp_path / "data", CliRunner()
    (photos_folder / "people" / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    command = [
        "annotate",
        str(photos_folder),
        "--out",
        str(out),
        "--who",
        "ann",
        "--consent",
        "signed",
        "--quiet",
        "--longest",
        "100",
    ]
    done = runner.invoke(app, command)
    assert done.exit_code == 1
    assert "failed: people/cut.jpg: read: " in done.output
    assert "Traceback" not in done.output
    assert "4 people and 3 garments of 8 photos" in done.output
    (photos_folder / "people" / "cut.jpg").unlink()
    for shard in ("0/2", "1/2"):
        runner.invoke(app, [*command, "--shard", shard])
    assert Dataset.open(out).people["p0"].image().shape[0] == 100
    assert json.loads((out / "dataset.json").read_text())["consent"] == "signed"
    shown = runner.invoke(app, ["annotate", str(photos_folder), "--out", str(out), "--list"])
    assert "pose/mediapipe: Apache-2.0" in shown.output
    card = runner.invoke(app, ["dataset", "card", str(out), "--out", str(tmp_path / "card.md")])
    assert card.exit_code == 0
    text = (tmp_path / "card.md").read_text()
    assert "| consent | signed | 7 |" in text
    assert "pose/fake" in text
    assert "![contact sheet](card.png)" in text
    checked = runner.invoke(app, ["dataset", "check", str(out), "--methods", "baseline", "--quiet"])
    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_methods_agnostic_mask(registered, photos_folder, tmp_path, variant):
    from fittingroom.annotate.runner import annotate

    plan, _ = choose_plan(Wanted(agnostic=variant, captions="none"), targets=TARGETS)
    done = annotate(photos_folder, tmp_path / "data", plan, shard=(3, 7))  # the first of the people
    person = Dataset.open(tmp_path / "data").people["p0"]
    mask = person.mask()
    assert not done.failures
    assert mask.shape == person.image().shape[:2]
    assert 0.02 < mask.mean() < 0.9
    assert mask[person.parse().mask("upper-clothes")].mean() > 0.7
    assert (person.load("agnostic")[mask] == 128).all()


def test_blurred_faces(registered, photos_folder, tmp_path):
    from fittingroom.core.images import read_image

    out = tmp_path / "data"
    runner = CliRunner()
    assert runner.invoke(app, ["annotate", str(photos_folder), "--out", str(out), "--quiet"]).exit_code == 0
    for name in ("p0", "p1"):  # something to recognise: fine stripes over the face
        path = out / "image" / f"{name}.png"
        image = read_image(path)
        image[::2] = image[::2] // 2
        from fittingroom.core.images import write_png

        write_png(path, image)
    (out / "openpose_json/p1_keypoints.json").unlink()
    (out / "image-parse-v3/p1.png").unlink()
    done = runner.invoke(app, ["dataset", "export", str(out), str(tmp_path / "public"), "--blur-faces"])
    assert done.exit_code == 0
    assert "not kept: p1: where the face is is not known" in done.output
    public, private = Dataset.open(tmp_path / "public"), Dataset.open(out)
    assert "p1" not in public.people
    assert public.info["faces"] == "blurred"
    face = private.people["p0"].parse().mask("face")
    before, after = private.people["p0"].image().astype(int), public.people["p0"].image().astype(int)

    def stripes(image):
        return np.abs(np.diff(image[..., 0], axis=0))[face[1:] & face[:-1]].mean()

    assert stripes(before) > 40
    assert stripes(after) < 3
    rows = np.nonzero(private.people["p0"].parse().mask("pants"))
    assert np.array_equal(before[rows], after[rows])
    assert stripes(public.people["p0"].load("agnostic").astype(int)) < 3
    assert all(Path(path).is_file() for person in public.people.values() for path in person.files.values())
