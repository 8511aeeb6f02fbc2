"""PASTA-GAN++ as a method: the contract, weights, settings, and photos that give it trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from fittingroom.core.errors import FittingroomError, InputError, MissingError
from fittingroom.core.files import read_json, write_json
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINT, Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse, Person, Photo, Sample
from fittingroom.methods.conformance import check_method
from fittingroom.methods.pasta_gan_pp.fast import FastGenerator
from fittingroom.methods.pasta_gan_pp.method import PastaGan
from fittingroom.methods.pasta_gan_pp.network import Generator, Warped
from fittingroom.methods.pasta_gan_pp.placing import without_dress

from .conftest import TINY


@pytest.fixture(scope="module")
def method(folder: Path) -> PastaGan:
    return PastaGan.load(folder)


@pytest.fixture
def sample(drawn: Dataset) -> Sample:
    found = next(each for each in drawn.samples("unpaired") if each.category == "upper" and each.wearer is not None)
    worn = found.worn_garment()
    assert worn is not None
    return replace(found, garment=worn, wearer=None)


def given(photo: Photo, **values: Any) -> Any:
    return replace(photo.fresh(), given={**photo.given, **values})


def joints(photo: Photo, change: Callable[[np.ndarray], None]) -> Any:
    moved = photo.pose().joints.copy()
    change(moved)
    return given(photo, pose=Pose(moved))


def labels(photo: Photo, old: str, new: str) -> Any:
    ids = photo.parse().labels.copy()
    ids[ids == CIHP20.ids[old]] = CIHP20.ids[new]
    return given(photo, parse=Parse(ids, CIHP20))


def test_it_keeps_the_contract(folder: Path) -> None:
    results = check_method("pasta-gan++", folder)
    assert len(results) >= 8
    assert not [(each.name, each.detail) for each in results if not each.passed]


def test_a_garment_photographed_alone_is_taken_from_somebody_who_wears_it(drawn: Dataset, method: PastaGan) -> None:
    sample = drawn.samples("unpaired").__next__()
    assert not sample.garment.worn
    assert sample.wearer is not None
    assert sample.wearer.id != sample.person.id
    direct = sample.worn_garment()
    assert direct is not None
    expected = method.run(replace(sample, garment=direct, wearer=None))
    assert (method.run(sample) == expected).all()
    with pytest.raises(MissingError, match="needs wearer.image, wearer.pose, wearer.parse"):
        method.run(replace(sample, wearer=None))


def test_nobody_is_dressed_from_the_own_photo_where_the_garment_is_photographed_alone(drawn: Dataset) -> None:
    for pair in drawn.pairs["paired"]:
        wearer = drawn.sample(pair).wearer
        assert wearer is None or wearer.id != pair.person
    few = drawn.only(limit=1)
    pair = few.pairs["unpaired"][0]
    assert few.sample(pair).wearer is not None  # though its paired pair is not among those kept


@pytest.mark.parametrize("outfit", ["upper", "lower", "full"])
@pytest.mark.parametrize("parity", [False, True])
def test_every_kind_gives_a_picture(folder: Path, sample: Sample, outfit: str, parity: bool) -> None:
    made = PastaGan.load(folder, outfit=outfit, parity=parity)
    picture = made.run(sample)
    assert picture.shape == sample.person.image().shape
    assert picture.std() > 1
    assert made.settings()["outfit"] == outfit


def test_kinds_differ(folder: Path, sample: Sample) -> None:
    pictures = [PastaGan.load(folder, outfit=outfit).run(sample) for outfit in ("upper", "lower", "full")]
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[1] != pictures[2]).any()


def test_the_fast_path_gives_the_plain_network_s_picture(folder: Path, sample: Sample) -> None:
    fast, plain = PastaGan.load(folder, precision="fp32"), PastaGan.load(folder, precision="fp32")
    plain._fast = None
    difference = np.abs(fast.run(sample).astype(int) - plain.run(sample).astype(int))
    assert difference.max() <= 1
    assert difference.mean() < 0.02


@pytest.mark.parametrize("frame", [0, 60])
@pytest.mark.parametrize("dress", [False, True])
def test_every_shortcut_of_the_fast_path_is_exact(frame: int, dress: bool) -> None:
    torch.manual_seed(5)
    generator = Generator(replace(TINY, frame=frame)).eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    size = (TINY.height, TINY.width)
    parts = torch.randn(2, 45, TINY.patch, TINY.patch)
    retain, pose = torch.randn(2, 6, *size), torch.randn(2, 5, *size)
    label = torch.zeros(2, 1, *size)
    label[0, :, 30:100, 25:60], label[1, :, 50:128, 40:96] = (4.0, 6.0) if dress else (1.0, 2.0)
    garments = [Warped(torch.randn(2, 3, *size), (torch.rand(2, 1, *size) > 0.3).float()) for _ in range(2)]
    fast = FastGenerator(generator, torch.float32)
    inside = slice((TINY.width - frame) // 2, (TINY.width + frame) // 2) if frame else slice(None)
    with torch.inference_mode():
        for given in (label, torch.zeros_like(label), None):
            whole = generator(parts, retain, pose, *garments, given)
            made, used = fast(fast.garments(parts), retain, pose, *garments, given)
            assert torch.equal(used, whole.label)
            difference = (made - whole.final)[..., inside].abs().max() / whole.final.std()
            assert float(difference) < 1e-4
            assert (made[..., : inside.start or 0] == 1).all()


def test_a_garment_s_code_is_computed_once(folder: Path, sample: Sample) -> None:
    method = PastaGan.load(folder, outfit="full")
    first = method.run(sample)
    assert len(method._codes) == 1
    assert (method.run(sample) == first).all()
    assert len(method._codes) == 1


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"parity": 1}, "parity is 1"),
        ({"outfit": None}, "outfit is None"),
        ({"sleves": "auto"}, "no setting sleves"),
    ],
)
def test_settings_that_make_no_sense(folder: Path, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        PastaGan.load(folder, **settings)


def test_weights_that_are_not_there_or_not_right(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fittingroom.weights.embedded.ROOT", tmp_path)
    with pytest.raises(MissingError, match="comes without weights"):
        PastaGan.load()
    with pytest.raises(MissingError, match="no program can fetch them.*weights import pasta-gan"):
        PastaGan.load("published")
    with pytest.raises(InputError, match="no such weights"):
        PastaGan.load(tmp_path / "nothing")
    with pytest.raises(InputError, match="no config.json"):
        PastaGan.load(tmp_path)
    index = read_json(folder / "config.json")
    tensors = safetensors.torch.load_file(folder / "generator.safetensors")
    for change, named in (
        (lambda: tensors | {"more": tensors["mapping.w_avg"].clone()}, "more does not belong there"),
        (lambda: {key: value for key, value in tensors.items() if key != "mapping.w_avg"}, "mapping.w_avg is missing"),
        (lambda: tensors | {"mapping.w_avg": tensors["mapping.w_avg"][:3].clone()}, r"mapping.w_avg is \(3,\)"),
    ):
        safetensors.torch.save_file(change(), tmp_path / "generator.safetensors")
        write_json(tmp_path / "config.json", {**index, "sha256": ""})
        with pytest.raises(InputError, match=named):
            PastaGan.load(tmp_path)
        write_json(tmp_path / "config.json", index)
        with pytest.raises(InputError, match="not those that config.json speaks of"):
            PastaGan.load(tmp_path)
    write_json(tmp_path / "config.json", {**index, "method": "other"})
    with pytest.raises(InputError, match="not weights of pasta-gan"):
        PastaGan.load(tmp_path)


def test_published_weights_work_once_they_are_imported(
    method: PastaGan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the cache is taken; its sizes must be the published ones."""
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path))
    method.save(tmp_path / "own")
    (tmp_path / "weights").mkdir()
    (tmp_path / "own" / "generator.safetensors").rename(tmp_path / "weights" / "pasta-gan++.safetensors")
    with pytest.raises(InputError, match="weights of another network"):
        PastaGan.load("published")


