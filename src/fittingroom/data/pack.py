"""A training set that is small enough to travel: several datasets as one, at the size that is trained, photos as JPEG.

Garments that are only seen on somebody are cut out, bent, turned and laid on white, so that a method trained on *person and
own garment* cannot simply copy it back in place. True try-on pictures (counterfactuals) become people too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..core.errors import FittingroomError, InputError
from ..core.files import sha256_bytes, sha256_json, write_bytes, write_json
from ..core.images import Size, UInt8, encode_jpeg, encode_png, read_image, read_labels
from ..core.labels import CIHP20, convert
from ..core.pose import Pose, pose_to_openpose
from ..core.progress import Report
from .dataset import Dataset
from .layouts.listing import new_folder
from .pairs import for_category, write_pairs
from .sample import CATEGORIES, GARMENT_PARTS, Category, Garment, Parse, Person

Mask = npt.NDArray[np.bool_]
#: fewer pixels of a worn garment (share of the photo) teach nothing
_FEWEST = 0.004
#: empty room around a garment on white, as a share of the picture
_ROOM = 0.07
#: how far a cut-out garment is turned (degrees), sheared, and bent (share of its longer side)
_TURN, _SHEAR, _BEND = 10.0, 0.06, 0.025
#: parts that show how far up an upper garment's crop must reach
_HEAD = ("hat", "hair", "sunglasses", "face")


@dataclass
class Packed:
    """What was written.

    Args:
        root: the new dataset.
        people: photos of people.
        garments: garments on white.
        size: bytes in all.
        left_out: one line for each pair that could not be taken.
    """

    root: Path
    people: int = 0
    garments: int = 0
    size: int = 0
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A photo with its annotations in memory."""

    photo: UInt8
    labels: UInt8
    pose: Pose

    def window(self, top: int, left: int, height: int, width: int, size: Size) -> _Shown:
        """What a window of the photo shows, at another size; beyond its border the photo's edge goes on, labels do not."""
        grid_y = (np.arange(size[0]) + 0.5) * height / size[0] + top - 0.5
        grid_x = (np.arange(size[1]) + 0.5) * width / size[1] + left - 0.5
        rows = np.arange(top, top + height).clip(0, self.photo.shape[0] - 1)
        columns = np.arange(left, left + width).clip(0, self.photo.shape[1] - 1)
        photo = self.photo[rows[:, None], columns]
        photo = np.asarray(Image.fromarray(photo).resize((size[1], size[0]), Image.Resampling.LANCZOS))
        rows, columns = np.round(grid_y).astype(int), np.round(grid_x).astype(int)
        labels = self.labels[np.clip(rows, 0, self.labels.shape[0] - 1)][
            :, np.clip(columns, 0, self.labels.shape[1] - 1)
        ].copy()
        labels[(rows < 0) | (rows >= self.labels.shape[0])] = 0
        labels[:, (columns < 0) | (columns >= self.labels.shape[1])] = 0
        joints = self.pose.joints.copy()
        joints[:, 0] = (joints[:, 0] - left + 0.5) * size[1] / width - 0.5
        joints[:, 1] = (joints[:, 1] - top + 0.5) * size[0] / height - 0.5
        gone = ~self.pose.found | (joints[:, :2] < 0).any(axis=1)
        gone |= (joints[:, 0] > size[1] - 1) | (joints[:, 1] > size[0] - 1)
        joints[gone] = 0
        return _Shown(photo, labels, Pose(joints))


def _window(shown: _Shown, category: Category, size: Size, rng: np.random.Generator, *, closer: bool) -> _Shown:
    """The whole photo, or for an upper garment the upper body, in the frame's shape."""
    height, width = shown.photo.shape[:2]
    top, bottom = 0.0, float(height)
    if closer and category == "upper":
        rows = np.flatnonzero(CIHP20.mask(shown.labels, *GARMENT_PARTS["upper"], *_HEAD).any(axis=1))
        tall = rows[-1] - rows[0] + 1
        top = max(0.0, rows[0] - tall * rng.uniform(0.04, 0.16))
        bottom = min(float(height), rows[-1] + tall * rng.uniform(0.10, 0.35))
    tall = bottom - top
    wide = tall * size[1] / size[0]
    if wide < width and not (closer and category == "upper"):
        wide = float(width)
        tall = wide * size[0] / size[1]
        top = (height - tall) / 2
    columns = np.flatnonzero((shown.labels > 0).any(axis=0))
    middle = (columns[0] + columns[-1] + 1) / 2 if closer else width / 2
    left = middle - wide / 2
    return shown.window(round(top), round(left), round(tall), round(wide), size)


