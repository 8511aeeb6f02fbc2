"""What makes a rendered photo unfit: torn cloth, stray pieces, limbs inside each other, a garment that is hardly seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import label

from ..core.images import UInt8
from ..core.labels import CIHP20
from .body import Skin
from .cuts import Cut
from .scene import BODY, Dressed, View, fitted, interpolate
from .skeleton import BONE, SIDES

#: length over rest length that one edge in a hundred may have
MOST_STRAIN = 1.45
#: share of the picture that the garment in question must have
LEAST_AREA = 0.025
#: share of a label's pixels that may lie in stray pieces
MOST_STRAY = 0.04
#: share of a garment's pixels that may show its inside
MOST_INSIDE = 0.16
#: share of the picture that may show what cloth should hide
MOST_SHOWING = 0.0004
#: share of a hand that may be inside the trunk
MOST_BURIED = 0.10


def of_body(dressed: Dressed, skin: Skin) -> list[str]:
    """Faults of pose and cloth, seen in three dimensions."""
    out = []
    for name, fall in dressed.falls.items():
        strain = float(np.percentile(fall.strain, 99))
        if not strain < MOST_STRAIN:
            out.append(f"{name} stretched {strain:.2f} times")
    chest = BONE["chest"]
    points = dressed.posed.skin(skin.points, skin.weights)
    home = ((points - dressed.posed.move[chest]) @ dressed.posed.rotate[chest]).astype(np.float32)
    for side, _ in SIDES:
        mine = skin.weights[:, [BONE[f"{side}-hand"], BONE[f"{side}-forearm"]]].sum(axis=1) > 0.8
        buried = float((dressed.body.chest(home[mine]) < -0.012).mean())
        if buried > MOST_BURIED:
            out.append(f"{side} hand inside the trunk")
    return out


def showing(view: View, cuts: Mapping[str, Cut]) -> dict[str, float]:
    """Share of the picture where something shows that cloth should hide: legs through a skirt, what is worn inside."""
    body, what = view.dressed.body, view.buffers.what
    patterns = fitted(cuts, body)
    tucked = "upper" in cuts and cuts["upper"].tucked
    out: dict[str, float] = {}
    for name, pattern in patterns.items():
        inner = [BODY] if name != "upper" and pattern.cut.open_below else []
        if len(patterns) > 1 and (name == "lower") == tucked:
            inner.append("upper" if name == "lower" else "lower")
        for index, item in enumerate(view.items):
            mine = what == index
            if item.name not in inner or not mine.any():
                continue
            at = interpolate(item, view.buffers, mine, item.mesh.points)
            if item.name == BODY:
                legs = body.weights(at).argmax(axis=1)
                high = interpolate(item, view.buffers, mine, item.points)[:, 1] > pattern.cut.hem + 0.04
                hidden = high & np.isin(
                    legs, [BONE[f"{side}-{bone}"] for side, _ in SIDES for bone in ("thigh", "shin")]
                )
            else:
                fields = pattern.fields(at, pattern.regions(at))
                edge = fields["waist"] if name == "lower" else fields["hem"]
                hidden = (edge > 0.02) & (pattern.distance(at) < 0.05)
            key = f"{item.name} through {name}"
            out[key] = out.get(key, 0.0) + float(hidden.sum()) / what.size
    return out


def of_photo(view: View, parse: UInt8, cuts: Mapping[str, Cut], place: str) -> list[str]:
    """Faults seen in the picture.

    Args:
        view: the photo.
        parse: its labels.
        cuts: what is worn.
        place: of the garment that the photo is about.
    """
    out = []
    what = view.buffers.what
    for name in cuts:
        mine = np.isin(what, [k for k, item in enumerate(view.items) if item.name == name])
        area = float(mine.mean())
        if name == place and area < LEAST_AREA:
            out.append(f"{name} is hardly seen")
        if area == 0:
            continue
        away = float((view.normals[mine][:, 2] < -0.15).mean())
        if away > MOST_INSIDE:
            out.append(f"{name} shows its inside")
    out += [name for name, share in showing(view, cuts).items() if share > MOST_SHOWING]
    for word in ("upper-clothes", "dress", "pants", "skirt"):
        mine = parse == CIHP20.ids[word]
        total = int(mine.sum())
        if total < 50:
            continue
        pieces = np.bincount(np.asarray(label(mine, np.ones((3, 3)))[0]).ravel())[1:]
        stray = float(np.sort(pieces)[:-4].sum()) / total if len(pieces) > 4 else 0.0
        if stray > MOST_STRAY:
            out.append(f"{word} in stray pieces")
    return out


def of_shop(view: View) -> list[str]:
    """Faults of a garment's own photo."""
    area = float((view.buffers.what >= 0).mean())
    return [] if area > 0.08 else ["the garment is hardly seen"]
