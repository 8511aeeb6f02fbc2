"""Scenes of several people, drawn from a seed, and what a perfect decoder makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fittingroom.annotate.pose.skeletons import BODY25, Skeleton

Array = npt.NDArray[np.float64]
#: child -> (parent, length in body heights, angle from straight down in degrees, how far it swings)
BONES = {
    "nose": ("neck", 0.12, 180, 20),
    "right-eye": ("nose", 0.045, 140, 10),
    "left-eye": ("nose", 0.045, 220, 10),
    "right-ear": ("right-eye", 0.05, 80, 15),
    "left-ear": ("left-eye", 0.05, 280, 15),
    "right-shoulder": ("neck", 0.11, 85, 12),
    "left-shoulder": ("neck", 0.11, 275, 12),
    "right-elbow": ("right-shoulder", 0.17, 15, 70),
    "left-elbow": ("left-shoulder", 0.17, 345, 70),
    "right-wrist": ("right-elbow", 0.15, 0, 110),
    "left-wrist": ("left-elbow", 0.15, 0, 110),
    "mid-hip": ("neck", 0.30, 0, 10),
    "right-hip": ("mid-hip", 0.075, 80, 12),
    "left-hip": ("mid-hip", 0.075, 280, 12),
    "right-knee": ("right-hip", 0.23, 0, 35),
    "left-knee": ("left-hip", 0.23, 0, 35),
    "right-ankle": ("right-knee", 0.22, 0, 30),
    "left-ankle": ("left-knee", 0.22, 0, 30),
    "right-heel": ("right-ankle", 0.05, 330, 20),
    "left-heel": ("left-ankle", 0.05, 30, 20),
    "right-big-toe": ("right-ankle", 0.08, 40, 20),
    "left-big-toe": ("left-ankle", 0.08, 320, 20),
    "right-small-toe": ("right-big-toe", 0.05, 100, 15),
    "left-small-toe": ("left-big-toe", 0.05, 260, 15),
}


@dataclass(frozen=True)
class Scene:
    """People as they stand, and the groups of joints that hang together by limbs that are seen.

    Args:
        people: ``(P, J, 3)`` of x, y in cells and 1 (seen) or 0 (hidden).
        groups: ``(G, J, 3)``: one for each group of at least four joints.
        hidden: joints hidden within the picture.
        crossings: pairs of limbs of different people that cross.
    """

    people: Array
    groups: Array
    hidden: int
    crossings: int


def _person(random: np.random.Generator, skeleton: Skeleton, neck: Array, height: float) -> Array:
    at = {"neck": neck}
    for name, (parent, length, angle, swing) in BONES.items():
        turned = np.radians(angle + random.uniform(-swing, swing))
        step = np.array([-np.sin(turned), np.cos(turned)]) * length * height * random.uniform(0.9, 1.1)
        at[name] = at[parent] + step
    return np.array([[*at[name], 1.0] for name in skeleton.joints])


def groups_of(people: Array, skeleton: Skeleton, fewest: int = 4) -> Array:
    """The parts into which hidden joints cut people."""
    found = []
    for person in people:
        seen = person[:, 2] > 0
        links = np.array([pair for pair in skeleton.limbs if seen[list(pair)].all()]).reshape(-1, 2)
        size = len(person)
        group = connected_components(coo_array((np.ones(len(links)), links.T), (size, size)), directed=False)[1]
        for index in np.unique(group[seen]):
            part = person * ((group == index) & seen)[:, None]
            if (part[:, 2] > 0).sum() >= fewest:
                found.append(part)
    return np.array(found).reshape(-1, len(skeleton.joints), 3)


def _crossings(people: Array, skeleton: Skeleton) -> int:
    segments = [
        (index, person[a, :2], person[b, :2])
        for index, person in enumerate(people)
        for a, b in skeleton.limbs
        if person[a, 2] and person[b, 2]
    ]

    def side(a: Array, b: Array, c: Array) -> float:
        return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))

    return sum(
        side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        for first, (one, a, b) in enumerate(segments)
        for other, c, d in segments[first + 1 :]
        if one != other
    )


def make_scene(seed: int, skeleton: Skeleton, grid: tuple[int, int] = (46, 82)) -> Scene:
    """Three to six people who stand in each other's way; who is nearer hides what lies behind."""
    random = np.random.default_rng(seed)
    count = int(random.integers(3, 7))
    people = []
    for _ in range(count):
        height = random.uniform(0.6, 1.1) * grid[0]
        neck = np.array([random.uniform(0.08, 0.92) * grid[1], random.uniform(0.15, 0.35) * grid[0]])
        people.append(_person(random, skeleton, neck, height))
    scene = np.array(people)
    inside = (scene[..., :2] >= 0).all(axis=2) & (scene[..., :2] <= np.array([grid[1], grid[0]]) - 1).all(axis=2)
    scene[..., 2] *= inside
    trunk = [skeleton.joints.index(name) for name in ("neck", "right-hip", "left-hip")]
    for near in range(count):
        for far in range(near + 1, count):
            away = np.linalg.norm(scene[near, :, :2] - scene[far, :, :2], axis=1)
            scene[far, (away < 3.0) & (scene[near, :, 2] > 0), 2] = 0
            for hip in trunk[1:]:  # behind the nearer one's trunk
                a, b = scene[near, trunk[0], :2], scene[near, hip, :2]
                share = np.clip((scene[far, :, :2] - a) @ (b - a) / max(float((b - a) @ (b - a)), 1e-9), 0, 1)
                off = np.linalg.norm(scene[far, :, :2] - (a + share[:, None] * (b - a)), axis=1)
                scene[far, off < 2.0, 2] = 0
    scene[random.random(scene.shape[:2]) < 0.08, 2] = 0
    hidden = int((inside & (scene[..., 2] == 0)).sum())
    scene = scene * scene[..., 2:]
    return Scene(scene, groups_of(scene, skeleton), hidden, _crossings(scene, skeleton))


@pytest.fixture(scope="session")
def scene() -> Callable[[int, Skeleton], Scene]:
    return make_scene


@pytest.fixture(scope="session")
def body25() -> Skeleton:
    return BODY25
