"""Who and what there is in ``drawn-mini``."""

from __future__ import annotations

from .body import Stance
from .cloth import Cloth
from .cut import Style
from .face import Look
from .figure import Piece

GARMENTS: dict[str, Piece] = {
    "sun-tee": Piece(
        Style("upper", 1.06, 0.60, 0.035, fit=0.6), Cloth((246, 200, 84), "sun", (214, 78, 52), (58, 104, 108))
    ),
    "sailor": Piece(
        Style("upper", 1.05, 1.88, 0.028, fit=0.5, flare=0.012), Cloth((247, 244, 236), "stripes", (44, 66, 122))
    ),
    "rib-tank": Piece(
        Style("upper", 1.02, 0.0, 0.024, fit=0.15, neck="straps", strap=0.07),
        Cloth((46, 134, 120), "rib", (34, 110, 98)),
    ),
    "dotted-blouse": Piece(
        Style("upper", 1.00, 1.10, 0.036, fit=0.35, neck="v", extras=("buttons",)),
        Cloth((184, 52, 74), "dots", (252, 238, 226)),
    ),
    "grey-hoodie": Piece(
        Style("upper", 1.10, 1.93, 0.055, fit=0.8, loose=True, extras=("hood", "pocket", "cuffs")),
        Cloth((158, 166, 180)),
    ),
    "check-shirt": Piece(
        Style("upper", 1.13, 1.90, 0.038, fit=0.7, neck="collar", extras=("buttons",)),
        Cloth((232, 232, 214), "checks", (44, 104, 84), (206, 92, 60), (222, 222, 204)),
    ),
    "pink-tee": Piece(
        Style("upper", 1.04, 0.52, 0.026, fit=0.4, neck="scoop"), Cloth((236, 146, 158), "waves", (253, 232, 226))
    ),
    "jeans": Piece(
        Style("lower", 1.90, ease=0.012, legs=True, extras=("cuffs",)), Cloth((70, 104, 156), "denim", (176, 200, 228))
    ),
    "black-trousers": Piece(
        Style("lower", 1.93, ease=0.022, flare=0.05, legs=True, extras=("belt",)), Cloth((56, 56, 64))
    ),
    "sand-shorts": Piece(
        Style("lower", 0.60, ease=0.020, flare=0.03, legs=True, extras=("cuffs",)), Cloth((214, 188, 146))
    ),
    "olive-trousers": Piece(Style("lower", 1.86, ease=0.018, legs=True), Cloth((114, 120, 78))),
    "pleated-skirt": Piece(
        Style("lower", 1.66, ease=0.012, flare=0.24, waist=0.64, tucks=True, extras=("pleats",)), Cloth((138, 74, 122))
    ),
    "dot-skirt": Piece(
        Style("lower", 1.52, ease=0.012, flare=0.09, waist=0.64, tucks=True),
        Cloth((40, 56, 96), "dots", (240, 234, 220)),
    ),
    "meadow-dress": Piece(
        Style("dress", 1.80, 0.42, 0.018, flare=0.24, neck="scoop", extras=("belt",)),
        Cloth((96, 148, 184), "flowers", (252, 240, 214), (236, 178, 66)),
    ),
    "red-dress": Piece(Style("dress", 1.62, 0.0, 0.008, flare=0.17, neck="v", strap=0.085), Cloth((196, 54, 58))),
    "striped-dress": Piece(
        Style("dress", 1.95, 1.00, 0.028, flare=0.13, fit=0.25), Cloth((244, 238, 226), "wide-stripes", (104, 74, 148))
    ),
}

_WALLS = ((214, 222, 230), (236, 222, 206), (210, 226, 216), (230, 216, 226), (238, 226, 190))
#: who: look, stance, own garments (the lower one first)
PEOPLE: dict[str, tuple[Look, Stance, tuple[str, ...]]] = {
    "ada": (
        Look((240, 196, 168), (92, 56, 36), "long", False, (238, 238, 240), _WALLS[0], "arch"),
        Stance((10, -4), (12, -7), (2, -1), (7, -6), 0, 1.5, -2.5, 0.012, 2),
        ("jeans", "sun-tee"),
    ),
    "ben": (
        Look((206, 150, 112), (44, 34, 32), "quiff", True, (70, 72, 82), _WALLS[1], "window"),
        Stance((12, -3), (44, -88), (4, -3), (5, -3)),
        ("black-trousers", "sailor"),
    ),
    "chi": (
        Look((248, 212, 182), (34, 30, 36), "bob", False, (206, 70, 66), _WALLS[2], "plant"),
        Stance((24, 12), (16, 2), (3, -2), (3, -2), 0, 0, 0, 0, -3),
        ("pleated-skirt", "rib-tank"),
    ),
    "dia": (
        Look((132, 86, 60), (36, 26, 24), "curls", False, (244, 210, 110), _WALLS[3], "arch"),
        Stance((44, -86), (12, -4), (2, -1), (8, -7), 0, -2, 3, -0.014, -2),
        ("sand-shorts", "dotted-blouse"),
    ),
    "eli": (
        Look((232, 184, 150), (164, 104, 58), "crop", True, (130, 84, 52), _WALLS[4], "window", True),
        Stance((15, 2), (16, 0), (5, -3), (5, -3)),
        ("olive-trousers", "grey-hoodie"),
    ),
    "fay": (
        Look((250, 218, 196), (196, 128, 66), "bun", False, (48, 54, 78), _WALLS[0], "plant"),
        Stance((30, 20), (12, -5), (6, -5), (2, -1), 0, -1.5, 2.5, -0.012, 3),
        ("dot-skirt", "pink-tee"),
    ),
    "gus": (
        Look((98, 64, 46), (28, 24, 24), "crop", True, (236, 234, 228), _WALLS[2], "arch"),
        Stance((12, -3), (28, 14), (6, -4), (6, -4), 0, 0, 0, 0, 2),
        ("jeans", "check-shirt"),
    ),
    "hel": (
        Look((232, 186, 156), (128, 48, 34), "long", False, (92, 58, 50), _WALLS[4], "arch"),
        Stance((14, 0), (34, 18), (2, -1), (6, -5), 0, 1.5, -2, 0.010, -3),
        ("meadow-dress",),
    ),
    "ivy": (
        Look((172, 118, 84), (40, 30, 28), "bun", False, (244, 238, 228), _WALLS[3], "window"),
        Stance((12, -4), (44, -86), (3, -2), (3, -2)),
        ("striped-dress",),
    ),
    "jun": (
        Look((244, 206, 174), (40, 34, 40), "bob", False, (132, 48, 66), _WALLS[1], "plant"),
        Stance((30, 8), (14, -40), (2, -1), (7, -6), 0, 1.5, -2.5, 0.012, 2, ("left",)),
        ("red-dress",),
    ),
}  # fmt: skip

UNPAIRED = (
    ("ada", "dotted-blouse"), ("ben", "check-shirt"), ("chi", "sailor"), ("dia", "sun-tee"), ("eli", "pink-tee"), ("fay", "grey-hoodie"),
    ("gus", "rib-tank"), ("ada", "olive-trousers"), ("dia", "pleated-skirt"), ("chi", "sand-shorts"), ("gus", "black-trousers"),
    ("hel", "red-dress"), ("ivy", "meadow-dress"), ("jun", "striped-dress"),
)  # fmt: skip
