"""The review page in a real browser: what is dragged, painted and written there is found exactly so on disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fittingroom.core.files import sha256_file
from fittingroom.core.images import read_labels, read_mask
from fittingroom.core.pose import JOINT
from fittingroom.data.dataset import Dataset

pytest.importorskip("gradio", reason="the extra 'app' is not installed")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(Dataset.open("drawn-mini").root, tmp_path_factory.mktemp("data") / "mini"))


@pytest.fixture(scope="module")
def address(data: Path, serve: Callable[..., str]) -> str:
    return serve("--review", str(data))


class Review:
    """The page as a person uses it."""

    def __init__(self, page: Any, address: str, data: Path) -> None:
        self.page, self.address, self.data = page, address, data
        self.outside: list[str] = []
        self.errors: list[str] = []
        own = (address, "data:", "blob:", address.replace("http", "ws"))
        page.on("request", lambda request: self.outside.append(request.url) if not request.url.startswith(own) else 0)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda entry: self.errors.append(entry.text) if entry.type == "error" else None)
        self.load()

    def load(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_selector(".review[data-ready]", timeout=30_000)
        if self.page.locator("dialog[open]").count():
            self.page.fill("dialog input", "Test Person")
            self.page.keyboard.press("Enter")

    def open(self, item: str, condition: str) -> None:
        self.page.fill(".search", item)
        self.page.wait_for_function("document.querySelectorAll('.queue .item').length == 1")
        self.page.locator(".queue .item", has_text=item).click()
        self.page.locator(".about b", has_text=item).wait_for()
        self.page.locator(".review:not(.locked)").wait_for()
        self.page.locator("nav button", has_text=condition).click()

    def view(self) -> tuple[float, float, float, float, float]:
        """Scale of the photo, place of its corner in it, and place of the drawing area in the page."""
        view = json.loads(self.page.get_attribute("canvas", "data-view"))
        box = self.page.locator("canvas").bounding_box()
        return view["scale"], view["left"], view["top"], box["x"], box["y"]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The whole page pixel nearest to a point of the photo."""
        scale, left, top, box_x, box_y = self.view()
        return round(box_x + left + x * scale), round(box_y + top + y * scale)

    def photo(self, x: float, y: float) -> tuple[float, float]:
        """The point of the photo at a page pixel."""
        scale, left, top, box_x, box_y = self.view()
        return (x - box_x - left) / scale, (y - box_y - top) / scale

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move(*end, steps=6)
        mouse.up()

    def save(self, key: str = "s") -> None:
        self.page.keyboard.press(key)
        self.page.locator(".toast.shown", has_text="Saved").wait_for(timeout=15_000)
        self.page.locator(".review:not(.locked)").wait_for()
        self.page.locator(".toast .quiet").click()

    def journal(self) -> list[dict[str, str]]:
        path = self.data / ".annotate" / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


@pytest.fixture(scope="module")
def review(address: str, data: Path, chromium: str) -> Iterator[Review]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        opened = Review(page, address, data)
        yield opened
        browser.close()
    assert not opened.outside
    assert not opened.errors


def joints(data: Path, item: str) -> npt.NDArray[np.float64]:
    document = json.loads((data / "openpose_json" / f"{item}_keypoints.json").read_text())
    return np.asarray(document["people"][0]["pose_keypoints_2d"]).reshape(18, 3)


