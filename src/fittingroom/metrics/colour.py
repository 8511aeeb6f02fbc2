r"""Differences of colour as the eye sees them: CIELAB and CIEDE2000, pixel by pixel and between two sets of pixels."""

from __future__ import annotations

import functools
import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.optimize

from ..core.errors import InputError
from ..core.images import UInt8
from .features import Float64

Mask: TypeAlias = npt.NDArray[np.bool_]
Plane: TypeAlias = npt.NDArray[Any]
Planes: TypeAlias = npt.NDArray[Any]

#: linear sRGB -> CIE XYZ (IEC 61966-2-1); its row sums are the white point D65
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_WHITE_RELATIVE = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)
#: colours that garments are reduced to before they are compared
PALETTE = 12
_BITS = 4
#: pixels that are worked on at once: few enough to stay in the processor's cache
_CHUNK = 16384
_30, _6, _63 = math.radians(30), math.radians(6), math.radians(63)


@functools.cache
def _linear() -> Float64:
    """Linear light of each 8-bit sRGB value, ``(256,)`` in [0, 1]."""
    x = np.arange(256) / 255.0
    linear: Float64 = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return linear


@functools.cache
def _linear32() -> npt.NDArray[np.float32]:
    return _linear().astype(np.float32)


def _lab_planes(linear: Planes) -> Planes:
    """CIELAB ``(3, N)`` of linear light ``(3, N)``, in its precision."""
    f = _TO_WHITE_RELATIVE.astype(linear.dtype) @ linear
    dark = f <= (6 / 29) ** 3
    slope = f[dark] * ((29 / 6) ** 2 / 3) + 4 / 29
    np.cbrt(f, out=f)
    f[dark] = slope
    x, y, z = f
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def srgb_to_lab(pixels: UInt8) -> Float64:
    """CIELAB (white point D65) of 8-bit sRGB.

    Args:
        pixels: ``(..., 3)`` uint8.

    Returns:
        ``(..., 3)`` float64: L in [0, 100], a and b about -110 to 110.

    Raises:
        InputError: not uint8, or not three channels.
    """
    _check_colours(pixels)
    planes = _lab_planes(_linear()[np.ascontiguousarray(pixels.reshape(-1, 3).T)])
    return np.ascontiguousarray(planes.T).astype(np.float64, copy=False).reshape(pixels.shape)


def _seventh(c: Plane) -> Plane:
    square = c * c
    power: Plane = square * square * square * c
    return power


def _chroma_weight(mean: Plane) -> Plane:
    """``sqrt(C^7 / (C^7 + 25^7))``."""
    power = _seventh(mean)
    weight: Plane = np.sqrt(power / (power + 25.0**7))
    return weight


def _mean_hue(a_a: Plane, b_a: Plane, a_b: Plane, b_b: Plane, c_a: Plane, c_b: Plane) -> tuple[Plane, Plane]:
    """Cosine and sine of the mean hue.

    Eq. 14 averages angles the short way round. That is the direction half way between both hues, found here without any
    angle: the sum of both unit vectors, normalised. A grey has no hue and adds nothing.
    """
    tiny = np.finfo(c_a.dtype).tiny
    inverse_a, inverse_b = 1 / np.maximum(c_a, tiny), 1 / np.maximum(c_b, tiny)
    x, y = a_a * inverse_a + a_b * inverse_b, b_a * inverse_a + b_b * inverse_b
    norm = np.sqrt(x * x + y * y)
    opposite = norm < 8 * np.finfo(norm.dtype).eps
    if opposite.any():
        # exactly opposite hues: the mean of their angles in [0, 2 pi) lies in the half plane of positive sines, turned by a
        # quarter; two greys have hue zero
        cos, sin = (a_a * inverse_a)[opposite], (b_a * inverse_a)[opposite]
        flip = np.where((sin > 0) | ((sin == 0) & (cos > 0)), 1, -1)
        none = (cos == 0) & (sin == 0)
        x[opposite], y[opposite], norm[opposite] = np.where(none, 1, -sin * flip), np.where(none, 0, cos * flip), 1
    return x / norm, y / norm


