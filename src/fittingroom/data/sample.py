"""What a method is given: a person, a garment, and the annotations of both, decoded only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, cast, get_args

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import InputError, MissingError
from ..core.files import sha256_file, sha256_json
from ..core.images import Size, UInt8, read_image, read_labels, read_mask
from ..core.labels import LabelSet, label_set
from ..core.pose import Pose, read_pose

Category: TypeAlias = Literal["upper", "lower", "dress"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
#: parts (see core.labels) that a garment of each category is made of
GARMENT_PARTS: Mapping[Category, tuple[str, ...]] = {
    "upper": ("upper-clothes", "coat"),
    "lower": ("pants", "skirt"),
    "dress": ("dress", "jumpsuits"),
}


#: joints this near to the person in the parse count as on it, as a share of the height; fewer joints than so many tell nothing
_BESIDE, _FEWEST_JOINTS = 0.02, 4
#: share of the joints that has to lie on the person
_LEAST_ON_BODY = 0.5


@dataclass(frozen=True)
class Parse:
    """A label map together with its convention.

    Args:
        labels: ``(H, W)`` uint8.
        labels_in: the label set that the ids belong to.
    """

    labels: UInt8
    labels_in: LabelSet

    def mask(self, *parts: str) -> npt.NDArray[np.bool_]:
        """``(H, W)`` bool: pixels of any of the named parts."""
        return self.labels_in.mask(self.labels, *parts)

    @property
    def size(self) -> Size:
        """(height, width)."""
        return cast(Size, self.labels.shape)


def _read_parse(path: Path, name: str) -> Parse:
    labels_in = label_set(name)
    labels = read_labels(path)
    if unknown := labels_in.unknown_ids(labels):
        ids = ", ".join(map(str, unknown[:5]))
        raise InputError(
            f"label ids outside {name} (0-{len(labels_in) - 1}): {ids}",
            mend="name the right label set or annotate again",
            path=path,
        )
    return Parse(labels, labels_in)


#: conditions that must have the photo's own size
_SAME_SIZE = frozenset({"parse", "garment-parse", "densepose", "agnostic", "mask"})


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo with its annotations.

    Args:
        id: unique among its kind in one dataset.
        files: condition name -> file.
        label_set: name of the label set of ``parse``.
        given: condition name -> value already in memory; wins over ``files``.
        caption: the photo's entry of ``captions.json``, where there is one.
    """

    id: str
    files: Mapping[str, Path] = field(default_factory=dict)
    label_set: str = "cihp20"
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    caption: Mapping[str, Any] | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    def fresh(self) -> Self:
        """A copy with nothing decoded."""
        return replace(self, _cache={})

    def has(self, condition: str) -> bool:
        """Whether the condition is given, decoded, or its file exists."""
        if condition == "caption":
            return self.caption is not None
        return (
            condition in self.given
            or condition in self._cache
            or (condition in self.files and self.files[condition].is_file())
        )

    def load(self, condition: str) -> Any:
        """The decoded value of a condition, kept for the next call.

        Raises:
            MissingError: there is no such condition here.
            InputError: its file is broken, of another size than the photo, or has unknown label ids.
        """
        if condition in self.given:
            return self.given[condition]
        if condition not in self._cache:
            if condition not in self.files:
                raise MissingError(
                    f"{self.id} has no {condition}",
                    mend="annotate the photo or add the file; `fittingroom dataset check` lists what is missing",
                )
            value = self._decode(condition, self.files[condition])
            self._check_size(condition, value)
            self._cache[condition] = value
        return self._cache[condition]

    def _decode(self, condition: str, path: Path) -> Any:
        readers: Mapping[str, Callable[[], Any]] = {
            "pose": lambda: read_pose(path, cast(Size, self.image().shape[:2])),
            "parse": lambda: _read_parse(path, self.label_set),
            "garment-parse": lambda: read_labels(path),
            "mask": lambda: read_mask(path),
        }
        return readers.get(condition, lambda: read_image(path))()

    def _check_size(self, condition: str, value: Any) -> None:
        if condition not in _SAME_SIZE:
            return
        size, photo = (value.size if isinstance(value, Parse) else value.shape[:2]), self.image().shape[:2]
        if tuple(size) != tuple(photo):
            raise InputError(
                f"{condition} is {size[1]}x{size[0]} but its photo is {photo[1]}x{photo[0]}",
                mend="annotate the photo again at its own size",
                path=self.files.get(condition),
            )

    def image(self) -> UInt8:
        """The photo: ``(H, W, 3)`` uint8 RGB."""
        return cast(UInt8, self.load("image"))

    def pose(self) -> Pose:
        """The joints, in pixels of the photo."""
        pose = cast(Pose, self.load("pose"))
        height, width = self.image().shape[:2]
        points = pose.joints[pose.found, :2]
        if len(points) and (points.max(axis=0) > (1.25 * width, 1.25 * height)).any():
            raise InputError(
                f"joints reach {points.max(axis=0).round().astype(int).tolist()} in a photo of {width}x{height}",
                mend="the keypoints belong to another resolution: annotate again",
                path=self.files.get("pose"),
            )
        return pose

    def parse(self) -> Parse:
        """The human parsing map, of the photo's size."""
        return cast(Parse, self.load("parse"))

    def body(self) -> tuple[Pose, Parse]:
        """Pose and parse, which have to show the same body.

        Joints of a photo of another size lie within this one's frame at times, but not on the person: of 342 people in three
        datasets nobody is refused, and with joints of half the size at most 44 % of somebody's lay on the parse or beside it.

        Raises:
            InputError: most joints lie where the parse has nobody, or either is broken.
            MissingError: either is not there.
        """
        pose, parse = self.pose(), self.parse()
        points = pose.joints[pose.found, :2]
        height, width = parse.size
        inside = ((points >= 0) & (points < (width, height))).all(axis=1)
        if len(points) < _FEWEST_JOINTS or not parse.labels.any():
            return pose, parse
        beside = np.ones(2 * [2 * max(1, round(_BESIDE * height)) + 1], np.uint8)
        covered = cv2.dilate((parse.labels > 0).astype(np.uint8), beside)
        columns, rows = points[inside].astype(int).T
        on = int(covered[rows, columns].sum())
        if on < _LEAST_ON_BODY * len(points):
            raise InputError(
                f"only {on} of {len(points)} joints of {self.id} lie on the person in its parse",
                mend="pose or parse belong to another photo or another resolution: annotate again",
                path=self.files.get("pose"),
            )
        return pose, parse

    def mask(self) -> npt.NDArray[np.bool_]:
        """``(H, W)`` bool: the garment's pixels (garment) or the region to be painted anew (person)."""
        return cast("npt.NDArray[np.bool_]", self.load("mask"))

    def content_hash(self) -> str:
        """SHA-256 over the bytes of every file and every value given in memory."""
        parts = {name: sha256_file(path) for name, path in sorted(self.files.items()) if path.is_file()}
        for name, value in sorted(self.given.items()):
            array = (
                value.joints
                if isinstance(value, Pose)
                else value.labels
                if isinstance(value, Parse)
                else np.asarray(value)
            )
            parts[f"given:{name}"] = sha256_json([list(array.shape), np.ascontiguousarray(array).tobytes().hex()])
        return sha256_json({"id": self.id, "files": parts, "labels": self.label_set, "caption": self.caption})


