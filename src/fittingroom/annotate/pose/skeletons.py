"""The two bodies that OpenPose was trained on: joints, limbs, and which channels of a part affinity field belong to a limb.

Cao et al., OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields, TPAMI 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...core.pose import JOINTS


def _other_side(name: str) -> str:
    for side, other in (("right-", "left-"), ("left-", "right-")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


@dataclass(frozen=True)
class Skeleton:
    """The joints of one body model and how its fields connect them.

    Args:
        name: ``coco-18`` or ``body-25``.
        joints: in the order of the heat maps; the map after the last one is the background.
        limbs: pairs of joints; a limb's field points from its first joint to its second.
        fields: per limb the channel of x; the channel of y follows it.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    fields: tuple[int, ...]

    @cached_property
    def mirrored(self) -> tuple[int, ...]:
        """Per joint the one that takes its place in a mirrored photo."""
        return tuple(self.joints.index(_other_side(name)) for name in self.joints)

    @cached_property
    def mirrored_limbs(self) -> tuple[int, ...]:
        """Per limb the one that takes its place in a mirrored photo."""
        swap = self.mirrored
        return tuple(self.limbs.index((swap[start], swap[end])) for start, end in self.limbs)

    @cached_property
    def tree(self) -> tuple[int, ...]:
        """Limbs that join all joints without a cycle, earlier ones first; the others are redundant."""
        group, kept = list(range(len(self.joints))), []
        for limb, (start, end) in enumerate(self.limbs):
            if group[start] != group[end]:
                kept.append(limb)
                old, new = group[end], group[start]
                group = [new if value == old else value for value in group]
        return tuple(kept)


#: of the paper's first model: 18 joints, 19 limbs of which the two from ear to shoulder are redundant
COCO18 = Skeleton(
    "coco-18",
    JOINTS,
    (
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
        (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
    ),
    (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26),
)  # fmt: skip

#: of the paper's model with feet: the hips hang on their middle, three joints per foot, 26 limbs
BODY25 = Skeleton(
    "body-25",
    (
        *JOINTS[:8], "mid-hip", *JOINTS[8:], "left-big-toe", "left-small-toe", "left-heel",
        "right-big-toe", "right-small-toe", "right-heel",
    ),
    (
        (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13), (13, 14),
        (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (2, 17), (5, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23),
        (11, 24),
    ),
    (0, 14, 22, 16, 18, 24, 26, 6, 2, 4, 8, 10, 12, 30, 32, 36, 34, 38, 20, 28, 40, 42, 44, 46, 48, 50),
)  # fmt: skip

SKELETONS = {skeleton.name: skeleton for skeleton in (COCO18, BODY25)}
