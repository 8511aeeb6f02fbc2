"""The report: complete, self-contained, honest, the same bytes again, and fine in a real browser."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from fittingroom.compare.run import Item, Row, Run, Timing, item_record
from fittingroom.core.errors import InputError
from fittingroom.core.files import write_json
from fittingroom.core.images import write_png
from fittingroom.methods.registry import card, method_names
from fittingroom.report import write_figures, write_report, write_tables
from fittingroom.report.collect import columns, costs
from fittingroom.report.formulas import formula_html, formula_svg, with_formulas
from fittingroom.report.tables import number, text_table
from fittingroom.report.texts import say, text_keys
from fittingroom.report.words import conclusions, summary

METHODS = ("baseline", "sharp", "blurry")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three methods: one with a card, two whose packages are not installed; one failed item, notes, tests, a NaN."""
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    items, timings, rows = [], [], []
    pairs = [(f"p{index}", f"g{index}") for index in range(5)]
    for person, garment in pairs:
        for kind, name in (("person", person), ("garment", garment)):
            write_png(folder / "inputs" / kind / f"{name}.png", random.integers(0, 255, (96, 64, 3), dtype=np.uint8))
    for setting in ("paired", "unpaired"):
        for position, method in enumerate(METHODS):
            scores = {}
            for person, garment in pairs:
                name = f"{person}__{garment}"
                failed = method == "blurry" and setting == "unpaired" and person == "p0"
                image = "" if failed else f"images/{method}/{setting}/{name}.png"
                if image:
                    write_png(folder / image, random.integers(0, 255, (96, 64, 3), dtype=np.uint8))
                    timings.append(Timing(method, setting, name, 0.1, 0.5 * (position + 1), 400.0, "cpu"))
                    scores[name] = 0.1 * (position + 1) + 0.01 * float(random.random())
                truth = f"inputs/person/{person}.png" if setting == "paired" else ""
                items.append(
                    Item(
                        method,
                        setting,
                        name,
                        person,
                        garment,
                        "upper",
                        7,
                        image,
                        truth,
                        "no <person> & nothing" if failed else "",
                    )
                )
            mean = float(np.mean(list(scores.values())))
            rows.append(
                Row(
                    method,
                    setting,
                    "fd-random",
                    "",
                    1.5 + position,
                    1.2 + position,
                    1.9 + position,
                    len(scores),
                    "aaaa0000",
                    "only 5 results",
                )
            )
            rows.append(Row(method, setting, "kd-random", "", math.nan, math.nan, math.nan, len(scores), "bbbb0000"))
            rows.append(
                Row(method, setting, "lpips-random", "", mean, mean - 0.01, mean + 0.01, len(scores), "cccc0000")
            )
            rows += [
                Row(method, setting, "lpips-random", name, value, math.nan, math.nan, 1, "cccc0000")
                for name, value in scores.items()
            ]
            rows.append(
                Row(method, setting, "third-party-metric", "", 3.0, math.nan, math.nan, len(scores), "dddd0000")
            )
    tests = [
        {"setting": setting, "metric": "lpips-random", "protocol": "cccc0000", "a": a, "b": b, "n": 5, "mean_difference": -0.1, "low": -0.12, "high": -0.08, "p": 0.01, "p_holm": p}
        for setting in ("paired", "unpaired")
        for a, b, p in (("baseline", "sharp", 0.03), ("baseline", "blurry", 0.03), ("sharp", "blurry", 0.2))
    ]  # fmt: skip
    write_json(folder / "comparisons.json", tests)
    write_json(folder / "items.json", [item_record(item) for item in items])
    write_json(
        folder / "protocols.json", {"aaaa0000": {"metric": "fd-random", "settings": {"codec": "png", "seed": 0}}}
    )
    write_json(
        folder / "env.json",
        {
            "cpu": "Test processor",
            "cores": 2,
            "gpu": [{"name": "Test GPU", "memory_gb": 8.0, "driver": "1"}],
            "libraries": {"torch": "2"},
        },
    )
    methods = [{"label": name, "name": name, "weights": "", "settings": {}, "trained": False} for name in METHODS]
    write_json(
        folder / "config.json",
        {
            "methods": methods,
            "metrics": [],
            "seed": 0,
            "dataset": {"name": "made <b>up</b>", "layout": "x", "people": 5, "garments": 5, "info": {}},
        },
    )
    made = Run(folder)
    made.write_rows(rows)
    made.write_timings(timings)
    return Run.open(folder)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_report_has_every_chapter_and_needs_nothing_else(run: Run, language: str, tmp_path: Path) -> None:
    text = write_report(run, tmp_path / "r.html", language=language).read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in text
    for key in (
        "summary",
        "gallery",
        "results",
        "charts",
        "extremes",
        "cost",
        "requirements",
        "theory",
        "conclusions",
        "protocol",
        "environment",
    ):
        assert f'<section id="{key}">' in text
        assert f">{say(key, language)}</h2>" in text
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(address.startswith(("data:", "#")) for address in addresses if address)
    assert "http://" not in text
    assert "https://" not in text
    assert "<b>up</b>" not in text, "names are escaped"
    assert "no &lt;person&gt; &amp; nothing" in text
    assert "Test processor" in text
    assert "Test GPU" in text
    assert say("unknown_method", language) in text
    assert text.count('class="formula display"') >= 3
    assert "nan" not in re.sub(r"data:[^\"]*", "", text).lower().replace("finan", "")


