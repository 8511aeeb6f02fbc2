"""Hair as strands that grow from the scalp, in head coordinates (see :mod:`.head`), carried rigidly by the head."""

from __future__ import annotations

import numpy as np

from .body import Body, Skin
from .head import scalp
from .people import HairStyle
from .sdf import Floats, vector

_SKULL, _RADII = np.array([0.0, 1.628, -0.014]), np.array([0.073, 0.087, 0.092])
_FACE, _FACE_RADII = np.array([0.0, 1.565, 0.020]), np.array([0.072, 0.100, 0.095])
STEPS = 14


def _roots(body: Body, skin: Skin, count: int, rng: np.random.Generator) -> Floats:
    """``(count, 3)`` points of the scalp, head coordinates."""
    lifted = skin.points - vector(0, body.shape.torso, 0)
    centres = lifted[skin.faces].mean(axis=1)
    chosen = (centres[:, 1] > 1.50) & (scalp(centres) > 0) & (np.abs(centres[:, 0]) < 0.079)
    corners = lifted[skin.faces[chosen]]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    index = rng.choice(len(corners), count, p=area / area.sum())
    share = rng.dirichlet((1, 1, 1), count)
    return np.einsum("nk,nkj->nj", share, corners[index])


def _outside(points: Floats, centre: Floats, radii: Floats) -> Floats:
    """Points inside an ellipsoid moved to its surface."""
    scaled = (points - centre) / radii
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.where(length < 1, centre + scaled / np.maximum(length, 1e-6) * radii, points)


