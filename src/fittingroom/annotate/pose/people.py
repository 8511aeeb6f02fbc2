"""From limbs to people: joined limbs, and merged parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...core.pose import Float32, Pose, from_body25
from .choose import prominence
from .limbs import Connections, Matching, connect
from .peaks import Peaks, find_peaks
from .skeletons import BODY25, Skeleton


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who was found.

    Args:
        joints: ``(J, 3)`` float32 of x, y and confidence in [0, 1]; a joint that was not found is 0, 0, 0.
        score: mean confidence of the joints and limbs found, in [0, 1].
        skeleton: which joints.
    """

    joints: Float32
    score: float
    skeleton: Skeleton

    @property
    def pose(self) -> Pose:
        """The 18 joints that both bodies have."""
        return from_body25(self.joints) if self.skeleton is BODY25 else Pose(self.joints)


@dataclass(frozen=True)
class Thresholds:
    """What counts as found; the defaults are those of the authors' release, for maps of the published networks.

    Args:
        heat: of a joint's heat.
        field: of the field along a limb.
        agreement: share of the samples along a limb that must reach it.
        samples: per pair of candidates.
        joints: fewest joints of a person.
        score: smallest score of a person.
        matching: see :func:`.limbs.connect`.
        ends: see :func:`.limbs.connect`.
    """

    heat: float = 0.1
    field: float = 0.05
    agreement: float = 0.8
    samples: int = 20
    joints: int = 4
    score: float = 0.2
    matching: Matching = "optimal"
    ends: bool = True


def assemble(peaks: Peaks, connections: Connections, skeleton: Skeleton) -> npt.NDArray[np.intp]:
    """Which person each candidate belongs to.

    Limbs of the skeleton's tree never disagree: each candidate has at most one limb of a kind, so a group that hangs together by
    them has no joint twice. Redundant limbs, best first, merge two groups that have no joint in common: somebody whose neck is
    hidden becomes whole again through ear and shoulder. One that would give somebody a second nose is passed over.

    Args:
        peaks: N candidates.
        connections: limbs between them.
        skeleton: which limbs are redundant.

    Returns:
        ``(N,)`` int, the group of each candidate, counted from 0.
    """
    in_tree = np.isin(connections.limb, skeleton.tree)
    links = coo_array(
        (np.ones(int(in_tree.sum())), (connections.start[in_tree], connections.end[in_tree])), (len(peaks), len(peaks))
    )
    count, group = connected_components(links, directed=False)
    has = np.zeros((count, len(skeleton.joints)), dtype=bool)
    has[group, peaks.joint] = True
    spare = np.flatnonzero(~in_tree)
    for index in spare[np.argsort(-connections.score[spare], kind="stable")]:
        one, other = group[connections.start[index]], group[connections.end[index]]
        if one != other and not (has[one] & has[other]).any():
            has[one] |= has[other]
            group[group == other] = one
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


def decode(heat: Float32, fields: Float32, skeleton: Skeleton, thresholds: Thresholds | None = None) -> list[Person]:
    """Everybody in a pair of maps.

    Args:
        heat: ``(J, h, w)`` or, with the background, ``(J + 1, h, w)``.
        fields: ``(2L, h, w)``.
        skeleton: which joints and limbs.
        thresholds: what counts as found.

    Returns:
        People with joints in cells, the largest and most central first.

    Raises:
        ValueError: maps of another skeleton.
    """
    limits = thresholds or Thresholds()
    joints = len(skeleton.joints)
    if len(heat) not in (joints, joints + 1) or len(fields) != 2 * len(skeleton.limbs):
        raise ValueError(f"{len(heat)} heat maps and {len(fields)} channels of fields are not those of {skeleton.name}")
    fields = np.ascontiguousarray(fields, dtype=np.float32)
    peaks = find_peaks(np.ascontiguousarray(heat[:joints], dtype=np.float32), limits.heat)
    if not len(peaks):
        return []
    connections = connect(
        peaks,
        fields,
        skeleton,
        threshold=limits.field,
        agreement=limits.agreement,
        samples=limits.samples,
        matching=limits.matching,
        ends=limits.ends,
    )
    group = assemble(peaks, connections, skeleton)
    count = int(group.max()) + 1
    found = np.zeros((count, joints, 3), np.float32)
    found[group, peaks.joint] = np.column_stack([peaks.position, peaks.score])
    # a redundant limb that was passed over lies between two people and counts for neither
    inside = group[connections.start] == group[connections.end]
    owner = group[connections.start][inside]
    total = np.bincount(group, peaks.score, count) + np.bincount(owner, connections.score[inside], count)
    parts = np.bincount(group, minlength=count)
    score = np.clip(total / (parts + np.bincount(owner, minlength=count)), 0, 1)
    kept = np.flatnonzero((parts >= limits.joints) & (score >= limits.score))
    people = [Person(found[index], float(score[index]), skeleton) for index in kept]
    size = (heat.shape[1], heat.shape[2])
    return sorted(people, key=lambda person: -prominence(person.joints, size))
