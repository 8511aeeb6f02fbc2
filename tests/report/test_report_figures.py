"""Charts, formulas and tables as files."""

from __future__ import annotations

import csv
import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fittingroom.compare.run import Run
from fittingroom.core.errors import InputError
from fittingroom.core.images import read_image
from fittingroom.methods.base import Loss
from fittingroom.methods.registry import card, method_names
from fittingroom.report import write_figures, write_tables
from fittingroom.report.collect import COLOURS
from fittingroom.report.figures import all_charts
from fittingroom.report.formulas import formula, formula_or_source, with_formulas
from fittingroom.report.svg import inline_svg
from fittingroom.report.tables import latex_escape, markdown_tables, text_table
from fittingroom.report.texts import texts
from fittingroom.report.theory import objective, weight_latex

Build = Callable[..., Run]


@pytest.fixture(scope="module")
def written(run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_figures(run, tmp_path_factory.mktemp("figures"), "ru")


def test_figures_are_files_with_something_in_them(written: list[Path]) -> None:
    kinds, settings = ("metrics", "pictures", "quality-time"), ("paired", "unpaired")
    assert {path.name for path in written} == {
        f"{k}-{s}.{end}" for k in kinds for s in settings for end in ("png", "pdf")
    }
    first = [int(COLOURS[0][index : index + 2], 16) for index in (1, 3, 5)]
    for path in written:
        if path.suffix == ".pdf":
            assert path.read_bytes().startswith(b"%PDF")
            continue
        image = read_image(path)
        assert image.shape[1] > 1000
        if "pictures" not in path.name:  # its dots are translucent
            assert (image == first).all(axis=2).sum() > 50


def test_figures_are_the_same_bytes_again(run: Run, written: list[Path], tmp_path: Path) -> None:
    again = write_figures(Run.open(run.folder), tmp_path / "b", "ru")
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in again]
    with pytest.raises(InputError, match="no report in language"):
        write_figures(run, tmp_path / "c", "xx")


def test_bars_and_whiskers_stand_where_the_numbers_are(run: Run) -> None:
    chart = all_charts(run, texts("en"))["metrics-paired"]
    axis = next(axis for axis in chart.figure.axes if axis.get_title(loc="left") == "FD (random)")
    rows = {row.method: row for row in run.rows if (row.setting, row.metric, row.item) == ("paired", "fd-random", "")}
    assert [bar.get_width() for bar in axis.patches] == [rows[method].value for method in run.methods]
    whiskers = [line.get_segments()[0][:, 0].tolist() for line in axis.collections]
    assert np.allclose(whiskers, [[rows[method].low, rows[method].high] for method in run.methods])
    assert axis.get_xlim()[0] == 0
    assert [label.get_text() for label in axis.get_yticklabels()] == ["baseline", "tuned", r"else_where \$5"]


def test_every_picture_is_a_dot(run: Run) -> None:
    chart = all_charts(run, texts("en"))["pictures-paired"]
    dots = chart.figure.axes[0].collections
    for method, cloud in zip(run.methods, dots, strict=True):
        values = [
            row.value
            for row in run.rows
            if (row.method, row.setting, row.metric) == (method, "paired", "lpips-random") and row.item
        ]
        assert sorted(cloud.get_offsets()[:, 0].tolist()) == pytest.approx(sorted(values))


def test_a_run_without_numbers_has_no_charts(build: Build) -> None:
    made = build(("baseline",), pairs=1)
    for name in ("results.parquet", "timings.parquet"):
        (made.folder / name).unlink()
    assert all_charts(Run.open(made.folder), texts("en")) == {}


def test_inline_svg_keeps_its_references_apart(run: Run) -> None:
    charts = all_charts(run, texts("en"))
    made = {name: str(inline_svg(chart.figure, name, chart.alt)) for name, chart in charts.items()}
    ids = [found for text in made.values() for found in re.findall(r' id="([^"]+)"', text)]
    assert len(ids) == len(set(ids))
    for name, text in made.items():
        ET.fromstring(text)
        referred = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
        assert referred
        assert referred == {found for found in ids if found.startswith(f"{name}-")}
        assert 'role="img" aria-label="' in text