def nobody(all_joints: np.ndarray) -> None:
    all_joints[:] = 0


def only_head(all_joints: np.ndarray) -> None:
    all_joints[[index for name, index in JOINT.items() if name not in ("nose", "left-eye", "right-eye")]] = 0


def no_trunk(all_joints: np.ndarray) -> None:
    all_joints[[JOINT[f"{side}-{part}"] for side in ("left", "right") for part in ("shoulder", "hip")]] = 0


@pytest.mark.parametrize("role", ["person", "garment"])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (nobody, "nobody in the pose of"),
        (only_head, "no joints to tell where the upper body is"),
        (no_trunk, "no part of the body is seen on both|no joints to tell"),
    ],
)
def test_poses_that_tell_nothing_are_refused(
    method: PastaGan, sample: Sample, role: str, change: Callable[[np.ndarray], None], named: str
) -> None:
    photo: Photo = getattr(sample, role)
    broken = replace(sample, **{role: joints(photo, change)})  # type: ignore[arg-type]
    if change is no_trunk:
        broken = replace(broken, **{role: joints(getattr(broken, role), lambda all_joints: only_head(all_joints))})
        named = "no joints to tell"
    with pytest.raises(InputError, match=named) as caught:
        method.run(broken)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "missing", ["left-wrist", "right-elbow", "left-shoulder", "left-knee", "right-hip", "neck", "nose"]
)
def test_missing_limbs_are_no_reason_to_stop(method: PastaGan, sample: Sample, missing: str) -> None:
    def drop(all_joints: np.ndarray) -> None:
        all_joints[JOINT[missing]] = 0

    for role in ("person", "garment"):
        picture = method.run(replace(sample, **{role: joints(getattr(sample, role), drop)}))  # type: ignore[arg-type]
        assert np.isfinite(picture).all()
        assert picture.std() > 1


