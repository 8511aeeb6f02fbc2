"""Writing ``drawn-mini``: eight people, sixteen garments, pairs and the true pictures of every unpaired try-on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ...core.files import cache_folder
from ...core.images import encode_png
from ...core.labels import CIHP20
from ...core.pose import pose_to_openpose
from ..regions import edit_region
from ..sample import Category, Parse
from .body import Stance
from .cloth import Cloth, Style
from .figure import Look, Piece, draw_alone, draw_person

NAME = "drawn-mini"

GARMENTS: dict[str, Piece] = {
    "sun-tee": Piece(Style("upper", 1.06, 0.62, 0.045), Cloth((244, 190, 60), "emblem", (196, 62, 46))),
    "sailor": Piece(Style("upper", 1.04, 1.90, 0.035), Cloth((245, 243, 236), "stripes", (38, 62, 120))),
    "rib-tank": Piece(Style("upper", 1.02, 0.0, 0.012, neck="straps"), Cloth((58, 128, 116))),
    "dotted-blouse": Piece(
        Style("upper", 1.00, 1.15, 0.055, neck="v", extras=("buttons",)), Cloth((172, 46, 70), "dots", (250, 236, 226))
    ),
    "grey-hoodie": Piece(Style("upper", 1.10, 1.95, 0.075, extras=("hood", "pocket")), Cloth((150, 156, 166))),
    "check-shirt": Piece(
        Style("upper", 1.12, 1.92, 0.05, neck="v", extras=("collar", "buttons")),
        Cloth((70, 110, 80), "checks", (222, 226, 200)),
    ),
    "jeans": Piece(Style("lower", 1.90, ease=0.012, legs=True), Cloth((66, 96, 146), "denim", (180, 200, 230))),
    "black-trousers": Piece(Style("lower", 1.93, ease=0.03, flare=0.05, legs=True), Cloth((52, 52, 58))),
    "sand-shorts": Piece(Style("lower", 0.62, ease=0.03, flare=0.02, legs=True), Cloth((206, 178, 136))),
    "pleated-skirt": Piece(Style("lower", 1.62, ease=0.02, flare=0.22, extras=("pleats",)), Cloth((126, 66, 110))),
    "olive-trousers": Piece(Style("lower", 1.88, ease=0.02, legs=True), Cloth((104, 108, 70))),
    "dot-skirt": Piece(Style("lower", 1.50, ease=0.015, flare=0.08), Cloth((36, 50, 84), "dots", (236, 232, 220))),
    "meadow-dress": Piece(
        Style("dress", 1.72, 0.45, 0.02, 0.24, "scoop"), Cloth((92, 140, 170), "flowers", (250, 232, 190))
    ),
    "red-dress": Piece(Style("dress", 1.55, 0.0, 0.012, 0.16, "v"), Cloth((186, 48, 52))),
    "striped-dress": Piece(
        Style("dress", 1.85, 1.0, 0.03, 0.14, "round"), Cloth((240, 236, 226), "wide-stripes", (96, 60, 130))
    ),
    "pink-tee": Piece(
        Style("upper", 1.05, 0.55, 0.035, neck="scoop"), Cloth((232, 148, 160), "wide-stripes", (250, 226, 222))
    ),
}

_WALLS = ((222, 226, 230), (232, 224, 214), (214, 226, 218), (228, 220, 228))
PEOPLE: dict[str, tuple[Look, Stance, tuple[str, ...]]] = {
    "ada": (
        Look((236, 188, 160), (74, 46, 30), "long", False, (240, 240, 240), _WALLS[0]),
        Stance((15, -4), (17, -8), 4),
        ("jeans", "sun-tee"),
    ),
    "ben": (
        Look((198, 140, 104), (36, 28, 26), "short", True, (60, 60, 66), _WALLS[1]),
        Stance((16, -2), (44, -78), 5, 1),
        ("black-trousers", "sailor"),
    ),
    "chi": (
        Look((244, 204, 174), (26, 22, 26), "bob", False, (196, 60, 60), _WALLS[2]),
        Stance((24, 10), (20, 6), 3, -1),
        ("pleated-skirt", "rib-tank"),
    ),
    "dia": (
        Look((120, 78, 56), (22, 18, 18), "curls", False, (244, 220, 120), _WALLS[3]),
        Stance((40, -74), (16, -4), 5, 1),
        ("sand-shorts", "dotted-blouse"),
    ),
    "eli": (
        Look((224, 176, 144), (150, 96, 50), "short", True, (120, 74, 44), _WALLS[0]),
        Stance((20, 4), (20, 2), 5),
        ("olive-trousers", "grey-hoodie"),
    ),
    "fay": (
        Look((248, 214, 190), (186, 120, 60), "bun", False, (40, 44, 60), _WALLS[1]),
        Stance((28, 16), (15, -6), 4, -2),
        ("dot-skirt", "pink-tee"),
    ),
    "gus": (
        Look((92, 60, 44), (16, 14, 14), "short", True, (230, 230, 226), _WALLS[2]),
        Stance((14, -2), (26, 12), 6, 1),
        ("jeans", "check-shirt"),
    ),
    "hel": (
        Look((228, 180, 150), (96, 30, 24), "long", False, (60, 40, 40), _WALLS[3]),
        Stance((18, 2), (34, 14), 3),
        ("meadow-dress",),
    ),
    "ivy": (
        Look((160, 108, 78), (30, 22, 20), "bun", False, (246, 240, 232), _WALLS[0]),
        Stance((15, -4), (40, -72), 4, 1),
        ("striped-dress",),
    ),
    "jun": (
        Look((240, 200, 168), (30, 26, 30), "bob", False, (120, 40, 60), _WALLS[1]),
        Stance((30, 8), (16, -4), 3, -1),
        ("red-dress",),
    ),
}
_UNPAIRED = (
    ("ada", "dotted-blouse"), ("ben", "check-shirt"), ("chi", "sailor"), ("dia", "sun-tee"), ("eli", "pink-tee"), ("fay", "grey-hoodie"),
    ("gus", "rib-tank"), ("ada", "olive-trousers"), ("dia", "pleated-skirt"), ("chi", "sand-shorts"), ("gus", "black-trousers"),
    ("hel", "red-dress"), ("ivy", "meadow-dress"), ("jun", "striped-dress"),
)  # fmt: skip


def _category(name: str) -> Category:
    return GARMENTS[name].style.category


def _wearing(owner: str, garment: str | None = None) -> tuple[Piece, ...]:
    names = PEOPLE[owner][2]
    if garment is not None:
        names = tuple(garment if _category(name) == _category(garment) else name for name in names)
    return tuple(GARMENTS[name] for name in names)


_SLEEVES = ((0.0, "sleeveless"), (0.8, "short sleeves"), (1.4, "half sleeves"), (2.1, "long sleeves"))


def _caption(name: str) -> dict[str, Any]:
    """Plain words about a garment, from its parameters."""
    style, cloth = GARMENTS[name].style, GARMENTS[name].cloth
    entry: dict[str, Any] = {"category": style.category, "name": name.replace("-", " "), "pattern": cloth.pattern}
    if style.category != "lower":
        entry |= {"sleeve": next(word for limit, word in _SLEEVES if style.sleeve <= limit), "neckline": style.neck}
    return entry


def _write(root: Path) -> None:
    def put(relative: str, data: bytes) -> None:
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def put_json(relative: str, value: Any) -> None:
        put(relative, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())

    captions: dict[str, Any] = {}
    for name, (look, stance, worn) in PEOPLE.items():
        image, labels, body = draw_person(look, stance, _wearing(name))
        put(f"image/{name}.png", encode_png(image))
        put(f"image-parse-v3/{name}.png", encode_png(labels, CIHP20.palette))
        put_json(f"openpose_json/{name}_keypoints.json", pose_to_openpose(body.pose))
        region = edit_region(Parse(labels, CIHP20), body.pose, _category(worn[-1]))
        put(f"agnostic-mask/{name}_mask.png", encode_png(region.astype(np.uint8) * 255))
        captions[name] = {"hair": look.cut, "wears": list(worn)}
    for name, piece in GARMENTS.items():
        image, mask = draw_alone(piece)
        put(f"cloth/{name}.png", encode_png(image))
        put(f"cloth-mask/{name}.png", encode_png(mask.astype(np.uint8) * 255))
        captions[name] = _caption(name)
    for owner, garment in _UNPAIRED:
        look, stance, _ = PEOPLE[owner]
        put(f"truth/{owner}__{garment}.png", encode_png(draw_person(look, stance, _wearing(owner, garment))[0]))
    paired = [(name, garment) for name, (_, _, worn) in PEOPLE.items() for garment in reversed(worn)]
    put("test_pairs_paired.txt", "".join(f"{person}.png {garment}.png\n" for person, garment in paired).encode())
    put("test_pairs_unpaired.txt", "".join(f"{person}.png {garment}.png\n" for person, garment in _UNPAIRED).encode())
    put_json("captions.json", captions)
    put_json(
        "dataset.json",
        {
            "name": NAME,
            "provenance": "drawn by fittingroom; nobody is depicted",
            "licence": "Apache-2.0",
            "consent": "not needed: drawn figures",
            "label_set": "cihp20",
            "garments": {name: {"category": piece.style.category, "worn": False} for name, piece in GARMENTS.items()},
        },
    )


def _version() -> str:
    """Changes whenever the drawing code does."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def ensure() -> Path:
    """The folder of ``drawn-mini``, drawn now if it is not in the cache.

    Several processes may ask at once: each draws into a folder of its own, and the first one done gives its name.
    """
    folder = cache_folder() / "datasets" / f"{NAME}-{_version()}"
    if (folder / "dataset.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{NAME}-", dir=folder.parent))
    try:
        _write(draft)
        draft.chmod(0o755)
        os.replace(draft, folder)  # noqa: PTH105 - Path.rename has no "fails when the target is filled" on all systems
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not (folder / "dataset.json").is_file():
            raise
    return folder