def test_the_same_run_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    assert (
        write_report(run, tmp_path / "a.html").read_bytes()
        == write_report(Run.open(run.folder), tmp_path / "b.html").read_bytes()
    )
    first = {path.name: path.read_bytes() for path in write_figures(run, tmp_path / "f1")}
    assert first == {path.name: path.read_bytes() for path in write_figures(run, tmp_path / "f2")}


def test_best_is_only_what_was_shown(run: Run) -> None:
    lpips = next(column for column in columns(run, "paired") if column.metric == "lpips-random")
    assert lpips.best == ("baseline",)
    other = next(column for column in columns(run, "paired") if column.metric == "third-party-metric")
    assert other.best == (), "no test, no winner"


def test_words_claim_what_the_numbers_show(run: Run) -> None:
    lines = summary(run, "en")
    assert "5 people, 5 garments" in lines[0]
    assert "29 of 30 pictures were made" in lines[0]
    assert any(line.startswith("LPIPS (random), paired: baseline is shown to be best") for line in lines)
    assert any("blurry made no picture of 1 pairs" in line for line in lines)
    assert any("untrained weights" in line for line in lines)
    assert any("mostly bias" in line for line in lines)
    assert any("baseline is 2.7 times as fast as blurry" in line for line in lines)
    assert any("baseline is shown to be best in LPIPS (random)" in line for line in conclusions(run, "en"))


def test_without_a_shown_difference_nobody_wins(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "run")
    tests = json.loads((tmp_path / "run/comparisons.json").read_text(encoding="utf-8"))
    write_json(tmp_path / "run/comparisons.json", [{**entry, "p_holm": 0.4} for entry in tests])
    lines = summary(Run.open(tmp_path / "run"), "en")
    assert any("no difference between the methods was shown" in line for line in lines)
    assert not any("shown to be best" in line for line in lines)
    russian = summary(Run.open(tmp_path / "run"), "ru")
    assert any("различие методов не показано" in line for line in russian)


def test_costs_are_quantiles_of_what_was_measured(run: Run) -> None:
    spent = {entry.method: entry for entry in costs(run)}
    assert spent["sharp"].total_p50 == pytest.approx(1.1)
    assert spent["sharp"].per_hour == pytest.approx(3600 / 1.1)
    assert spent["blurry"].n == 9


def test_tables(run: Run, tmp_path: Path) -> None:
    files = {path.suffix: path.read_text(encoding="utf-8") for path in write_tables(run, tmp_path)}
    rows = list(csv.DictReader(io.StringIO(files[".csv"])))
    assert len(rows) == 2 * 3 * 4
    assert {row["protocol"] for row in rows} == {"aaaa0000", "bbbb0000", "cccc0000", "dddd0000"}
    assert files[".md"].count("| baseline |") == 2
    assert files[".tex"].count(r"\begin{tabular}") == 2
    for line in files[".tex"].splitlines():
        assert line.startswith("% ") or not re.search(r"(?<!\\)[_%#]", line), "special characters are escaped"
    assert "N=4" in text_table(run)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "–"),
        (0.0, "0.0000"),
        (0.12345, "0.1235"),
        (3.14159, "3.142"),
        (123.456, "123.46"),
        (0.00001, "1.0e-05"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("name", method_names())
def test_every_formula_of_every_method_is_typeset(name: str) -> None:
    for loss in card(name).losses:
        svg, height, depth = formula_svg(f"{loss.symbol} = {loss.formula}")
        assert svg.startswith(b"<?xml")
        assert 0 < depth < height < 8
        for text in loss.where.values():
            assert "$" not in with_formulas(text)


def test_formulas_are_escaped_and_broken_ones_refused() -> None:
    assert "&lt;" in with_formulas("a < b $x^2$")
    assert 'alt="a &lt; b"' in formula_html("a < b")
    with pytest.raises(InputError, match="cannot be typeset"):
        formula_svg(r"\nosuchmacro{x}")


def test_every_text_is_there_in_both_languages() -> None:
    from fittingroom.report import texts

    for key in text_keys():
        english, russian = texts._TEXTS[key]
        assert english
        assert russian
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", russian)), key


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "ru"])
def test_in_a_browser(run: Run, language: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        reason = "no Chromium on this machine"
        if os.environ.get("FITTINGROOM_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    path = write_report(run, tmp_path / "report.html", language=language)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        errors: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        page.wait_for_function(
            "[...document.images].filter(image => !image.closest('dialog')).every(image => image.complete)"
        )
        broken = page.evaluate(
            "[...document.images].filter(image => !image.closest('dialog') && image.naturalWidth === 0).length"
        )
        formulas = page.evaluate(
            "[...document.querySelectorAll('img.formula')].map(image => image.getBoundingClientRect()).map(box => [box.width, box.height])"
        )
        text = page.inner_text("body")
        assert not errors
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert broken == 0
        assert len(formulas) >= 6
        assert all(width > 4 and height > 4 for width, height in formulas)
        assert "$" not in text
        assert "\\frac" not in text
        assert "\\sum" not in text
        page.click("img.photo >> nth=2")
        assert page.evaluate("document.getElementById('large').open")
        assert page.evaluate("document.querySelector('#large img').naturalWidth") > 0
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 392, "no sideways scrolling on a phone"
        pdf = page.pdf(prefer_css_page_size=True)
        browser.close()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 2
