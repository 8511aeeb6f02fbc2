"""What Mitsuba does: which surface is seen at every sample, and how much light falls there. Nothing else is asked of it.

Every surface is lit as the same grey, so that colours can be changed afterwards (:mod:`.shade`) without new light.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import correlate1d

from ..core.errors import MissingError
from ..core.images import Size
from .sdf import Floats, Ints

#: albedo of everything while light is computed
GREY = 0.5
#: sub-samples of a pixel along each axis
SUB = 2


def mitsuba() -> Any:
    """Mitsuba, in its variant that needs neither LLVM nor a GPU.

    Raises:
        MissingError: it is not installed.
    """
    try:
        import mitsuba as mi
    except ImportError as error:
        raise MissingError("the studio needs Mitsuba", mend="pip install 'fittingroom[studio]'") from error
    if mi.variant() != "scalar_rgb":
        mi.set_variant("scalar_rgb")
    return mi


def _threads(count: int) -> None:
    import drjit

    if drjit.thread_count() != count:
        drjit.set_thread_count(count)


@dataclass(frozen=True)
class Camera:
    """A camera at ``distance`` metres in front of (``x``, ``y``, 0), looking straight along -z.

    Args:
        x: centre of the picture.
        y: centre of the picture.
        height: metres that the picture's height covers at z = 0.
        size: (height, width) of the photo in pixels.
        distance: metres.
    """

    x: float
    y: float
    height: float
    size: Size
    distance: float = 3.6

    @property
    def pixels(self) -> float:
        """Pixels to the metre at z = 0."""
        return self.size[0] / self.height

    def project(self, points: Floats) -> Floats:
        """``(N, 2)`` pixel coordinates x, y (centre of the first pixel is 0.5) of ``(N, 3)`` points."""
        scale = self.pixels * self.distance / (self.distance - points[:, 2])
        across = self.size[1] / 2 + scale * (points[:, 0] - self.x)
        return np.stack([across, self.size[0] / 2 - scale * (points[:, 1] - self.y)], axis=1)


@dataclass(frozen=True)
class Surface:
    """A mesh to be seen: ``(V, 3)`` points, ``(F, 3)`` faces, ``(V, 3)`` normals."""

    points: Floats
    faces: Ints
    normals: Floats | None = None


@dataclass(frozen=True)
class Strands:
    """Hair: ``(N, K, 3)`` control points and their radius in metres."""

    points: Floats
    radius: float


@dataclass(frozen=True)
class Lamps:
    """The studio's lamps: where the key light stands (degrees from the front, its height) and how strong each one is."""

    key: float = 9.0
    side: float = -35.0
    up: float = 40.0
    size: float = 0.9
    fill: float = 1.2
    rim: float = 2.0
    sky: float = 0.28


@dataclass(frozen=True)
class Buffers:
    """What is seen at every sample of a photo, ``SUB`` x ``SUB`` to the pixel.

    Args:
        what: ``(H, W)`` int16: index of the surface, in the order given; -1 nothing.
        face: ``(H, W)`` int32: its face (or strand segment).
        corner: ``(H, W, 2)`` float32: barycentric coordinates of the face's second and third corner.
        depth: ``(H, W)`` float32: metres from the camera; 0 where nothing.
        light: ``(H, W, 3)`` float32: irradiance, 1 where a grey card facing the key lamp is fully lit or so.
    """

    what: Ints
    face: Ints
    corner: Floats
    depth: Floats
    light: Floats = field(default_factory=lambda: np.zeros((0, 0, 3), np.float32))


def normals_of(points: Floats, faces: Ints) -> Floats:
    """``(V, 3)`` unit normals, the mean of the faces' ones weighted by area."""
    cross = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    total = np.stack(
        [sum(np.bincount(faces[:, c], cross[:, k], len(points)) for c in range(3)) for k in range(3)], axis=1
    )
    return np.asarray(total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12), np.float32)