def test_hands_outside_of_the_frame(method: PastaGan, sample: Sample) -> None:
    height, width = sample.person.image().shape[:2]

    def outside(all_joints: np.ndarray) -> None:
        all_joints[JOINT["left-wrist"]] = (width + 12, height * 0.6, 0.8)
        all_joints[JOINT["right-wrist"]] = (-15, height + 9, 0.8)

    assert method.run(replace(sample, person=joints(sample.person, outside))).std() > 1


def test_zero_length_limbs(method: PastaGan, sample: Sample) -> None:
    def together(all_joints: np.ndarray) -> None:
        all_joints[JOINT["left-elbow"], :2] = all_joints[JOINT["left-shoulder"], :2]
        all_joints[JOINT["left-wrist"], :2] = all_joints[JOINT["left-shoulder"], :2]

    for role in ("person", "garment"):
        picture = method.run(replace(sample, **{role: joints(getattr(sample, role), together)}))  # type: ignore[arg-type]
        assert picture.std() > 1


def test_a_garment_that_is_not_worn_is_refused(folder: Path, sample: Sample) -> None:
    bare = labels(labels(sample.garment, "upper-clothes", "torso-skin"), "coat", "torso-skin")
    with pytest.raises(InputError, match="does not wear a garment for the upper body .a lower garment in its parse"):
        PastaGan.load(folder).run(replace(sample, garment=bare))
    nothing = given(sample.garment, parse=Parse(np.zeros_like(sample.garment.parse().labels), CIHP20))
    with pytest.raises(InputError, match="does not wear anything .nothing in its parse"):
        PastaGan.load(folder, outfit="full").run(replace(sample, garment=nothing))


def test_black_garments_are_garments(folder: Path, sample: Sample) -> None:
    black = given(sample.garment, image=np.zeros_like(sample.garment.image()))
    ours = PastaGan.load(folder).conditions(replace(sample, garment=black))["inputs"]
    published = PastaGan.load(folder, parity=True).conditions(replace(sample, garment=black))["inputs"]
    assert (ours.upper.mask > 0).sum() > 100
    assert not (published.upper.mask > 0).any()  # pure black counts as nothing there


