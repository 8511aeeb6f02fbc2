"""The run folder as a format."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from fittingroom.compare.run import Item, Row, Run, Timing, item_record
from fittingroom.core.errors import InputError
from fittingroom.core.files import write_json

ROWS = [
    Row("baseline", "paired", "ssim", "", 0.8, 0.7, 0.9, 2, "abcd1234", "few"),
    Row("baseline", "paired", "ssim", "p__g", 0.8, math.nan, math.nan, 1, "abcd1234"),
]


def make_run(folder: Path) -> Run:
    item = Item("baseline", "paired", "p__g", "p", "g", "upper", 3, image="images/baseline/paired/p__g.png")
    write_json(folder / "config.json", {"methods": [{"label": "baseline"}]})
    write_json(folder / "items.json", [item_record(item)])
    return Run.open(folder)


def test_a_run_reads_what_was_written(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.write_rows(ROWS)
    run.write_timings([Timing("baseline", "paired", "p__g", 0.1, 0.2, 300.0, "cpu")])
    again = Run.open(tmp_path)
    assert again.methods == ["baseline"]
    assert again.settings == ["paired"]
    assert again.items[0].seed == 3
    assert again.rows[0] == ROWS[0]
    assert math.isnan(again.rows[1].low)
    assert again.timings[0].generate_s == 0.2
    assert again.comparisons == []
    assert again.protocols == {}


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(tmp_path / name).write_rows(ROWS)
    assert (tmp_path / "a/results.parquet").read_bytes() == (tmp_path / "b/results.parquet").read_bytes()


def test_empty_tables_can_be_written_and_read(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.write_rows([])
    assert Run.open(tmp_path).rows == []


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a run \(no config.json in it\) — make one with"):
        Run.open(tmp_path)


def test_a_broken_table_is_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (tmp_path / "results.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"results\.parquet: not a readable table") as caught:
        _ = run.rows
    assert "\n" not in str(caught.value)


def test_ids_with_slashes_stay_inside_the_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    item = Item("baseline", "paired", "x", "../../secret", "upper_body/0001", "upper", 0)
    assert run.person_image(item).parent == tmp_path / "inputs" / "person"
    assert run.garment_image(item).parent == tmp_path / "inputs" / "garment"