def _sensor(camera: Camera, samples: int) -> dict[str, Any]:
    mi = mitsuba()
    turn = mi.ScalarTransform4f
    size = (camera.size[0] * SUB, camera.size[1] * SUB)
    angle = 2 * np.degrees(np.arctan(camera.height / 2 / camera.distance))
    place = turn().look_at(
        origin=[camera.x, camera.y, camera.distance], target=[camera.x, camera.y, 0.0], up=[0.0, 1.0, 0.0]
    )
    return {
        "type": "perspective",
        "fov": float(angle),
        "fov_axis": "y",
        "near_clip": 0.5,
        "far_clip": 20.0,
        "to_world": place,
        "film": {
            "type": "hdrfilm",
            "width": size[1],
            "height": size[0],
            "rfilter": {"type": "box"},
            "pixel_format": "rgb",
            "component_format": "float32",
        },
        # stratified paths: a third of the noise of independent ones
        "sampler": {"type": "multijitter" if samples > 1 else "independent", "sample_count": samples},
    }


def _lamps(lamps: Lamps, aim: float) -> dict[str, Any]:
    mi = mitsuba()
    turn = mi.ScalarTransform4f

    def softbox(side: float, up: float, away: float, half: float, strength: float) -> dict[str, Any]:
        a, e = np.radians(side), np.radians(up)
        at = [away * np.sin(a) * np.cos(e), aim + away * np.sin(e), away * np.cos(a) * np.cos(e)]
        place = turn().look_at(origin=[float(v) for v in at], target=[0.0, float(aim), 0.0], up=[0.0, 1.0, 0.0])
        return {
            "type": "rectangle",
            "to_world": place @ turn().scale(float(half)),
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": float(strength)}},
        }

    out: dict[str, Any] = {
        "sky": {"type": "constant", "radiance": {"type": "rgb", "value": float(lamps.sky)}},
        "key": softbox(lamps.side, lamps.up, 3.2, lamps.size, lamps.key * (0.9 / lamps.size) ** 2),
        "fill": softbox(-lamps.side * 1.5, 10, 3.4, 1.1, lamps.fill),
    }
    if lamps.rim > 0:
        out["rim"] = softbox(-lamps.side * 1.2 + 180, 45, 2.6, 0.6, lamps.rim)
    return out


def _mesh(name: str, surface: Surface) -> Any:
    mi = mitsuba()
    props = mi.Properties()
    props["mesh_bsdf"] = mi.load_dict(
        {"type": "twosided", "inner": {"type": "diffuse", "reflectance": {"type": "rgb", "value": GREY}}}
    )
    has = surface.normals is not None
    mesh = mi.Mesh(name, len(surface.points), len(surface.faces), has_vertex_normals=has, props=props)
    values = mi.traverse(mesh)
    values["vertex_positions"] = np.ascontiguousarray(surface.points, np.float32).ravel()
    if surface.normals is not None:
        values["vertex_normals"] = np.ascontiguousarray(surface.normals, np.float32).ravel()
    values["faces"] = np.ascontiguousarray(surface.faces, np.uint32).ravel()
    values.update()
    return mesh


def _hair(strands: Strands, folder: str) -> dict[str, Any]:
    path = Path(folder) / "hair.txt"
    count, steps, _ = strands.points.shape
    line = " ".join(["%.4f %.4f %.4f " + f"{strands.radius:.5f}\n"] * steps) + "\n"
    path.write_text((line * count) % tuple(strands.points.astype(float).ravel().tolist()))
    grey = {"type": "diffuse", "reflectance": {"type": "rgb", "value": GREY}}
    return {"type": "linearcurve", "filename": str(path), "bsdf": grey}


