"""The queue shows the worst first, and says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittingroom.annotate.review.queue import Queue
from fittingroom.annotate.review.store import Store
from fittingroom.app.review import ReviewPage, words
from fittingroom.core.errors import InputError
from fittingroom.core.images import encode_png, read_labels, read_mask
from fittingroom.core.labels import CIHP20, PARTS
from fittingroom.core.pose import JOINT, JOINTS
from fittingroom.data.dataset import Dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Dataset.open("drawn-mini").root, tmp_path / "mini"))


def move(root: Path, item: str, joint: str, by: tuple[float, float] | None) -> None:
    path = root / "openpose_json" / f"{item}_keypoints.json"
    document = json.loads(path.read_text())
    numbers = np.asarray(document["people"][0]["pose_keypoints_2d"]).reshape(18, 3)
    if by is None:
        numbers[JOINT[joint]] = 0
    else:
        numbers[JOINT[joint], :2] += by
    document["people"][0]["pose_keypoints_2d"] = numbers.reshape(-1).tolist()
    path.write_text(json.dumps(document))


def parse(root: Path, item: str, change: dict[int, int]) -> None:
    path = root / "image-parse-v3" / f"{item}.png"
    labels = read_labels(path)
    for old, new in change.items():
        labels[labels == old] = new
    path.write_bytes(encode_png(labels, CIHP20.palette))


def reasons(queue: Queue) -> dict[str, set[tuple[str, str, str]]]:
    return {
        entry.key: {(found.condition, found.reason, found.value) for found in entry.findings}
        for entry in queue.entries()
        if entry.findings
    }


def test_a_sound_dataset_has_no_findings(root: Path) -> None:
    assert reasons(Queue(Store(Dataset.open(root)))) == {}


def test_every_fault_is_found_and_no_other(root: Path) -> None:
    move(root, "dia", "right-wrist", (-70, 60))
    move(root, "gus", "neck", None)
    move(root, "chi", "left-ankle", (0, 600))
    parse(root, "eli", {CIHP20.ids["right-arm"]: 0})
    (root / "cloth-mask" / "jeans.png").unlink()
    (root / "cloth-mask" / "sailor.png").write_bytes(b"broken")
    path = root / "agnostic-mask" / "ivy_mask.png"
    mask = read_mask(path)
    mask[:220] = False
    path.write_bytes(encode_png(mask.astype(np.uint8) * np.uint8(255)))
    found = reasons(Queue(Store(Dataset.open(root))))
    assert ("pose", "joints-off", "right-wrist") in found.pop("person/dia")
    assert found.pop("person/gus") == {("pose", "joints-missing", "neck")}
    assert [(entry[0], entry[1]) for entry in found.pop("person/chi")] == [("pose", "broken")], "beyond any photo"
    assert found.pop("person/eli") >= {("parse", "labels-missing", "right-arm")}
    assert found.pop("garment/jeans") == {("garment-mask", "missing", "")}
    assert {entry[:2] for entry in found.pop("garment/sailor")} == {("garment-mask", "broken")}
    assert {entry[:2] for entry in found.pop("person/ivy")} == {("agnostic-mask", "garment-bare")}
    assert found == {}
    order = [entry.key for entry in Queue(Store(Dataset.open(root))).entries()]
    assert order[0] in ("person/chi", "garment/sailor")
    assert set(order[:7]) == {
        *("person/" + name for name in ("chi", "dia", "eli", "gus", "ivy")), "garment/jeans", "garment/sailor",
    }  # fmt: skip


def test_it_is_judged_again_only_where_a_file_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Queue(Store(Dataset.open(root))).entries()
    judged: list[str] = []
    from fittingroom.annotate.review import queue as module

    judge = module.findings
    monkeypatch.setattr(module, "findings", lambda photo: (judged.append(photo.id), judge(photo))[1])
    queue = Queue(Store(Dataset.open(root)))
    queue.entries()
    assert judged == []
    move(root, "gus", "neck", None)
    assert queue.entries()[0].item == "gus"
    assert judged == ["gus"]


def test_the_annotators_own_scores_count_until_somebody_corrects_it(root: Path) -> None:
    (root / ".annotate").mkdir()
    (root / ".annotate" / "quality.csv").write_text(
        "item,role,condition,score,notes,annotator\n"
        'fay,person,pose,0.4,"five people, the largest is taken",pose/x\n'
        "jeans,garment,garment-mask,0.7,,mask/x\n"
        "ben,person,parse,0.99,,parse/x\n"
        "broken line\n"
    )
    store = Store(Dataset.open(root))
    queue = Queue(store)
    first, second, third, *_ = queue.entries()
    assert (first.key, round(first.score, 6)) == ("person/fay", 0.4)
    assert first.findings[0].reason == "five people, the largest is taken"
    assert (second.key, second.findings[0].reason, second.findings[0].value) == ("garment/jeans", "low-score", "70")
    assert third.score == 1.0
    data, opened = store.open("fay", "pose")
    assert data is not None
    store.save("fay", "pose", data.replace(b"1.3", b"1.4"), opened=opened, who="a")
    assert [found.reason for found in queue.entry("person", "fay").findings] == ["stale"]


def test_states_are_kept_and_come_last(root: Path) -> None:
    queue = Queue(Store(Dataset.open(root)))
    queue.set_state("person", "ada", "done", "Anna")
    queue.set_state("person", "ben", "reject", "Anna")
    again = Queue(Store(Dataset.open(root)))
    assert {entry.key: entry.state for entry in again.entries()[-2:]} == {"person/ada": "done", "person/ben": "reject"}
    assert [(line.item, line.who) for line in again.store.history()] == [("person/ada", "Anna"), ("person/ben", "Anna")]
    again.set_state("person", "ada", "open", "Bo")
    assert again.entry("person", "ada").state == "open"
    with pytest.raises(InputError, match="no state"):
        again.set_state("person", "ada", "finished", "Bo")


def test_the_page_answers_in_one_line_whatever_is_asked(root: Path) -> None:
    page = ReviewPage(Dataset.open(root))
    page.judge()
    for request in (
        {"do": "format-disk"},
        {"do": "open", "role": "person", "item": "nobody"},
        {"do": "save", "role": "person", "item": "ada", "condition": "pose", "value": [], "opened": "", "who": "a"},
        {"do": "save", "role": "person", "item": "ada", "condition": "parse", "value": "?", "opened": "", "who": "a"},
        {"do": "save", "role": "person", "item": "ada", "condition": "caption", "value": 1, "opened": "", "who": "a"},
        {"do": "undo", "role": "person", "item": "ada", "condition": "pose", "opened": "", "who": "a"},
        {"do": "state", "role": "person", "item": "ada", "state": "?", "who": "a"},
    ):
        answer = page.call(request)
        assert set(answer) <= {"error", "conflict"}, answer
        assert "\n" not in answer["error"]
    assert not (root / ".annotate" / "journal.jsonl").exists()


def test_a_map_of_another_size_can_be_painted_anew(root: Path) -> None:
    path = root / "image-parse-v3" / "ada.png"
    Image.open(path).resize((100, 100)).save(path)
    answer = ReviewPage(Dataset.open(root)).call({"do": "open", "role": "person", "item": "ada"})
    assert "100x100" in answer["documents"]["parse"]["error"]
    assert answer["documents"]["parse"]["value"]


def test_both_languages_say_the_same_things() -> None:
    english, russian = words("en"), words("ru")
    assert set(english) == set(russian)
    for table in set(english) - {"joint", "part"}:
        assert set(english[table]) == set(russian[table]), table
    assert set(JOINTS) <= set(russian["joint"])
    assert set(PARTS) <= set(russian["part"])
