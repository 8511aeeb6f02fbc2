"""The app in a real browser: a person is dressed, own photos are annotated, a run is shown, nothing leaves the machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fittingroom.compare.engine import compare
from fittingroom.compare.job import Job, MethodSpec
from fittingroom.data.dataset import Dataset

pytest.importorskip("gradio", reason="the extra 'app' is not installed")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., str]) -> str:
    runs = tmp_path_factory.mktemp("runs")
    compare(Job("drawn-mini", (MethodSpec("baseline"),), limit=1), runs / "first", metrics=("ssim",), quiet=True)
    return serve("--runs", str(runs))


def test_a_person_is_dressed_and_a_run_is_shown(address: str, chromium: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        outside: list[str] = []
        errors: list[str] = []
        page.on(
            "request",
            lambda request: (
                outside.append(request.url)
                if not request.url.startswith((address, "data:", "blob:", address.replace("http", "ws")))
                else None
            ),
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.get_by_role("button", name="Try on").click()
        page.wait_for_function("document.querySelectorAll('img').length >= 3", timeout=60_000)
        page.wait_for_function(
            "[...document.querySelectorAll('img')].filter(i => i.naturalWidth > 100).length >= 3", timeout=60_000
        )
        page.screenshot(path=tmp_path / "try-on.png")
        page.get_by_role("tab", name="Runs").click()
        page.get_by_text("ssim").first.wait_for(timeout=30_000)
        page.screenshot(path=tmp_path / "runs.png")
        browser.close()
    assert not errors
    assert not outside


def test_own_photos_are_annotated_and_shown_in_the_browsers_language(
    address: str, chromium: str, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    data = Dataset.open("drawn-mini")
    person = next(iter(data.people.values())).files["image"]
    garment = next(entry for entry in data.garments.values() if entry.category == "upper").files["image"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1500}, locale="ru-RU")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.get_by_role("tab", name="Свои фото").click()
        button, notes = page.locator("#own-button"), page.locator("#own-notes")
        button.click()
        notes.get_by_text("Выберите фото человека и фото одежды.").wait_for(timeout=30_000)
        page.locator("#own-person input[type=file]").set_input_files(person)
        page.locator("#own-garment input[type=file]").set_input_files(garment)
        page.locator("#own-garment").get_by_text(garment.suffix, exact=False).first.wait_for(timeout=30_000)
        page.get_by_role("radio", name="только одежда").check()
        button.click()
        page.locator("#own-result img").wait_for(timeout=60_000)
        page.wait_for_function("document.querySelectorAll('#own-shown img').length >= 3", timeout=30_000)
        said = notes.inner_text()
        page.screenshot(path=tmp_path / "own.png", full_page=True)
        # a method without weights here says so as soon as it is chosen
        page.locator("input[role=listbox]:visible, [role=combobox]:visible").first.fill("pasta-gan++@nosuch")
        page.keyboard.press("Enter")
        page.get_by_text("nosuch: no such weights").first.wait_for(timeout=30_000)
        browser.close()
    assert not errors
    assert re.search(r"человек: поза: pose/\w+, оценка 0\.\d\d", said)
    assert re.search(r"человек: разметка: parse/\w+, оценка 0\.\d\d", said)
    assert "fittingroom app --review" in said
