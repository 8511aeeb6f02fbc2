"""Human parsing by the small network of our own, without any download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ...core.files import sha256_file, sha256_json
from ...core.images import Size, UInt8, resize_image
from ...core.labels import CIHP20, PARTS24, convert
from ...core.pose import LIMBS, Pose
from ...data.sample import Parse
from ...weights.embedded import own_weights
from ..base import Annotation, NothingFoundError
from ..body_parts import to_cihp20
from ..parse_common import judge
from .classes import NAMES, decide
from .edges import guided
from .inputs import Float32, moved_pose, person_box, photo_planes, pose_planes, shown, to_box
from .network import FILE, SETTINGS, ParserNetwork, load_parser

#: folder of the embedded weights
WEIGHTS = "parser"
_GREY = 128
#: radius of the windows in which the labels are brought to the photo's edges, as a share of the box's height; chosen on 30
#: of the validation photos, where a radius of 5 in boxes of about 460 raised the mIoU of the groups from .614 to .625
_WINDOW = 1 / 90
#: edges are looked for in photos no longer than this; larger ones are scaled down for it
_LONGEST = 640
#: what is farther than this from all limbs, in trunk lengths, and not connected with anything nearer, is another person's
_NEAR = 0.2
#: OpenCV's lines end here
_FAR = 16000
#: sizes at which the network sees a person, as multiples of the one that it learned with. Weights that had learned at 256x192 were better
#: with a second, 1.25; those that went on learning at 320x240 gain little by one, on one set of photos, and lose on the other
SCALES = (1.0,)


@torch.inference_mode()
def parse_probabilities(
    network: ParserNetwork,
    photo: UInt8,
    pose: Pose | None,
    mask: npt.NDArray[np.bool_] | None = None,
    *,
    device: str = "cpu",
    both_sides: bool = True,
    scales: Sequence[float] = SCALES,
) -> npt.NDArray[np.float32]:
    """Probabilities of the classes, ``(14, H, W)`` at the photo's size.

    Args:
        network: in evaluation mode, on the device.
        photo: ``(H, W, 3)`` uint8.
        pose: in pixels of the photo; None looks at the whole photo.
        mask: of the person, ``(H, W)``, if there is one.
        device: torch device.
        both_sides: see the photo and its mirror image, and take the mean.
        scales: see the box at these multiples of the network's own size, and take the mean.
    """
    own, size = (photo.shape[0], photo.shape[1]), network.config.size
    box = person_box(pose, own, size[1] / size[0])
    found = torch.zeros(())
    for scale in scales:
        seen = _seen(
            network, photo, pose, mask, box, (_scaled(size[0], scale), _scaled(size[1], scale)), device, both_sides
        )
        found = found + F.interpolate(seen, size, mode="bilinear", align_corners=False) / len(scales)
    return _at_edges(photo, found[0].cpu().numpy(), to_box(box, size), float(box[2]))


def _scaled(side: int, scale: float) -> int:
    """A side of the network's input: a multiple of 8."""
    return max(32, 8 * round(side * scale / 8))


def _seen(
    network: ParserNetwork,
    photo: UInt8,
    pose: Pose | None,
    mask: npt.NDArray[np.bool_] | None,
    box: Float32,
    size: Size,
    device: str,
    both_sides: bool,
) -> torch.Tensor:
    """Probabilities in the box, ``(1, 14, *size)``, on the processor."""
    planes, poses = [], []
    for mirror in (False, True) if both_sides else (False,):
        matrix = to_box(box, size, mirror=mirror)
        picture = shown(photo, matrix, size, _GREY)
        cut = None if mask is None else shown(255 * mask.astype(np.uint8), matrix, size, 0)
        planes.append(photo_planes(picture, cut))
        poses.append(pose_planes(None if pose is None else moved_pose(pose, matrix, mirror=mirror), size))
    inputs = [torch.from_numpy(np.stack(each)).to(device) for each in (planes, poses)]
    found = network(inputs[0].contiguous(memory_format=torch.channels_last), inputs[1]).float().softmax(dim=1)
    if both_sides:
        found = (found[:1] + found[1:].flip(-1)) / 2
    return found.cpu()


