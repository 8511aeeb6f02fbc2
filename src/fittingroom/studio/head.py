"""The head: its shape as signed distances, and the face painted in head coordinates.

Head coordinates are canonical ones less the torso's extra length: eyes at y 1.585, chin at about 1.49, crown at about 1.715.
"""

from __future__ import annotations

import numpy as np

from .people import Face, Look
from .sdf import Floats, ellipsoid, limb, smooth_union, vector

EYE_Y, EYE_X, MOUTH_Y = 1.586, 0.0305, 1.5335


def distance(points: Floats, face: Face, female: float) -> Floats:
    """Distance to the head of a person with this face."""
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(mirrored[:, 0])
    width, jaw = face.width, face.jaw
    out = ellipsoid(mirrored, (0, 1.628, -0.014), (0.073 * width, 0.087, 0.092))
    out = smooth_union(out, ellipsoid(mirrored, (0, 1.575, 0.022), (0.0625 * width, 0.075, 0.060)), 0.035)
    out = smooth_union(out, ellipsoid(mirrored, (0, 1.531, 0.024), (0.0485 * jaw, 0.040, 0.050)), 0.03)
    chin = 0.010 * (face.chin - 1)
    out = smooth_union(
        out, ellipsoid(mirrored, (0, 1.505 - chin, 0.055 + 0.5 * chin), (0.021 * jaw, 0.017, 0.018)), 0.028
    )
    out = smooth_union(out, ellipsoid(mirrored, (0.035, 1.563, 0.055), (0.021, 0.020, 0.018)), 0.024)
    out = smooth_union(out, ellipsoid(mirrored, (0, 1.606, 0.067), (0.048 * width, 0.013, 0.015)), 0.022)
    socket = ellipsoid(mirrored, (EYE_X * face.eye_gap, EYE_Y, 0.090), (0.0165 * face.eyes, 0.0105, 0.013))
    out = -smooth_union(-out, socket, 0.010)
    nose = 0.019 * face.nose
    out = smooth_union(
        out,
        limb(
            mirrored, vector(0, 1.594, 0.077), vector(0, 1.557, 0.086 + nose), (0.0075, 0.008, 0.0098 * face.nose_width)
        ),
        0.009,
    )
    out = smooth_union(
        out, ellipsoid(mirrored, (0.0105 * face.nose_width, 1.5555, 0.086), (0.0085, 0.007, 0.012)), 0.006
    )
    full = 0.0055 * face.lips
    out = smooth_union(out, ellipsoid(mirrored, (0, MOUTH_Y + 0.0045, 0.0785), (0.021, full, 0.0085)), 0.008)
    out = smooth_union(out, ellipsoid(mirrored, (0, MOUTH_Y - 0.0055, 0.0775), (0.018, full * 1.15, 0.0085)), 0.008)
    out = smooth_union(out, ellipsoid(mirrored, (EYE_X * face.eye_gap, EYE_Y, 0.0705), (0.0135, 0.0125, 0.0125)), 0.002)
    ear = ellipsoid(mirrored, (0.0735 * width, 1.577, -0.008), (0.0095, 0.029, 0.0175))
    return smooth_union(out, ear, 0.007)


