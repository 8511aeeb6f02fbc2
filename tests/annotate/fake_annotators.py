"""Annotators for tests: real ones in small, for drawn figures. A module of its own, since workers import it by name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from fittingroom.annotate.base import Annotation, NothingFoundError
from fittingroom.core.errors import InputError
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import JOINTS, Pose
from fittingroom.data.sample import Parse

#: x, y of each joint in a box around somebody
PLACES = {
    "nose": (0.5, 0.08), "neck": (0.5, 0.18), "right-shoulder": (0.3, 0.2), "right-elbow": (0.2, 0.33), "right-wrist": (0.15, 0.46),
    "left-shoulder": (0.7, 0.2), "left-elbow": (0.8, 0.33), "left-wrist": (0.85, 0.46), "right-hip": (0.38, 0.5),
    "right-knee": (0.38, 0.73), "right-ankle": (0.38, 0.94), "left-hip": (0.62, 0.5), "left-knee": (0.62, 0.73),
    "left-ankle": (0.62, 0.94), "right-eye": (0.46, 0.06), "left-eye": (0.54, 0.06), "right-ear": (0.42, 0.07), "left-ear": (0.58, 0.07),
}  # fmt: skip


def standing(drop=()) -> Pose:
    """Somebody who stands in the middle of a picture of 320x240, without the joints in ``drop``."""
    joints = np.zeros((18, 3), np.float32)
    for index, name in enumerate(JOINTS):
        if name not in drop:
            x, y = PLACES[name]
            joints[index] = 60 + x * 120, 10 + y * 300, 0.9
    return Pose(joints)


def figure(seed: int, size=(160, 120)) -> np.ndarray:
    """Somebody on a light ground: the upper half red, the lower half blue."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), 240, np.uint8)
    top, left = 8 + int(rng.integers(0, 6)), 30 + int(rng.integers(0, 8))
    bottom, right = size[0] - 8, size[1] - 30
    middle = (top + bottom) // 2
    image[top:middle, left:right] = (200, int(rng.integers(0, 60)), 40)
    image[middle:bottom, left:right] = (30, 40, 180)
    return image


def garment(seed: int, size=(120, 100)) -> np.ndarray:
    """A green garment on white."""
    image = np.full((*size, 3), 255, np.uint8)
    image[20 + seed % 5 : size[0] - 20, 20 : size[1] - 20] = (30, 150 + seed % 50, 60)
    return image


def _box(photo):
    rows, _columns = np.nonzero(photo[..., 0].astype(int) - photo[..., 1] > 60)
    if len(rows) < 50:
        raise NothingFoundError("nobody to be seen", mend="leave the photo out")
    whole = np.nonzero(np.abs(photo.astype(int) - photo[0, 0]).max(axis=2) > 40)
    return min(rows.min(), whole[0].min()), whole[0].max(), whole[1].min(), whole[1].max()


def _count(name: str) -> None:
    """One line for each call, where the test asks for it."""
    if path := os.environ.get("FAKE_CALLS"):
        with Path(path).open("a") as handle:
            handle.write(name + "\n")
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))


class FakePose:
    name, provides, needs, licence = "pose/fake", "pose", (), "none"

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def settings(self):
        return {"shift": self.shift}

    def annotate(self, photo, given):
        _count(self.name)
        top, bottom, left, right = _box(photo)
        joints = [
            (left + x * (right - left) + self.shift, top + y * (bottom - top), 0.9)
            for x, y in (PLACES[n] for n in JOINTS)
        ]
        return Annotation(Pose(np.array(joints, np.float32)), 0.9, ())


class FakeMask:
    name, provides, needs, licence = "person-mask/fake", "person-mask", (), "none"

    def settings(self):
        return {}

    def annotate(self, photo, given):
        _count(self.name)
        out = np.zeros(photo.shape[:2], bool)
        top, bottom, left, right = _box(photo)
        out[top : bottom + 1, left : right + 1] = True
        return Annotation(out, 0.8)


class FakeParse:
    """Head, upper garment, arms and trousers by height in the box; does not look at the pose."""

    name, provides, needs, licence = "parse/fake", "parse", (), "none"

    def settings(self):
        return {}

    def annotate(self, photo, given):
        _count(self.name)
        top, bottom, left, right = _box(photo)
        out = np.zeros(photo.shape[:2], np.uint8)
        for part, start, end in (
            ("hair", 0, 0.04),
            ("face", 0.04, 0.16),
            ("upper-clothes", 0.16, 0.5),
            ("pants", 0.5, 0.94),
            ("left-shoe", 0.94, 1.01),
        ):
            rows = slice(int(top + start * (bottom - top)), int(top + end * (bottom - top)))
            out[rows, left : right + 1] = CIHP20.ids[part]
        arms = slice(int(top + 0.3 * (bottom - top)), int(top + 0.45 * (bottom - top)))
        out[arms, left : left + 5] = CIHP20.ids["right-arm"]
        out[arms, right - 4 : right + 1] = CIHP20.ids["left-arm"]
        return Annotation(Parse(out, CIHP20), 0.7)


class PosedParse(FakeParse):
    name, needs = "parse/posed", ("pose",)


class Unsure(FakePose):
    """Sees two people and trusts neither."""

    name = "pose/unsure"

    def annotate(self, photo, given):
        return Annotation(super().annotate(photo, given).value, 0.3, ("2 people, the largest is taken",))


class Angry:
    """Fails in every way that a third party's code may."""

    name, provides, needs, licence = "person-mask/angry", "person-mask", (), "none"

    def __init__(self, how: str = "raise") -> None:
        self.how = how

    def settings(self):
        return {"how": self.how}

    def annotate(self, photo, given):
        if self.how == "raise":
            raise ZeroDivisionError("float\ndivision by zero")
        if self.how == "size":
            return Annotation(np.ones((3, 3), bool), 1.0)
        if self.how == "empty":
            return Annotation(np.zeros(photo.shape[:2], bool), 1.0)
        if self.how == "type":
            return Annotation(np.ones(photo.shape[:2], np.float32), 1.0)
        raise InputError("cannot", mend="do not")


TARGETS = {
    kind.name: f"fake_annotators:{kind.__name__}" for kind in (FakePose, Unsure, FakeMask, FakeParse, PosedParse, Angry)
}