def _back(found: npt.NDArray[np.float32], matrix: npt.NDArray[np.float64], own: Size) -> npt.NDArray[np.float32]:
    """Planes of the box at their place in the photo; outside the box is background."""
    moved = matrix.copy()
    moved[:, 2] += moved[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = np.stack([cv2.warpAffine(plane, moved, (own[1], own[0]), flags=flags) for plane in found]).astype(np.float32)
    out[0] += np.maximum(1 - out.sum(axis=0), 0)
    return out


def _at_edges(
    photo: UInt8, found: npt.NDArray[np.float32], matrix: npt.NDArray[np.float64], tall: float
) -> npt.NDArray[np.float32]:
    """Planes of the box at the photo's size, their borders where the photo has edges."""
    own = (photo.shape[0], photo.shape[1])
    shrink = min(1.0, _LONGEST / max(own))
    size = (max(1, round(shrink * own[0])), max(1, round(shrink * own[1])))
    scaled = matrix.copy()
    scaled[:, :2] = matrix[:, :2] @ np.diag([own[1] / size[1], own[0] / size[0]])
    small = resize_image(photo, size, "bilinear") if size != own else photo
    planes = guided(small, _back(found, scaled, size), max(1, round(shrink * tall * _WINDOW))).clip(0, 1)
    if size != own:
        planes = np.stack([cv2.resize(plane, (own[1], own[0]), interpolation=cv2.INTER_LINEAR) for plane in planes])
    return np.asarray(planes / planes.sum(axis=0).clip(1e-6), np.float32)


def without_bystanders(classes: UInt8, pose: Pose) -> UInt8:
    """Pieces that no limb of the person comes near become background: they are other people's.

    Args:
        classes: ``(H, W)`` uint8.
        pose: of the same photo; one that comes near nothing changes nothing.
    """
    near = np.zeros(classes.shape, np.uint8)
    wide = max(1, round(2 * _NEAR * (pose.torso_length or 0.25 * classes.shape[0])))
    for ends in (pose.joints[list(limb)] for limb in LIMBS):
        if (ends[:, 2] > 0).all():
            start, end = ([int(each) for each in point] for point in ends[:, :2].clip(-_FAR, _FAR))
            cv2.line(near, start, end, 1, wide)
    count, pieces = cv2.connectedComponents((classes > 0).astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[pieces[near > 0]] = True
    return np.where(kept[pieces], classes, 0).astype(np.uint8) if kept[1:].any() else classes


def to_parts(classes: UInt8, pose: Pose) -> Parse:
    """``(H, W)`` uint8 classes as a parse of ``parts24``: the pose takes skin and shoes apart."""
    labels = convert(to_cihp20(classes, dict(enumerate(NAMES)), pose), CIHP20.name, PARTS24.name)
    return Parse(np.where(classes == NAMES.index("bag"), np.uint8(PARTS24.ids["bag"]), labels), PARTS24)


class Eyes:
    """A network that remembers the last photo: parse and mask of a photo cost one look.

    Args:
        folder: of the weights.
        device: torch device.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self._network, self._device = load_parser(folder).to(device), device
        self._last: tuple[bytes, npt.NDArray[np.float32]] | None = None

    def look(self, photo: UInt8, pose: Pose, mask: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.float32]:
        """See :func:`parse_probabilities`; not to be written into."""
        seen = blake2b(repr((photo.shape, mask is None)).encode())
        for each in (photo, pose.joints, mask):
            if each is not None:
                seen.update(np.ascontiguousarray(each).data)
        last = self._last  # one read: another thread may have another photo
        if last is None or last[0] != seen.digest():
            found = parse_probabilities(self._network, photo, pose, mask, device=self._device)
            found.setflags(write=False)
            self._last = last = seen.digest(), found
        return last[1]


@lru_cache(maxsize=2)
def _opened(key: str, folder: Path, device: str) -> Eyes:
    del key  # other weights may come to lie in the same folder
    return Eyes(folder, device)


def eyes(name: str, weights_file: Path | None, device: str) -> tuple[str, Eyes]:
    """Hash of the weights, and the network with them, shared by all that ask for the same.

    Args:
        name: of the annotator, for errors.
        weights_file: see :class:`EmbeddedParse`.
        device: torch device.
    """
    folder = own_weights(name, WEIGHTS, weights_file)
    files = folder / FILE, folder / SETTINGS
    key = sha256_json([sha256_file(path) if path.is_file() else "" for path in files])
    return key, _opened(key, folder, device)


class EmbeddedParse:
    """Classes of our own network; skin and shoes are taken apart by the pose.

    Args:
        weights_file: a folder with ``parser.safetensors`` and ``parser.json`` (or either of them); None for the embedded one.
        device: torch device.
        mask: also look at the person's mask.

    Raises:
        MissingError: the package comes without these weights and none are named.
        InputError: they cannot be read.
    """

    name: ClassVar[str] = "parse/embedded"
    provides: ClassVar[str] = "parse"
    needs: ClassVar[tuple[str, ...]] = ("pose",)
    licence: ClassVar[str] = "Apache-2.0; weights trained on street photos of Clothing Co-Parsing, see their card"

    def __init__(self, weights_file: Path | None = None, device: str = "cpu", mask: bool = False) -> None:
        self._hash, self._eyes = eyes(self.name, weights_file, device)
        self._mask = mask
        if mask:
            self.needs = ("pose", "person-mask")  # type: ignore[misc]

    def settings(self) -> Mapping[str, Any]:
        """See :class:`..base.Annotator`."""
        return {"version": 6, "weights": self._hash, "mask": self._mask}

    def _look(self, photo: UInt8, given: Mapping[str, Any]) -> tuple[UInt8, npt.NDArray[np.float32]]:
        mask = given["person-mask"] if self._mask else None
        probabilities = self._eyes.look(photo, given["pose"], mask)
        return without_bystanders(decide(probabilities), given["pose"]), probabilities

    def parts(self, photo: UInt8, given: Mapping[str, Any]) -> Parse:
        """All that is seen, in the label set ``parts24``: unlike CIHP-20's, in which datasets are written, it has bags.

        Args:
            photo: ``(H, W, 3)`` uint8.
            given: ``pose``, and ``person-mask`` where it was asked for.
        """
        return to_parts(self._look(photo, given)[0], given["pose"])

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """See :class:`..base.Annotator`."""
        pose: Pose = given["pose"]
        classes, probabilities = self._look(photo, given)
        labels = to_cihp20(classes, dict(enumerate(NAMES)), pose)
        if not labels.any():
            raise NothingFoundError(
                "no person to be seen by the parser", mend="leave the photo out, or paint the parse by hand"
            )
        sure = float(probabilities.max(axis=0)[labels > 0].mean())
        notes, score = judge(labels, pose)
        return Annotation(Parse(labels, CIHP20), min(max(sure * score, 0.0), 1.0), notes)