def capsule(shape: tuple[int, int], start: tuple[float, float], end: tuple[float, float], size: float) -> Any:
    """Pixels whose centres lie within half of ``size`` of a level stroke."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    beyond = np.maximum(np.maximum(start[0] - columns, columns - end[0]), 0)
    return np.hypot(beyond, rows - start[1]) <= size / 2


def test_a_joint_is_dragged_by_exact_pixels(review: Review, data: Path) -> None:
    before = joints(data, "ada")
    file = data / "openpose_json" / "ada_keypoints.json"
    was, hash_before = file.read_bytes(), sha256_file(file)
    wrist = JOINT["right-wrist"]
    review.open("ada", "pose")
    review.page.keyboard.press("2")
    start = review.at(*before[wrist, :2])
    assert review.view()[0] == 2.0
    review.drag(start, (start[0] + 40, start[1] - 60))
    assert file.read_bytes() == was, "nothing is written before it is saved"
    review.save()
    after = joints(data, "ada")
    np.testing.assert_allclose(after[wrist, :2] - before[wrist, :2], (20, -30), atol=1e-9)
    others = np.arange(18) != wrist
    np.testing.assert_array_equal(after[others], before[others])
    line = review.journal()[-1]
    assert (line["item"], line["condition"], line["who"]) == ("ada", "pose", "Test Person")
    assert (line["before"], line["after"]) == (hash_before, sha256_file(file))
    assert (data / ".annotate" / "versions" / hash_before).read_bytes() == was

    review.load()
    review.open("ada", "pose")
    review.page.keyboard.press("2")
    start = review.at(*after[wrist, :2])  # it is found where it was put
    review.drag(start, (start[0] - 20, start[1]))
    review.page.keyboard.press("ArrowLeft")
    review.page.keyboard.press("Shift+ArrowDown")
    review.page.keyboard.press("v")
    review.save()
    moved = joints(data, "ada")
    np.testing.assert_allclose(moved[wrist, :2] - after[wrist, :2], (-11, 10), atol=1e-9)
    person = json.loads(file.read_text())["people"][0]
    assert person["joint_visibility"][wrist] == 1
    review.page.keyboard.press("Delete")
    review.page.keyboard.press("Control+z")
    review.page.keyboard.press("Control+z")  # the last save's tool began anew: nothing more to undo
    assert review.page.locator(".save").is_disabled()

    for _ in range(2):
        review.page.locator(".history summary").click()
        review.page.get_by_role("button", name="Take back").click()
        review.page.locator(".toast.shown", has_text="Restored").wait_for()
        review.page.locator(".toast .quiet").click()
    assert file.read_bytes() == was


def test_a_stroke_changes_exactly_its_pixels(review: Review, data: Path) -> None:
    file = data / "image-parse-v3" / "ben.png"
    before, palette = read_labels(file), Image.open(file).getpalette()
    review.open("ben", "parse")
    review.page.locator("[data-label='12']").click()
    review.page.locator("[data-name=size]").fill("9")
    review.page.keyboard.press("2")
    start, end = review.at(150, 250), (review.at(210, 250)[0], review.at(150, 250)[1])
    expected = before.copy()
    expected[capsule(before.shape, review.photo(*start), review.photo(*end), 9)] = 12
    changed = int((expected != before).sum())
    assert changed > 300
    review.drag(start, end)
    review.page.keyboard.press("Control+z")
    assert review.page.locator(".save").is_disabled()
    review.page.keyboard.press("Control+y")
    review.save()
    np.testing.assert_array_equal(read_labels(file), expected)
    assert Image.open(file).mode == "P"
    assert Image.open(file).getpalette() == palette

    review.load()
    review.open("ben", "parse")
    review.page.keyboard.press("f")
    review.page.locator("[data-label='3']").click()
    inside = review.at(180, 250)
    review.page.mouse.click(*inside)
    review.save()
    filled = read_labels(file)
    np.testing.assert_array_equal(filled == 3, (expected == 12) | (before == 3))
    np.testing.assert_array_equal(filled[expected != 12], expected[expected != 12])


def test_a_mask_is_painted_and_erased(review: Review, data: Path) -> None:
    file = data / "agnostic-mask" / "ben_mask.png"
    before = read_mask(file)
    review.open("ben", "agnostic mask")
    review.page.keyboard.press("0")
    review.page.keyboard.press("g")
    corners = [review.at(x, y) for x, y in ((20, 30), (60, 30), (60, 70), (20, 70))]
    for corner in corners:
        review.page.mouse.click(*corner)
    review.page.keyboard.press("Enter")
    low, high = review.photo(*corners[0]), review.photo(*corners[2])
    rows, columns = np.mgrid[: before.shape[0], : before.shape[1]] + 0.5
    square = (columns >= low[0]) & (columns < high[0]) & (rows > low[1]) & (rows <= high[1])
    review.save()
    np.testing.assert_array_equal(read_mask(file), before | square)
    assert set(np.unique(np.asarray(Image.open(file)))) == {0, 255}

    cloth = data / "cloth-mask" / "sailor.png"
    before = read_mask(cloth)
    review.open("sailor", "garment mask")
    review.page.keyboard.press("e")
    review.page.locator("[data-name=size]").fill("20")
    review.page.keyboard.press("2")
    start = review.at(170, 250)
    end = (start[0] + 50, start[1])
    gone = capsule(before.shape, review.photo(*start), review.photo(*end), 20)
    assert (gone & before).sum() > 500
    review.drag(start, end)
    review.save()
    np.testing.assert_array_equal(read_mask(cloth), before & ~gone)


def test_captions_pairs_and_states(review: Review, data: Path) -> None:
    before = json.loads((data / "captions.json").read_text())
    review.open("chi", "caption")
    review.page.locator(".field textarea").first.fill("short, curly")
    review.save("Control+s")
    after = json.loads((data / "captions.json").read_text())
    assert after["chi"] == {**before["chi"], "hair": "short, curly"}
    assert {key: value for key, value in after.items() if key != "chi"} == {
        key: value for key, value in before.items() if key != "chi"
    }
    review.page.locator("[data-set=done]").click()
    review.page.locator(".queue .mark.done").or_(review.page.locator(".queue .empty")).first.wait_for()
    assert json.loads((data / ".annotate" / "states.json").read_text())["person/chi"]["state"] == "done"

    pairs = data / "test_pairs_unpaired.txt"
    lines = pairs.read_text().splitlines()
    review.page.get_by_role("button", name="Pairs").click()
    review.page.locator("nav button", has_text="unpaired").click()
    review.page.locator("nav button.chosen", has_text="unpaired").wait_for()
    second = review.page.locator(".pairs tr").nth(2)
    assert second.locator("input").first.input_value() == lines[1].split()[0]
    second.locator("input").nth(1).fill("no-such.png")
    assert "wrong" in (second.locator("input").nth(1).get_attribute("class") or "")
    second.locator("input").nth(1).fill("sun-tee.png")
    review.page.locator(".pairs tr").nth(1).locator("button").click()
    review.save()
    expected = [f"{lines[1].split()[0]} sun-tee.png", *lines[2:]]
    assert pairs.read_text().splitlines() == expected
    review.page.get_by_role("button", name="People and garments").click()


def test_what_somebody_else_saved_is_not_overwritten(review: Review, data: Path) -> None:
    file = data / "openpose_json" / "dia_keypoints.json"
    nose = joints(data, "dia")[0, :2]
    review.open("dia", "pose")
    review.page.keyboard.press("0")
    document = json.loads(file.read_text())
    document["people"][0]["pose_keypoints_2d"][3] += 5
    file.write_text(json.dumps(document))
    theirs, lines = file.read_bytes(), len(review.journal())
    start = review.at(*nose)
    review.drag(start, (start[0] + 30, start[1]))
    review.page.keyboard.press("s")
    review.page.locator(".toast.shown.bad", has_text="changed by another program").wait_for()
    assert file.read_bytes() == theirs
    assert len(review.journal()) == lines
    review.page.get_by_role("button", name="Load again").click()
    review.page.wait_for_function("document.querySelector('.review:not(.locked) .save')?.disabled")
    start = review.at(*nose)
    review.drag(start, (start[0] + 30, start[1]))
    review.save()
    assert joints(data, "dia")[1, 0] == pytest.approx(document["people"][0]["pose_keypoints_2d"][3])


def test_it_speaks_russian(review: Review) -> None:
    review.page.get_by_role("button", name="Русский").click()
    review.page.locator("nav button", has_text="поза").wait_for()
    review.load()
    review.page.locator("nav button", has_text="поза").wait_for()
    review.page.get_by_role("button", name="English").click()
