"""The app in a real browser: a person is dressed, a run is shown, nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fittingroom.compare.engine import compare
from fittingroom.compare.job import Job, MethodSpec

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
