"""The whole annotator, with a network that sees coloured discs: the way into the network and back, at every option."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fittingroom.annotate.base import Annotator, NothingFoundError
from fittingroom.annotate.pose import openpose
from fittingroom.annotate.pose.choose import annotation
from fittingroom.annotate.pose.maps import ideal_fields, ideal_heat, to_cells
from fittingroom.annotate.pose.network import NETWORKS, BodyNetwork
from fittingroom.annotate.pose.prepare import prepare, see, unmirrored
from fittingroom.annotate.pose.skeletons import BODY25, COCO18, SKELETONS, Skeleton
from fittingroom.annotate.registry import load_annotator
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import UInt8
from fittingroom.core.pose import Pose

STEP = 9


class Seeing(BodyNetwork):
    """Ideal maps of people drawn as discs: red says which joint, green which person, blue marks the photo's left edge."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        bgr = np.round((x[0].numpy().transpose(1, 2, 0) + 0.5) * 256)
        # where discs and ground mix, other joints' colours appear: only even patches count
        patch = np.ones((3, 3))
        even = (cv2.dilate(bgr, patch) - cv2.erode(bgr, patch)).max(axis=2) < 3
        filled = (bgr[..., 2] > 5) & even
        blue = np.flatnonzero((bgr[..., 0] > 200).any(axis=0))
        mirrored = blue.mean() > bgr.shape[1] / 2
        people = []
        for green in range(60, 256, 60):
            joints = np.zeros((len(self.skeleton.joints), 3))
            for index in range(len(joints)):
                near = np.abs(bgr[..., 2] - STEP * (index + 1)) < STEP / 2
                rows, columns = np.nonzero(filled & near & (np.abs(bgr[..., 1] - green) < 20))
                if len(rows) > 3:
                    place = self.skeleton.mirrored[index] if mirrored else index
                    joints[place] = columns.mean(), rows.mean(), 1
            joints[:, :2] = to_cells(joints[:, :2], 8)
            people.append(joints)
        grid = (x.shape[2] // 8, x.shape[3] // 8)
        heat, fields = ideal_heat(np.array(people), grid), ideal_fields(np.array(people), grid, self.skeleton)
        return torch.from_numpy(heat)[None], torch.from_numpy(fields)[None]


def draw(people: list[np.ndarray], size: tuple[int, int], radius: int) -> UInt8:
    photo = np.zeros((*size, 3), np.uint8)
    photo[:, :12, 2] = 255
    for number, joints in enumerate(people, 1):
        for index, (x, y, _) in enumerate(joints):
            cv2.circle(photo, (int(x), int(y)), radius, (STEP * (index + 1), 60 * number, 0), -1)
    return photo


@pytest.fixture(autouse=True)
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpose, "load_network", lambda path, body: Seeing(SKELETONS[body or "coco-18"]))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "body_pose_model.pth"
    path.write_bytes(b"weights")
    return path


#: far enough apart that no two discs touch
PLACES = {name: (x, y) for name, x, y in zip(
    BODY25.joints,
    (50, 50, 34, 28, 22, 66, 72, 78, 50, 40, 38, 36, 60, 62, 64, 42, 58, 31, 69, 71, 78, 57, 29, 22, 43),
    (14, 26, 27, 40, 54, 27, 40, 54, 48, 56, 71, 86, 56, 71, 86, 5, 5, 10, 10, 95, 88, 96, 95, 88, 96),
    strict=True,
)}  # fmt: skip


def person(skeleton: Skeleton, left: float, top: float, size: float) -> np.ndarray:
    return np.array(
        [[left + PLACES[n][0] * size / 100, top + PLACES[n][1] * size / 100, 1] for n in skeleton.joints]
    ).round()


@pytest.mark.parametrize("skeleton", [COCO18, BODY25], ids=lambda one: one.name)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"flip": True},
        {"scales": (1.0, 0.75, 1.5)},
        {"scales": (0.75, 1.0), "flip": True, "matching": "greedy"},
        {"height": 256},
    ],
    ids=str,
)
def test_joints_come_back_where_they_are_in_the_photo(skeleton: Skeleton, options: dict, weights: Path) -> None:
    near, far = person(skeleton, 250, 10, 880), person(skeleton, 30, 60, 420)
    photo = draw([far, near], (900, 1211), 14)
    found = openpose.OpenPose(weights, body=skeleton.name, **options).people(photo)
    assert len(found) == 2
    cell = 8 * 900 / 368
    for one, given in zip(found, (near, far), strict=True):
        seen = one.joints[:, 2] > 0
        assert seen.mean() > 0.9
        away = np.linalg.norm((one.joints - given)[seen, :2], axis=1)
        assert away.max() < 0.5 * cell
        assert np.median(away) < 1.5  # pixels of a photo 1211 wide
        assert one.score > 0.7


def test_an_annotation_is_the_most_prominent_persons_pose(weights: Path) -> None:
    near, far = person(COCO18, 250, 10, 880), person(COCO18, 30, 60, 420)
    photo = draw([far, near], (900, 1211), 14)
    photo[int(near[4, 1]) - 16 : int(near[4, 1]) + 17, int(near[4, 0]) - 16 : int(near[4, 0]) + 17] = 0
    loaded = load_annotator("pose/openpose", weights, body="coco-18")
    assert isinstance(loaded, Annotator)
    result = loaded.annotate(photo, {})
    assert not result.value.has("right-wrist")
    assert np.abs(result.value.point("nose") - near[0, :2]).max() < 4
    assert result.notes == ("two people, the largest and most central is taken", "not found: right-wrist")
    assert 0.5 < result.score < 1
    with pytest.raises(NothingFoundError, match="nobody in the photo — leave it out"):
        loaded.annotate(draw([], (200, 100), 3), {})


