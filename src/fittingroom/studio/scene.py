"""A person in clothes, or clothes alone, as surfaces in a room; and one photo of them without any colour yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..data.sample import Category
from .body import Body, Skin
from .cloth import Fall, Layer, Solid, drape, layer_of, tuck_under
from .cuts import Cut
from .garment import Pattern, Piece
from .hair import strands
from .head import scalp
from .light import SUB, Buffers, Camera, Lamps, Strands, Surface, normals_of, photograph
from .meshes import Mesh, subdivide
from .people import Human, Shape, Stance
from .sdf import Bools, Floats, Ints, vector
from .skeleton import BONE, Posed, pose_of, rotation
from .trims import collar, hood

#: surfaces of a person's photo that are no garment
BACKDROP, BODY, HAIR = "backdrop", "body", "hair"


@dataclass(frozen=True, eq=False)
class Item:
    """A surface: ``mesh`` in canonical coordinates with values, ``points`` where they are in the pose (before the turn).

    Args:
        name: ``body``, ``hair``, ``backdrop``, or the place of a garment: ``upper``, ``lower``, ``dress``.
        mesh: canonical.
        points: ``(V, 3)`` posed.
        normals: ``(V, 3)`` posed.
        region: ``(F,)`` parts of a garment; empty otherwise.
    """

    name: str
    mesh: Mesh
    points: Floats
    normals: Floats
    region: Ints


@dataclass(frozen=True, eq=False)
class Dressed:
    """A body in a pose, with clothes on.

    Args:
        body: who.
        posed: bones before the turn of the whole.
        items: everything visible but hair and room.
        falls: how each garment came to rest.
        thick: metres from skin to the outside of the clothes at the shoulders.
    """

    body: Body
    posed: Posed
    items: tuple[Item, ...]
    falls: Mapping[str, Fall]
    thick: float = 0.0


def _finish(name: str, piece: Piece, points: Floats, keep: Bools | None = None) -> Item:
    """Cloth as it is seen: hidden faces left out, once subdivided."""
    mesh, region = piece.mesh, piece.face_region
    posed = Mesh(mesh.points, mesh.faces, {**mesh.values, **{f"at{k}": points[:, k] for k in range(3)}})
    if keep is not None:
        posed, region = posed.only(keep), region[keep]
    fine, _ = subdivide(posed)
    values = {key: value for key, value in fine.values.items() if not key.startswith("at")}
    placed = np.stack([fine.values[f"at{k}"] for k in range(3)], axis=1)
    fine = Mesh(fine.points, fine.faces, values)
    return Item(name, fine, placed, normals_of(placed, fine.faces), np.tile(region, 4))


#: how far under the hem of what hangs over it a waistband is still there
_OVERLAP = 0.04


def _skin_item(body: Body, skin: Skin, posed: Posed, patterns: Mapping[str, Pattern]) -> Item:
    hidden = np.zeros(len(skin.points), bool)
    for pattern in patterns.values():
        hidden |= pattern.covers(skin.points, 0.028)
    keep = ~hidden[skin.faces].all(axis=1)
    mesh = Mesh(skin.points, skin.faces[keep])
    points = posed.skin(skin.points, skin.weights)
    return Item(BODY, mesh, points, posed.turn(skin.normals, skin.weights), np.zeros(0, np.int8))


def _settled(items: list[Item], patterns: Mapping[str, Pattern], order: list[Category]) -> list[Item]:
    """Skin and inner garments kept below the cloth that hides them: triangles of both are too coarse to do so by themselves."""
    out = list(items)
    for place in order:
        cover = next(item for item in items if item.name == place)
        inner = [BODY, *order[: order.index(place)]]
        for index, item in enumerate(out):
            if item.name not in inner:
                continue
            on_skin = item.name == BODY
            # skin that is left out anyway is not asked for
            used = np.unique(item.mesh.faces)
            covered = np.zeros(len(item.points), bool)
            covered[used] = patterns[place].over(item.mesh.points[used], 0.05 if on_skin else 0.08)
            points = tuck_under(item.points, covered, cover.points, cover.normals, 0.002, 0.04)
            if not np.array_equal(points, item.points):
                normals = item.normals if on_skin else normals_of(points, item.mesh.faces)
                out[index] = replace(item, points=points, normals=normals)
    return out


def fitted(cuts: Mapping[str, Cut], body: Body) -> dict[str, Pattern]:
    """Patterns of an outfit on a body; what is tucked in ends below the waistband."""
    out = dict(cuts)
    if "upper" in out and "lower" in out and out["upper"].tucked:
        waist = out["lower"].waist
        out["upper"] = replace(out["upper"], hem=waist - 0.03, ease=min(out["upper"].ease, 0.012))
        out["lower"] = replace(out["lower"], ease=out["lower"].ease + 0.008)
    return {name: Pattern(one, body) for name, one in out.items()}


def dress(
    body: Body,
    skin: Skin,
    stance: Stance,
    cuts: Mapping[str, Cut],
    kept: Mapping[str, tuple[Piece, Fall]] | None = None,
    sewn: dict[Cut, Piece] | None = None,
) -> tuple[Dressed, dict[str, tuple[Piece, Fall]]]:
    """Put clothes on.

    Args:
        body: who.
        skin: its mesh.
        stance: how.
        cuts: ``upper`` and ``lower``, or ``dress``.
        kept: garments that fell already on this body in this pose, and are the innermost again.
        sewn: what was made for this body already; filled.

    Returns:
        The person, and each garment with its fall.
    """
    posed = pose_of(body.joints, replace(stance, yaw=0.0))
    solid, patterns = Solid.of(skin), fitted(cuts, body)
    tucked = "upper" in cuts and cuts["upper"].tucked and "lower" in cuts
    order: list[Category] = [
        name for name in (("upper", "lower", "dress") if tucked else ("lower", "upper", "dress")) if name in patterns
    ]
    fallen: dict[str, tuple[Piece, Fall]] = {}
    layers: list[Layer] = []
    made = {} if sewn is None else sewn
    for name in order:
        same = kept is not None and name in kept and kept[name][0].pattern.cut == patterns[name].cut and not layers
        if same and kept is not None:
            fallen[name] = kept[name]
        else:
            cut = patterns[name].cut
            if cut not in made:
                made[cut] = patterns[name].build()
            fallen[name] = (made[cut], drape(made[cut], solid, posed, layers))
        layers.append(layer_of(fallen[name][0], fallen[name][1].points))
    items: list[Item] = []
    for worn, (piece, fall) in fallen.items():
        keep = None
        if worn == "lower" and "upper" in fallen and not tucked:
            under = patterns["upper"].covers(piece.mesh.points, _OVERLAP, 0.08)
            keep = np.asarray(~under[piece.mesh.faces].all(axis=1))
        items.append(_finish(worn, piece, fall.points, keep))
        trim = hood(piece.pattern) if piece.pattern.cut.neckline == "hood" else None
        if piece.pattern.cut.neckline == "collar":
            trim = collar(piece)
        if trim is not None:
            items.append(_finish(worn, trim, posed.skin(trim.mesh.points, trim.weights)))
    items = _settled([_skin_item(body, skin, posed, patterns), *items], patterns, order)
    falls = {name: fall for name, (_, fall) in fallen.items()}
    outer = next((cuts[name] for name in ("upper", "dress") if name in cuts), None)
    thick = (
        0.0
        if outer is None
        else outer.ease + (0.035 if outer.neckline == "hood" else 0.012 if outer.neckline == "collar" else 0.004)
    )
    return Dressed(body, posed, tuple(items), falls, thick), fallen


@dataclass(frozen=True, eq=False)
class View:
    """A photo before any colour is chosen.

    Args:
        items: the surfaces, in the order of ``buffers.what``.
        buffers: what is seen where, and how lit.
        normals: ``(H, W, 3)`` of what is seen.
        camera: where from.
        turn: ``(3, 3)`` of the whole person.
        dressed: who.
        human: None where nobody is inside the clothes.
    """

    items: tuple[Item, ...]
    buffers: Buffers
    normals: Floats
    camera: Camera
    turn: Floats
    dressed: Dressed
    human: Human | None


def _backdrop() -> Item:
    """Floor and wall in one sheet, rounded where they meet."""
    bend = np.linspace(0, np.pi / 2, 9)
    profile = [(0.0, 3.0), (0.0, 0.0)]
    profile += [(0.5 - 0.5 * np.cos(t), -0.9 - 0.5 * np.sin(t)) for t in bend] + [(4.5, -1.4)]
    y, z = np.array(profile).T
    x = np.array([-4.0, 4.0])
    points = np.stack([np.repeat(x, len(y)), np.tile(y, 2), np.tile(z, 2)], axis=1).astype(np.float32)
    a = np.arange(len(y) - 1)
    b = a + len(y)
    faces = np.concatenate([np.stack([a, b, a + 1], axis=1), np.stack([b, b + 1, a + 1], axis=1)]).astype(np.int32)
    return Item(BACKDROP, Mesh(points, faces), points, normals_of(points, faces), np.zeros(0, np.int8))


def _seen_normals(items: tuple[Item, ...], buffers: Buffers, turn: Floats) -> Floats:
    out = np.zeros((*buffers.what.shape, 3), np.float32)
    out[..., 2] = 1
    for index, item in enumerate(items):
        if item.name == HAIR:
            continue
        mine = buffers.what == index
        if mine.any():
            out[mine] = interpolate(item, buffers, mine, item.normals)
    if items and items[0].name == BACKDROP:
        out[buffers.what == 0] = (0, 0.7, 0.7)
    return (out @ turn.T.astype(np.float32)).astype(np.float32)


def interpolate(item: Item, buffers: Buffers, mine: Bools, values: Floats) -> Floats:
    """Values at an item's vertices, at the samples ``mine`` of a photo that see it."""
    corner = buffers.corner[mine]
    weights = np.stack([1 - corner.sum(axis=1), corner[:, 0], corner[:, 1]], axis=1)
    faces = item.mesh.faces[np.clip(buffers.face[mine], 0, len(item.mesh.faces) - 1)]
    return np.asarray(np.einsum("nk,nk...->n...", weights, values[faces]), np.float32)