def photograph(
    surfaces: Sequence[Surface | Strands],
    camera: Camera,
    lamps: Lamps | None,
    *,
    samples: int = 4,
    seed: int = 0,
    parallel: bool = False,
) -> Buffers:
    """Look at surfaces, and light them.

    Args:
        surfaces: what is there; :attr:`Buffers.what` counts in this order.
        camera: where from.
        lamps: None: no light is computed.
        samples: light paths per sub-sample.
        seed: of the light paths and of the sub-samples' places.
        parallel: use all cores here (a job over processes does not).
    """
    mi = mitsuba()
    _threads(cores() if parallel else 1)
    scene: dict[str, Any] = {"type": "scene"}
    with tempfile.TemporaryDirectory() as folder:
        for index, surface in enumerate(surfaces):
            name = f"s{index:02d}"
            scene[name] = _mesh(name, surface) if isinstance(surface, Surface) else _hair(surface, folder)
        scene["sensor"] = _sensor(camera, samples if lamps else 1)
        order = {f"s{index:02d}": index for index in range(len(surfaces))}
        # lamps that are described, not loaded, come in an order that varies, and the same seed then gives other noise
        lit = (
            {name: mi.load_dict({**lamp, "id": name}) for name, lamp in _lamps(lamps, camera.y).items()}
            if lamps
            else {}
        )
        shown = mi.load_dict({**scene, **lit})
    numbers = np.full(64, -1, np.int16)
    for position, shape in enumerate(shown.shapes()):
        numbers[position + 1] = order.get(shape.id(), -1)
    seen = mi.load_dict({"type": "aov", "aovs": "x:position,uv:uv,p:prim_index,s:shape_index"})
    middle = mi.load_dict(_sensor(camera, 1))
    layers = np.array(mi.render(shown, sensor=middle, integrator=seen, spp=1, seed=seed))[..., -7:]
    what = numbers[np.clip(np.round(layers[..., 6]).astype(int), 0, 63)]
    hit = what >= 0
    # of its own, Mitsuba's depth starts at the near clipping plane
    away = np.linalg.norm(layers[..., :3] - np.array([camera.x, camera.y, camera.distance]), axis=-1)
    light = np.zeros((*what.shape, 3), np.float32)
    if lamps:
        path = mi.load_dict({"type": "path", "max_depth": 3, "hide_emitters": True})
        light = np.array(mi.render(shown, integrator=path, spp=samples, seed=seed + 1))[..., :3] / GREY
    return Buffers(
        what,
        np.where(hit, np.round(layers[..., 5]), -1).astype(np.int32),
        layers[..., 3:5].astype(np.float32),
        np.where(hit, away, 0).astype(np.float32),
        light.astype(np.float32),
    )


def smooth_light(light: Floats, group: Ints, normals: Floats, depth: Floats, levels: int = 4) -> Floats:
    """Denoise irradiance with an à-trous filter that stops at edges of surfaces and at folds.

    Args:
        light: ``(H, W, 3)``.
        group: ``(H, W)`` int: which surface; light never crosses from one to another.
        normals: ``(H, W, 3)`` unit normals.
        depth: ``(H, W)`` metres.
        levels: doublings of the filter's reach.
    """
    out: Floats = light.astype(np.float32)
    bright = np.quantile(out, 0.995)
    out = np.minimum(out, 1.5 * bright)
    taps = ((-1, 0.25), (0, 0.5), (1, 0.25))
    for level in range(levels):
        step = 2**level
        padded = {
            "light": np.pad(out, ((step, step), (step, step), (0, 0)), "edge"),
            "normal": np.pad(normals, ((step, step), (step, step), (0, 0)), "edge"),
            "group": np.pad(group, step, "edge"),
            "depth": np.pad(depth, step, "edge"),
        }
        total, weight = np.zeros_like(out), np.zeros(out.shape[:2], np.float32)
        height, width = group.shape
        for dy, wy in taps:
            for dx, wx in taps:
                rows = slice(step + dy * step, step + dy * step + height)
                columns = slice(step + dx * step, step + dx * step + width)
                same = padded["group"][rows, columns] == group
                facing = np.einsum("ijk,ijk->ij", padded["normal"][rows, columns], normals)
                share = wy * wx * same * np.exp(np.minimum(facing - 1, 0) * 14)
                share = (share * (np.abs(padded["depth"][rows, columns] - depth) < 0.03 * step)).astype(np.float32)
                total += share[..., None] * padded["light"][rows, columns]
                weight += share
        out = total / np.maximum(weight, 1e-6)[..., None]
    return out


def soften(image: Floats, reach: int) -> Floats:
    """Separable binomial blur of ``(H, W, C)`` by ``reach`` steps, for backgrounds."""
    kernel = np.array([1.0])
    for _ in range(2 * reach):
        kernel = np.convolve(kernel, [0.5, 0.5])
    return np.asarray(correlate1d(correlate1d(image, kernel, axis=0, mode="nearest"), kernel, axis=1, mode="nearest"))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
