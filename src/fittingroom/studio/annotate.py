"""Exact annotations: keypoints, parse, masks, a DensePose-like map, depth, and words; all read off the scene, none estimated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.images import UInt8
from ..core.labels import CIHP20
from ..core.pose import JOINT, Pose
from .cuts import Cut
from .fabric import Cloth
from .light import SUB, Camera, Surface, photograph
from .scene import BODY, HAIR, View, interpolate, on_scalp
from .sdf import Floats, Ints, vector
from .skeleton import BONE, SIDES
from .spec import Guest

#: DensePose's twenty-four surface parts are front and back halves; ours are these fourteen, named by bone
DENSE_PARTS = (
    "background", "trunk", "head", "left-arm", "right-arm", "left-forearm", "right-forearm", "left-hand", "right-hand",
    "left-thigh", "right-thigh", "left-shin", "right-shin", "left-foot", "right-foot",
)  # fmt: skip
#: how far behind what is seen a joint may lie and still count as seen, metres
_UNDER = 0.14
_FACE = {"nose": (0.0, 1.556, 0.105), "eye": (0.0305, 1.586, 0.083), "ear": (0.0755, 1.577, -0.006)}
_HIDDEN = 0.3


def _majority(labels: Ints) -> UInt8:
    """``(H, W)`` of ``(H * SUB, W * SUB)``: the label most sub-samples have, the lower number where two are equal."""
    height, width = labels.shape[0] // SUB, labels.shape[1] // SUB
    groups = labels.reshape(height, SUB, width, SUB).transpose(0, 2, 1, 3).reshape(height, width, SUB * SUB)
    votes = (groups[..., None] == groups[..., None, :]).sum(axis=-1)
    best = votes.argmax(axis=-1)
    return np.asarray(np.take_along_axis(groups, best[..., None], axis=-1)[..., 0], np.uint8)


def _garment_label(cut: Cut) -> int:
    word = {"upper": "upper-clothes", "dress": "dress"}.get(cut.category, "skirt" if cut.kind == "skirt" else "pants")
    return CIHP20.ids[word]


def parse_of(view: View, cuts: Mapping[str, Cut]) -> UInt8:
    """``(H, W)`` uint8 CIHP-20 labels."""
    what = view.buffers.what
    out = np.zeros(what.shape, np.uint8)
    for index, item in enumerate(view.items):
        mine = what == index
        if item.name == HAIR:
            out[mine] = CIHP20.ids["hair"]
        elif item.name in cuts:
            out[mine] = _garment_label(cuts[item.name])
        elif item.name == BODY and mine.any():
            at = interpolate(item, view.buffers, mine, item.mesh.points)
            out[mine] = _skin_labels(view, at)
    return _majority(out)


def _skin_labels(view: View, at: Floats) -> UInt8:
    body, human = view.dressed.body, view.human
    bone = body.weights(at).argmax(axis=1)
    out = np.full(len(at), CIHP20.ids["torso-skin"], np.uint8)
    lifted = at - vector(0, body.shape.torso, 0)
    jaw = 1.497 + 0.35 * np.maximum(0.02 - lifted[:, 2], 0)
    out[(lifted[:, 1] > jaw) & np.isin(bone, (BONE["head"], BONE["neck"]))] = CIHP20.ids["face"]
    if human is not None:
        out[on_scalp(at, body.shape.torso, human)] = CIHP20.ids["hair"]
    for side, sign in SIDES:
        for name in ("arm", "forearm", "hand"):
            out[bone == BONE[f"{side}-{name}"]] = CIHP20.ids[f"{side}-arm"]
        for name in ("thigh", "shin"):
            out[bone == BONE[f"{side}-{name}"]] = CIHP20.ids[f"{side}-leg"]
        low = at[:, 1] < body.joints[f"{side}-foot"][1] - 0.01
        out[(bone == BONE[f"{side}-foot"]) | (low & (np.sign(at[:, 0]) == sign))] = CIHP20.ids[f"{side}-shoe"]
    return out


def pose_of_view(view: View) -> Pose:
    """The 18 joints in pixels. Confidence 1: seen; 0.3: inside the picture but behind something (exact all the same).

    Points of the face that are not seen, and joints outside the picture, are not given.
    """
    dressed, camera = view.dressed, view.camera
    joints, posed = dressed.body.joints, dressed.posed
    up = vector(0, dressed.body.shape.torso, 0)
    head = BONE["head"]
    at: dict[str, Floats] = {}
    for side, sign in SIDES:
        for name, bone in (
            ("shoulder", "arm"),
            ("elbow", "forearm"),
            ("wrist", "hand"),
            ("hip", "thigh"),
            ("knee", "shin"),
            ("ankle", "foot"),
        ):
            at[f"{side}-{name}"] = posed.joint(joints, f"{side}-{bone}")
        for name in ("eye", "ear"):
            feature = np.array(_FACE[name]) * (sign, 1, 1) + up
            at[f"{side}-{name}"] = posed.rotate[head] @ feature + posed.move[head]
    at["nose"] = posed.rotate[head] @ (np.array(_FACE["nose"]) + up) + posed.move[head]
    at["neck"] = (at["left-shoulder"] + at["right-shoulder"]) / 2
    out = np.zeros((18, 3), np.float32)
    height, width = camera.size
    for name, point in at.items():
        turned = view.turn @ point
        x, y = camera.project(turned[None])[0]
        if not (0 <= x < width and 0 <= y < height):
            continue
        eye = np.array([camera.x, camera.y, camera.distance])
        away = float(np.linalg.norm(turned - eye))
        patch = view.buffers.depth[
            max(int(y * SUB) - 1, 0) : int(y * SUB) + 2, max(int(x * SUB) - 1, 0) : int(x * SUB) + 2
        ]
        near = float(np.median(patch))
        on_face = name == "nose" or name.endswith(("eye", "ear"))
        seen = near <= 0 or near > away - (0.03 if on_face else _UNDER)
        if on_face and not seen:
            continue
        out[JOINT[name]] = (x - 0.5, y - 0.5, 1.0 if seen else _HIDDEN)
    return Pose(out)


def garment_mask(view: View, name: str) -> UInt8:
    """``(H, W)`` uint8, 255 where a garment is seen."""
    mine = np.isin(view.buffers.what, [k for k, item in enumerate(view.items) if item.name == name])
    return np.asarray(_majority(mine.astype(np.uint8)) * 255, np.uint8)


def depth_of(view: View) -> Ints:
    """``(H, W)`` uint16 millimetres from the camera, 0 where nothing is."""
    first = view.buffers.depth[::SUB, ::SUB]
    return np.asarray(np.clip(np.round(first * 1000), 0, 65535), np.uint16)


def dense_of(view: View) -> UInt8:
    """``(H, W, 3)`` uint8: part (:data:`DENSE_PARTS`), how far round, how far along; of the body under its clothes.

    Like DensePose's IUV, but with our own parts and charts: around is the angle about the bone, along is the share of the bone.
    """
    dressed = view.dressed
    item = next(one for one in dressed.items if one.name == BODY)
    return _dense(view, item.mesh.points, item.points, item.mesh.faces)


def dense_map(view: View, points: Floats, posed: Floats, faces: Ints) -> UInt8:
    """:func:`dense_of` for a whole body, its hidden parts included."""
    return _dense(view, points, posed, faces)


def _dense(view: View, points: Floats, posed: Floats, faces: Ints) -> UInt8:
    camera = Camera(view.camera.x, view.camera.y, view.camera.height, view.camera.size, view.camera.distance)
    turned = (posed @ view.turn.T).astype(np.float32)
    seen = photograph([Surface(turned, faces, None)], camera, None)
    mine = seen.what == 0
    out = np.zeros((*mine.shape, 3), np.uint8)
    corner = seen.corner[mine]
    weights = np.stack([1 - corner.sum(axis=1), corner[:, 0], corner[:, 1]], axis=1)
    at = np.einsum("nk,nkj->nj", weights, points[faces[seen.face[mine]]]).astype(np.float32)
    body = view.dressed.body
    bone = body.weights(at).argmax(axis=1)
    value = np.zeros((len(at), 3), np.uint8)
    value[:, 0] = DENSE_PARTS.index("trunk")
    value[:, 1] = np.round(255 * (np.arctan2(at[:, 0], at[:, 2]) / (2 * np.pi) + 0.5))
    value[:, 2] = np.round(255 * np.clip((at[:, 1] - 0.75) / 0.8, 0, 1))
    on_head = (at[:, 1] > 1.47 + body.shape.torso) & np.isin(bone, (BONE["head"], BONE["neck"]))
    value[on_head, 0] = DENSE_PARTS.index("head")
    value[on_head, 2] = np.round(255 * np.clip((at[on_head, 1] - 1.47 - body.shape.torso) / 0.26, 0, 1))
    ends = {"arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}
    for side, _ in SIDES:
        for name in ("arm", "forearm", "hand", "thigh", "shin", "foot"):
            chosen = bone == BONE[f"{side}-{name}"]
            start = body.joints[f"{side}-{name}"]
            end = (
                body.joints[f"{side}-{ends[name]}"] if name in ends else start + 0.18 * _beyond(body.joints, side, name)
            )
            axis = (end - start) / np.linalg.norm(end - start)
            away = at[chosen] - start
            along = away @ axis
            across = away - along[:, None] * axis
            turn = np.arctan2(across @ np.cross(axis, vector(0, 0, 1)), across[:, 2])
            value[chosen, 0] = DENSE_PARTS.index(f"{side}-{name}")
            value[chosen, 1] = np.round(255 * (turn / (2 * np.pi) + 0.5))
            value[chosen, 2] = np.round(255 * np.clip(along / np.linalg.norm(end - start), 0, 1))
    out[mine] = value
    return out[::SUB, ::SUB]


def _beyond(joints: Any, side: str, name: str) -> Floats:
    before = {"hand": "forearm", "foot": "shin"}[name]
    axis = joints[f"{side}-{name}"] - joints[f"{side}-{before}"]
    return np.asarray(axis / np.linalg.norm(axis))


_COLOURS = {
    "white": (0.8, 0.8, 0.8), "light grey": (0.5, 0.5, 0.5), "grey": (0.2, 0.2, 0.2), "black": (0.02, 0.02, 0.02),
    "red": (0.5, 0.03, 0.03), "dark red": (0.22, 0.012, 0.03), "pink": (0.8, 0.33, 0.38), "orange": (0.78, 0.22, 0.05),
    "yellow": (0.82, 0.55, 0.08), "beige": (0.68, 0.54, 0.36), "brown": (0.2, 0.1, 0.05), "olive": (0.16, 0.18, 0.06),
    "green": (0.06, 0.28, 0.11), "dark green": (0.02, 0.11, 0.07), "teal": (0.04, 0.36, 0.36),
    "light blue": (0.33, 0.56, 0.72), "blue": (0.04, 0.14, 0.5), "navy": (0.012, 0.025, 0.1),
    "purple": (0.2, 0.06, 0.36), "lilac": (0.46, 0.34, 0.62), "light green": (0.5, 0.62, 0.36),
}  # fmt: skip


def colour_word(colour: tuple[float, float, float]) -> str:
    """The nearest colour's name."""
    target = np.cbrt(np.array(colour))
    return min(_COLOURS, key=lambda name: float(np.linalg.norm(np.cbrt(np.array(_COLOURS[name])) - target)))