def _band(value: Floats, width: float) -> Floats:
    """1 inside (value < 0), 0 beyond ``width``."""
    t = np.clip(1 - value / width, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def scalp(points: Floats, lines: float = 1.0) -> Floats:
    """Above 0 where hair grows: distance to the hairline, head coordinates; ``lines`` < 1 lets the hairline recede."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    front = 1.655 + 0.012 * (1 - lines) - 0.9 * np.maximum(x - 0.035, 0) ** 1.15
    side = 1.600 - 0.55 * np.maximum(0.03 - z, 0) / 0.1 * 0.1
    nape = 1.530
    edge = np.where(
        z > 0.028, front, np.where(z > -0.012, side + (front - side) * np.clip((z + 0.012) / 0.04, 0, 1) ** 2, nape)
    )
    ear = np.hypot((y - 1.577) / 0.036, (z + 0.006) / 0.024) - 1
    return np.minimum(y - edge, np.where(x > 0.05, 0.03 * ear, 1.0))


def paint(points: Floats, face: Face, look: Look, cover: float) -> Floats:
    """Albedo of skin of the head.

    Args:
        points: ``(N, 3)`` head coordinates.
        face: its features.
        look: its colours.
        cover: how densely the scalp is painted in the hair's colour, 0 for the bald.

    Returns:
        ``(N, 3)`` linear RGB.
    """
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    skin, hair = np.array(look.skin), np.array(look.hair)
    out = np.repeat(skin[None], len(points), axis=0)

    def mix(share: Floats, colour: Floats) -> None:
        out[:] += share[:, None] * (colour - out)

    front = np.clip((z - 0.03) / 0.02, 0, 1)
    red = _band(np.hypot((x - 0.04) / 0.019, (y - 1.555) / 0.016) - 0.4, 1.0) * front
    mix(0.22 * red, skin * (1.04, 0.80, 0.78))
    shade = _band(np.hypot((x - EYE_X * face.eye_gap) / 0.019, (y - EYE_Y - 0.002) / 0.011) - 0.7, 0.6) * front
    mix(0.28 * shade, skin * (0.72, 0.62, 0.60))
    if face.beard > 0:
        line = np.minimum(1.543 - y, 1.5) + 0.35 * np.maximum(x - 0.03, 0)
        area = np.maximum(_band(-line, 0.01), _band(np.hypot(x / 0.03, (y - 1.545) / 0.008) - 0.6, 0.7))
        area *= np.clip((z + 0.012) / 0.02, 0, 1) * np.clip((y - 1.475) / 0.015, 0, 1)
        area *= 1 - _band(np.hypot(x / 0.022, (y - MOUTH_Y) / 0.008) - 0.8, 0.35)
        mix(0.75 * face.beard * area, 0.6 * hair + 0.12 * skin)
    if cover > 0:
        mix(cover * _band(-scalp(points), 0.008), hair * 1.1)
    gap, tall = EYE_X * face.eye_gap, 0.0062 * face.eyes
    u, v = (x - gap) / (0.0145 * face.eyes), y - EYE_Y
    lid = tall * np.maximum(1 - u * u, 0)
    eye = front * (np.abs(u) < 1)
    white = eye * _band(np.abs(v) - lid * np.where(v > 0, 1.0, 0.75), 0.0012)
    mix(white, 0.55 * np.array([0.62, 0.60, 0.58]) + 0.28 * skin)
    ring = np.hypot(x - gap, v - 0.0005)
    mix(white * _band(ring - 0.0058, 0.0012), np.array(look.iris))
    mix(white * _band(ring - 0.0026, 0.0010), np.array([0.004, 0.004, 0.004]))
    lash = eye * _band(np.abs(v - lid) - 0.0010, 0.0012)
    mix(0.9 * lash, 0.25 * hair * skin + 0.006)
    arch = EYE_Y + 0.0175 + 0.004 * (1 - ((x - gap + 0.003) / 0.02) ** 2) + 0.002 * (face.brow - 1)
    brow = _band(
        np.abs(y - arch) - face.brow_thick * 0.5 * np.clip(1.25 - np.maximum(x - gap, 0) / 0.02, 0.3, 1), 0.0018
    )
    brow *= front * _band(np.abs(x - gap - 0.001) - 0.0185, 0.004)
    mix(0.82 * brow, 0.75 * hair + 0.03 * skin)
    curve = MOUTH_Y + 0.0045 * face.smile * (x / 0.024) ** 2
    span = np.clip(1 - (x / (0.0245 + 0.002 * face.smile)) ** 2, 0, 1)
    upper = 0.0082 * face.lips * span * (1 - 0.28 * _band(x - 0.001, 0.005))
    lower = 0.0100 * face.lips * np.sqrt(span)
    lips = front * np.where(y > curve, _band(y - curve - upper, 0.0018), _band(curve - y - lower, 0.002)) * (span > 0)
    mix(0.85 * lips, np.array(look.lips))
    mix(0.75 * front * _band(np.abs(y - curve) - 0.0008, 0.0010) * (span > 0), 0.35 * np.array(look.lips))
    nostril = _band(np.hypot((x - 0.008 * face.nose_width) / 0.0042, (y - 1.5505) / 0.0022) - 0.6, 0.7) * np.clip(
        (z - 0.08) / 0.01, 0, 1
    )
    mix(0.75 * nostril, 0.25 * skin)
    if face.glasses:
        rim = np.abs(np.maximum(np.abs(x - gap - 0.001) / 0.024, np.abs(y - EYE_Y + 0.002) / 0.0185) - 1) * 0.02
        bridge = np.maximum(np.abs(y - EYE_Y - 0.004) - 0.0006, x - 0.010)
        temple = np.maximum(np.abs(y - EYE_Y - 0.004) - 0.001, np.maximum(0.05 - x, -0.01 - z))
        frame = np.maximum(np.maximum(_band(rim - 0.0012, 0.001), _band(bridge, 0.001)) * front, _band(temple, 0.001))
        mix(0.92 * frame, np.array([0.02, 0.018, 0.016]))
    return out