@pytest.mark.parametrize("name", method_names())
def test_every_formula_of_every_method_is_typeset(name: str) -> None:
    for loss in card(name).losses:
        tree = ET.fromstring(formula(f"{loss.symbol} = {loss.formula}", display=True))
        width, height = (float(part) for part in (tree.get("viewBox") or "").split()[2:])
        assert 100 < width < 6000
        assert 60 < height < 800
        assert "<svg" in with_formulas(loss.where["en"])
        for text in (*loss.where.values(), *loss.text.values()):
            assert "$" not in re.sub(r'aria-label="[^"]*"', "", with_formulas(text))
            assert "<code>" not in with_formulas(text)
    if card(name).losses:
        assert formula(objective(card(name).losses)).startswith("<svg")


def test_formulas_sit_on_the_baseline() -> None:
    def depth(latex: str) -> float:
        found = re.search(r"vertical-align:-([\d.]+)em", formula(latex))
        assert found
        return float(found.group(1))

    assert depth("x") < 0.06
    assert 0.15 < depth("y") < 0.35
    assert depth(r"\frac{a}{b}") > depth("y")
    assert formula("x^2") == formula(" x^2 ")
    assert 'aria-label="a &lt; b"' in formula("a < b")


def test_what_cannot_be_set_is_refused_or_shown_as_it_is() -> None:
    with pytest.raises(InputError, match="cannot be typeset"):
        formula(r"\nosuchmacro{x}")
    assert formula_or_source(r"\nosuch{<}") == r"<code>\nosuch{&lt;}</code>"
    assert with_formulas("costs 5 $ & more") == "costs 5 $ &amp; more"
    assert with_formulas("a < b, $x$").startswith("a &lt; b, <svg")


def test_objective() -> None:
    def loss(symbol: str, weight: float) -> Loss:
        return Loss("n", symbol, "x", weight, "", {"en": "", "ru": ""}, {"en": "", "ru": ""}, lambda: None)  # type: ignore[arg-type,return-value]

    assert objective([loss("A", 1.0), loss("B", 0.05), loss("C", 2.5e-6), loss("D", -1.0)]) == (
        r"\mathcal{L} = A + 0.05\, B + 2.5 \cdot 10^{-6}\, C - D"
    )
    assert [weight_latex(value) for value in (1e-6, 10.0, 0.0, 20_000.0)] == ["10^{-6}", "10", "0", r"2 \cdot 10^{4}"]


def test_tables_hold_every_value(run: Run, tmp_path: Path) -> None:
    files = {path.suffix: path.read_text(encoding="utf-8") for path in write_tables(run, tmp_path)}
    whole = [row for row in run.rows if not row.item]
    rows = list(csv.DictReader(io.StringIO(files[".csv"])))
    assert len(rows) == len(whole)
    for written, row in zip(rows, whole, strict=True):
        assert (written["method"], written["protocol"], int(written["n"])) == (row.method, row.protocol, row.n)
        assert (written["value"] == "") == math.isnan(row.value)
        assert math.isnan(row.value) or float(written["value"]) == row.value
    for block in files[".md"].split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    assert files[".md"].count("| baseline |") == 7  # groups of metrics: four paired, three unpaired (no truth)


def test_latex_is_escaped_and_balanced(run: Run, tmp_path: Path) -> None:
    text = next(path for path in write_tables(run, tmp_path, "ru") if path.suffix == ".tex").read_text(encoding="utf-8")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"else\_where \$5" in text
    for line in text.splitlines():
        body = line.split(" % protocol ")[0]
        if body.startswith("%"):
            continue
        assert not re.search(r"(?<!\\)[%#_](?!0\$)", body), body
        assert body.count("{") - body.count(r"\{") == body.count("}") - body.count(r"\}")
        if body.endswith(r"\\"):
            assert len(re.findall(r"(?<!\\)&", body)) == 3
    assert latex_escape("a\\b~^{") == r"a\textbackslash{}b\textasciitilde{}\textasciicircum{}\{"


def test_markdown_marks_what_is_shown(build: Build) -> None:
    scores = {"baseline": [0.1 + 0.001 * i for i in range(8)], "a|b": [0.3 - 0.002 * i for i in range(8)]}
    text = markdown_tables(build(("baseline", "a|b"), scores=scores))
    assert "**0.104 [" in text
    assert "**0.293" not in text
    assert r"| a\|b |" in text
    assert "N = 8 `cccc0000`" in text


def test_plain_text(run: Run) -> None:
    text = text_table(run)
    assert "LPIPS (random) ↓" in text
    assert (
        text.count("N=8") == 24
    )  # five metrics paired and three unpaired for three methods, less what lacks a picture
