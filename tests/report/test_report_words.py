"""Nothing is claimed that the numbers do not show."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fittingroom.report.texts as texts_module
from fittingroom.compare.run import Run
from fittingroom.core.errors import InputError
from fittingroom.core.files import read_json, write_json
from fittingroom.metrics.catalogue import catalogue
from fittingroom.metrics.fid_infinity import fid_infinity
from fittingroom.metrics.frechet import ReferenceFactor
from fittingroom.metrics.kid import kid
from fittingroom.report.collect import columns, costs, find, quality_column
from fittingroom.report.conclusions import conclude
from fittingroom.report.html import write_report
from fittingroom.report.tables import latex_tables, markdown_tables, text_table
from fittingroom.report.texts import Texts, digits_for, texts
from fittingroom.report.words import Finding, summary

EN, RU = texts("en"), texts("ru")
CLEAR = {"baseline": [0.1 + 0.001 * i for i in range(8)], "tuned": [0.3 - 0.002 * i for i in range(8)]}
EQUAL = {"baseline": [0.1, 0.3] * 4, "tuned": [0.3, 0.1] * 4}
Build = Callable[..., Run]


def about(run: Run, head: str, t: Texts = EN) -> str:
    found = [finding for finding in summary(run, t) if finding.head.startswith(head)]
    assert found, [finding.head for finding in summary(run, t)]
    return " ".join(f"{finding.text} {finding.detail}" for finding in found)


def changed(run: Run, folder: Path, **values: object) -> Run:
    """The run with other values in all its comparisons."""
    write_json(
        run.folder / "comparisons.json", [{**test, **values} for test in read_json(run.folder / "comparisons.json")]
    )
    return Run.open(run.folder)


def test_scope_counts(run: Run) -> None:
    text = about(run, "Compared")
    assert "8 people, 8 garments, 8 paired try-ons and 8 unpaired try-ons" in text
    assert "Of 48 pictures asked for, 47 could be made" in text


def test_a_shown_difference_is_said_with_its_size(build: Build) -> None:
    text = about(build(("baseline", "tuned"), scores=CLEAR), "Quality, paired")
    assert text.startswith("baseline is shown to be better than tuned by LPIPS (random) (corrected p =\u00a00.008).")
    assert "Mean difference baseline − tuned: −0.189 [" in text
    assert "baseline 0.104\u00a0[" in text


def test_what_is_not_shown_is_not_claimed(build: Build) -> None:
    made = build(("baseline", "tuned"), scores=EQUAL)
    assert "is shown to be better" not in about(made, "Quality")
    assert "All methods have the same mean by LPIPS (random)" in about(made, "Quality")
    slight = {"baseline": EQUAL["baseline"], "tuned": [*EQUAL["tuned"][:-1], 0.11]}
    assert "No difference by LPIPS (random) is shown in 8 pictures; the best mean is that of baseline" in about(
        build(("baseline", "tuned"), scores=slight), "Quality"
    )


def test_a_p_alone_is_no_claim(build: Build, tmp_path: Path) -> None:
    made = changed(build(("baseline", "tuned"), scores=CLEAR), tmp_path, p_holm=0.001, low=-0.2, high=0.01)
    column = quality_column(columns(made, "paired"))
    assert column is not None
    assert not column.beats("baseline", "tuned")
    assert column.best == ()
    made = changed(made, tmp_path, p_holm=0.2, low=-0.2, high=-0.1)
    assert "is shown to be better" not in about(made, "Quality")
    made = changed(made, tmp_path, p_holm=0.001)
    assert "baseline is shown to be better than tuned" in about(made, "Quality")


def test_higher_is_better_turns_the_order_round(build: Build, tmp_path: Path) -> None:
    made = changed(
        build(("baseline", "tuned"), scores=CLEAR), tmp_path, p_holm=0.001, mean_difference=-3.0, low=-4.0, high=-2.0
    )
    column = find(columns(made, "paired"), "psnr-outside")
    assert column is not None
    assert column.beats("tuned", "baseline")
    assert not column.beats("baseline", "tuned")


def test_one_method_is_never_ranked(build: Build) -> None:
    made = build(("baseline",))
    whole = " ".join(f"{finding.text} {finding.detail}" for finding in summary(made, EN))
    assert "There is only one method, so nothing is ranked here" in whole
    assert "baseline reaches LPIPS (random)" in whole
    for word in ("better than", "best mean", "fastest", "leads"):
        assert word not in whole
    found = conclude(made, EN)
    assert found.pairs == []
    assert found.overall == [EN("conclusion.one_method")]


def test_between_three_only_what_is_shown(build: Build) -> None:
    scores = {
        "baseline": CLEAR["baseline"],
        "tuned": [value + 0.001 * (-1) ** i for i, value in enumerate(CLEAR["baseline"])],
        "third": CLEAR["tuned"],
    }
    made = build(("baseline", "tuned", "third"), scores=scores)
    column = quality_column(columns(made, "paired"))
    assert column is not None
    assert set(column.best) == {"baseline", "tuned"}
    assert "is shown to be better than third by LPIPS (random)" in about(made, "Quality")
    assert re.search(r"but not than (tuned|baseline)\.", about(made, "Quality"))
    found = dict(conclude(made, EN).pairs)
    assert found["baseline against third"][0].startswith(
        "baseline is shown to be better by FD (random), LPIPS (random) (paired)"
    )
    assert found["baseline against tuned"] == ["No metric shows a difference."]


def test_sets_are_ordered_only_by_intervals_apart(build: Build) -> None:
    apart = build(("baseline", "tuned"), sets={"baseline": (1.0, 0.8, 1.2), "tuned": (2.0, 1.5, 2.5)})
    text = about(apart, "Realism of the set, paired")
    assert "the interval of baseline lies apart from all others" in text
    assert "With n\u00a0=\u00a08 a Fréchet distance is mostly bias" in text
    touching = build(("baseline", "tuned"), sets={"baseline": (1.0, 0.8, 1.6), "tuned": (2.0, 1.5, 2.5)})
    assert "the intervals overlap, so no order is claimed" in about(touching, "Realism of the set, paired")
    without = build(("baseline", "tuned"), sets={"baseline": (1.0, math.nan, math.nan), "tuned": (2.0, 1.5, 2.5)})
    assert "has no intervals here, so no order is claimed" in about(without, "Realism of the set, paired")


def test_a_metric_nobody_knows_has_no_winner(run: Run) -> None:
    column = find(columns(run, "paired"), "third-party")
    assert column is not None
    assert column.ranked() == []
    assert column.best == ()
    assert EN.heading(column.info) == "third-party"


def test_values_of_different_protocols_never_share_a_column(build: Build) -> None:
    made = build(("baseline", "tuned"), scores=CLEAR)
    made.write_rows([replace(row, protocol="99990000") if row.method == "tuned" else row for row in made.rows])
    again = Run.open(made.folder)
    found = [column for column in columns(again, "paired") if column.metric == "lpips-random"]
    assert [(column.protocol, list(column.cells)) for column in found] == [
        ("cccc0000", ["baseline"]),
        ("99990000", ["tuned"]),
    ]
    assert not any(column.beats("baseline", "tuned") for column in columns(again, "paired"))
    assert "is shown to be better" not in about(again, "Quality")


def test_speed_is_what_was_measured(build: Build) -> None:
    made = build(("baseline", "tuned"), scores=CLEAR, seconds={"baseline": 0.4, "tuned": 4.0})
    spent = {entry.method: entry for entry in costs(made)}
    times = [entry.conditions_s + entry.generate_s for entry in made.timings if entry.method == "tuned"]
    assert spent["tuned"].total_p50 == pytest.approx(np.quantile(times, 0.5))
    assert spent["tuned"].total_p95 == pytest.approx(np.quantile(times, 0.95))
    assert spent["tuned"].per_hour == pytest.approx(3600 / spent["tuned"].total_p50)
    ratio = spent["tuned"].total_p50 / spent["baseline"].total_p50
    text = about(made, "Speed")
    assert f"tuned takes {spent['tuned'].total_p50:.2f} s, {ratio:.1f} times as long" in text
    assert "baseline is both faster than tuned and shown to be better by LPIPS (random)" in text
    other = build(("baseline", "tuned"), devices={"tuned": "cuda"})
    assert "their times cannot be compared" in about(other, "Speed")
    assert "fastest" not in about(other, "Speed")


def test_warnings(run: Run, build: Build) -> None:
    text = about(run, "Mind") + about(run, "Missing")
    assert "FD (random), KD×1000 (random) and LPIPS (random) look through the embedded network" in text
    assert "tuned made no picture for 1 pair;" in text
    assert "baseline, tuned and else_where $5 learned nothing" in text
    assert "flatters distances between sets" in text
    calm = build(("baseline", "tuned"), settings=("unpaired",))
    assert "flatters" not in about(calm, "Mind")
    assert "learned nothing" not in about(calm, "Mind")


def test_what_was_taken_from_the_garment_itself_is_named(build: Build) -> None:
    made = about(build(("baseline", "tuned"), matching={"tuned": "colours"}), "Mind")
    assert "tuned: coarse colours of the garment were taken from the patches" in made
    assert "own pattern" not in made
    made = about(build(("baseline", "tuned"), matching={"tuned": "details"}), "Mind")
    assert "tuned: after the network, the garment's own pattern" in made
    assert "taken from the patches" not in made
    made = build(("baseline", "tuned"), matching={"tuned": "layers"})
    assert "tuned: after the network, the garment itself was laid where it was painted" in about(made, "Mind")
    assert "tuned: после сети туда, где она нарисовала одежду" in about(made, "Учтите", RU)
    plain = about(build(("baseline", "tuned")), "Mind")
    assert "coarse colours" not in plain
    assert "own pattern" not in plain


def test_photos_that_were_pasted_back_are_named(build: Build) -> None:
    made = build(("baseline", "tuned"), pasting=("tuned",))
    assert "tuned: outside the mask the photo was pasted back" in about(made, "Mind")
    assert "tuned: вне маски возвращена исходная фотография" in about(made, "Учтите", RU)
    assert "tuned: inside the mask, too, the photo was put back" in about(made, "Mind")
    assert "pasted back" not in about(build(("baseline", "tuned")), "Mind")
    for text in (markdown_tables(made), latex_tables(made), text_table(made)):
        assert "tuned" in text
        assert "photo pasted back" in text
    page = write_report(made).read_text(encoding="utf-8")
    assert re.search(r"tuned<small>photo pasted back</small></th>", page)
    assert not re.search(r"baseline<small>photo pasted back</small></th>", page)


def test_limits_follow_from_the_run(run: Run, build: Build) -> None:
    found = conclude(run, EN)
    assert EN("conclusion.no_truth") in found.limits
    assert EN("conclusion.common") in found.limits
    assert any("with 8 pictures" in line or "with 7 pictures" in line for line in found.limits)
    alone = conclude(build(("baseline",), settings=("paired",)), EN)
    assert EN("conclusion.no_truth") not in alone.limits
    assert EN("conclusion.families") not in alone.limits


def test_russian_says_the_same(build: Build) -> None:
    made = build(("baseline", "tuned"), scores=CLEAR)
    assert "показано превосходство метода baseline над tuned (p с поправкой =\u00a00,008)" in about(
        made, "Качество", RU
    )
    assert [finding.kind for finding in summary(made, RU)] == [finding.kind for finding in summary(made, EN)]
    assert isinstance(summary(made, RU)[0], Finding)


@pytest.mark.parametrize(
    ("numbers", "form"),
    [((1, 21, 101), "изображение"), ((2, 3, 4, 22, 1002), "изображения"), ((0, 5, 11, 12, 14, 20, 111), "изображений")],
)
def test_russian_plurals(numbers: tuple[int, ...], form: str) -> None:
    for number in numbers:
        assert RU.count("plural.pictures", number) == f"{number} {form}"


def test_numbers() -> None:
    assert EN.number(-0.1234, 3) == "−0.123"
    assert EN.number(-0.0001, 2) == "0.00"
    assert RU.number(1234.5, 1) == "1234,5"
    assert EN.number(math.nan, 2) == "—"
    assert RU.interval(-0.5, 1.25, 2) == "[−0,50; 1,25]"
    assert EN.interval(math.nan, 1.0, 2) == ""
    assert EN.p(0.0004) == "<\u00a00.001"
    assert EN.listed(["a", "b", "c"]) == "a, b and c"
    assert [digits_for([value]) for value in (5000.0, 123.0, 63.4, 2.6, 0.93, 0.05, 0.0076, 1e-9, 0.0, math.nan)] == [
        0,
        1,
        2,
        2,
        3,
        4,
        5,
        5,
        2,
        2,
    ]


def _flat(table: dict[str, object], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            found[f"{prefix}{key}"] = value
    return found


def test_both_languages_have_every_text() -> None:
    folder = Path(texts_module.__file__).parent / "languages"
    english, russian = (
        _flat(tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))) for name in ("en", "ru")
    )
    only_russian = ("family.", "licence.", "metric.", "unit.")  # words that are English already
    needed = {
        key
        for key in russian
        if not key.startswith(only_russian) and not (key.startswith("plural.") and key.endswith(".few"))
    }
    assert set(english) == needed
    for key, text in english.items():
        assert text.strip()
        assert russian[key].strip()
        assert (
            set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", russian[key]))
            or key == "gallery.text_all"
        ), key
    plural = {key.rsplit(".", 1)[0] for key in russian if key.startswith("plural.")}
    assert all({f"{key}.{form}" for form in ("one", "few", "many")} <= set(russian) for key in plural)


def test_every_metric_has_a_russian_title() -> None:
    for info in catalogue().values():
        title = RU.title(info)
        assert not re.search(r"\b(garment|outside|Garment)\b", title), title


def test_notes_of_the_metrics_are_translated() -> None:
    random = np.random.default_rng(0)
    reference = ReferenceFactor.of(random.normal(size=(40, 48)))
    notes = [fid_infinity(random.normal(size=(count, 48)), reference).note for count in (10, 30)]
    notes += [
        "only 8 results against 4 photos: the value is mostly bias, compare equal numbers only; codecs differ: png against jpeg",
        "mean of 100 subsets of 2: -1.212 ± 3.031; 3 of its pictures left out: another method has none for them",
    ]
    for features, reference in ((3, 40), (40, 3)):
        with pytest.raises(InputError) as caught:
            kid(random.normal(size=(features, 8)), random.normal(size=(reference, 8)))
        notes.append(caught.value.problem)
    with pytest.raises(InputError) as caught:
        ReferenceFactor.of(np.full((9, 8), np.nan))
    notes.append(caught.value.problem)
    for note in notes:
        translated = RU.note(note)
        assert note
        assert not re.search(r"[A-Za-z]{3,}", translated.replace("png", "").replace("jpeg", "")), translated
    assert "−1,212 ± 3,031" in RU.note(notes[3])
    assert EN.note("mean of 100 subsets of 2: -1.212 ± 3.031") == "mean of 100 subsets of 2: −1.212 ± 3.031"
    assert RU.note("something new") == "something new"