@dataclass(frozen=True, eq=False)
class Person(Photo):
    """Somebody's photo. Conditions: image, pose, parse, densepose, agnostic, mask, garment-parse, caption."""


@dataclass(frozen=True, eq=False)
class Garment(Photo):
    """A piece of clothing.

    ``worn`` garments are photos of another person (conditions image, pose, parse, ...); in-shop garments are photographed
    alone (image, mask).
    """

    category: Category = "upper"
    worn: bool = False

    def mask(self) -> npt.NDArray[np.bool_]:
        """``(H, W)`` bool: the garment's own pixels.

        A worn garment is cut out by its parse; an in-shop one needs its mask.

        Raises:
            InputError: no pixel of the garment.
        """
        if self.has("parse") and (self.worn or not self.has("mask")):
            mask = self.parse().mask(
                *GARMENT_PARTS[self.category]
            )  # a wearer's "mask" is the region to be painted anew
        elif self.has("mask"):
            mask = super().mask()
        else:
            return super().mask()  # raises MissingError with the garment's name
        if not mask.any():
            raise InputError(
                f"no {self.category} garment to be seen in {self.id}",
                mend="choose another garment or category",
                path=self.files.get("mask", self.files.get("parse")),
            )
        return mask


@dataclass(frozen=True)
class Pair:
    """Which person tries on which garment.

    Args:
        person: id.
        garment: id.
        paired: whether the person already wears this very garment.
    """

    person: str
    garment: str
    paired: bool

    @property
    def id(self) -> str:
        """File-name friendly: ``<person>__<garment>``."""
        return f"{self.person}__{self.garment}"


@dataclass(frozen=True, eq=False)
class Sample:
    """One try-on to be done.

    Args:
        person: whose photo.
        garment: what to put on.
        paired: whether the person already wears it.
        truth_file: the photo of this person in this garment, where one exists (paired: the person's own photo;
            unpaired: a rendered or drawn counterfactual).
        wearer: somebody else who is photographed in a garment that is given alone, for methods that need to see it worn.
    """

    person: Person
    garment: Garment
    paired: bool
    truth_file: Path | None = None
    wearer: Person | None = None

    def worn_garment(self) -> Garment | None:
        """The garment on somebody's photo: itself if it is worn, else as :attr:`wearer` wears it; None without one."""
        if self.garment.worn or self.wearer is None:
            return self.garment if self.garment.worn else None
        who = self.wearer
        return Garment(who.id, who.files, who.label_set, who.given, category=self.garment.category, worn=True)

    @property
    def category(self) -> Category:
        """The garment's category."""
        return self.garment.category

    @property
    def id(self) -> str:
        """``<person>__<garment>``."""
        return f"{self.person.id}__{self.garment.id}"

    def missing(self, needs: tuple[str, ...]) -> list[str]:
        """Which of a method's needs (``person.pose``, ``garment.mask`` ...) this sample cannot give.

        ``garment.mask`` is also met by a worn garment's parse; a worn garment's needs named ``worn.*`` count for worn
        garments only; those named ``wearer.*`` are met by a worn garment or by the sample's wearer.
        """
        absent = []
        for need in needs:
            who, condition = need.split(".", 1)
            if who == "worn":
                if not self.garment.worn:
                    continue
                who = "garment"
            if who == "wearer":
                worn = self.worn_garment()
                if worn is None or not worn.has(condition):
                    absent.append(need)
                continue
            photo: Photo = self.person if who == "person" else self.garment
            if photo.has(condition) or (who == "garment" and condition == "mask" and photo.has("parse")):
                continue
            absent.append(need)
        return absent
