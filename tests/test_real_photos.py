"""The whole way on the real photos: annotated people in, a run and a report out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittingroom.compare.engine import compare
from fittingroom.compare.job import Job, MethodSpec
from fittingroom.compare.run import Run
from fittingroom.core.images import read_image
from fittingroom.data.dataset import Dataset
from fittingroom.data.regions import edit_region
from fittingroom.report import write_report

pytestmark = pytest.mark.photos


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    job = Job(str(photos / "upt25"), (MethodSpec("baseline"),))
    return compare(
        job,
        tmp_path_factory.mktemp("runs") / "upt25",
        metrics=("lpips-random", "fd-random", "ssim", "psnr-outside", "garment-de2000"),
        quiet=True,
    )


@pytest.fixture
def listed(photos: Path) -> int:
    """Number of pairs in the list; everybody in it is dressed once, and wears something."""
    return len((photos / "upt25" / "test_pairs.txt").read_text(encoding="utf-8").split()) // 2


def test_every_listed_pair_gets_a_picture(run: Run, listed: int) -> None:
    assert [item.error for item in run.items if item.error] == []
    counts = [sum(item.setting == setting for item in run.items) for setting in ("paired", "unpaired")]
    assert counts == [listed, listed]


def test_the_garment_is_put_on_and_the_rest_is_left_alone(run: Run, photos: Path) -> None:
    dataset = Dataset.open(photos / "upt25")
    changed = []
    for item in run.items:
        if item.setting == "paired":
            continue
        person = dataset.people[item.person].fresh()
        before, after = person.image().astype(int), read_image(run.path(item.image)).astype(int)
        difference = np.abs(before - after).max(axis=2)
        outside = ~edit_region(person.parse(), person.pose(), "upper")
        # a garment may be longer or wider than what it replaces, so some pixels outside do change, but few and not everywhere
        assert (difference[outside] > 12).mean() < 0.06, item.id
        worn = person.parse().mask("upper-clothes", "coat")
        changed.append((difference[worn] > 12).mean())
    assert np.median(changed) > 0.5, "most of the old garment must be replaced"


def test_putting_the_own_garment_on_changes_little(run: Run, listed: int) -> None:
    paired = {row.metric: row for row in run.rows if row.setting == "paired" and not row.item}
    assert paired["ssim"].n == listed
    assert paired["ssim"].value > 0.85


def test_the_report_shows_them(run: Run, tmp_path: Path) -> None:
    path = write_report(run, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert text.count("<img") >= 2 * min(len(run.items) // 2, 24)
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_lower_garments_too(photos: Path, tmp_path: Path) -> None:
    job = Job(str(photos / "upt25"), (MethodSpec("baseline"),), category="lower", settings=("unpaired",), limit=6)
    made = compare(job, tmp_path / "run", metrics=("psnr-outside",), quiet=True)
    assert [item.error for item in made.items if item.error] == []
    assert {item.category for item in made.items} == {"lower"}
