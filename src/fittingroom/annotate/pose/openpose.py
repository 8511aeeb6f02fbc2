"""OpenPose as an annotator: the published network, decoded by our own vectorised assembly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...core.errors import InputError
from ...core.files import sha256_file
from ...core.images import UInt8
from ...weights.manifest import entries
from ..base import Annotation
from .choose import annotation, published
from .limbs import Matching
from .network import BodyNetwork, load_network
from .people import Person, Thresholds, decode
from .prepare import see
from .skeletons import BODY25, COCO18, SKELETONS

#: which published file a body comes from
WEIGHTS = {COCO18.name: "openpose-coco-18", BODY25.name: "openpose-body-25"}


def known_weights(path: Path) -> tuple[str, str]:
    """(SHA-256 of a file, what is known of it: its name in the manifest, or words that nothing is)."""
    digest = sha256_file(path)
    for entry in entries():
        if (entry.sha256 or entry.sha256_prefix) and entry.matches(digest):
            return digest, entry.name
    return digest, "no published hash known, computed hash is recorded"


def _factors(scales: Sequence[float] | float) -> tuple[float, ...]:
    mend = "give one or more factors of 0.1 to 4, e.g. [1.0, 0.5]"
    try:
        factors = tuple(float(scale) for scale in ((scales,) if isinstance(scales, (int, float)) else scales))
    except (TypeError, ValueError) as error:
        raise InputError(f"scales {scales!r}", mend=mend) from error
    if not factors or not all(0.1 <= factor <= 4 for factor in factors):
        raise InputError(f"scales {scales!r}", mend=mend)
    return factors


def _limits(values: Mapping[str, Any]) -> Thresholds:
    known = asdict(Thresholds())
    for name, value in values.items():
        if name not in known or isinstance(value, str) != isinstance(known[name], str):
            raise InputError(f"no threshold {name} = {value!r}", mend=f"there are: {', '.join(known)}")
    return Thresholds(**values)


class OpenPose:
    """Joints of everybody in a photo by OpenPose's body network.

    Args:
        weights_file: ``.pth``, ``.caffemodel`` or ``.safetensors`` with the published weights; the manifest's by default.
        device: torch device.
        body: ``coco-18`` or ``body-25``; with a file of one's own told from it. Of 25 joints the 18 shared ones are kept.
        height: that the network sees the photo at.
        scales: factors upon it whose maps are averaged, e.g. ``(1.0, 0.5, 1.5)``.
        flip: also look at the mirrored photo.
        matching: ``optimal`` or, as in the authors' release, ``greedy``.
        thresholds: those of :class:`.people.Thresholds` that shall be others, by name.

    Raises:
        InputError: an option without meaning, or weights of another network.
        MissingError: no weights here; says where they are and under which licence.
    """

    name: ClassVar[str] = "pose/openpose"
    provides: ClassVar[str] = "pose"
    needs: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = (
        "code Apache-2.0; OpenPose's weights: for academic or non-profit, non-commercial research only"
    )

    def __init__(
        self,
        weights_file: Path | None = None,
        device: str = "cpu",
        body: str | None = None,
        height: int = 368,
        scales: Sequence[float] | float = (1.0,),
        flip: bool = False,
        matching: Matching = "optimal",
        thresholds: Mapping[str, Any] | None = None,
    ) -> None:
        if body is not None and body not in SKELETONS:
            raise InputError(f"no body {body!r}", mend=f"there are: {', '.join(SKELETONS)}")
        if not 64 <= height <= 2048:
            raise InputError(f"a height of {height}", mend="choose 64 to 2048; the networks were trained at 368")
        factors = _factors(scales)
        if matching not in ("optimal", "greedy"):
            raise InputError(f"no matching {matching!r}", mend="choose optimal or greedy")
        limits = _limits(thresholds or {})
        path = Path(weights_file) if weights_file is not None else published(self.name, WEIGHTS[body or COCO18.name])
        self._network: BodyNetwork = load_network(path, body).to(device)
        self._device, self._height, self._scales, self._flip = device, height, factors, flip
        self._thresholds = replace(limits, matching=matching)
        self._sha256, self._known = known_weights(path)

    def settings(self) -> Mapping[str, Any]:
        """Options, thresholds and the weights' SHA-256."""
        return {
            "version": 1,
            "body": self._network.skeleton.name,
            "height": self._height,
            "scales": list(self._scales),
            "flip": self._flip,
            "thresholds": asdict(self._thresholds),
            "weights": self._sha256,
            "weights_known_as": self._known,
        }

    def people(self, photo: UInt8) -> list[Person]:
        """Everybody in a photo, with all joints of the body model in pixels, the largest and most central first.

        Args:
            photo: ``(H, W, 3)`` uint8 RGB.
        """
        heat, fields, frame = see(self._network, photo, self._height, self._scales, self._flip, self._device)
        found = []
        for person in decode(heat, fields, self._network.skeleton, self._thresholds):
            joints = person.joints.copy()
            joints[:, 0], joints[:, 1] = frame.pixels(joints[:, 0], 1), frame.pixels(joints[:, 1], 0)
            joints[joints[:, 2] <= 0] = 0
            found.append(replace(person, joints=joints.astype(np.float32)))
        return found

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """The pose of the largest and most central person; see :class:`..base.Annotator`."""
        size = (photo.shape[0], photo.shape[1])
        people = [(person.pose, person.score) for person in self.people(photo)]
        # of 25 joints somebody may show feet alone
        return annotation([(pose, score) for pose, score in people if pose.found.any()], size)
