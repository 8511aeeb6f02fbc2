"""Faces made unrecognisable: an ellipse around each, found by parse and pose, is replaced by a few blended colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import FittingroomError, InputError
from ..core.images import UInt8, read_image, write_png
from .dataset import Dataset
from .sample import Garment, Person

_HEAD = ("nose", "right-eye", "left-eye", "right-ear", "left-ear")
#: the ellipse reaches so far beyond the face's pixels
_MARGIN = 1.25
#: what is left of a face: so many patches of colour from ear to ear
_PATCHES = 4
#: pictures of a person that show the face
SHOWING = ("image", "agnostic")


def face_region(person: Person) -> npt.NDArray[np.bool_] | None:
    """Where a face is: ``(H, W)`` bool, an ellipse around what parse and pose say of it; None where both see no face.

    Raises:
        FittingroomError: neither parse nor pose can be read, so that nobody knows where the face is.
    """
    size = person.image().shape[:2]
    boxes: list[npt.NDArray[np.floating]] = []
    problem: FittingroomError | None = None
    known = False
    try:
        rows, columns = np.nonzero(person.parse().mask("face", "sunglasses"))
        known = True
        if len(rows):
            # a percent at either end is the parser's noise
            boxes.append(np.array([np.percentile(columns, (1, 99)), np.percentile(rows, (1, 99))]).T)
    except FittingroomError as error:
        problem = error
    try:
        pose = person.pose()
        known = True
        seen = np.array([pose.point(name) for name in _HEAD if pose.has(name)])
        if len(seen):
            # a face is about 0.35 trunks high; eyes and nose lie in its middle
            reach = 0.17 * pose.torso_length or 0.06 * size[0]
            middle = seen.mean(axis=0)
            boxes.append(
                np.array([np.minimum(seen.min(axis=0), middle - reach), np.maximum(seen.max(axis=0), middle + reach)])
            )
    except FittingroomError as error:
        problem = problem or error
    if not known:
        raise problem or InputError("neither pose nor parse", mend="annotate the photo")
    if not boxes:
        return None
    low, high = np.min([box[0] for box in boxes], axis=0), np.max([box[1] for box in boxes], axis=0)
    centre, half = (low + high) / 2, np.maximum((high - low) / 2 * _MARGIN, 4)
    out = np.zeros(size, np.uint8)
    cv2.ellipse(out, tuple(round(float(v)) for v in centre), tuple(round(float(v)) for v in half), 0, 0, 360, 1, -1)
    return out > 0


def blurred(image: UInt8, region: npt.NDArray[np.bool_]) -> UInt8:
    """The picture with a region reduced to a few patches of colour, which no sharpening brings back."""
    rows, columns = np.nonzero(region)
    if not len(rows):
        return image
    window = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    part = image[window]
    across = _PATCHES
    down = max(1, round(_PATCHES * part.shape[0] / part.shape[1]))
    coarse = cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(coarse, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_CUBIC)
    # the rim is blended over outwards only: inside the region nothing of the face stays
    soft = cv2.GaussianBlur(region[window].astype(np.float32), (0, 0), max(1.0, 0.02 * part.shape[1]))
    share = np.where(region[window], 1.0, soft)[..., None]
    out = image.copy()
    out[window] = np.clip(np.rint(share * smooth + (1 - share) * part), 0, 255).astype(np.uint8)
    return out


def without_faces(dataset: Dataset, folder: Path) -> tuple[Dataset, list[str]]:
    """The dataset with blurred faces on all pictures of people, their agnostic pictures and true try-on pictures.

    Args:
        dataset: whose people.
        folder: where blurred pictures are put; must last as long as the dataset returned.

    Returns:
        The dataset, and one line for everybody who had to be left out because nobody knows where the face is.
    """
    people: dict[str, Person] = {}
    lost: list[str] = []
    regions: dict[str, npt.NDArray[np.bool_] | None] = {}
    for name, person in dataset.people.items():
        try:
            regions[name] = face_region(person.fresh())
            files = dict(person.files)
            for condition in SHOWING:
                if person.has(condition) and regions[name] is not None:
                    files[condition] = folder / condition / f"{name}.png"
                    write_png(files[condition], blurred(person.fresh().load(condition), regions[name]))  # type: ignore[arg-type]
        except FittingroomError as error:
            lost.append(f"{name}: where the face is is not known ({error.problem})")
            continue
        people[name] = replace(person, files=files, _cache={})
    owners = {person.files.get("image"): name for name, person in dataset.people.items()}
    garments: dict[str, Garment] = {}
    for name, garment in dataset.garments.items():
        owner = owners.get(garment.files.get("image")) if garment.worn else None
        if owner is None:
            garments[name] = garment
        elif owner in people:
            garments[name] = replace(garment, files={**garment.files, **people[owner].files}, _cache={})
    pairs = {
        setting: tuple(pair for pair in listed if pair.person in people and pair.garment in garments)
        for setting, listed in dataset.pairs.items()
    }
    truths: dict[tuple[str, str], Path] = {}
    for (person_id, garment_id), path in dataset.truths.items():
        if person_id not in people or garment_id not in garments:
            continue
        region, picture = regions[person_id], read_image(path)
        if region is None or region.shape != picture.shape[:2]:
            if region is not None:
                lost.append(f"{person_id}__{garment_id}: the true picture has another size than the photo")
                continue
            truths[person_id, garment_id] = path
            continue
        truths[person_id, garment_id] = folder / "truth" / f"{person_id}__{garment_id}.png"
        write_png(truths[person_id, garment_id], blurred(picture, region))
    info = {**dataset.info, "faces": "blurred"}
    return replace(dataset, people=people, garments=garments, pairs=pairs, truths=truths, info=info, wearers=None), lost
