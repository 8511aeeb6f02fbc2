"""The report: complete, self-contained, the same bytes again, and never stopped by what a run lacks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fittingroom.compare.run import Run
from fittingroom.core.errors import InputError
from fittingroom.core.images import write_png
from fittingroom.report import write_report
from fittingroom.report.pictures import Pictures
from fittingroom.report.texts import texts

SECTIONS = (
    "summary",
    "results",
    "cost",
    "extremes",
    "gallery",
    "needs",
    "theory",
    "conclusions",
    "protocol",
    "environment",
    "failures",
)


class Page(HTMLParser):
    """What a page holds: ids, links, pictures, tables without a caption, and its visible text by language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str]] = []
        self.headings: dict[str, str] = {}
        self.uncaptioned = 0
        self.words: list[str] = []
        self._foreign = 0
        self._skipped = 0
        self._section = ""
        self._heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "section":
            self._section = found["id"]
        self._heading = tag == "h2"
        if "href" in found:
            self.links.append(found["href"])
        if tag == "img":
            self.images.append(found)
        self.uncaptioned += (tag == "table") - (tag == "caption")
        if tag in ("script", "style", "svg", "code"):
            self._skipped += 1
        if self._foreign or found.get("lang") == "en":
            self._foreign += tag not in ("img", "meta", "link", "br", "html")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("script", "style", "svg", "code")
        self._foreign -= bool(self._foreign)

    def handle_data(self, data: str) -> None:
        if self._heading and data.strip():
            self.headings[self._section] = data
            self._heading = False
        if not self._skipped and not self._foreign:
            self.words.append(data)


@pytest.fixture(scope="module", params=["en", "ru"])
def page(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Page]:
    path = write_report(run, tmp_path_factory.mktemp("page") / "r.html", language=request.param)
    text = path.read_text(encoding="utf-8")
    return request.param, text, Page(text)


def test_every_chapter_is_there(page: tuple[str, str, Page]) -> None:
    language, text, parsed = page
    assert f'<html lang="{language}">' in text
    t = texts(language)
    assert parsed.headings == {name: t(f"section.{name}") for name in SECTIONS}
    assert parsed.uncaptioned == 0
    for word in ("Test GPU", "Test &lt;processor&gt;", "555.1", "made-up", "light = 0.5", "aaaa0000"):
        assert word in text
    assert t("needs.unknown", methods="else_where $5") in text
    assert text.count('class="formula display"') >= 3
    figures = re.findall(rf"<b>{re.escape(t('word.figure'))} (\d+)\.</b>", text)
    tables = re.findall(rf"<b>{re.escape(t('word.table'))} (\d+)\.</b>", text)
    assert figures == [str(index + 1) for index in range(len(figures))]
    assert len(figures) == 6
    assert tables == [str(index + 1) for index in range(len(tables))]
    assert len(tables) >= 10


def test_it_needs_nothing_else(page: tuple[str, str, Page]) -> None:
    _, text, parsed = page
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in parsed.images)
    assert all(link.startswith("#") for link in parsed.links)


def test_links_lead_somewhere_and_ids_are_unique(page: tuple[str, str, Page]) -> None:
    _, text, parsed = page
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(parsed.ids)
    assert all(image["alt"] and image["width"] and image["height"] for image in parsed.images)


def test_names_are_escaped_and_nothing_is_left_unfilled(page: tuple[str, str, Page]) -> None:
    _, text, parsed = page
    visible = " ".join(parsed.words)
    assert "<b>up</b>" not in text
    assert "no &lt;pose&gt; &amp; nothing" in text
    assert "nan" not in re.findall(r"\w+", visible.lower())
    assert "None" not in visible
    assert not re.search(r"\{\w+\}|\{\{|\{%", visible)


def test_a_russian_report_is_russian(run: Run, tmp_path: Path) -> None:
    visible = " ".join(Page(write_report(run, tmp_path / "r.html", language="ru").read_text(encoding="utf-8")).words)
    for name in ("Geometric baseline", *run.methods, "made <b>up</b>", "third-party"):
        visible = visible.replace(name, " ")
    known = {
        "fittingroom", "SSIM", "LPIPS", "PSNR", "random", "CIEDE", "GPU", "Test", "processor", "cpu", "torch", "Python", "Apache",
        "Wahba", "Spline", "Models", "for", "Observational", "Data", "SIAM", "section", "Bookstein", "Principal", "Warps", "IEEE", "TPAMI",
        "equations",
    }  # fmt: skip
    assert set(re.findall(r"\b[A-Za-z]{3,}\b", visible)) - known == set()
    for word in ("доверительными интервалами", "Виртуальная примерка", "парном режиме", "Таблица"):
        assert word in visible
    assert re.search(r"\d,\d", visible)
    assert not re.search(r"\[\d+\.\d+", visible), "decimal commas in intervals"