def _delta_e_planes(first: Planes, second: Planes) -> Plane:
    """CIEDE2000 of CIELAB ``(3, N)`` and ``(3, N)``, in their precision; ``(N,)``."""
    l_a, a_a, b_a = first
    l_b, a_b, b_b = second
    chroma = np.sqrt(a_a * a_a + b_a * b_a) + np.sqrt(a_b * a_b + b_b * b_b)
    stretch = 1.5 - 0.5 * _chroma_weight(chroma / 2)
    a_a, a_b = a_a * stretch, a_b * stretch
    c_a, c_b = np.sqrt(a_a * a_a + b_a * b_a), np.sqrt(a_b * a_b + b_b * b_b)
    c, s = _mean_hue(a_a, b_a, a_b, b_b, c_a, c_b)

    # eq. 11, 2 sqrt(C_a C_b) sin(dh / 2), from the scalar and the vector product; of the two forms that are equal, each
    # is exact where the other subtracts nearly equal numbers
    product, scalar, vector = c_a * c_b, a_a * a_b + b_a * b_b, a_a * b_b - a_b * b_a
    near = vector * np.sqrt(2 / np.maximum(product + scalar, np.finfo(product.dtype).tiny))
    far = np.copysign(np.sqrt(np.maximum(2 * (product - scalar), 0)), vector)
    d_h = far
    np.copyto(d_h, near, where=scalar > 0)
    c2, s2 = 2 * c * c - 1, 2 * s * c
    t = (
        (1 - 0.20 * math.cos(_63) * (2 * c2 * c2 - 1))
        + c * (-0.17 * math.cos(_30) + 0.32 * math.cos(_6) * (2 * c2 - 1))
        - s * (0.17 * math.sin(_30) + 0.32 * math.sin(_6) * (2 * c2 + 1))
        + c2 * (0.24 - 0.40 * math.sin(_63) * s2)
    )
    c_mean = (c_a + c_b) / 2
    off = (l_a + l_b) / 2 - 50
    off *= off
    d_l = (l_b - l_a) / (1 + 0.015 * off / np.sqrt(20 + off))
    d_c = (c_b - c_a) / (1 + 0.045 * c_mean)
    d_h /= 1 + 0.015 * c_mean * t
    hue = np.arctan2(s, c)
    hue += (hue < 0) * hue.dtype.type(2 * math.pi)
    from_blue = (hue - math.radians(275)) / math.radians(25)
    # e^-30 is nothing here, but smaller numbers are denormal in float32 and twenty times slower to work with
    bend = np.exp(-np.minimum(from_blue * from_blue, 30))
    rotation = _chroma_weight(c_mean) * np.sin(2 * _30 * bend)
    squared = d_l * d_l + d_c * d_c + d_h * d_h - 2 * rotation * d_c * d_h
    difference: Plane = np.sqrt(np.maximum(squared, 0))
    return difference


def delta_e_2000(lab_a: Float64, lab_b: Float64) -> Float64:
    """CIEDE2000 colour difference, kL = kC = kH = 1.

    Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data, and
    Mathematical Observations", 2005, eqs. 2 to 22. About 1 is just noticeable, above 10 is another colour.

    Args:
        lab_a: ``(..., 3)`` CIELAB.
        lab_b: ``(..., 3)``, of the same or a broadcastable shape.

    Returns:
        ``(...)``, never negative, symmetric.
    """
    first, second = np.broadcast_arrays(np.asarray(lab_a, dtype=np.float64), np.asarray(lab_b, dtype=np.float64))
    planes = (np.ascontiguousarray(values.reshape(-1, 3).T) for values in (first, second))
    return _delta_e_planes(*planes).reshape(first.shape[:-1])


def _check_colours(pixels: UInt8) -> None:
    if pixels.dtype != np.uint8 or pixels.shape[-1] != 3:
        raise InputError(f"colours {pixels.dtype} {pixels.shape}, expected uint8 (..., 3)")


