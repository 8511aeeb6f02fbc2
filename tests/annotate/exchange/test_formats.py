"""Round trips through COCO, CVAT, Label Studio and labelme lose nothing; what a tool changed is found exactly."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fittingroom.annotate.exchange.dataset import apply, collect, known_photos, plan
from fittingroom.annotate.exchange.formats import FORMATS
from fittingroom.annotate.exchange.model import Bundle, Photos, Record, merge_joints, put_joint, unknown_rows
from fittingroom.annotate.review.joints import Joints
from fittingroom.annotate.review.store import Store
from fittingroom.cli.main import app
from fittingroom.core.errors import InputError
from fittingroom.core.files import sha256_file
from fittingroom.core.images import encode_png, read_labels, read_mask
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT
from fittingroom.data.dataset import Dataset

NAMES = list(FORMATS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Dataset.open("drawn-mini").root, tmp_path / "mini"))


def target(name: str, folder: Path) -> Path:
    return folder / f"out-{name}{FORMATS[name].file}"


def exported(root: Path, name: str) -> Path:
    problems: list[str] = []
    out = target(name, root.parent)
    FORMATS[name].write(collect(Store(Dataset.open(root)), complain=problems), out)
    assert problems == []
    return out


def planned(root: Path, name: str, source: Path) -> tuple[Store, list[Any], list[str]]:
    store, problems = Store(Dataset.open(root)), []
    bundle = FORMATS[name].read(source, known_photos(store, problems), problems.append)
    return store, plan(store, bundle, complain=problems), problems


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): sha256_file(path)
        for path in root.rglob("*")
        if path.is_file() and ".annotate" not in path.parts
    }


# --- round trips ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_comes_back_byte_for_byte(root: Path, name: str) -> None:
    before = files(root)
    out = exported(root, name)
    assert planned(root, name, out)[1:] == ([], []), "what is there already is no change"
    # everything lost: all of it comes back from the exported file
    for folder in ("openpose_json", "image-parse-v3", "agnostic-mask", "cloth-mask"):
        shutil.rmtree(root / folder)
    (root / "captions.json").write_text("{}\n")
    (root / "test_pairs_unpaired.txt").unlink()
    store, changes, problems = planned(root, name, out)
    assert problems == []
    assert apply(store, changes, "tool", complain=problems) == len(changes)
    assert problems == []
    after = files(root)
    changed = {name for name in before if after.get(name) != before[name]}
    # JSON is written in our own style where there was no file; it says the same
    assert changed <= {name for name in before if name.startswith("openpose_json/")} | {"captions.json"}
    original = Dataset.open("drawn-mini").root
    for person in Dataset.open(root).people.values():
        now = json.loads(person.files["pose"].read_text())["people"][0]["pose_keypoints_2d"]
        was = json.loads((original / person.files["pose"].relative_to(root)).read_text())
        assert now == was["people"][0]["pose_keypoints_2d"]
    captions = json.loads((root / "captions.json").read_text())
    for item, entry in json.loads((original / "captions.json").read_text()).items():
        parts = captions[item]
        assert parts.get("person", parts.get("clothing")) == entry


sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))
coordinate = st.floats(-100, 900, allow_nan=False)
joint = st.one_of(
    st.just([0.0, 0.0, 0.0, 0.0]),
    st.tuples(coordinate, coordinate, st.floats(0.001, 1), st.sampled_from([1.0, 2.0])).map(list),
)
poses = st.lists(joint, min_size=18, max_size=18).filter(lambda rows: any(row[3] for row in rows)).map(Joints.make)
phrases = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8),
    st.one_of(st.text(max_size=12), st.lists(st.text(max_size=5), max_size=3), st.integers(), st.none()),
    max_size=4,
)  # fmt: skip


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    size = draw(sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    few = draw(st.sampled_from([1, 2, 20]))
    parse = rng.integers(0, few, size, dtype=np.uint8)
    parse[rng.random(size) < 0.1] = rng.integers(0, 20)  # single pixels, and holes in the others
    person = Record("person", "p/one", "image/p/one.jpg", size, {})
    values = {
        "pose": draw(poses), "parse": parse, "agnostic-mask": rng.random(size) < draw(st.sampled_from([0, 0.5, 1])),
        "caption": draw(phrases),
    }  # fmt: skip
    person.values = {key: value for key, value in values.items() if draw(st.booleans())}
    garment = Record("garment", "p/one", "cloth/p/one.jpg", size, {"garment-mask": rng.random(size) < 0.5})
    return Bundle("name", CIHP20, [person, garment], {"test_pairs.txt": draw(st.text(max_size=20))})


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bundle=bundles())
def test_nothing_is_lost(tmp_path: Path, name: str, bundle: Bundle) -> None:
    out = target(name, tmp_path)
    if out.is_dir():
        shutil.rmtree(out)
    out.unlink(missing_ok=True)
    FORMATS[name].write(bundle, out)
    known = Photos(tuple(Record(one.role, one.item, one.image, one.size) for one in bundle.records), CIHP20)
    problems: list[str] = []
    back = FORMATS[name].read(out, known, problems.append)
    assert problems == []
    assert back.pairs == bundle.pairs
    found = {record.role: record for record in back.records}
    for record in bundle.records:
        got = found[record.role].values if record.values else {}
        assert set(got) == set(record.values)
        for condition, value in record.values.items():
            if condition == "pose":
                assert merge_joints(got["pose"], found[record.role].reference) == value
            elif condition == "caption":
                assert got[condition] == value
            else:
                np.testing.assert_array_equal(got[condition], value)
                assert got[condition].dtype == value.dtype


# --- what a tool changed --------------------------------------------------------------------------------------------
def edited(path: Path, change: Any) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_joint_moved_in_coco(root: Path) -> None:
    out = exported(root, "coco")

    def move(document: Any) -> None:
        image = next(entry["id"] for entry in document["images"] if entry["file_name"] == "image/ada.png")
        entry = next(one for one in document["annotations"] if one["image_id"] == image and "keypoints" in one)
        entry["keypoints"][3 * 9] += 4.5  # left wrist
        entry["keypoints"][3 * 10 + 2] = 1  # right wrist hidden
        del document["images"][image - 1]["fittingroom"]

    edited(out, move)
    before = Store(Dataset.open(root)).open("ada", "pose")[0]
    store, changes, problems = planned(root, "coco", out)
    assert [str(change) for change in changes] == ["ada: pose: 1 joints moved, up to 4.5 px, 1 with another visibility"]
    assert problems == []
    assert apply(store, changes, "COCO", complain=problems) == 1
    was = np.reshape(json.loads(before)["people"][0]["pose_keypoints_2d"], (18, 3))
    now = json.loads((root / "openpose_json" / "ada_keypoints.json").read_text())["people"][0]
    expected = was.copy()
    expected[JOINT["left-wrist"], 0] += 4.5
    np.testing.assert_array_equal(np.reshape(now["pose_keypoints_2d"], (18, 3)), expected)  # the neck stays, too
    assert now["joint_visibility"][JOINT["right-wrist"]] == 1
    line = store.history()[-1]
    assert (line.item, line.condition, line.who) == ("ada", "pose", "COCO")


def test_shoulders_that_were_moved_move_the_neck() -> None:
    reference = Joints.make([[10 * index, 5, 0.5, 2] for index in range(18)])
    rows = unknown_rows()
    for name, index in JOINT.items():
        if name != "neck":
            put_joint(rows, name, 10 * index, 5, 2)
    assert merge_joints(rows, reference) == reference
    put_joint(rows, "left-shoulder", 51, 7, 2)
    merged = merge_joints(rows, reference)
    np.testing.assert_array_equal(merged.points[JOINT["neck"]], [(20 + 51) / 2, 6, 0.5])
    put_joint(rows, "left-shoulder", 0, 0, 0)
    assert merge_joints(rows, None).seen[JOINT["neck"]] == 0


def test_polygons_and_plain_counts_in_coco(root: Path) -> None:
    out = root.parent / "foreign.json"
    size = read_labels(root / "image-parse-v3" / "ada.png").shape
    square = np.zeros(size, bool)
    square[10:20, 30:50] = True
    counts = [int(n) for n in (30 * size[0] + 10, *([10, size[0] - 10] * 19), 10)]
    counts.append(size[0] * size[1] - sum(counts))
    document = {
        "images": [{"id": 7, "file_name": "ada.png"}],
        "categories": [{"id": 1, "name": "hat"}, {"id": 2, "name": "coat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "segmentation": {"size": list(size), "counts": counts}},
            {"id": 2, "image_id": 7, "category_id": 2, "segmentation": [[100, 100, 109, 100, 109, 104, 100, 104]]},
        ],
    }
    out.write_text(json.dumps(document))
    store, changes, problems = planned(root, "coco", out)
    assert problems == []
    apply(store, changes, "COCO", complain=problems)
    labels = read_labels(root / "image-parse-v3" / "ada.png")
    np.testing.assert_array_equal(labels == CIHP20.ids["hat"], square)
    assert (labels == CIHP20.ids["coat"]).sum() == 50
    assert (labels[100:105, 100:110] == CIHP20.ids["coat"]).all()


def test_one_archive_from_cvat(root: Path, tmp_path: Path) -> None:
    out = exported(root, "cvat")
    with zipfile.ZipFile(out / "parse.zip") as archive:
        names = archive.namelist()
        assert "labelmap.txt" in names
        assert "SegmentationClass/image/ada.png" in names
        assert "background:0,0,0::" in archive.read("labelmap.txt").decode()
        archive.extractall(tmp_path / "unpacked")
    from PIL import Image

    path = tmp_path / "unpacked" / "SegmentationClass" / "image" / "ada.png"
    picture = np.array(Image.open(path))
    picture[5, 6] = CIHP20.palette[CIHP20.ids["hat"]]
    path.write_bytes(encode_png(picture))
    for source in (tmp_path / "unpacked",):
        _, changes, problems = planned(root, "cvat", source)
        assert problems == []
        assert [str(change) for change in changes] == ["ada: parse: 1 pixels, now hat"]
    picture[5, 7] = (1, 2, 3)
    path.write_bytes(encode_png(picture))
    _, changes, problems = planned(root, "cvat", tmp_path / "unpacked")
    assert changes == []
    assert problems == ["image/ada.png: the colour #010203 is not in labelmap.txt — export it again"]


def test_annotations_of_label_studio_win_over_our_predictions(root: Path) -> None:
    out = exported(root, "label-studio")
    assert "<KeyPointLabels" in (out / "config.xml").read_text()
    height, width = read_labels(root / "image-parse-v3" / "ada.png").shape

    def correct(tasks: Any) -> None:
        task = next(one for one in tasks if one["data"]["image"].endswith("ada.png"))
        result = json.loads(json.dumps(task["predictions"][0]["result"]))
        nose = next(one for one in result if one["value"].get("keypointlabels") == ["nose"])
        nose["value"]["x"], nose["value"]["y"] = 50.0, 25.0
        caption = next(one for one in result if one["type"] == "textarea")
        caption["value"]["text"] = ["hair: short: grey", 'wears: ["jeans"]', "mood: glad"]
        task["annotations"] = [
            {"id": 1, "updated_at": "2026-01-01", "result": [], "was_cancelled": False},
            {"id": 2, "updated_at": "2026-01-02", "result": result, "was_cancelled": False},
            {"id": 3, "updated_at": "2026-01-03", "result": [], "was_cancelled": True},
        ]

    edited(out / "tasks.json", correct)
    store, changes, problems = planned(root, "label-studio", out)
    assert problems == []
    assert [(change.item, change.condition) for change in changes] == [("ada", "caption"), ("ada", "pose")]
    apply(store, changes, "Label Studio", complain=problems)
    pose = json.loads((root / "openpose_json" / "ada_keypoints.json").read_text())["people"][0]["pose_keypoints_2d"]
    assert pose[:2] == [width / 2, height / 4]
    assert json.loads((root / "captions.json").read_text())["ada"] == {
        "hair": "short: grey", "wears": ["jeans"], "mood": "glad",
    }  # fmt: skip


def test_shapes_drawn_in_labelme(root: Path) -> None:
    out = exported(root, "labelme")

    def draw(document: Any) -> None:
        document["shapes"] = [
            {"label": "garment-mask", "shape_type": "polygon", "points": [[10, 10], [29, 10], [29, 19], [10, 19]]},
            {"label": "garment-mask", "shape_type": "rectangle", "points": [[40, 40], [44, 42]]},
            {"label": "sleeve", "shape_type": "circle", "points": [[1, 1], [2, 2]]},
            {"label": "garment-mask", "shape_type": "linestrip", "points": [[1, 1], [2, 2]]},
        ]

    edited(out / "cloth" / "jeans.json", draw)
    store, changes, problems = planned(root, "labelme", out)
    assert len(problems) == 2
    assert "'sleeve' is no label" in problems[0]
    assert "linestrip" in problems[1]
    apply(store, changes, "labelme", complain=problems)
    expected = np.zeros(read_mask(root / "cloth-mask" / "sailor.png").shape, bool)
    expected[10:20, 10:30] = True
    expected[40:43, 40:45] = True
    np.testing.assert_array_equal(read_mask(root / "cloth-mask" / "jeans.png"), expected)


# --- bad entries ----------------------------------------------------------------------------------------------------
def test_bad_entries_are_one_line_each_and_stop_nothing(root: Path) -> None:
    out = exported(root, "coco")

    def harm(document: Any) -> None:
        document["images"].append({"id": 900, "file_name": "nobody.png"})
        document["images"].append({"file_name": "ada.png"})
        document["images"].append("text")
        by_image = {entry["id"]: entry["file_name"] for entry in document["images"][:20]}
        poses = [one for one in document["annotations"] if "keypoints" in one]
        ada = next(one for one in poses if by_image[one["image_id"]] == "image/ada.png")
        ada["keypoints"] = ada["keypoints"][:50]
        ben = next(one for one in poses if by_image[one["image_id"]] == "image/ben.png")
        ben["keypoints"][2] = 7
        chi = next(one for one in poses if by_image[one["image_id"]] == "image/chi.png")
        document["annotations"].append({**chi, "id": 5000})
        document["annotations"].append({"id": 5001, "image_id": 12345, "category_id": 1})
        document["annotations"].append(
            {"image_id": 1, "category_id": 2, "segmentation": {"size": [1, 1], "counts": "0"}}
        )
        document["annotations"].append(None)
        dia = next(one for one in poses if by_image[one["image_id"]] == "image/dia.png")
        dia["keypoints"][0] += 1

    edited(out, harm)
    _, changes, problems = planned(root, "coco", out)
    assert [str(change) for change in changes] == ["dia: pose: 1 joints moved, up to 1.0 px"]
    assert len(problems) == 9
    assert all("\n" not in line for line in problems)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "3", '[{"data": 1}]', '{"images": [[]]}'])
def test_a_file_that_is_none_is_refused_or_left_out(root: Path, name: str, text: str) -> None:
    source = root.parent / "broken.json"
    source.write_text(text)
    problem, changes = "", []
    try:
        _, changes, _ = planned(root, name, source)
    except InputError as error:
        problem = str(error)
    assert "\n" not in problem
    assert changes == []


def test_a_name_that_two_photos_have_is_asked_for(root: Path) -> None:
    shutil.copy(root / "cloth" / "jeans.png", root / "cloth" / "ada.png")
    store, problems = Store(Dataset.open(root)), []
    photos = known_photos(store, problems)
    assert photos.find("image/ada.png").role == "person"
    assert photos.find("/somewhere/else/cloth/ada.jpg").role == "garment"
    with pytest.raises(InputError, match="2 photos of the name 'ada.png'"):
        photos.find("ada.png")
    with pytest.raises(InputError, match="no photo of the name"):
        photos.find("image/nobody.png")


# --- the command ----------------------------------------------------------------------------------------------------
def test_the_command_shows_before_it_writes(root: Path, tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "labelme"
    done = run.invoke(app, ["dataset", "exchange", "export", str(root), str(out), "--format", "labelme"])
    assert done.exit_code == 0, done.output
    document = json.loads((out / "image" / "ada.json").read_text())
    assert (out / "image" / document["imagePath"]).resolve() == (root / "image" / "ada.png").resolve()

    def move(value: Any) -> None:
        next(one for one in value["shapes"] if one["label"] == "nose")["points"][0][0] += 2

    edited(out / "image" / "ada.json", move)
    before = files(root)
    command = ["dataset", "exchange", "import", str(root), str(out), "--format", "labelme"]
    shown = run.invoke(app, [*command, "--dry"])
    assert "ada: pose: 1 joints moved, up to 2.0 px" in shown.output
    assert run.invoke(app, command, input="n\n").exit_code == 0
    assert files(root) == before
    done = run.invoke(app, [*command, "--yes", "--who", "Anna"])
    assert "1 written" in done.output
    assert Store(Dataset.open(root)).history()[-1].who == "Anna"
    assert run.invoke(app, [*command, "--dry"]).output.startswith("0 changes")