@pytest.mark.parametrize("size", [(1, 1), (3, 4000), (4000, 3), (17, 23), (368, 368)])
def test_photos_of_any_shape_fit(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    image, frame = prepare(photo, 368)
    assert image.shape[2] % 8 == image.shape[3] % 8 == 0
    assert image.shape[2] <= 368
    assert image.shape[3] <= 4 * 368
    assert (image.shape[2] // 8, image.shape[3] // 8) == frame.grid
    assert -0.5 <= image.min() <= image.max() < 0.5
    if size == (368, 368):
        np.testing.assert_array_equal((image[0].numpy() + 0.5) * 256, photo[..., ::-1].transpose(2, 0, 1))
    edges = np.array([0.0, size[0] - 1.0])
    np.testing.assert_allclose(frame.pixels(frame.cells(edges, 0), 0), edges, atol=1e-2)


@pytest.mark.parametrize("skeleton", [COCO18, BODY25], ids=lambda one: one.name)
def test_the_mirrored_view_of_a_mirrored_photo_is_the_view(skeleton: Skeleton) -> None:
    """Maps of mirrored people, mirrored and renamed, are the maps of the people."""
    people = person(skeleton, 4, 2, 40)[None]
    mirrored = people[:, list(skeleton.mirrored)] * np.array([-1, 1, 1]) + np.array([59, 0, 0])
    heat, fields = (
        maps[:, :, ::-1] for maps in (ideal_heat(mirrored, (46, 60)), ideal_fields(mirrored, (46, 60), skeleton))
    )
    heat, fields = unmirrored(heat, fields, skeleton)
    np.testing.assert_allclose(heat, ideal_heat(people, (46, 60)), atol=1e-5)
    np.testing.assert_allclose(fields, ideal_fields(people, (46, 60), skeleton), atol=1e-5)


def test_a_real_network_with_random_weights_runs_through(weights: Path) -> None:
    torch.manual_seed(0)
    network = NETWORKS["body-25"](8).eval()
    photo = np.random.default_rng(0).integers(0, 256, (60, 40, 3)).astype(np.uint8)
    heat, fields, frame = see(network, photo, 64, (1.0, 1.5), flip=True)
    assert (heat.shape, fields.shape) == ((26, *frame.grid), (52, *frame.grid))
    plain, _, _ = see(network, photo, 64)
    assert np.isfinite(heat).all()
    assert plain.shape == (26, 8, 6)
    assert not np.allclose(heat, see(network, photo, 96)[0])


def test_settings_say_all_that_the_result_depends_on(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = openpose.OpenPose(weights)
    assert first.settings()["weights_known_as"] == "no published hash known, computed hash is recorded"
    assert len(first.settings()["weights"]) == 64
    for options in (
        {"flip": True},
        {"height": 400},
        {"scales": (1, 2)},
        {"scales": 2},
        {"thresholds": {"heat": 0.2}},
        {"matching": "greedy"},
        {"body": "body-25"},
    ):
        assert openpose.OpenPose(weights, **options).settings() != first.settings(), options
    published = [entry for entry in openpose.entries() if entry.name == "openpose-coco-18"]
    monkeypatch.setattr(openpose, "sha256_file", lambda path: published[0].sha256)
    assert openpose.OpenPose(weights).settings()["weights_known_as"] == "openpose-coco-18"


def test_errors_are_one_line_with_the_mend(weights: Path) -> None:
    for options, words in (
        ({"body": "hand"}, "no body 'hand' — there are: coco-18, body-25"),
        ({"height": 5}, "a height of 5 — choose 64 to 2048"),
        ({"scales": ()}, "give one or more factors"),
        ({"scales": (9.0,)}, "give one or more factors"),
        ({"scales": "all"}, "give one or more factors"),
        ({"matching": "best"}, "choose optimal or greedy"),
        ({"thresholds": {"heats": 0.2}}, "no threshold heats = 0.2 — there are: heat, field"),
    ):
        with pytest.raises(InputError, match=words):
            openpose.OpenPose(weights, **options)  # type: ignore[arg-type]
    with pytest.raises(
        MissingError,
        match=r"209 MB from huggingface.co, OpenPose: academic .*weights fetch openpose-coco-18, or --weights-file pose/openpose=PATH",
    ):
        openpose.OpenPose()
    with pytest.raises(InputError, match="has no option 'hands'"):
        load_annotator("pose/openpose", weights, hands=True)


def test_a_pose_is_kept_within_the_photo() -> None:
    joints = np.full((18, 3), 0.9, np.float32)
    joints[:, :2] = [[-5, 300]]
    joints[9] = 0
    result = annotation([(Pose(joints), 0.8)], (200, 100))
    assert result.value.joints[0].tolist() == pytest.approx([0, 199, 0.9])
    assert result.value.joints[9].tolist() == [0, 0, 0]
    few = np.zeros((18, 3), np.float32)
    few[:3] = 10, 10, 1
    result = annotation([(Pose(few), 0.8)] * 12, (200, 100))
    assert result.notes == ("12 people, the largest and most central is taken", "15 of 18 joints not found")
    assert result.score < 0.25