def garment_words(cut: Cut, cloth: Cloth) -> dict[str, str]:
    """The garment's part of a caption, in PromptDresser's keys."""
    pattern = {
        "plain": "plain", "melange": "melange", "wide stripes": "broad-striped", "stripes": "striped",
        "pinstripes": "pinstriped", "checks": "checked", "gingham": "gingham", "dots": "polka-dot", "flowers": "floral",
        "denim": "denim", "lettering": "printed", "emblem": "printed", "blocks": "colour-blocked",
    }[cloth.print]  # fmt: skip
    main, second = colour_word(cloth.base), colour_word(cloth.second)
    colours = main if cloth.print in ("plain", "melange", "denim") or second == main else f"{main} and {second}"
    motif = {"lettering": f" with the word {cloth.motif.lower()}", "emblem": f" with a {cloth.motif}"}.get(
        cloth.print, ""
    )
    sleeve = (
        "sleeveless"
        if cut.sleeve < 0.05
        else "short sleeve"
        if cut.sleeve < 0.28
        else "three-quarter sleeve"
        if cut.sleeve < 0.45
        else "long sleeve"
    )
    neck = {
        "round": "round neck", "scoop": "scoop neck", "v": "v-neck", "boat": "boat neck", "collar": "shirt collar",
        "hood": "hood", "none": "waistband",
    }[cut.neckline]  # fmt: skip
    if cut.category == "lower":
        long = cut.leg > 0.55 if cut.kind != "skirt" else cut.hem < 0.48
        sleeve, length = "no sleeves", "long" if long else "short"
    elif cut.category == "dress":
        length = "long"
    else:
        length = "crop" if cut.hem > 0.92 else "regular" if cut.hem > 0.84 else "long"
    return {
        "upper cloth category": cut.kind,
        "material": f"{pattern} {colours} fabric{motif}",
        "sleeve": sleeve,
        "neckline": neck,
        "upper cloth length": length,
    }


def person_words(guest: Guest, cuts: Mapping[str, Cut]) -> dict[str, str]:
    """The person's part of a caption, in PromptDresser's keys."""
    human = guest.human
    outer = cuts.get("upper") or cuts.get("dress") or next(iter(cuts.values()))
    hair = {
        "bald": "no",
        "crop": "very short",
        "short": "short",
        "curly": "short curly",
        "afro": "afro",
        "bob": "medium",
        "ponytail": "tied",
    }
    weight = human.shape.weight
    return {
        "gender": "woman" if human.shape.female > 0.5 else "man",
        "body shape": "slim" if weight < -0.35 else "average" if weight < 0.6 else "plus-size",
        "hair length": hair.get(human.hair, "tied" if human.hair == "bun" else "long"),
        "pose": guest.stance.name,
        "hand pose": guest.stance.hands,
        "fit of upper cloth": "tight fit"
        if outer.ease < 0.010
        else "regular fit"
        if outer.ease < 0.022
        else "loose fit",
        "tucking style": "fully tucked" if outer.tucked and "lower" in cuts else "untucked",
        "sleeve rolling style": "no sleeves to roll" if outer.sleeve < 0.05 else "unrolled",
    }
