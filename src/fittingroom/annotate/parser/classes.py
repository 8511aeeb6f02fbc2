"""What the embedded parser tells apart: fourteen classes, in eight groups.

It does not tell left from right nor the parts of the skin: the pose does that afterwards (``annotate/body_parts.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...core.labels import LabelSet

#: class -> parts of the shared vocabulary (core.labels) that it stands for
CLASSES: Mapping[str, tuple[str, ...]] = {
    "background": ("background", "accessory"),
    "hat": ("hat",),
    "hair": ("hair",),
    "sunglasses": ("sunglasses",),
    "upper-clothes": ("upper-clothes",),
    "dress": ("dress", "jumpsuits"),
    "coat": ("coat",),
    "socks": ("socks",),
    "pants": ("pants",),
    "skirt": ("skirt",),
    "scarf": ("scarf",),
    "skin": ("face", "torso-skin", "left-arm", "right-arm", "left-leg", "right-leg"),
    "shoes": ("left-shoe", "right-shoe"),
    "bag": ("bag",),
}
NAMES = tuple(CLASSES)
#: the eight groups that the parser is measured in. Where the given labels do not know bags, as in CIHP-20, they are background
GROUPS: Mapping[str, tuple[str, ...]] = {
    "background": ("background",),
    "hair": ("hair",),
    "skin": ("skin",),
    "upper": ("upper-clothes", "coat"),
    "lower": ("pants", "skirt"),
    "dress": ("dress",),
    "shoes": ("shoes",),
    "accessories": ("hat", "sunglasses", "scarf", "socks", "bag"),
}
#: class -> group, by number
GROUP_OF = np.array(
    [next(index for index, members in enumerate(GROUPS.values()) if name in members) for name in NAMES], np.int64
)
#: pixels that are not learned from: parts that no class stands for, and what lies outside the photo
IGNORED = 255


def class_table(labels_in: LabelSet) -> npt.NDArray[np.uint8]:
    """``(256,)`` uint8: id of a label set -> class; :data:`IGNORED` for parts such as gloves and belts, too rare to learn."""
    table = np.full(256, IGNORED, np.uint8)
    for index, part in enumerate(labels_in.names):
        for number, parts in enumerate(CLASSES.values()):
            if part in parts:
                table[index] = number
    return table


def group_table(labels_in: LabelSet) -> npt.NDArray[np.uint8]:
    """``(256,)`` uint8: id of a label set -> group; gloves are accessories, belts are ignored."""
    classes = class_table(labels_in)
    table = np.full(256, IGNORED, np.uint8)
    table[classes != IGNORED] = GROUP_OF[classes[classes != IGNORED]]
    if "glove" in labels_in.ids:
        table[labels_in.ids["glove"]] = tuple(GROUPS).index("accessories")
    return table


def decide(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """The most probable group's most probable class: two words for one garment must not lose against the background.

    Nobody wears a dress and a skirt: what is seen more of takes the other's probability, or halves of one garment get different names.

    Args:
        probabilities: ``(14, H, W)``.

    Returns:
        ``(H, W)`` uint8 classes.
    """
    dress, skirt = NAMES.index("dress"), NAMES.index("skirt")
    more, less = (dress, skirt) if probabilities[dress].sum() > probabilities[skirt].sum() else (skirt, dress)
    probabilities = probabilities.copy()
    probabilities[more] += probabilities[less]
    probabilities[less] = 0
    groups = np.stack([probabilities[group == GROUP_OF].sum(axis=0) for group in range(len(GROUPS))]).argmax(axis=0)
    inside = np.where(groups == GROUP_OF[:, None, None], probabilities, -1.0)
    return inside.argmax(axis=0).astype(np.uint8)
