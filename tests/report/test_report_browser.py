"""The report in a real browser: from the file system, on a desk, on a phone, on paper, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fittingroom.compare.run import Run
from fittingroom.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module", params=["en", "ru"])
def file(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(run, tmp_path_factory.mktemp("browser") / f"{request.param}.html", language=request.param)


def test_it_opens_from_the_file_system(browser: Any, file: Path) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) > 60
    assert min(widths) > 0
    sizes = "(s => s.getBoundingClientRect()).map(b => [b.width, b.height])"
    boxes = page.evaluate(f"[...document.querySelectorAll('svg.formula path')].map{sizes}")
    assert len(boxes) >= 8
    assert all(width > 3 and height > 3 for width, height in boxes)
    charts = page.evaluate(f"[...document.querySelectorAll('.chart svg')].map{sizes}")
    assert len(charts) == 6
    assert all(width > 300 and height > 90 for width, height in charts)
    text = page.inner_text("body").replace("else_where $5", "")
    assert "$" not in text
    assert not re.search(r"\\[a-z]+", text)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()


def test_pictures_open_large(browser: Any, file: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.as_uri())
    page.click("#extremes a.zoom >> nth=0")
    shown = "document.querySelector('dialog.large img')"
    assert page.evaluate("document.querySelector('dialog.large').open")
    first = page.evaluate(f"{shown}.alt")
    wanted = page.evaluate(
        "document.querySelector(document.querySelector('#extremes a.zoom').getAttribute('href')).src"
    )
    assert page.evaluate(f"{shown}.src") == wanted, "the large copy, not the small one"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{shown}.alt") != first
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('dialog.large').open")
    page.close()


def test_it_works_without_scripts(browser: Any, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    page.click("#extremes a.zoom >> nth=0")
    assert re.search(r"#picture-\d+$", page.url)
    page.click("nav.contents a[href='#theory']")
    assert page.url.endswith("#theory")
    assert page.locator("details summary").first.is_visible()
    context.close()


def test_it_fits_a_phone(browser: Any, file: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("[...document.querySelectorAll('main p')].every(p => p.getBoundingClientRect().right <= 391)")
    page.close()


def test_it_prints(browser: Any, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav.contents')).display") == "none"
    assert not page.evaluate("document.querySelector('details').open")
    height = page.evaluate("document.querySelector('details').getBoundingClientRect().height")
    assert height > 100, "paired tests are printed though nobody opened them"
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 5 < pages < 40
    page.close()