def test_the_same_run_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    first = write_report(run, tmp_path / "a.html").read_bytes()
    assert write_report(Run.open(run.folder), tmp_path / "b.html").read_bytes() == first
    assert not re.search(rb"20\d\d-\d\d-\d\d", first)


def test_every_picture_is_embedded_large_once(run: Run, tmp_path: Path) -> None:
    parsed = Page(write_report(run, tmp_path / "r.html", gallery=99).read_text(encoding="utf-8"))
    large = [image for image in parsed.images if image.get("id")]
    files = {
        path
        for item in run.items
        if item.image
        for path in (run.path(item.image), run.person_image(item), run.garment_image(item))
    }
    assert len(large) == len(files) == 8 + 8 + 47
    assert len({image["src"] for image in large}) == len(files)


def test_gallery_and_extremes_obey_their_limits(run: Run, tmp_path: Path) -> None:
    text = write_report(run, tmp_path / "r.html", gallery=3, worst=1).read_text(encoding="utf-8")
    gallery = text[text.index('<section id="gallery">') : text.index('<section id="needs">')]
    assert gallery.count('class="row"') == 6
    assert "3 of 8 pairs" in gallery
    extremes = text[text.index('<section id="extremes">') : text.index('<section id="gallery">')]
    lpips = {
        row.item: row.value
        for row in run.rows
        if (row.method, row.setting, row.metric) == ("baseline", "paired", "lpips-random") and row.item
    }
    ordered = sorted(lpips, key=lpips.__getitem__)
    shown = re.findall(r'aria-label="(p\d__g\d)"', extremes)
    assert shown[:2] == [ordered[0], ordered[-1]]
    assert len(shown) == 2 * 3 * 2


def test_bold_only_where_shown(build: Callable[..., Run], tmp_path: Path) -> None:
    better = {"baseline": [0.1 + 0.001 * i for i in range(8)], "tuned": [0.3 - 0.002 * i for i in range(8)]}
    text = write_report(build(("baseline", "tuned"), scores=better), tmp_path / "a.html").read_text(encoding="utf-8")
    assert re.findall(r'<span class="best">([^<]+)</span>', text) == ["0.104"]
    equal = {"baseline": [0.1, 0.3] * 4, "tuned": [0.3, 0.1] * 4}
    text = write_report(build(("baseline", "tuned"), scores=equal), tmp_path / "b.html").read_text(encoding="utf-8")
    assert 'class="best"' not in text


def test_a_run_that_was_never_finished(build: Callable[..., Run], tmp_path: Path) -> None:
    made = build(("baseline",), pairs=2)
    for name in ("results.parquet", "timings.parquet", "comparisons.json", "protocols.json", "env.json"):
        (made.folder / name).unlink()
    shutil.rmtree(made.folder / "images")
    text = write_report(Run.open(made.folder), tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Nothing has been measured yet" in text
    assert text.count("the file cannot be read") >= 4
    (made.folder / "items.json").unlink()
    assert "0 people" in write_report(Run.open(made.folder), tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_method_that_made_nothing(build: Callable[..., Run], tmp_path: Path) -> None:
    made = build(
        ("baseline", "tuned"), pairs=2, failing=[("tuned", s, p) for s in ("paired", "unpaired") for p in ("p0", "p1")]
    )
    text = write_report(made, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "tuned made no picture at all" in text


def test_where_it_goes_and_in_which_language(build: Callable[..., Run]) -> None:
    made = build(("baseline",), pairs=1)
    assert write_report(made) == made.folder / "report.html"
    assert write_report(made, language="ru") == made.folder / "report.ru.html"
    with pytest.raises(InputError, match="no report in language 'de'"):
        write_report(made, language="de")


def test_pictures_are_trimmed_and_scaled(tmp_path: Path) -> None:
    image = np.full((800, 600, 3), 255, dtype=np.uint8)
    image[100:180, 400:430] = 20
    write_png(tmp_path / "garment.png", image)
    large = Pictures().show(tmp_path / "garment.png")
    assert (large.width, large.height) == (384, 512)
    pictures = Pictures()
    trimmed = pictures.show(tmp_path / "garment.png", trimmed=True)
    assert trimmed.height == pytest.approx(80 * 1.12, abs=1)
    assert trimmed.width / trimmed.height == pytest.approx(0.75, abs=0.02)
    again = pictures.show(tmp_path / "garment.png", trimmed=True)
    assert again.id == ""
    assert again.full == trimmed.id
    write_png(tmp_path / "white.png", np.full((40, 30, 3), 255, dtype=np.uint8))
    assert pictures.show(tmp_path / "white.png", trimmed=True).height == 40
    assert pictures.show(tmp_path / "nosuch.png").src == ""
