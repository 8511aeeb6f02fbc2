"""Label sets of human parsing and the maps between them.

A :class:`LabelSet` names the ids of one convention. Every label also has a *part*: a word from one shared vocabulary
(:data:`PARTS`), so code asks for parts ("coat", "left-arm") and works with every convention. Left and right are the
wearer's own everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from .errors import InputError

#: the shared vocabulary, each word with the parts that stand in for it where a convention lacks it, best first
PARTS: Mapping[str, tuple[str, ...]] = {
    "background": (),
    "hat": ("hair",),
    "hair": (),
    "glove": ("background",),
    "sunglasses": ("face",),
    "upper-clothes": (),
    "dress": ("upper-clothes",),
    "coat": ("upper-clothes",),
    "socks": ("background",),
    "pants": (),
    "jumpsuits": ("dress", "upper-clothes"),
    "scarf": ("background",),
    "skirt": ("pants",),
    "face": (),
    "torso-skin": ("background",),
    "left-arm": (),
    "right-arm": (),
    "left-leg": (),
    "right-leg": (),
    "left-shoe": (),
    "right-shoe": (),
    "belt": ("background",),
    "bag": ("background",),
    "accessory": ("background",),
}


@dataclass(frozen=True)
class LabelSet:
    """One convention: ``names[i]`` is the part that id ``i`` means.

    Args:
        name: short name, e.g. ``cihp20``.
        names: the parts in id order.
        source: where the order comes from.
    """

    name: str
    names: tuple[str, ...]
    source: str

    @cached_property
    def ids(self) -> dict[str, int]:
        """Part -> id."""
        return {part: index for index, part in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def mask(self, labels: npt.NDArray[np.uint8], *parts: str) -> npt.NDArray[np.bool_]:
        """Pixels of any of ``parts``; a part that this set does not have selects nothing.

        Raises:
            KeyError: a word that is not in :data:`PARTS`.
        """
        for part in parts:
            if part not in PARTS:
                raise KeyError(part)
        table = np.zeros(256, dtype=bool)
        table[[self.ids[part] for part in parts if part in self.ids]] = True
        return table[labels]

    def unknown_ids(self, labels: npt.NDArray[np.uint8]) -> list[int]:
        """Ids in ``labels`` that this set does not have, ascending."""
        return [int(value) for value in np.unique(labels) if value >= len(self.names)]

    @cached_property
    def palette(self) -> npt.NDArray[np.uint8]:
        """``(256, 3)`` uint8 display colours: one per part, the same for every set."""
        table = np.zeros((256, 3), dtype=np.uint8)
        for index, part in enumerate(self.names):
            table[index] = PART_COLOURS[part]
        return table


PART_COLOURS: Mapping[str, tuple[int, int, int]] = {
    "background": (0, 0, 0),
    "hat": (128, 0, 64),
    "hair": (140, 70, 20),
    "glove": (0, 110, 110),
    "sunglasses": (70, 70, 70),
    "upper-clothes": (230, 90, 40),
    "dress": (200, 50, 130),
    "coat": (150, 40, 40),
    "socks": (120, 120, 60),
    "pants": (50, 90, 190),
    "jumpsuits": (160, 60, 180),
    "scarf": (240, 190, 60),
    "skirt": (90, 60, 190),
    "face": (250, 190, 160),
    "torso-skin": (225, 160, 130),
    "left-arm": (70, 190, 120),
    "right-arm": (140, 220, 110),
    "left-leg": (60, 170, 200),
    "right-leg": (120, 210, 230),
    "left-shoe": (170, 170, 170),
    "right-shoe": (215, 215, 215),
    "belt": (95, 75, 30),
    "bag": (190, 150, 90),
    "accessory": (255, 240, 120),
}

CIHP20 = LabelSet(
    "cihp20",
    (
        "background", "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants",
        "torso-skin", "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe", "right-shoe",
    ),
    "Gong et al., Instance-level Human Parsing via Part Grouping Network (CIHP), ECCV 2018",
)  # fmt: skip
LIP20 = LabelSet(
    "lip20",
    (
        "background", "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants",
        "jumpsuits", "scarf", "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe", "right-shoe",
    ),
    "Gong et al., Look into Person (LIP), CVPR 2017",
)  # fmt: skip
ATR18 = LabelSet(
    "atr18",
    (
        "background", "hat", "hair", "sunglasses", "upper-clothes", "skirt", "pants", "dress", "belt", "left-shoe",
        "right-shoe", "face", "left-leg", "right-leg", "left-arm", "right-arm", "bag", "scarf",
    ),
    "Liang et al., Deep Human Parsing with Active Template Regression (ATR), TPAMI 2015",
)  # fmt: skip
#: this project's own: everything that any of them can say
PARTS24 = LabelSet("parts24", tuple(PARTS), "the shared vocabulary of this module, in its order")
#: VITON-HD's ``image-parse-v3`` holds CIHP-20 ids; the thirteen groups that its networks see are below
VITON_HD = LabelSet("viton-hd", CIHP20.names, "Choi et al., VITON-HD, CVPR 2021: image-parse-v3 stores CIHP-20 ids")

LABEL_SETS: Mapping[str, LabelSet] = {labels.name: labels for labels in (CIHP20, LIP20, ATR18, VITON_HD, PARTS24)}

#: the 13 merged classes of VITON-HD's networks, in channel order, as parts
VITON_HD_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("background", ("background", "torso-skin")),
    ("hair", ("hat", "hair")),
    ("face", ("sunglasses", "face")),
    ("upper", ("upper-clothes", "dress", "coat")),
    ("lower", ("pants", "skirt")),
    ("left-arm", ("left-arm",)),
    ("right-arm", ("right-arm",)),
    ("left-leg", ("left-leg",)),
    ("right-leg", ("right-leg",)),
    ("left-shoe", ("left-shoe",)),
    ("right-shoe", ("right-shoe",)),
    ("socks", ("socks",)),
    ("noise", ("glove", "scarf")),
)


def label_set(name: str) -> LabelSet:
    """The label set called ``name``.

    Raises:
        InputError: no such set; the message lists those there are.
    """
    try:
        return LABEL_SETS[name]
    except KeyError:
        raise InputError(f"no label set named {name!r}", mend=f"choose one of {', '.join(LABEL_SETS)}") from None


def _stand_in(part: str, target: LabelSet) -> str:
    if part in target.ids:
        return part
    for candidate in PARTS[part]:
        if candidate in target.ids:
            return candidate
    return "background"


@lru_cache(maxsize=32)
def mapping(source: str, target: str) -> npt.NDArray[np.uint8]:
    """Table from ids of one set to ids of another.

    A part that the target lacks goes to its stand-in (:data:`PARTS`), at last to background. Converting to a set that
    has every part and back is the identity.

    Returns:
        ``(256,)`` uint8; ids outside the source set map to 0. Read only (cached).
    """
    table = np.zeros(256, dtype=np.uint8)
    origin, goal = label_set(source), label_set(target)
    for index, part in enumerate(origin.names):
        table[index] = goal.ids[_stand_in(part, goal)]
    table.setflags(write=False)
    return table


def lost_parts(source: str, target: str) -> list[str]:
    """Parts of ``source`` that ``target`` cannot say: a conversion changes their meaning."""
    goal = label_set(target)
    return [part for part in label_set(source).names if part not in goal.ids]


def convert(labels: npt.NDArray[np.uint8], source: str, target: str) -> npt.NDArray[np.uint8]:
    """Relabel ``(H, W)`` uint8 from set ``source`` to set ``target``."""
    return mapping(source, target)[labels]


def group(
    labels: npt.NDArray[np.uint8], labels_in: LabelSet, groups: Iterable[tuple[str, tuple[str, ...]]]
) -> npt.NDArray[np.uint8]:
    """Merge parts into numbered groups, e.g. :data:`VITON_HD_GROUPS`; parts in no group become 0."""
    table = np.zeros(256, dtype=np.uint8)
    for index, (_, parts) in enumerate(groups):
        for part in parts:
            if part in labels_in.ids:
                table[labels_in.ids[part]] = index
    return table[labels]
