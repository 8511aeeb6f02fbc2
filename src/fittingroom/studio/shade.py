"""Colour: the albedo of all that a photo sees, times the light that was computed before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..core.images import UInt8
from . import head
from .cuts import Cut
from .fabric import Cloth, albedo, noise, places
from .light import SUB, smooth_light, soften
from .people import Look
from .scene import BACKDROP, BODY, HAIR, View, interpolate, scalp_cover
from .sdf import Floats, vector
from .skeleton import BONE, BONES

#: skin lets red light travel further than blue
_SKIN = np.array([0.88, 1.0, 1.06], np.float32)


def _body(view: View, look: Look, at: Floats, weights: Floats) -> Floats:
    body, human = view.dressed.body, view.human
    out = np.repeat(np.array(look.skin)[None], len(at), axis=0)
    lifted = at - vector(0, body.shape.torso, 0)
    bone = weights.argmax(axis=1)
    on_head = (lifted[:, 1] > 1.46) & (weights[:, BONE["head"]] + weights[:, BONE["neck"]] > 0.5)
    if human is not None and on_head.any():
        share = np.clip((lifted[on_head, 1] - 1.46) / 0.03, 0, 1)[:, None]
        painted = head.paint(lifted[on_head].astype(float), human.face, look, scalp_cover(human))
        out[on_head] += share * (painted - out[on_head])
    for side in ("left", "right"):
        shoe = (bone == BONE[f"{side}-foot"]) | (at[:, 1] < body.joints[f"{side}-foot"][1] - 0.01) & (
            np.sign(at[:, 0]) == (1 if side == "left" else -1)
        )
        out[shoe] = np.array(look.shoes)
        hand = bone == BONE[f"{side}-hand"]
        out[hand] *= (1.03, 0.95, 0.93)
    grain = 1 + 0.035 * noise(at[:, 0] + at[:, 2], at[:, 1], 0.012, 3)
    return np.asarray(out * grain[:, None])


def shine(view: View, normals: Floats, power: float) -> Floats:
    """A soft highlight of the key lamp, ``(N,)``."""
    half = np.array([-0.42, 0.52, 0.74])
    return np.asarray(np.maximum(normals @ half, 0) ** power)


def albedo_of(view: View, look: Look, cuts: Mapping[str, Cut], cloths: Mapping[str, Cloth]) -> Floats:
    """``(H, W, 3)`` linear RGB of every sample; 1 where nothing is."""
    what = view.buffers.what
    out = np.full((*what.shape, 3), 0.97, np.float32)
    skin_weights = None
    for index, item in enumerate(view.items):
        mine = what == index
        if not mine.any():
            continue
        if item.name == BACKDROP:
            floor = np.array(look.floor, np.float32)
            wall = np.array(look.wall, np.float32)
            at = interpolate(item, view.buffers, mine, item.points)
            share = np.clip((at[:, 1] - 0.02) / 0.5, 0, 1)[:, None]
            out[mine] = floor + share * (wall - floor)
        elif item.name == HAIR:
            count = item.points.shape[1] - 1
            strand = view.buffers.face[mine] // count
            tones = np.asarray(np.random.default_rng(7).normal(0, 0.16, len(item.points)))
            tone = tones[np.clip(strand, 0, len(tones) - 1)]
            out[mine] = np.array(look.hair, np.float32) * np.exp(tone)[:, None]
        elif item.name == BODY:
            at = interpolate(item, view.buffers, mine, item.mesh.points)
            skin_weights = view.dressed.body.weights(at)
            out[mine] = _body(view, look, at, skin_weights)
        else:
            at = interpolate(item, view.buffers, mine, item.mesh.points)
            fields = {
                name: interpolate(item, view.buffers, mine, value)
                for name, value in item.mesh.values.items()
                if name != "region"
            }
            region = item.region[np.clip(view.buffers.face[mine], 0, len(item.region) - 1)]
            out[mine] = albedo(cuts[item.name], cloths[item.name], places(view.dressed.body, at, region, fields))
    return out


def lit(view: View) -> Floats:
    """``(H, W, 3)`` light that every sample sends back, without noise; the same whatever the colours."""
    what = view.buffers.what
    light = smooth_light(view.buffers.light, what.astype(np.int32), view.normals, view.buffers.depth)
    names = [item.name for item in view.items]
    if BACKDROP in names:
        back = what == names.index(BACKDROP)
        spread, weight = soften(light * back[..., None], 6), soften(back[..., None].astype(np.float32), 6)
        light = np.where(back[..., None], spread / np.maximum(weight, 1e-3), light)
    if BODY in names:
        body = what == names.index(BODY)
        light[body] = np.maximum(light[body], 1e-4) ** _SKIN
    return np.asarray(light)


def colour(
    view: View, look: Look, cuts: Mapping[str, Cut], cloths: Mapping[str, Cloth], light: Floats | None = None
) -> UInt8:
    """The finished photo, ``(H, W, 3)`` uint8 sRGB.

    Args:
        view: what is seen and how lit.
        look: colours of person and room.
        cuts: of the garments worn, by place.
        cloths: their fabrics.
        light: of :func:`lit`, where it is known already.
    """
    what = view.buffers.what
    light = lit(view) if light is None else light
    names = [item.name for item in view.items]
    base = albedo_of(view, look, cuts, cloths)
    if BODY in names:
        body = what == names.index(BODY)
    image = base * light
    if BODY in names:
        gloss = 0.05 * shine(view, view.normals[body], 24) * light[body].mean(axis=1)
        image[body] += gloss[:, None]
    if HAIR in names:
        hair = what == names.index(HAIR)
        image[hair] += 0.012 * np.clip(light[hair] - 0.5, 0, None) ** 2
    key = 0.74 if view.human is not None else 0.92
    image = image * key * look.exposure * np.array([1 + look.warmth, 1, 1 - look.warmth])
    if view.human is None:
        image[what < 0] = 1.6
    height, width = what.shape[0] // SUB, what.shape[1] // SUB
    image = image.reshape(height, SUB, width, SUB, 3)
    # a highlight must not outshine its neighbours before it is averaged
    small = _shoulder(image).mean(axis=(1, 3))
    srgb = np.where(small <= 0.0031308, 12.92 * small, 1.055 * np.power(np.maximum(small, 1e-6), 1 / 2.4) - 0.055)
    return np.asarray(np.clip(srgb * 255 + 0.5, 0, 255), np.uint8)


def _shoulder(image: Floats) -> Floats:
    """Bright values bent towards 1, dark ones left alone."""
    over = np.maximum(image - 0.7, 0)
    return np.asarray(np.minimum(image, 0.7) + 0.3 * (1 - np.exp(-over / 0.3)))


__all__ = ["BONES", "albedo_of", "colour"]