def _grow(
    roots: Floats,
    length: Floats,
    comb: Floats,
    stiff: float,
    thick: Floats,
    body: Body,
    curl: float,
    rng: np.random.Generator,
    fall: float,
    over: float = 0.0,
) -> Floats:
    """Strands from roots: combed first, then falling, lying on skull, face and shoulders."""
    count = len(roots)
    steps = [roots]
    clump = rng.integers(0, max(count // 24, 1), count)
    loose = 0.11 if fall <= 1 else 0.045
    drift = rng.normal(0, 1, (count // 24 + 1, 3))[clump] * loose + rng.normal(0, 1, (count, 3)) * 0.4 * loose
    normal = (roots - _SKULL) / _RADII
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    direction = (0.5 if fall <= 1 else 0.1) * normal + comb
    phase, pitch = rng.uniform(0, 2 * np.pi, count // 24 + 1)[clump], rng.uniform(0.8, 1.25, count)
    step = (length / (STEPS - 1))[:, None]
    for k in range(1, STEPS):
        share = k / (STEPS - 1)
        pull = comb * max(0.0, 1 - share * fall) + vector(0, -1, 0) * (share * fall) + drift
        direction = stiff * direction + (1 - stiff) * pull
        direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9
        point = steps[-1] + step * direction
        point = _outside(point, _SKULL, _RADII + thick[:, None])
        front = _outside(point, _FACE, _FACE_RADII + 0.3 * thick[:, None])
        pushed = np.abs(front - point).sum(axis=1) > 1e-6
        side = point.copy()
        height = np.clip(1 - ((point[:, 1] - _FACE[1]) / _FACE_RADII[1]) ** 2, 0, 1)
        side[:, 0] = np.where(point[:, 0] >= 0, 1, -1) * np.maximum(
            np.abs(point[:, 0]), (_FACE_RADII[0] + 0.002) * np.sqrt(height)
        )
        point = np.where((pushed & (point[:, 2] > -0.01))[:, None], side, point)
        low = point[:, 1] < 1.50
        if low.any():
            room = (point[low] + vector(0, body.shape.torso, 0)).astype(np.float32)
            away = body.chest(room)
            need = np.maximum(0.016 + over + thick[low] * 0.6 - away, 0)
            out = np.stack(
                [0.25 * np.sign(room[:, 0]), np.full(len(room), 0.35), np.where(room[:, 2] > 0.0, 1.0, -1.0)], axis=1
            )
            point[low] += (need[:, None] * out).astype(point.dtype)
        steps.append(point)
    path = np.stack(steps, axis=1)
    if curl > 0:
        along = (
            np.arange(STEPS) / (STEPS - 1) * (length[:, None] / 0.055) * 2 * np.pi * 0.5 * pitch[:, None]
            + phase[:, None]
        )
        swing = curl * np.minimum(np.arange(STEPS) / 3, 1)[None]
        path[..., 0] += swing * np.sin(along) * 0.8
        path[..., 2] += swing * np.cos(along)
    return path


def _tied(roots: Floats, knot: Floats, thick: float, rng: np.random.Generator) -> Floats:
    """Strands drawn over the skull to a knot."""
    share = np.linspace(0, 1, STEPS)[None, :, None]
    start = (roots - _SKULL) / _RADII
    end = (knot - _SKULL) / _RADII
    lift = (
        1
        + (thick + rng.uniform(0, 0.004, (len(roots), 1, 1)))
        / 0.085
        * np.sin(np.pi * np.clip(share * 1.1, 0, 1)) ** 0.5
    )
    way = (1 - share) * start[:, None] + share * end[None, None]
    size = (1 - share) * np.linalg.norm(start, axis=1)[:, None, None] + share * np.linalg.norm(end)
    way = way / (np.linalg.norm(way, axis=2, keepdims=True) + 1e-6) * size
    return np.asarray(_SKULL + way * _RADII * lift + rng.normal(0, 0.0008, (len(roots), STEPS, 3)))


def _ball(count: int, centre: Floats, radius: float, rng: np.random.Generator) -> Floats:
    """Strands wound into a bun."""
    axis = rng.normal(0, 1, (count, 3)) * 0.5 + np.array([0.2, 0.35, 1.0])
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    one = np.cross(axis, np.array([0.0, 1.0, 0.3]))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(axis, one)
    turn = np.linspace(0, 1.3 * np.pi, STEPS)[None] + rng.uniform(0, 2 * np.pi, (count, 1))
    offset = rng.uniform(-0.85, 0.85, (count, 1, 1)) * axis[:, None]
    round_ = np.sqrt(np.maximum(1 - (offset**2).sum(axis=2, keepdims=True), 0.05))
    path = offset + round_ * (np.cos(turn)[..., None] * one[:, None] + np.sin(turn)[..., None] * two[:, None])
    return np.asarray(centre + radius * rng.uniform(0.9, 1.03, (count, 1, 1)) * path * np.array([1.0, 0.92, 0.9]))


def strands(
    body: Body, skin: Skin, style: HairStyle, seed: int, length: float, over: float = 0.0
) -> tuple[Floats, float] | None:
    """Hair of a style.

    Args:
        body: whose.
        skin: its mesh.
        style: which.
        seed: of every strand.
        length: 0..1 within what the style allows.
        over: metres from skin to the outside of the clothes: long hair lies on them.

    Returns:
        ``(N, STEPS, 3)`` canonical points and a radius, or None for the bald.
    """
    if style == "bald":
        return None
    rng = np.random.default_rng(seed)
    count = {"crop": 5200, "short": 5200, "curly": 4600, "afro": 5200}.get(style, 5200)
    roots = _roots(body, skin, count, rng)
    part = 0.018 * (1 if rng.random() < 0.5 else -1) * (rng.random() < 0.7)
    side = np.tanh((roots[:, 0] - part) / 0.010)
    top = np.clip((roots[:, 1] - 1.60) / 0.09, 0, 1)
    thick = rng.uniform(0.002, 0.013, count)
    one = np.ones(count)
    normal = (roots - _SKULL) / _RADII
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    radius = 0.0012
    if style == "crop":
        path = _grow(
            roots,
            (0.006 + 0.010 * length) * one,
            normal * 0.8 + vector(0, 0.1, 0.1),
            0.7,
            thick * 0.2,
            body,
            0,
            rng,
            0.0,
        )
    elif style == "short":
        sweep = vector(0.6 * float(rng.choice([-1, 1])), 0.25, float(rng.uniform(-0.6, 0.7)))
        comb = top[:, None] * sweep + (1 - top)[:, None] * vector(0, -0.7, -0.55)
        path = _grow(
            roots,
            (0.020 + 0.036 * length) * (0.45 + 0.85 * top),
            comb + 0.25 * normal,
            0.55,
            thick * 0.9,
            body,
            0.0015,
            rng,
            0.15,
        )
    elif style == "curly":
        path = _grow(
            roots,
            (0.045 + 0.05 * length) * one,
            0.7 * normal + vector(0, 0.1, 0),
            0.5,
            thick * 1.8,
            body,
            0.007,
            rng,
            0.35,
        )
    elif style == "afro":
        path = _grow(
            roots,
            (0.035 + 0.055 * length) * one * rng.uniform(0.8, 1, count),
            normal,
            0.75,
            thick,
            body,
            0.006,
            rng,
            0.0,
        )
    elif style in ("bob", "long", "wavy"):
        comb = np.stack([side * 0.55, -0.25 - 0.7 * (1 - top), -0.30 + 0 * side], axis=1)
        comb[:, 2] -= 0.4 * (roots[:, 2] < -0.02)
        drop = roots[:, 1] - 1.50
        reach = {"bob": 0.045 + 0.05 * length, "long": 0.17 + 0.16 * length, "wavy": 0.14 + 0.16 * length}[style]
        wave = {"bob": 0.001, "long": 0.0015, "wavy": 0.0075}[style]
        path = _grow(
            roots,
            drop * 1.1 + reach * rng.uniform(0.9, 1.0, count),
            comb,
            0.35,
            thick * (1.25 if style == "wavy" else 0.9),
            body,
            wave,
            rng,
            2.6,
            over,
        )
        radius = 0.0014
    elif style == "ponytail":
        knot = np.array([0.0, 1.655, -0.108])
        tail = _grow(
            np.repeat(knot[None], 1500, axis=0) + rng.normal(0, 0.008, (1500, 3)), (0.14 + 0.16 * length) * rng.uniform(0.85, 1, 1500),
            np.repeat(vector(0, 0.15, -0.9)[None], 1500, axis=0), 0.62, np.full(1500, 0.02), body, 0.003, rng, 1.6, over,
        )  # fmt: skip
        path = np.concatenate([_tied(roots, knot, 0.004, rng), tail])
        radius = 0.0014
    else:
        high = length > 0.5
        knot = np.array([0.0, 1.725, -0.060]) if high else np.array([0.0, 1.640, -0.118])
        path = np.concatenate(
            [_tied(roots, knot, 0.005, rng), _ball(1600, knot + np.array([0, 0.014, -0.012]), 0.033, rng)]
        )
        radius = 0.0014
    return np.asarray(path + vector(0, body.shape.torso, 0), np.float32), radius