def look_at(
    dressed: Dressed, camera: Camera, lamps: Lamps, *, human: Human | None, skin: Skin | None, yaw: float = 0.0,
    samples: int = 4, seed: int = 0, parallel: bool = False,
) -> View:  # fmt: skip
    """Photograph somebody, or clothes alone.

    Args:
        dressed: who or what.
        camera: where from.
        lamps: the light.
        human: None leaves body, hair and room away.
        skin: the body's mesh, where there is a human.
        yaw: turn of the whole, degrees.
        samples: light paths per sub-sample.
        seed: of the light paths.
        parallel: use all cores here.
    """
    turn = rotation("y", yaw)
    items = [item for item in dressed.items if human is not None or item.name != BODY]
    if human is not None:
        items.insert(0, _backdrop())
    surfaces: list[Surface | Strands] = []
    for item in items:
        if item.name == BACKDROP:
            surfaces.append(Surface(item.points, item.mesh.faces, None))
        else:
            moved = [(values @ turn.T).astype(np.float32) for values in (item.points, item.normals)]
            surfaces.append(Surface(moved[0], item.mesh.faces, moved[1]))
    if human is not None and skin is not None:
        hair = strands(dressed.body, skin, human.hair, human.hair_seed, human.hair_length, dressed.thick)
        if hair is not None:
            path, radius = hair
            bone = BONE["head"]
            placed = path @ dressed.posed.rotate[bone].T + dressed.posed.move[bone]
            surfaces.append(Strands((placed @ turn.T).astype(np.float32), radius))
            items.append(
                Item(HAIR, Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32)), path, path, np.zeros(0, np.int8))
            )
    buffers = photograph(surfaces, camera, lamps, samples=samples, seed=seed, parallel=parallel)
    kept = tuple(items)
    return View(kept, buffers, _seen_normals(kept, buffers, turn), camera, turn, dressed, human)


def scalp_cover(human: Human) -> float:
    """How densely a head's skin is painted in the hair's colour."""
    return {"bald": 0.12, "crop": 0.85}.get(human.hair, 0.95)


def on_scalp(points: Floats, torso: float, human: Human) -> Bools:
    """Which canonical points of a head are covered by hair."""
    lifted = points - vector(0, torso, 0)
    return np.asarray((scalp(lifted) > 0) & (lifted[:, 1] > 1.5) & (human.hair != "bald"))


def mannequin(female: float) -> Body:
    """Nobody: what garments for sale are photographed on."""
    return Body(Shape(female=female, bust=0.85))


def frame_of(points: Floats, size: tuple[int, int], margin: float = 0.06) -> Camera:
    """A camera that sees all points."""
    low, high = points.min(axis=0), points.max(axis=0)
    tall, wide = float(high[1] - low[1]), float(high[0] - low[0])
    height = max(tall, wide * size[0] / size[1]) / (1 - 2 * margin)
    return Camera(float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2, height * 1.03, size)


__all__ = ["SUB", "Dressed", "Item", "View", "dress", "frame_of", "look_at", "mannequin"]
