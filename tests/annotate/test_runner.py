"""The runner: nothing lost, nothing done twice, the same bytes always, hand corrections kept, failures one line each."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fittingroom.annotate import item as item_module
from fittingroom.annotate.journal import JOURNAL, VERSIONS
from fittingroom.annotate.plan import Plan
from fittingroom.annotate.runner import annotate, rederive
from fittingroom.core.errors import InputError
from fittingroom.core.files import sha256_bytes, sha256_json, write_json
from fittingroom.core.images import encode_png, read_labels, read_mask, write_png
from fittingroom.core.labels import CIHP20
from fittingroom.data.check import check
from fittingroom.data.dataset import Dataset
from fittingroom.methods.registry import card, method_names


def by_hand(root: Path, item: str, condition: str, path: Path, data: bytes) -> None:
    """What the review does: the file, and a line in the journal."""
    before = sha256_bytes(path.read_bytes()) if path.is_file() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    line = {
        "item": item,
        "condition": condition,
        "who": "ann",
        "when": "2026-01-01T00:00:00Z",
        "before": before,
        "after": sha256_bytes(data),
        "note": "",
    }
    with (root / JOURNAL).open("a") as handle:
        handle.write(json.dumps(line) + "\n")


def calls(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_a_folder_becomes_a_dataset_that_every_method_accepts(photos_folder, plan, tmp_path):
    out = tmp_path / "data"
    info = {"name": "mine", "who": "ann", "licence": "CC-BY-4.0", "consent": "signed", "provenance": "own camera"}
    done = annotate(photos_folder, out, plan, info=info)
    assert (done.people, done.garments, done.failures) == (4, 3, [])
    dataset = Dataset.open(out)
    assert dataset.layout == "viton-hd"
    assert not dataset.issues
    assert len(dataset.people) == 4
    assert sum(not garment.worn for garment in dataset.garments.values()) == 3
    cards = [card(name) for name in method_names()]
    report = check(dataset, needs={c.name: c.needs for c in cards}, categories={c.name: c.categories for c in cards})
    assert not report.errors, report.text()
    for row in report.usability:
        assert row.usable > 0, report.text()
    person = dataset.people["p0"]
    assert person.pose().found.all()
    assert person.mask().any()
    assert person.has("agnostic")
    assert person.caption["person"]
    value = json.loads((out / "dataset.json").read_text())
    assert {key: value[key] for key in info} == info
    assert value["photos"]["person"]["p3"]["file"] == "people/p3.png"
    assert value["annotators"]["pose"]["name"] == "pose/fake"
    assert all(pair.person != pair.garment for pair in dataset.pairs["unpaired"])


def test_a_second_run_does_nothing_and_changes_nothing(photos_folder, plan, tmp_path, files_of, monkeypatch):
    out, log = tmp_path / "data", tmp_path / "calls"
    first = annotate(photos_folder, out, plan)
    before = files_of(out)
    monkeypatch.setenv("FAKE_CALLS", str(log))
    second = annotate(photos_folder, out, plan)
    assert second.made == 0
    assert second.kept == first.made
    assert not calls(log)
    assert files_of(out) == before


@pytest.mark.parametrize("how", ["workers", "shards", "reversed"])
def test_the_bytes_are_the_same_however_it_is_done(photos_folder, plan, tmp_path, files_of, how, monkeypatch):
    annotate(photos_folder, tmp_path / "data", plan)
    other = tmp_path / "other" / "data"
    if how == "workers":
        annotate(photos_folder, other, plan, workers=2)
    elif how == "shards":
        for index in (2, 0, 1):
            annotate(photos_folder, other, plan, shard=(index, 3))
    else:
        for index in reversed(range(7)):
            annotate(photos_folder, other, plan, shard=(index, 7))
    assert files_of(other) == files_of(tmp_path / "data")


def test_killed_at_random_moments_it_loses_nothing(photos_folder, plan, tmp_path, files_of, monkeypatch):
    annotate(photos_folder, tmp_path / "data", plan)
    out, log = tmp_path / "killed" / "data", tmp_path / "calls"
    program = tmp_path / "run.py"
    program.write_text(
        "import json, sys\nfrom fittingroom.annotate.runner import annotate\nfrom fittingroom.annotate.plan import Plan\n"
        "print('ready', flush=True)\nannotate(sys.argv[1], sys.argv[2], Plan.from_json(json.loads(sys.argv[3])))\n"
    )
    environment = {**os.environ, "FAKE_CALLS": str(log), "FAKE_SECONDS": "0.02"}
    command = [sys.executable, str(program), str(photos_folder), str(out), json.dumps(plan.as_json())]
    rng, killed, progress = random.Random(1), 0, []
    while killed < 2:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout.readline() == b"ready\n"
        wanted = len(calls(log)) + rng.randint(2, 4)
        while len(calls(log)) < wanted and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        killed += 1
        progress.append(len(list(out.glob("openpose_json/*"))))
    annotate(photos_folder, out, plan)
    assert files_of(out) == files_of(tmp_path / "data")  # not a half of a file is left either
    assert progress == sorted(progress)
    assert progress[-1] > 0
    # each kill costs one annotation at most, and a garment-free run has 3 fakes for each of 4 people
    assert len(calls(log)) <= 12 + killed


def test_a_pose_by_hand_renews_what_depends_on_it_and_nothing_else(photos_folder, plan, tmp_path, monkeypatch):
    out, log = tmp_path / "data", tmp_path / "calls"
    annotate(photos_folder, out, plan)
    pose = out / "openpose_json" / "p1_keypoints.json"
    value = json.loads(pose.read_text())
    numbers = value["people"][0]["pose_keypoints_2d"]
    rows, columns = np.nonzero(read_labels(out / "image-parse-v3/p1.png") == CIHP20.ids["right-arm"])
    for joint, row in (
        (3, rows.min() - 4),
        (4, (rows.min() + rows.max()) // 2),
    ):  # the lower half of the arm becomes a hand
        numbers[3 * joint], numbers[3 * joint + 1] = float(columns.mean()), float(row)
    by_hand(out, "p1", "pose", pose, json.dumps(value).encode())
    mask, parse = (out / "agnostic-mask/p1_mask.png"), out / "image-parse-v3/p1.png"
    before = mask.read_bytes(), parse.read_bytes(), (out / "agnostic-v3.2/p0.png").read_bytes()
    monkeypatch.setenv("FAKE_CALLS", str(log))
    done = rederive(out)
    assert not calls(log)  # neither pose nor parse was asked again
    assert mask.read_bytes() != before[0]
    assert parse.read_bytes() == before[1]
    assert (out / "agnostic-v3.2/p0.png").read_bytes() == before[2]
    assert 1 <= done.made <= 3  # mask, the grey picture, the caption
    again = annotate(photos_folder, out, plan)
    assert again.made == 0
    assert json.loads(pose.read_text()) == value
    assert Dataset.open(out).people["p1"].pose().joints[4, 0] == pytest.approx(numbers[12])


def test_a_parser_that_needs_the_pose_runs_again_after_a_correction(photos_folder, build, tmp_path, monkeypatch):
    out, log = tmp_path / "data", tmp_path / "calls"
    plan = build(parse="parse/posed")
    annotate(photos_folder, out, plan)
    pose = out / "openpose_json" / "p1_keypoints.json"
    by_hand(out, "p1", "pose", pose, pose.read_bytes().replace(b"0.9", b"0.8"))
    monkeypatch.setenv("FAKE_CALLS", str(log))
    rederive(out, ["p1"])
    assert calls(log) == ["parse/posed"]


def test_values_by_hand_are_never_overwritten_even_by_other_annotators(photos_folder, build, tmp_path):
    out = tmp_path / "data"
    annotate(photos_folder, out, build())
    parse = out / "image-parse-v3" / "p2.png"
    labels = read_labels(parse)
    labels[labels == CIHP20.ids["pants"]] = CIHP20.ids["skirt"]
    painted = encode_png(labels)
    by_hand(out, "p2", "parse", parse, painted)
    done = annotate(photos_folder, out, build(parse="parse/posed", shift=2.0))
    assert parse.read_bytes() == painted
    assert done.made > 0
    record = json.loads((out / ".annotate/items/person/p2.json").read_text())
    assert record["conditions"]["parse"]["annotator"] == "by hand"
    assert record["conditions"]["parse"]["score"] == 1.0
    assert record["conditions"]["pose"]["annotator"] == "pose/fake"


def test_a_change_without_a_journal_is_replaced_but_not_lost(photos_folder, plan, tmp_path):
    out = tmp_path / "data"
    annotate(photos_folder, out, plan)
    mask = out / "cloth-mask" / "g0.png"
    good, foreign = mask.read_bytes(), encode_png(np.full((120, 100), 255, np.uint8))
    mask.write_bytes(foreign)
    assert annotate(photos_folder, out, plan).made == 1
    assert mask.read_bytes() == good
    assert (out / VERSIONS / sha256_bytes(foreign)).read_bytes() == foreign


def test_another_setting_renews_only_its_own_and_what_follows(photos_folder, build, tmp_path, monkeypatch):
    out, log = tmp_path / "data", tmp_path / "calls"
    annotate(photos_folder, out, build())
    monkeypatch.setenv("FAKE_CALLS", str(log))
    annotate(photos_folder, out, build(shift=1.0))
    assert set(calls(log)) == {"pose/fake"}
    assert len(calls(log)) == 4


def test_a_harmed_or_missing_file_is_made_again(photos_folder, plan, tmp_path, files_of):
    out = tmp_path / "data"
    annotate(photos_folder, out, plan)
    before = files_of(out)
    (out / "image" / "p0.png").unlink()
    (out / "person-mask" / "p1.png").write_bytes(b"half")
    (out / ".annotate/items/person/p2.json").write_text("{")
    annotate(photos_folder, out, plan)
    after = {name: data for name, data in files_of(out).items() if not name.startswith(VERSIONS)}
    assert after == before


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("raise", "ZeroDivisionError: float division by zero"),
        ("size", "3x3"),
        ("empty", "empty"),
        ("type", "float32"),
        ("own", "cannot — do not"),
    ],
)
def test_an_annotator_that_fails_costs_its_condition_and_one_line(photos_folder, build, tmp_path, how, says):
    from dataclasses import replace

    plan = build(**{"person-mask/fake": "person-mask/angry"})
    plan = replace(
        plan, steps=tuple(replace(step, options={"how": how}) if "angry" in step.name else step for step in plan.steps)
    )
    done = annotate(photos_folder, tmp_path / "data", plan)
    assert len(done.failures) == 4
    assert all(row[3] == "person-mask" and says in row[4] for row in done.failures)
    assert not any("\n" in row[4] or "Traceback" in row[4] for row in done.failures)
    assert len(list((tmp_path / "data/image-parse-v3").glob("*"))) == 4


def test_nobody_in_a_photo_and_who_is_found_by_the_photo_itself(photos_folder, plan, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in photos_folder.rglob("*.png"):
        (flat / path.name).write_bytes(path.read_bytes())
    out = tmp_path / "data"
    done = annotate(flat, out, plan)
    assert (done.people, done.garments) == (4, 3)
    assert not done.failures
    said = tmp_path / "people-only"
    (said / "people").mkdir(parents=True)
    write_png(said / "people" / "empty.png", np.full((100, 80, 3), 200, np.uint8))
    write_png(said / "people" / "p.png", __import__("fake_annotators").figure(1))
    done = annotate(said, tmp_path / "second", plan)
    assert done.people == 1
    assert done.failures[0][:4] == ("people/empty.png", "empty", "person", "pose")
    assert "nobody" in done.failures[0][4]
    assert not (tmp_path / "second/image/empty.png").exists()


def test_the_role_can_change_later(photos_folder, plan, tmp_path):
    flat, out = tmp_path / "flat", tmp_path / "data"
    flat.mkdir()
    (flat / "x.png").write_bytes((photos_folder / "people/p0.png").read_bytes())
    annotate(flat, out, plan)
    assert (out / "image/x.png").exists()
    (flat / "photos.csv").write_text("file,role,category\nx.png,garment,dress\n")
    annotate(flat, out, plan)
    assert not (out / "image/x.png").exists()
    assert not (out / "openpose_json/x_keypoints.json").exists()
    assert Dataset.open(out).garments["x"].category == "dress"


def test_a_full_disk_is_a_line_and_the_next_run_goes_on(photos_folder, plan, tmp_path, files_of, monkeypatch):
    annotate(photos_folder, tmp_path / "data", plan)
    out, real, written = tmp_path / "full" / "data", os.fsync, []

    def fsync(handle):
        written.append(1)
        if 20 < len(written) < 32:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    done = annotate(photos_folder, out, plan)
    assert done.failures
    assert all("No space left" in row[4] for row in done.failures)
    monkeypatch.setattr(os, "fsync", real)
    assert not list(out.rglob("*.part"))
    assert not annotate(photos_folder, out, plan).failures
    assert files_of(out) == files_of(tmp_path / "data")


def test_an_output_that_cannot_be_written_is_one_error(photos_folder, plan, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        annotate(photos_folder, tmp_path / "file" / "data", plan)
    with pytest.raises(InputError, match="not annotated here"):
        rederive(tmp_path)


def test_captions_by_hand_stay(photos_folder, build, tmp_path):
    out = tmp_path / "data"
    annotate(photos_folder, out, build())
    path = out / "captions.json"
    entries = json.loads(path.read_text())
    mine = {**entries["p0"]["person"], "gender": "woman in her sixties"}
    entries["p0"]["person"] = mine
    write_json(path, entries)
    line = {"item": "p0", "condition": "caption", "who": "ann", "when": "now", "before": "", "after": sha256_json(mine)}
    with (out / JOURNAL).open("a") as handle:
        handle.write(json.dumps(line) + "\n{broken")
    annotate(photos_folder, out, build(shift=3.0))
    assert json.loads(path.read_text())["p0"]["person"] == mine


def test_pairs_by_hand_stay_and_dataset_json_keeps_what_was_written_into_it(photos_folder, plan, tmp_path):
    out = tmp_path / "data"
    annotate(photos_folder, out, plan, info={"licence": "mine"})
    (out / "test_pairs_unpaired.txt").write_text("p0 g2\n")
    value = json.loads((out / "dataset.json").read_text())
    write_json(out / "dataset.json", {**value, "contact": "ann", "consent": "signed"})
    annotate(photos_folder, out, plan)
    assert (out / "test_pairs_unpaired.txt").read_text() == "p0 g2\n"
    value = json.loads((out / "dataset.json").read_text())
    assert (value["contact"], value["consent"], value["licence"]) == ("ann", "signed", "mine")


def test_plans_are_checked(build, tmp_path, photos_folder):
    from fittingroom.annotate.plan import Step, load_plan

    plan = build()
    assert Plan.from_json(plan.as_json()) == plan
    with pytest.raises(InputError, match="needs pose"):
        load_plan(Plan((Step("agnostic-mask/canonical"),)))
    with pytest.raises(InputError, match="both provide garment-mask"):
        load_plan(Plan((Step("garment-mask/colour"), Step("other", "fittingroom.annotate.garment_mask:ColourMask"))))
    with pytest.raises(InputError, match="no annotator named 'pose/none-such'"):
        load_plan(Plan((Step("pose/none-such"),)))
    with pytest.raises(InputError, match="has no option 'colour'"):
        load_plan(Plan((Step("garment-mask/colour", options={"colour": 1}),)))
    assert item_module.reason(ValueError("a\n b")) == "ValueError: a b"


def test_masks_lie_where_the_figures_are(photos_folder, plan, tmp_path):
    out = tmp_path / "data"
    annotate(photos_folder, out, plan)
    mask = read_mask(out / "cloth-mask/g0.png")
    truth = np.zeros((120, 100), bool)
    truth[20:100, 20:80] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.97


def test_a_parse_that_only_a_hand_makes_waits_and_the_rest_follows(photos_folder, build, tmp_path, files_of):
    out = tmp_path / "data"
    annotate(photos_folder, tmp_path / "drawn", build())
    plan = build(**{"parse/fake": "parse/hand"})
    done = annotate(photos_folder, out, plan)
    assert done.people == 4
    assert not done.failures
    assert not (out / "agnostic-v3.2").exists()
    queue = (out / ".annotate/quality.csv").read_text().splitlines()
    assert queue[1] == "p0,person,parse,0.0000,to be made by hand,"
    by_hand(out, "p0", "parse", out / "image-parse-v3/p0.png", (tmp_path / "drawn/image-parse-v3/p0.png").read_bytes())
    rederive(out, ["p0"])
    assert (out / "agnostic-v3.2/p0.png").read_bytes() == (tmp_path / "drawn/agnostic-v3.2/p0.png").read_bytes()
    assert not (out / "agnostic-v3.2/p1.png").exists()
    garment = Dataset.open(out).garments["p0-worn"]
    assert garment.worn
    assert garment.mask().any()
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "x.png").write_bytes((photos_folder / "people/p0.png").read_bytes())
    lost = annotate(flat, tmp_path / "lost", build(**{"pose/fake": "pose/hand"}))
    assert "nobody here can tell" in lost.failures[0][4]