def test_no_skin_at_all_gives_no_hole_in_the_numbers(folder: Path, sample: Sample) -> None:
    person: Any = sample.person
    for part in ("face", "torso-skin", "left-arm", "right-arm", "left-leg", "right-leg"):
        person = labels(person, part, "background")
    made = PastaGan.load(folder).conditions(replace(sample, person=person))["inputs"]
    assert made.skin.tolist() == [127.5] * 3
    assert PastaGan.load(folder).run(replace(sample, person=person)).std() > 1


@pytest.mark.parametrize("size", [(200, 400), (400, 150), (128, 96), (37, 61)])
def test_photos_of_other_shapes_come_back_as_they_were(method: PastaGan, sample: Sample, size: tuple[int, int]) -> None:
    from fittingroom.core.images import resize_image, resize_labels

    photo = sample.person
    height, width = photo.image().shape[:2]
    moved = photo.pose().joints.copy()
    moved[:, :2] *= (size[1] / width, size[0] / height)
    parse = Parse(np.asarray(resize_labels(photo.parse().labels, size), dtype=np.uint8), CIHP20)
    person = Person(photo.id, given={"image": resize_image(photo.image(), size), "pose": Pose(moved), "parse": parse})
    assert method.run(replace(sample, person=person)).shape == (*size, 3)


def test_other_label_sets_are_understood(method: PastaGan, sample: Sample) -> None:
    from fittingroom.core.labels import convert, label_set

    ids = np.asarray(convert(sample.person.parse().labels, "cihp20", "lip20"), dtype=np.uint8)
    other = given(sample.person, parse=Parse(ids, label_set("lip20")))
    assert method.run(replace(sample, person=other)).std() > 1


def test_missing_annotations_are_one_line(method: PastaGan, sample: Sample) -> None:
    for role, condition in (("person", "pose"), ("person", "parse"), ("garment", "pose"), ("garment", "parse")):
        photo: Photo = getattr(sample, role)
        files = {name: path for name, path in photo.files.items() if name != condition}
        poorer = replace(sample, **{role: replace(photo.fresh(), files=files)})  # type: ignore[arg-type]
        with pytest.raises(FittingroomError) as caught:
            method.run(poorer)
        assert "\n" not in str(caught.value)


def test_a_cardigan_is_taken_without_the_dress_below_it(sample: Sample, method: PastaGan, folder: Path) -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[5:35, 10:30] = CIHP20.ids["dress"]
    assert np.array_equal(without_dress(labels), labels)  # worn alone
    labels[5:15, 10:30] = CIHP20.ids["coat"]
    found = without_dress(labels)
    assert (found[labels == CIHP20.ids["dress"]] == CIHP20.ids["skirt"]).all()
    assert (found[labels == CIHP20.ids["coat"]] == CIHP20.ids["coat"]).all()

    garment = sample.garment
    parse = garment.parse()
    gown = parse.mask("pants", "skirt", "left-leg", "right-leg")
    top = parse.mask("upper-clothes", "coat") & (np.cumsum(parse.mask("upper-clothes", "coat"), axis=0) < 60)
    gown |= parse.mask("upper-clothes", "coat") & ~top  # its upper half is still seen
    below = np.where(gown, parse.labels_in.ids["dress"], parse.labels).astype(np.uint8)
    plainly = np.where(gown, parse.labels_in.ids["skirt"], parse.labels).astype(np.uint8)
    sample = replace(sample, garment=given(garment, parse=Parse(plainly, parse.labels_in)))
    over = replace(sample, garment=given(garment, parse=Parse(below, parse.labels_in)))
    plain, dressed = (method.conditions(each)["inputs"].upper for each in (sample, over))
    assert np.array_equal(plain.mask, dressed.mask)
    whole = PastaGan.load(folder, outfit="upper").conditions(over)["inputs"].upper
    assert whole.mask.astype(bool).sum() > 1.1 * plain.mask.astype(bool).sum()
