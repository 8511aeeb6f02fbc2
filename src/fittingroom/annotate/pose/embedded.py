"""Pose by the small network of our own, without any download: the whole photo first, then once more from near."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from ...core.files import sha256_file, sha256_json
from ...core.images import UInt8
from ...core.pose import JOINTS, Float32, Pose
from ...weights.embedded import own_weights
from ..base import Annotation, NothingFoundError
from ..parser.inputs import MIRRORED, person_box, shown, to_box
from .choose import annotation
from .small import FILE, SETTINGS, STRIDE, PoseNetwork, load_pose_network

#: folder of the embedded weights
WEIGHTS = "pose"
_GREY = 128
#: half the side of the window around the highest value whose mean is the joint's place
_AROUND = 2
#: joints that are less probably seen are not found; with fewer joints than this there is nobody
_SURE, _FEWEST = 0.3, 6
#: a second place as probable as this share of the first, this share of the box away, means that somebody else may be there
_RIVAL, _APART = 0.5, 0.15


def _highest(plane: npt.NDArray[np.float32]) -> tuple[int, int]:
    row, column = np.unravel_index(int(plane.argmax()), plane.shape)
    return int(row), int(column)


def _around(row: int, column: int, reach: int) -> tuple[slice, slice]:
    return slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1)


def places(maps: npt.NDArray[np.float32]) -> tuple[Float32, Float32, Float32]:
    """The most probable place of each joint.

    Args:
        maps: ``(J, h, w)`` probabilities, each map's sum is 1.

    Returns:
        ``(J, 2)`` x, y in cells, whose centres are at halves; ``(J,)`` probability of the window around it; ``(J,)`` largest
        probability of such a window elsewhere.
    """
    count, height = maps.shape[:2]
    points, sure, other = (np.zeros((count, 2), np.float32), *(np.zeros(count, np.float32) for _ in range(2)))
    apart = max(2 * _AROUND + 1, round(_APART * height))
    for index, plane in enumerate(maps):
        row, column = _highest(plane)
        window = _around(row, column, _AROUND)
        sure[index] = plane[window].sum()
        y, x = (np.indices(plane.shape)[(slice(None), *window)]) + 0.5
        points[index] = ((plane[window] * x).sum() / sure[index], (plane[window] * y).sum() / sure[index])
        rest = plane.copy()
        rest[_around(row, column, apart)] = 0
        other[index] = rest[_around(*_highest(rest), _AROUND)].sum()
    return points, sure, other


@torch.inference_mode()
def look(network: PoseNetwork, photo: UInt8, pose: Pose | None, device: str = "cpu") -> tuple[Pose, Float32]:
    """Look at the photo, or at the person of a first pose from near; its mirror image is seen, too.

    Returns:
        The pose in pixels of the photo, and ``(18,)`` how probable another place is. A joint's confidence is that of its being
        seen at all, which decides whether it is found, times the root of its place's.
    """
    own, size = (photo.shape[0], photo.shape[1]), network.config.size
    box = person_box(pose, own, size[1] / size[0])
    matrix = to_box(box, size)
    picture = shown(photo, matrix, size, _GREY)
    both = np.stack([picture, picture[:, ::-1]]).astype(np.float32).transpose(0, 3, 1, 2) / np.float32(127.5) - 1
    inputs = torch.from_numpy(np.ascontiguousarray(both)).to(device).contiguous(memory_format=torch.channels_last)
    maps, there = network(inputs)
    maps = maps.float().flatten(2).softmax(dim=2).reshape(maps.shape)
    merged = (maps[0] + maps[1, MIRRORED].flip(-1)).cpu().numpy() / 2
    sight = (there.float().sigmoid()[0] + there.float().sigmoid()[1, MIRRORED]).cpu().numpy() / 2
    points, sure, other = places(merged)
    linear = np.linalg.inv(matrix[:, :2])
    joints = np.zeros((len(JOINTS), 3), np.float32)
    joints[:, :2] = (points * STRIDE - matrix[:, 2]) @ linear.T
    joints[:, 2] = sight * np.sqrt(sure.clip(1e-4, 1))
    joints[sight < _SURE] = 0
    return Pose(joints), np.asarray(other / sure.clip(1e-6), np.float32)


def mean(first: Pose, second: Pose) -> Pose:
    """The second pose; its joints that the first one has as well lie between both."""
    joints = second.joints.copy()
    both = first.found & second.found
    joints[both] = (first.joints[both] + second.joints[both]) / 2
    return Pose(joints)


class EmbeddedPose:
    """Joints by our own network, for photos of one person.

    Args:
        weights_file: a folder with ``pose.safetensors`` and ``pose.json`` (or either of them); None for the embedded one.
        device: torch device.

    Raises:
        MissingError: the package comes without these weights and none are named.
        InputError: they cannot be read.
    """

    name: ClassVar[str] = "pose/embedded"
    provides: ClassVar[str] = "pose"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = "Apache-2.0; weights trained on street photos of Clothing Co-Parsing, see their card"

    def __init__(self, weights_file: Path | None = None, device: str = "cpu") -> None:
        folder = own_weights(self.name, WEIGHTS, weights_file)
        self._network, self._device = load_pose_network(folder).to(device), device
        self._hash = sha256_json([sha256_file(folder / FILE), sha256_file(folder / SETTINGS)])

    def settings(self) -> Mapping[str, Any]:
        """See :class:`..base.Annotator`."""
        return {"version": 1, "weights": self._hash, "threshold": _SURE}

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`..base.Annotator`."""
        del given
        first, other = look(self._network, photo, None, self._device)
        pose = first
        if first.found.sum() >= _FEWEST:
            pose = mean(first, look(self._network, photo, first, self._device)[0])
        if pose.found.sum() < _FEWEST:
            raise NothingFoundError(
                "nobody in the photo", mend="leave it out, or place the joints by hand in the review"
            )
        made = annotation([(pose, float(pose.joints[pose.found, 2].mean()))], (photo.shape[0], photo.shape[1]))
        if float(np.median(other[first.found])) > _RIVAL:
            return Annotation(
                made.value, made.score / 2, ("perhaps several people: this network knows one", *made.notes)
            )
        return made