def _check_mask(mask: Mask, image: UInt8, what: str) -> None:
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise InputError(f"{what} {mask.dtype} {mask.shape} for a picture of shape {image.shape}")


def _inside(image: UInt8, mask: Mask) -> UInt8:
    """Pixels of a region, ``(n, 3)``; several times faster than indexing with the mask itself."""
    return np.take(image.reshape(-1, 3), np.flatnonzero(mask), axis=0)


def mean_delta_e(image: UInt8, truth: UInt8, mask: Mask | None = None) -> float:
    """Mean CIEDE2000 between pixels at the same places.

    Args:
        image: ``(H, W, 3)`` uint8 sRGB.
        truth: of the same shape.
        mask: ``(H, W)`` bool; None for the whole picture.

    Returns:
        Mean difference, 0 for equal pictures; NaN for an empty mask. Computed in float32, good to 1e-4.

    Raises:
        InputError: shapes or types differ.
    """
    _check_colours(image)
    _check_colours(truth)
    if image.shape != truth.shape:
        raise InputError(f"colour difference of pictures of shapes {image.shape} and {truth.shape}")
    if mask is not None:
        _check_mask(mask, image, "mask")
        if not mask.any():
            return math.nan
        image, truth = _inside(image, mask), _inside(truth, mask)
    image, truth = image.reshape(-1, 3), truth.reshape(-1, 3)
    total = 0.0
    for start in range(0, len(image), _CHUNK):
        a, b = (np.ascontiguousarray(part[start : start + _CHUNK].T) for part in (image, truth))
        differs = (a != b).any(axis=0)  # equal pixels add zero: a background that was kept costs nothing
        if 2 * int(differs.sum()) < len(differs):
            a, b = a[:, differs], b[:, differs]
        if a.size:
            difference = _delta_e_planes(_lab_planes(np.take(_linear32(), a)), _lab_planes(np.take(_linear32(), b)))
            total += float(difference.sum(dtype=np.float64))
    return total / len(image)


def _histogram(pixels: UInt8) -> tuple[Float64, Float64]:
    """Pixels by cell of a grid over sRGB: share of them in each cell ``(4096,)``, sum of linear light ``(3, 4096)``."""
    planes = np.ascontiguousarray(pixels.T)
    cells = np.zeros(planes.shape[1], dtype=np.int64)
    for plane in planes:
        cells = (cells << _BITS) | (plane >> (8 - _BITS))
    size = 1 << (3 * _BITS)
    count = planes.shape[1]
    light = [np.bincount(cells, weights=_linear()[plane], minlength=size) / count for plane in planes]
    share: Float64 = np.bincount(cells, minlength=size) / count
    return share, np.stack(light)


def _means(points: Float64, weights: Float64, labels: npt.NDArray[np.intp]) -> tuple[Float64, Float64]:
    """Weight ``(K,)`` and mean ``(K, 3)`` of each label that has any weight."""
    mass: Float64 = np.bincount(labels, weights=weights).astype(np.float64, copy=False)
    means = np.stack([np.bincount(labels, weights=weights * plane) for plane in points.T], axis=1)
    kept = mass > 0
    return mass[kept], means[kept] / mass[kept, None]


def _palette(points: Float64, weights: Float64, colours: int) -> npt.NDArray[np.intp]:
    """Assign ``(N, 3)`` weighted points to at most ``colours`` clusters.

    The widest cluster is split along its main axis until there are enough, then four steps of k-means follow:
    deterministic, unlike k-means from random starts.
    """

    def spread(inside: npt.NDArray[np.intp]) -> tuple[float, Float64]:
        mass = weights[inside]
        offset = points[inside] - mass @ points[inside] / mass.sum()
        cov: Float64 = (offset * mass[:, None]).T @ offset
        return float(np.trace(cov)), offset @ np.linalg.eigh(cov)[1][:, -1]

    clusters = [np.arange(len(points))]
    spreads = [spread(clusters[0])]
    while len(clusters) < colours:
        widest = max(range(len(clusters)), key=lambda index: spreads[index][0])
        width, along = spreads[widest]
        if width < 1e-9:
            break
        inside = clusters[widest]
        for index, part in ((widest, inside[along > 0]), (len(clusters), inside[along <= 0])):
            clusters[index : index + 1], spreads[index : index + 1] = [part], [spread(part)]
    centres = np.stack([np.average(points[inside], axis=0, weights=weights[inside]) for inside in clusters])
    for _ in range(4):
        labels = np.argmin(np.square(centres).sum(axis=1) - 2.0 * points @ centres.T, axis=1)
        centres = _means(points, weights, labels)[1]
    nearest: npt.NDArray[np.intp] = np.argmin(np.square(centres).sum(axis=1) - 2.0 * points @ centres.T, axis=1)
    return nearest


