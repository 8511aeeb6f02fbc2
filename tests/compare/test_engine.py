"""The main job: complete, deterministic, resumable, and never stopped by one bad sample."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fittingroom.compare.engine import compare
from fittingroom.compare.job import Job, MethodSpec
from fittingroom.compare.run import Run
from fittingroom.core.errors import InputError
from fittingroom.core.images import read_image
from fittingroom.data.dataset import Dataset

METRICS = ("lpips-random", "fd-random", "kd-random", "ssim", "psnr-outside", "garment-de2000")


def job(data: str = "drawn-mini", limit: int = 3, **more: object) -> Job:
    return Job(data, (MethodSpec("baseline"),), limit=limit, **more)  # type: ignore[arg-type]


def content(folder: Path) -> dict[str, bytes]:
    """Everything that must not depend on how the run was made."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = [
        path
        for path in files
        if path.suffix == ".png"
        or path.name in {"results.parquet", "items.json", "protocols.json", "comparisons.json", "config.json"}
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    compare(job(), out, metrics=METRICS, quiet=True)
    return out


def test_a_run_is_complete(finished: Path) -> None:
    run = Run.open(finished)
    assert run.settings == ["paired", "unpaired"]
    assert len(run.items) == 6
    assert not [item.error for item in run.items if item.error]
    for item in run.items:
        assert read_image(run.path(item.image)).shape == read_image(run.person_image(item)).shape
        assert run.garment_image(item).is_file()
        assert item.truth
        assert run.path(item.truth).is_file()
    assert {row.metric for row in run.rows} == set(METRICS)
    for setting in run.settings:
        for metric in ("lpips-random", "ssim"):
            values = [row.value for row in run.rows if (row.setting, row.metric) == (setting, metric) and row.item]
            mean = next(row for row in run.rows if (row.setting, row.metric, row.item) == (setting, metric, ""))
            assert len(values) == mean.n == 3
            assert mean.value == pytest.approx(sum(values) / 3)
    assert all(row.protocol in run.protocols for row in run.rows)
    assert len(run.timings) == 6
    assert all(timing.generate_s > 0 and timing.peak_mb > 50 for timing in run.timings)
    assert run.env["cores"] >= 1
    assert run.env["libraries"]["torch"]


def test_the_same_job_gives_the_same_bytes_in_any_number_of_workers(finished: Path, tmp_path: Path) -> None:
    compare(job(), tmp_path / "two", metrics=METRICS, workers=2, quiet=True)
    assert content(tmp_path / "two") == content(finished)


def test_shards_add_up(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    for index in (1, 0):
        compare(job(), out, metrics=METRICS, shard=(index, 2), quiet=True)
        assert not (out / "results.parquet").exists()
    made = {path: path.stat().st_mtime_ns for path in (out / "images").rglob("*.png")}
    assert len(made) == 6
    compare(job(), out, metrics=METRICS, quiet=True)
    assert {path: path.stat().st_mtime_ns for path in made} == made, "the last call makes nothing again"
    assert content(out) == content(finished)


def test_harm_is_found_and_mended(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "harmed"
    shutil.copytree(finished, out)
    pictures = sorted((out / "images").rglob("*.png"))
    pictures[0].write_bytes(pictures[0].read_bytes()[:-100])
    pictures[1].unlink()
    record = next((out / "items").rglob("*.json"))
    record.write_text("{", encoding="utf-8")
    (out / "results.parquet").unlink()
    compare(job(), out, metrics=METRICS, quiet=True)
    assert content(out) == content(finished)


def test_a_run_killed_at_any_moment_goes_on(finished: Path, tmp_path: Path) -> None:
    """SIGKILL at random moments, then to the end: the same bytes as without."""
    out = tmp_path / "killed"
    code = (
        "from fittingroom.compare.engine import compare\n"
        "from fittingroom.compare.job import Job\n"
        "import json, sys\n"
        "compare(Job.from_json(json.loads(sys.argv[1])), sys.argv[2], metrics=json.loads(sys.argv[3]), quiet=True)\n"
    )
    command = [sys.executable, "-c", code, json.dumps(job().as_json()), str(out), json.dumps(METRICS)]
    # an own cache: embeddings of the other tests must not hide what a kill does to unfinished ones
    environment = {**os.environ, "FITTINGROOM_CACHE": str(tmp_path / "cache")}
    begin = time.monotonic()
    subprocess.run([*command[:4], str(tmp_path / "timing"), command[5]], env=environment, check=True, timeout=300)
    whole = time.monotonic() - begin
    shutil.rmtree(tmp_path / "cache" / "embeddings")
    chance = random.Random(20260101)
    killed = 0
    for _ in range(2):
        process = subprocess.Popen(command, env=environment)
        try:
            process.wait(timeout=chance.uniform(0.35, 0.95) * whole)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed, "the kills came too late to test anything"
    subprocess.run(command, env=environment, check=True, timeout=300)
    assert content(out) == content(finished)
    assert not list(out.rglob("*.part*")) or killed  # leftovers of a kill are allowed, and never read


def test_another_job_does_not_overwrite_a_run(finished: Path) -> None:
    with pytest.raises(InputError, match=r"run of another job \(it differs in seed\) — choose another --out"):
        compare(job(seed=1), finished, metrics=METRICS, quiet=True)


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="not empty and holds no run"):
        compare(job(), tmp_path, metrics=METRICS, quiet=True)


def test_bad_samples_are_reported_and_skipped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(Dataset.open("drawn-mini").root, data)
    dataset = Dataset.open(data)
    broken, poseless, _ = dict.fromkeys(pair.person for pair in dataset.pairs["paired"][:6])
    photo = dataset.people[broken].files["image"]
    photo.write_bytes(photo.read_bytes()[:200])
    dataset.people[poseless].files["pose"].write_text("{}", encoding="utf-8")
    run = compare(job(str(data), limit=6), tmp_path / "run", metrics=("ssim",), quiet=True)
    errors = {item.person: item.error for item in run.items if item.setting == "paired" and item.error}
    assert set(errors) == {broken, poseless}
    assert "not a readable image" in errors[broken]
    assert "not an OpenPose document" in errors[poseless]
    assert all("\n" not in line for line in errors.values())
    good = [item for item in run.items if item.setting == "paired" and item.image]
    assert len(good) == 2
    assert [row.n for row in run.rows if row.metric == "ssim" and row.setting == "paired" and not row.item] == [2]
    assert "not a readable image" in (run.folder / "log.txt").read_text(encoding="utf-8")


def test_mended_samples_are_made_in_the_next_call(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(Dataset.open("drawn-mini").root, data)
    photo = (dataset := Dataset.open(data)).people[dataset.pairs["paired"][0].person].files["image"]
    whole = photo.read_bytes()
    photo.write_bytes(b"")
    one = job(str(data), limit=1, settings=("paired",))
    first = compare(one, tmp_path / "run", metrics=("ssim",), quiet=True)
    assert first.items[0].error
    photo.write_bytes(whole)
    assert not compare(one, tmp_path / "run", metrics=("ssim",), quiet=True).items[0].error


def test_unknown_names_stop_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nosuch"):
        compare(job(), tmp_path / "a", metrics=("nosuch",), quiet=True)
    with pytest.raises(InputError, match="no method named 'nosuch'"):
        compare(Job("drawn-mini", (MethodSpec("nosuch"),)), tmp_path / "b", metrics=METRICS, quiet=True)
    with pytest.raises(InputError):
        compare(job("/nosuch/folder"), tmp_path / "c", metrics=METRICS, quiet=True)
    assert not list(tmp_path.rglob("*.png"))