def laid_flat(photo: UInt8, mask: Mask, size: Size, rng: np.random.Generator | None) -> UInt8:
    """A garment out of somebody's photo, on white in the middle; bent, turned and mirrored by chance where ``rng`` is given.

    Args:
        photo: ``(H, W, 3)``.
        mask: ``(H, W)``, its pixels.
        size: (height, width) of the result.
        rng: of the changes.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    centre = np.array([(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2])
    extent = np.array([columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1], float)
    scale = float((extent / ((1 - 2 * _ROOM) * np.array([size[1], size[0]]))).max())
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    points = np.stack([x - (size[1] - 1) / 2, y - (size[0] - 1) / 2], axis=-1)
    if rng is not None:
        angle, shear = np.radians(rng.uniform(-_TURN, _TURN)), rng.uniform(-_SHEAR, _SHEAR)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, shear], [0, 1]]
        turn = turn * rng.uniform(1.0, 1.12, 2)
        if rng.random() < 0.5:
            turn[0] *= -1
        bend = rng.normal(0, 1, (2, 5, 4)).astype(np.float32)
        bends = [cv2.resize(each, (size[1], size[0]), interpolation=cv2.INTER_CUBIC) for each in bend]
        points = points @ turn.T + np.stack(bends, axis=-1) * _BEND * max(size)
    source = (points * scale + centre).astype(np.float32)
    cut = np.where(mask[..., None], photo, np.uint8(255))
    if scale > 1:  # no aliasing: what is made smaller is smoothed before
        cut = cv2.GaussianBlur(cut, (0, 0), 0.4 * scale)
        cut = np.where(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.4 * scale)[..., None] > 0.02, cut, 255)
    return np.asarray(
        cv2.remap(
            cut.astype(np.uint8),
            source[..., 0],
            source[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(255, 255, 255),
        )
    )


def _shown(person: Person) -> _Shown:
    parse = person.parse()
    return _Shown(person.image(), _as_cihp(parse), person.pose())


def _as_cihp(parse: Parse) -> UInt8:
    if parse.labels_in.name == CIHP20.name:
        return parse.labels
    return convert(parse.labels, parse.labels_in.name, CIHP20.name)


def _fits(picture: UInt8, size: Size) -> UInt8:
    """A garment's photo in the frame, white beside it."""
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = np.asarray(Image.fromarray(picture).resize((inner[1], inner[0]), Image.Resampling.LANCZOS))
    canvas = np.full((*size, 3), 255, np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas[top : top + inner[0], left : left + inner[1]] = small
    return canvas


class _Writer:
    def __init__(self, root: Path, quality: int) -> None:
        self.root, self.quality = root, quality
        self.hashes: dict[str, str] = {}
        self.size = 0
        self.pairs: list[tuple[str, str]] = []
        self.captions: dict[str, Any] = {}
        self.garments: dict[str, dict[str, Any]] = {}

    def put(self, path: str, data: bytes) -> None:
        write_bytes(self.root / path, data)
        self.hashes[path] = sha256_bytes(data)
        self.size += len(data)

    def person(self, name: str, shown: _Shown, caption: Mapping[str, Any] | None) -> None:
        self.put(f"image/{name}.jpg", encode_jpeg(shown.photo, self.quality))
        self.put(f"image-parse-v3/{name}.png", encode_png(shown.labels, CIHP20.palette))
        made = pose_to_openpose(Pose(shown.pose.joints.round(2)))
        write_json(self.root / "openpose_json" / f"{name}_keypoints.json", made)
        if caption is not None:
            self.captions[name] = dict(caption)

    def garment(self, name: str, picture: UInt8, category: Category, caption: Mapping[str, Any] | None) -> None:
        self.put(f"cloth/{name}.jpg", encode_jpeg(picture, self.quality))
        self.garments[name] = {"category": category, "worn": False}
        if caption is not None:
            self.captions[name] = dict(caption)


def _categories(data: Dataset) -> Iterator[Dataset]:
    """The dataset once for each category that somebody wears."""
    if not any(garment.worn for garment in data.garments.values()):
        yield data
        return
    for category in CATEGORIES:
        try:
            yield for_category(data, category)
        except InputError:
            continue


def _check_worn(labels: UInt8, garment: Garment, name: str) -> None:
    if (CIHP20.mask(labels, *GARMENT_PARTS[garment.category])).mean() < _FEWEST:
        raise InputError(f"{name}: hardly anything of the {garment.category} garment is seen")


def pack(
    datasets: Sequence[Dataset],
    root: Path,
    size: Size,
    *,
    seed: int = 1,
    quality: int = 90,
    progress: Report = lambda done, total: None,
) -> Packed:
    """Write the paired samples of several datasets as one in the canonical layout.

    Args:
        datasets: with pose and parse of people; in-shop and worn garments.
        root: new folder.
        size: (height, width) of every picture.
        seed: of crops and of what is done to garments that were cut out.
        quality: of the JPEGs, 1 to 100.
        progress: called with (pairs done, pairs in all).

    Raises:
        InputError: the folder is not empty, numbers that make no sense, or nothing usable.
    """
    if not 1 <= quality <= 100 or min(size) < 32:
        raise InputError("sizes of 32 pixels or more, a quality of 1 to 100", mend="choose other numbers")
    new_folder(root)
    out, done = _Writer(root, quality), Packed(root)
    chosen = [(number, part) for number, data in enumerate(datasets) for part in _categories(data)]
    total = sum(len(part.pairs.get("paired", ())) for _, part in chosen)
    count = 0
    for number, data in chosen:
        mark = f"{'abcdefghijklmnopqrstuvwxyz'[number % 26]}-"
        for pair in data.pairs.get("paired", ()):
            try:
                sample = data.sample(pair)
                rng = np.random.default_rng([seed, *sample.id.encode()])
                _take(out, mark, sample.person, sample.garment, size, rng)
            except FittingroomError as error:
                done.left_out.append(str(error))
            count += 1
            progress(count, total)
        for (person, garment), path in data.truths.items():
            try:
                _take_truth(out, mark, data, person, garment, path, size)
            except FittingroomError as error:
                done.left_out.append(str(error))
    if not out.pairs:
        raise InputError("nothing to pack", mend="`fittingroom dataset check` says what is missing")
    write_pairs(root / "train_pairs_paired.txt", [(f"{p}.jpg", f"{g}.jpg") for p, g in out.pairs])
    write_json(root / "captions.json", out.captions)
    kept = ("name", "provenance", "licence", "consent")
    sources = [{key: data.info[key] for key in kept if key in data.info} | {"name": data.name} for data in datasets]
    write_json(
        root / "dataset.json",
        {
            "name": root.name,
            "label_set": "cihp20",
            "sources": sources,
            "packed": {"size": list(size), "seed": seed, "quality": quality, "files_sha256": sha256_json(out.hashes)},
            "garments": out.garments,
        },
    )
    done.people, done.garments = len({p for p, _ in out.pairs}), len(out.garments)
    done.size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return done


def _take(out: _Writer, mark: str, person: Person, garment: Garment, size: Size, rng: np.random.Generator) -> None:
    """One paired sample."""
    shown = _shown(person)
    if not garment.worn:
        name = f"{mark}{person.id}"
        target = f"{mark}{garment.id}"
        if target not in out.garments:
            picture = garment.image()
            if garment.has("mask"):
                picture = np.where(garment.mask()[..., None], picture, np.uint8(255))
            out.garment(target, _fits(picture, size), garment.category, garment.caption)
        out.person(name, _window(shown, garment.category, size, rng, closer=False), person.caption)
        out.pairs.append((name, target))
        return
    name = f"{mark}{person.id}-{garment.category}"
    _check_worn(shown.labels, garment, name)
    mask = cv2.erode(garment.mask().astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # no rim of background
    flat = laid_flat(shown.photo, mask if mask.any() else garment.mask(), size, rng)
    out.garment(name, flat, garment.category, garment.caption)
    out.person(name, _window(shown, garment.category, size, rng, closer=True), person.caption)
    out.pairs.append((name, name))


def _take_truth(out: _Writer, mark: str, data: Dataset, who: str, what: str, path: Path, size: Size) -> None:
    """A true try-on picture as one more person: same pose, another garment, its own parse."""
    parse = path.parent.parent / "truth-parse" / f"{path.stem}.png"
    if who not in data.people or f"{mark}{what}" not in out.garments or not parse.is_file():
        return
    labels = read_labels(parse)
    person = data.people[who].fresh()
    photo = read_image(path)
    if photo.shape[:2] != labels.shape or photo.shape != person.image().shape:
        raise InputError("the true picture, its parse and the person's photo differ in size", path=path)
    shown = _Shown(photo, _as_cihp(replace(person.parse(), labels=labels)), person.pose())
    name = f"{mark}{who}-in-{what}"
    category = data.garments[what].category
    out.person(name, _window(shown, category, size, np.random.default_rng(0), closer=False), None)
    out.pairs.append((name, f"{mark}{what}"))