def transport_cost(share_a: Float64, share_b: Float64, cost: Float64) -> float:
    """Least mean cost of turning one distribution into another (earth mover's distance), by linear programming.

    Args:
        share_a: ``(n,)`` non-negative, sum 1.
        share_b: ``(m,)`` non-negative, sum 1.
        cost: ``(n, m)``, of moving all.
    """
    n, m = cost.shape
    if n == 1 or m == 1:
        return float(share_a @ cost @ share_b)
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    # one constraint follows from the others; leaving it out keeps rounding from making them contradictory
    found = scipy.optimize.linprog(
        cost.ravel(), A_eq=np.vstack([rows, columns[:-1]]), b_eq=np.concatenate([share_a, share_b[:-1]]), method="highs"
    )
    if not found.success:
        raise InputError(f"transport between {n} and {m} colours failed: {found.message}")
    return max(0.0, float(found.fun))


def garment_colour_difference(image: UInt8, region: Mask, garment: UInt8, garment_mask: Mask) -> float:
    """How far the colours of a garment as worn are from those of its own photo, without knowing which pixel is which.

    The pixels of both sets (each set counting as one) are reduced to one palette of at most :data:`PALETTE` colours. Within
    each colour of the palette either set keeps its own mean, so a small shift of all colours is not lost. The value is the
    earth mover's distance between the two weighted palettes under CIEDE2000: the mean difference of colour over the best
    way of turning the colours of the one into those of the other. Comparing means alone would call a black and white
    stripe equal to grey; matching palettes one to one would ignore how much of each colour there is.

    Light and folds count: even a perfect result, compared with a garment photographed flat, has a value above zero. Compare
    methods with each other, or with the value of a true photo.

    Args:
        image: ``(H, W, 3)`` uint8 sRGB, the person wearing the garment.
        region: ``(H, W)`` bool, the garment's pixels in it.
        garment: ``(h, w, 3)`` uint8 sRGB, of any size.
        garment_mask: ``(h, w)`` bool, the garment's pixels in it.

    Returns:
        Difference in CIEDE2000 units, 0 for equal distributions, symmetric; NaN where either set is empty.

    Raises:
        InputError: shapes or types do not fit.
    """
    _check_mask(region, image, "region")
    _check_mask(garment_mask, garment, "garment mask")
    _check_colours(image)
    _check_colours(garment)
    if not region.any() or not garment_mask.any():
        return math.nan
    share_a, light_a = _histogram(_inside(image, region))
    share_b, light_b = _histogram(_inside(garment, garment_mask))
    both = share_a + share_b
    cells = np.flatnonzero(both)
    together = _lab_planes((light_a + light_b)[:, cells] / both[cells]).T
    labels = np.zeros(len(both), dtype=np.intp)
    labels[cells] = _palette(together, both[cells], PALETTE)

    def reduce(share: Float64, light: Float64) -> tuple[Float64, Float64]:
        own = np.flatnonzero(share)
        return _means(_lab_planes(light[:, own] / share[own]).T, share[own], labels[own])

    mass_a, means_a = reduce(share_a, light_a)
    mass_b, means_b = reduce(share_b, light_b)
    return transport_cost(mass_a, mass_b, delta_e_2000(means_a[:, None], means_b[None]))
