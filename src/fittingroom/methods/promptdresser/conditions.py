"""Sample -> what the pipeline takes: both photos at the network's size, masks, captions and prompts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import InputError, MissingError
from ...core.images import Size, UInt8
from ...core.pose import JOINT, Pose
from ...data.sample import Category, Garment, Person, Sample
from ..layering import geometry
from ..pasting import same_parts
from .captions import Caption, read_entry
from .frame import Frame
from .masks import BUILD_SIZE, CLOTH, Mask, Variant, build, check, enlarge, select, to_ids
from .options import Options
from .pipeline import Inputs
from .prompts import Prompts, prompts
from .rules import garment_caption, person_caption

#: white around a garment that was cut out of a photo, as a share of its longer side
_MARGIN = 0.08
#: fewer pixels of garment than this are a slip of the parser, not a garment
_FEWEST_PIXELS = 64


def build_size(size: Size) -> Size:
    """(height, width) that masks are built at: 512 rows, in the aspect of the network's picture."""
    return BUILD_SIZE[0], max(1, round(BUILD_SIZE[0] * size[1] / size[0]))


def without_gaps(labels: UInt8, pose: Pose, frame: Frame, category: Category) -> npt.NDArray[np.float64]:
    """Joints for the mask builder: ``(18, 2)`` x, y.

    An arm without elbow or shoulder loses its wrist, so that its labels are taken; hips and ankles that were not found are
    put at the lower corners of what is dressed, so that they do not pull the box to the photo's corner.
    """
    joints = np.where(pose.found[:, None], frame.points(pose.joints[:, :2].astype(np.float64)), 0.0)
    for side in ("left", "right"):
        if not pose.has(f"{side}-shoulder", f"{side}-elbow", f"{side}-wrist"):
            joints[JOINT[f"{side}-wrist"]] = 0
    rows, columns = np.nonzero(select(labels, *CLOTH[category]))
    if len(rows) == 0:
        rows, columns = np.nonzero(labels)
    if len(rows) == 0:
        return joints
    for name, x in (("right", columns.min()), ("left", columns.max())):
        for joint in ("hip", "ankle"):
            if not pose.has(f"{name}-{joint}"):
                joints[JOINT[f"{name}-{joint}"]] = x, rows.max()
    return joints


def person_mask(person: Person, category: Category, variant: Variant, size: Size) -> Mask:
    """A mask of the person at the network's size: ``(H, W)`` bool.

    Raises:
        InputError: it is empty or covers everything.
        MissingError: no pose or no parse.
    """
    photo = person.image().shape
    frame = Frame((photo[0], photo[1]), build_size(size))
    pose, parse = person.body()
    labels = frame.labels(to_ids(parse))
    mask = enlarge(build(labels, without_gaps(labels, pose, frame, category), variant, category), size)
    check(mask, f"person {person.id}", {"armneck": "fine", "v9": "coarse"}.get(variant, variant))
    return mask


def garment_picture(garment: Garment) -> tuple[UInt8, Mask]:
    """The garment on white and its mask; a worn one is cut out of its photo.

    Returns:
        ``(H, W, 3)`` uint8 and ``(H, W)`` bool. An in-shop photo without a mask: whatever is not nearly white.

    Raises:
        InputError: no garment to be seen, or a mask of another size.
    """
    photo = garment.image()
    if not (garment.has("mask") or garment.has("parse")):
        mask = photo.min(axis=2) < 245
    else:
        mask = garment.mask()
    if mask.shape != photo.shape[:2]:
        raise InputError(
            f"mask of {garment.id} is {mask.shape[1]}x{mask.shape[0]} but its photo is {photo.shape[1]}x{photo.shape[0]}",
            mend="make the mask again",
        )
    if mask.sum() < _FEWEST_PIXELS:
        raise InputError(
            f"only {int(mask.sum())} pixels of the {garment.category} garment {garment.id}",
            mend="choose another garment or category",
        )
    if not garment.worn:
        return photo, mask
    rows, columns = np.nonzero(mask)
    margin = round(_MARGIN * max(np.ptp(rows), np.ptp(columns)))
    cut = np.where(mask[..., None], photo, np.uint8(255)).astype(np.uint8)
    window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    around = ((margin, margin), (margin, margin))
    return np.pad(cut[window], (*around, (0, 0)), constant_values=255), np.pad(mask[window], around)


def by_rule(photo: Person | Garment) -> Caption:
    """A caption from parse, pose and shape.

    Raises:
        InputError, MissingError: annotations are missing or broken; one line.
    """
    if isinstance(photo, Person):
        return person_caption(photo.parse(), photo.pose())
    picture, mask = photo.image(), photo.mask() if photo.has("mask") or photo.has("parse") else None
    if mask is None:
        picture, mask = garment_picture(photo)
    worn = photo.worn and photo.has("parse")
    return garment_caption(
        picture,
        mask,
        photo.category,
        photo.parse() if worn else None,
        photo.pose() if worn and photo.has("pose") else None,
    )


def captions(sample: Sample, chosen: str) -> tuple[Caption, Caption]:
    """Captions of person and garment.

    Args:
        sample: the pair.
        chosen: ``auto`` (given ones, completed by rule), ``given`` or ``rules``.

    Raises:
        MissingError: ``given``, and there is none.
        InputError: a caption that cannot be read.
    """
    person, garment = sample.person, sample.garment
    found = []
    for photo in (person, garment):
        if chosen == "given" and photo.caption is None:
            raise MissingError(f"{photo.id} has no caption", mend="add it to captions.json or use captions=auto")
        given = Caption() if photo.caption is None or chosen == "rules" else read_entry(photo.caption, photo.id)
        found.append(given)
    if chosen == "given":
        return found[0], found[1]
    return found[0].or_else(by_rule(person)), found[1].or_else(by_rule(garment))


def conditions(sample: Sample, size: Size, chosen: Options) -> dict[str, Any]:
    """Everything that :class:`~fittingroom.methods.promptdresser.pipeline.Pipeline` takes.

    Args:
        sample: the pair.
        size: (height, width) that the networks work at.
        chosen: options.

    Returns:
        ``inputs``, the person's ``photo`` ``(h, w, 3)`` uint8, its ``frame``, the ``captions``, ``same`` ``(h, w)`` bool if the options say
        ``keep_same``, else None, and ``geometry`` if they say ``match = "layers"``, else None.

    Raises:
        InputError, MissingError: the sample cannot be used; one line.
    """
    person = sample.person
    photo = person.image()
    frame = Frame((photo.shape[0], photo.shape[1]), size)
    picture, mask = garment_picture(sample.garment)
    flat = Frame((picture.shape[0], picture.shape[1]), size)
    words, said = Prompts(), (Caption(), Caption())
    if chosen.captions != "none":
        said = captions(sample, chosen.captions)
        words = prompts(*said, names=(person.id, sample.garment.id), style=chosen.style)
    inputs = Inputs(
        person=frame.image(photo),
        garment=flat.image(picture, white=True),
        garment_mask=flat.labels(mask.astype(np.uint8)).astype(bool),
        fine=person_mask(person, sample.category, "armneck", size),
        coarse=person_mask(person, sample.category, "v9", size),
        prompts=words,
        category=sample.category,
        who=f"person {person.id}",
    )
    return {
        "inputs": inputs,
        "photo": photo,
        "frame": frame,
        "captions": said,
        "same": same_parts(person.parse()) if chosen.keep_same else None,
        "geometry": geometry(sample) if chosen.match == "layers" else None,
    }
