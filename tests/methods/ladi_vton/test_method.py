"""The whole way from a sample to a picture, on a tiny model with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import read_image
from fittingroom.core.labels import ATR18, CIHP20
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.sample import Garment, Parse, Person, Sample
from fittingroom.methods import registry
from fittingroom.methods.conformance import check_method
from fittingroom.methods.ladi_vton import memory, method, reproduce, runner
from fittingroom.methods.ladi_vton.conditions import (
    conditions,
    garment_picture,
    pose_map,
    worn_garment,
)
from fittingroom.methods.ladi_vton.config import PUBLISHED
from fittingroom.methods.ladi_vton.method import LadiVton
from fittingroom.methods.ladi_vton.options import PRESETS, options
from fittingroom.methods.ladi_vton.region import arm_line, inpaint_mask, rules_for, translate
from fittingroom.methods.ladi_vton.tiny import tiny_config
from fittingroom.methods.pasting import paste_back

QUICK = {"steps": 2}


class TinyLadiVton(LadiVton):
    """The method with the tiny model in place of embedded weights."""

    folder: Path

    @classmethod
    def load(cls, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Self:
        return super().load(weights or cls.folder, device=device, **{**QUICK, **settings})


def test_the_contract_holds(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TinyLadiVton, "folder", tiny, raising=False)
    monkeypatch.setattr(registry, "method_class", lambda name: TinyLadiVton)
    monkeypatch.setattr("fittingroom.methods.conformance.method_class", lambda name: TinyLadiVton)
    results = check_method("ladi-vton")
    assert len(results) >= 9
    assert [f"{result.name}: {result.detail}" for result in results if not result.passed] == []


def test_fast_is_close_to_parity_where_only_the_arithmetic_differs(tiny: Path, samples: Mapping[str, Sample]) -> None:
    sample = samples["upper"]
    same = {"solver": "ddim", "steps": 3, "guide_until": 1.0, "published_mask": True}
    parity = LadiVton.load(tiny, **same).run(sample, seed=2)
    joined = LadiVton.load(tiny, **{**same, "fused": True}).run(sample, seed=2)
    assert np.abs(joined.astype(int) - parity).max() <= 3
    fast = LadiVton.load(tiny, preset="fast", **same).run(sample, seed=2)
    assert np.abs(fast.astype(int) - parity).mean() < 4


def test_settings_change_the_picture(tiny: Path, samples: Mapping[str, Sample]) -> None:
    sample = samples["dress"]
    plain = LadiVton.load(tiny, steps=3).run(sample, seed=1)
    for changed in (
        {"pose": False},
        {"guidance": 1.0},
        {"garment_until": 0.4},
        {"guide_until": 0.4},
        {"solver": "dpm++"},
        {"solver": "unipc"},
    ):
        assert (LadiVton.load(tiny, **{"steps": 3, **changed}).run(sample, seed=1) != plain).any(), changed
    assert (LadiVton.load(tiny, steps=3).run(sample, seed=2) != plain).any()


def test_the_photo_is_pasted_back_outside_the_mask(tiny: Path, samples: Mapping[str, Sample]) -> None:
    method_ = LadiVton.load(tiny, paste=True, **QUICK)
    sample = samples["upper"]
    made = method_.run(sample, seed=1)
    entry = method_.conditions(sample)
    mask = entry["frame"].mask_back(entry["mask"][0].numpy() > 0)
    photo = sample.person.image()
    assert np.array_equal(made[~mask], photo[~mask])
    assert (made[mask] != photo[mask]).mean() > 0.5
    assert method_.settings()["paste"] is True
    ramp = paste_back(np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 200, np.uint8), np.eye(40) < 1, 0.1)
    assert ramp[5, 5].max() == 0
    assert ramp[0, -1].max() == 200


def test_garments_and_people_are_worked_on_once(
    tiny: Path, samples: Mapping[str, Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def counting(name: str) -> Any:
        original = getattr(runner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            counted.append(name)
            return original(*args, **kwargs)

        return wrapped

    for name in ("look", "carry", "warp"):
        monkeypatch.setattr(runner, name, counting(name))
    method_ = LadiVton.load(tiny, **QUICK)
    sample = samples["upper"]
    first = method_.run(sample, seed=1)
    assert sorted(counted) == ["carry", "look", "warp"]
    again = method_.run(replace(sample, person=sample.person.fresh(), garment=sample.garment.fresh()), seed=1)
    assert sorted(counted) == ["carry", "look", "warp", "warp"]
    assert np.array_equal(first, again)
    method_.run(samples["dress"], seed=1)
    assert counted.count("look") == 2


def test_one_stage_at_a_time_gives_the_same_picture(
    tiny: Path, samples: Mapping[str, Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    want = LadiVton.load(tiny, **QUICK).run(samples["upper"], seed=4)

    class Small:
        available = 1

    monkeypatch.setattr(method.psutil, "virtual_memory", lambda: Small)
    spare = LadiVton.load(tiny, **QUICK)
    assert spare.plan is memory.SMALL_HOST
    assert np.array_equal(spare.run(samples["upper"], seed=4), want)
    assert spare.runner.parts._here == {}


def test_what_describes_garments_is_let_go_of_where_a_model_is_large(
    tiny: Path, samples: Mapping[str, Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    want = LadiVton.load(tiny, **QUICK).run(samples["upper"], seed=4)
    monkeypatch.setattr(memory, "_WHOLE", 1)
    lean = LadiVton.load(tiny, **QUICK)
    assert lean.plan is memory.LEAN_HOST
    assert np.array_equal(lean.run(samples["upper"], seed=4), want)
    assert not {"vision", "adapter", "text"} & set(lean.runner.parts._here)
    assert {"unet", "vae", "emasc", "matcher", "refinement"} == set(lean.runner.parts._here)


def test_plans_for_processors() -> None:
    """The published size is never held as a whole; a small model is, where there is room."""
    two = 2
    assert memory.choose_host(64 * memory.GIB, PUBLISHED, two) is memory.LEAN_HOST
    assert memory.choose_host(3 * memory.GIB, PUBLISHED, two) is memory.SMALL_HOST
    assert memory.choose_host(64 * memory.GIB, tiny_config(), two) is memory.HOST
    whole, lean, one = (
        max(memory.needs(plan, PUBLISHED, two).values()) / memory.GIB
        for plan in (memory.HOST, memory.LEAN_HOST, memory.SMALL_HOST)
    )
    assert one < lean < whole - 1


# --- what cannot be -----------------------------------------------------------------------------------------------
def _one_line(error: pytest.ExceptionInfo[Exception]) -> None:
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"preset": "slow"},
        {"steps": 0},
        {"steps": 2.5},
        {"guidance": "much"},
        {"solver": "euler"},
        {"pose": 1},
        {"vram": 5},
        {"dtype": "int8"},
        {"feather": -1},
        {"unknown": 1},
    ],
)
def test_bad_settings_are_refused(bad: dict[str, Any], tiny: Path) -> None:
    with pytest.raises(InputError) as error:
        LadiVton.load(tiny, **bad)
    _one_line(error)


def test_presets() -> None:
    assert options({}).sampling().evaluations() == 100
    assert options({"preset": "fast"}).sampling().evaluations() == 27
    assert options({"preset": "fast", "steps": 10}).steps == 10
    assert "vram" not in PRESETS["fast"].to_json()


def test_missing_weights_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fittingroom.weights.embedded.ROOT", tmp_path)
    with pytest.raises(MissingError, match="comes without weights") as error:
        LadiVton.load()
    _one_line(error)


def test_libraries_that_are_not_installed(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(
        MissingError, match=r"diffusion methods need diffusers .*pip install 'fittingroom\[diffusion\]'"
    ) as error:
        LadiVton.load(tiny)
    _one_line(error)


def _with_pose(sample: Sample, *absent: str) -> Sample:
    joints = sample.person.pose().joints.copy()
    for name in absent:
        joints[JOINT[name]] = 0
    person = replace(sample.person.fresh(), given={"pose": Pose(joints)})
    return replace(sample, person=person)


def test_missing_wrists_and_shoulders(samples: Mapping[str, Sample]) -> None:
    sample = samples["upper"]
    for published in (True, False):
        for absent in (
            ("left-wrist",),
            ("right-wrist", "right-elbow"),
            ("left-shoulder",),
            ("left-wrist", "right-wrist"),
        ):
            entry = conditions(_with_pose(sample, *absent), (128, 128), "dress-code", published=published)
            assert 0.02 < float(entry["mask"].mean()) < 0.9
        with pytest.raises(InputError, match="neither shoulder was found") as error:
            conditions(
                _with_pose(sample, "left-shoulder", "right-shoulder"), (128, 128), "dress-code", published=published
            )
        _one_line(error)
    # trousers need no shoulders
    conditions(
        _with_pose(samples["lower"], "left-shoulder", "right-shoulder"), (128, 128), "dress-code", published=True
    )


def test_arm_lines() -> None:
    joints = np.zeros((18, 3), np.float32)
    for index, name in enumerate(("left-wrist", "left-elbow", "left-shoulder", "right-shoulder", "right-elbow")):
        joints[JOINT[name]] = (10 + index, 20, 1)
    assert arm_line(Pose(joints), True) == arm_line(Pose(joints), False) == [(10 + i, 20) for i in range(5)]
    joints[JOINT["left-wrist"]] = 0
    # the published rule looks at the right wrist only, so the line begins in the corner
    assert arm_line(Pose(joints), True)[0] == (0, 0)
    assert arm_line(Pose(joints), False)[0] == (11, 20)


def test_nothing_to_replace(samples: Mapping[str, Sample]) -> None:
    sample = samples["upper"]
    parse = Parse(np.zeros(sample.person.image().shape[:2], np.uint8), CIHP20)
    bare = replace(sample, person=replace(sample.person.fresh(), given={"parse": parse}))
    with pytest.raises(InputError, match="nothing on .* that a garment of category upper would replace") as error:
        conditions(bare, (128, 128), "dress-code", published=True)
    _one_line(error)


def test_keypoints_of_another_resolution(samples: Mapping[str, Sample]) -> None:
    sample = samples["upper"]
    joints = sample.person.pose().joints.copy()
    joints[:, :2] *= 4
    wrong = replace(sample, person=replace(sample.person.fresh(), given={"pose": Pose(joints)}))
    with pytest.raises(InputError, match="another resolution") as error:
        conditions(wrong, (128, 128), "dress-code", published=True)
    _one_line(error)


@pytest.mark.parametrize("factor", [0.5, 0.6])
def test_keypoints_of_a_smaller_photo(factor: float, samples: Mapping[str, Sample]) -> None:
    sample = samples["upper"]
    joints = sample.person.pose().joints.copy()
    joints[:, :2] *= factor
    wrong = replace(sample, person=replace(sample.person.fresh(), given={"pose": Pose(joints)}))
    with pytest.raises(InputError, match=r"only \d+ of \d+ joints of .* lie on the person in its parse") as error:
        conditions(wrong, (128, 128), "dress-code", published=True)
    _one_line(error)


def test_garments_that_are_not_on_white() -> None:
    photo = np.full((60, 40, 3), 90, np.uint8)
    photo[20:40, 10:30] = (200, 30, 30)
    with pytest.raises(InputError, match="not photographed on white") as error:
        garment_picture(Garment("grey", given={"image": photo}), (64, 64), "viton-hd")
    _one_line(error)
    mask = np.zeros((60, 40), bool)
    mask[20:40, 10:30] = True
    made = garment_picture(Garment("grey", given={"image": photo, "mask": mask}), (60, 40), "viton-hd")
    assert made[0, 0].tolist() == [255, 255, 255]
    assert made[30, 20].tolist() == [200, 30, 30]
    with pytest.raises(InputError, match="mask of grey is 30x60 but its photo is 40x60"):
        garment_picture(Garment("grey", given={"image": photo, "mask": mask[:, :30]}), (60, 40), "viton-hd")


def test_a_worn_garment_is_cut_out_and_centred() -> None:
    photo = np.full((100, 60, 3), 40, np.uint8)
    labels = np.zeros((100, 60), np.uint8)
    labels[50:90, 5:45], photo[50:90, 5:45] = 5, (0, 200, 0)
    worn = Garment("w", given={"image": photo, "parse": Parse(labels, CIHP20)}, worn=True)
    made = garment_picture(worn, (128, 128), "dress-code")
    green = made[..., 0] < 128
    rows, columns = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
    assert abs(rows.mean() - 63.5) < 2
    assert abs(columns.mean() - 63.5) < 2
    assert rows.size > 100
    assert (made[:4] == 255).all()


def test_weights_for_viton_hd_know_upper_garments_only(tiny: Path, samples: Mapping[str, Sample]) -> None:
    method_ = LadiVton.load(tiny, **QUICK)
    method_.bundle = replace(method_.bundle, rules="viton-hd")
    with pytest.raises(InputError, match="cannot put on a garment of category lower") as error:
        method_.run(samples["lower"])
    _one_line(error)
    with pytest.raises(InputError, match="cannot put on"):
        rules_for("viton-hd", "dress")
    assert method_.run(samples["upper"]).shape == samples["upper"].person.image().shape


# --- conditions ---------------------------------------------------------------------------------------------------
def test_parses_of_either_convention_are_read(samples: Mapping[str, Sample]) -> None:
    parse = samples["dress"].person.parse()
    atr = Parse(translate(parse, ATR18), ATR18)
    assert parse.labels_in.names == CIHP20.names
    for part in ("dress", "left-arm", "hair", "right-leg", "left-shoe"):
        assert np.array_equal(atr.mask(part) & parse.mask(part), parse.mask(part)), part
    back = translate(atr, CIHP20)
    assert np.array_equal(back == 6, parse.labels == 6)


def test_masks_of_a_drawing() -> None:
    labels = np.zeros((512, 384), np.uint8)
    labels[40:120, 150:230] = 11  # face
    labels[120:300, 130:250] = 4  # upper clothes
    labels[300:480, 140:240] = 6  # trousers
    labels[130:330, 90:130] = 14  # an arm
    joints = np.zeros((18, 3), np.float32)
    for name, x, y in (
        ("right-shoulder", 150, 130), ("left-shoulder", 230, 130), ("right-elbow", 110, 210), ("right-wrist", 110, 280),
        ("left-elbow", 260, 210), ("left-wrist", 260, 280),
    ):  # fmt: skip
        joints[JOINT[name]] = (x, y, 1)
    pose = Pose(joints)
    upper = inpaint_mask(labels, pose, rules_for("dress-code", "upper"))
    assert upper[115, 190]  # neck below the shoulders less 20 pixels
    assert not upper[100, 190]
    assert not upper[400, 190]  # trousers stay
    assert not upper[325, 110]  # the hand, beyond the line along the arm
    assert upper[260, 110]  # the arm
    lower = inpaint_mask(labels, pose, rules_for("dress-code", "lower"))
    assert lower[400, 190]
    assert lower[400, 131]  # ten pixels more than the labels
    assert not lower[400, 129]
    assert not lower[200, 190]
    assert not lower[130:300, 95:125].any()  # arms stay


def test_wide_masks_hide_how_long_and_how_wide_it_was() -> None:
    """Below the hips the mask of shorts on bare legs is that of wide trousers that begin as wide, and no arm is painted over."""
    joints = np.zeros((18, 3), np.float32)
    for name, x, y in (
        ("right-hip", 170, 300),
        ("left-hip", 210, 300),
        ("right-shoulder", 150, 130),
        ("left-shoulder", 230, 130),
    ):
        joints[JOINT[name]] = (x, y, 1)
    pose = Pose(joints)
    made = {}
    for name in ("shorts", "trousers"):
        labels = np.zeros((512, 384), np.uint8)
        labels[140:300, 150:230] = ATR18.ids["upper-clothes"]
        labels[300:380, 140:240] = ATR18.ids["pants"]
        if name == "shorts":
            labels[380:480, 155:180] = ATR18.ids["left-leg"]
            labels[380:480, 200:225] = ATR18.ids["right-leg"]
        else:
            labels[380:480, 140:240] = ATR18.ids["pants"]
        labels[150:320, 240:260] = ATR18.ids["left-arm"]
        made[name] = inpaint_mask(labels, pose, rules_for("wide", "lower"))
        assert not made[name][labels == ATR18.ids["upper-clothes"]].any()
        assert not made[name][labels == ATR18.ids["left-arm"]].any()
        assert made[name][470, 100:280].all()
        assert not made[name][470, :90].any()
    assert np.array_equal(*made.values())
    usual = inpaint_mask(labels, pose, rules_for("dress-code", "upper", published=False))
    assert np.array_equal(inpaint_mask(labels, pose, rules_for("wide", "upper")), usual)
    nobody = inpaint_mask(labels, Pose(np.zeros((18, 3), np.float32)), rules_for("wide", "lower"), published=False)
    assert (nobody & made["trousers"]).sum() > 0.95 * made["trousers"].sum()


@pytest.mark.parametrize(
    ("category", "is_worn", "becomes"),
    [
        ("lower", ("pants", "skirt"), "skirt"),  # a skirt where trousers are put on
        ("upper", ("upper-clothes", "coat"), "dress"),  # a dress where a top is put on
        ("dress", ("dress",), "upper-clothes"),  # a top where a dress is put on
    ],
)
def test_what_the_new_garment_replaces_is_painted_anew(
    category: str, is_worn: tuple[str, ...], becomes: str, samples: Mapping[str, Sample]
) -> None:
    sample = samples[category]
    parse = sample.person.parse()
    worn, labels = parse.mask(*is_worn), parse.labels.copy()
    labels[worn] = CIHP20.ids[becomes]
    changed = replace(sample, person=replace(sample.person.fresh(), given={"parse": Parse(labels, CIHP20)}))
    covered = {}
    for published in (True, False):
        entry = conditions(changed, (512, 384), "dress-code", published=published)
        covered[published] = float(entry["frame"].mask_back(entry["mask"][0].numpy() > 0)[worn].mean())
    assert covered[False] > 0.95
    assert covered[True] < covered[False] - 0.1


def test_a_skirt_is_learned_from() -> None:
    labels = np.zeros((8, 8), np.uint8)
    labels[2:6, 2:6] = ATR18.ids["skirt"]
    picture = torch.full((3, 8, 8), -1.0)
    for published, pixels in ((True, 0), (False, 16)):
        rules = rules_for("dress-code", "lower", published=published)
        assert int((worn_garment(picture, labels, rules) < 0).all(dim=0).sum()) == pixels


def test_pose_map() -> None:
    joints = np.zeros((18, 3), np.float32)
    joints[3] = (20, 10, 1)
    made = pose_map(Pose(joints), (40, 30))
    assert made.shape == (18, 40, 30)
    assert float(made[3, 10, 20]) == pytest.approx(1, abs=1e-6)
    assert float(made[3, 10, 29]) == pytest.approx(float(np.exp(-1)), abs=1e-6)
    assert made.sum(dim=(1, 2)).count_nonzero() == 1


def test_photos_of_any_shape(samples: Mapping[str, Sample], tiny: Path) -> None:
    sample = samples["upper"]
    photo, labels = sample.person.image(), sample.person.parse()
    wide = np.pad(photo, ((0, 0), (60, 30), (0, 0)), mode="edge")
    parse = Parse(np.pad(labels.labels, ((0, 0), (60, 30))), labels.labels_in)
    joints = sample.person.pose().joints.copy()
    joints[joints[:, 2] > 0, 0] += 60
    moved = replace(sample, person=Person("wide", given={"image": wide, "parse": parse, "pose": Pose(joints)}))
    entry = conditions(moved, (128, 128), "dress-code", published=True)
    assert entry["frame"].back(np.zeros((128, 128, 3), np.uint8)).shape == wide.shape
    made = LadiVton.load(tiny, **QUICK).run(moved)
    assert made.shape == wide.shape
    assert torch.equal(entry["mask"], entry["mask"].round())


# --- memory -------------------------------------------------------------------------------------------------------
def test_plans_for_cards() -> None:
    gigabyte = 2**30
    assert sum(memory.weights(PUBLISHED).values()) == 2_101_454_496
    for budget, name in ((24, "resident"), (6, "resident"), (4, "staged"), (2.5, "streamed")):
        assert memory.choose(budget * gigabyte, PUBLISHED, 2).name == name
    with pytest.raises(InputError, match="needs .* GB of graphics memory") as error:
        memory.choose(0.5 * gigabyte, PUBLISHED, 2)
    _one_line(error)
    line = memory.estimate_line(memory.PLANS[0], PUBLISHED, 2)
    assert "GB at its peak" in line
    # the bar: the fast path at full size within 6 GB
    assert max(memory.needs(memory.PLANS[0], PUBLISHED, 2).values()) + memory.OVERHEAD <= 6 * gigabyte


def test_pictures_for_the_papers_tables(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["drawn-mini", str(tmp_path / "out"), "--weights", str(tiny), "--setting", "unpaired", "--steps", "2"]
    arguments += ["--split", "", "--category", "dress"]
    assert reproduce.main(arguments) == 0
    made = sorted((tmp_path / "out").glob("*.png"))
    assert len(made) >= 2
    assert read_image(made[0]).shape == (128, 128, 3)
    before = made[0].stat().st_mtime_ns
    made[1].unlink()
    assert reproduce.main(arguments) == 0
    assert made[0].stat().st_mtime_ns == before
    assert made[1].is_file()
    assert json.loads((tmp_path / "out.json").read_text())["settings"]["steps"] == 2
    assert reproduce.main(["drawn-mini", str(tmp_path / "none"), "--weights", str(tmp_path)]) == 1
    assert "no weights of ladi-vton here" in capsys.readouterr().err
