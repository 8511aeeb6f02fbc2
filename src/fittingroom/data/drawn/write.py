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
from .catalogue import GARMENTS, PEOPLE, UNPAIRED
from .figure import Piece, draw_alone, draw_person

NAME = "drawn-mini"


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
        drawn = draw_person(look, stance, _wearing(name))
        put(f"image/{name}.png", encode_png(drawn.image))
        put(f"image-parse-v3/{name}.png", encode_png(drawn.labels, CIHP20.palette))
        put_json(f"openpose_json/{name}_keypoints.json", pose_to_openpose(drawn.pose))
        region = edit_region(Parse(drawn.labels, CIHP20), drawn.pose, _category(worn[-1]))
        put(f"agnostic-mask/{name}_mask.png", encode_png(region.astype(np.uint8) * 255))
        captions[name] = {"hair": look.cut, "wears": list(worn)}
        for garment in (garment for owner, garment in UNPAIRED if owner == name):
            truth = draw_person(look, stance, _wearing(name, garment))
            put(f"truth/{name}__{garment}.png", encode_png(truth.image))
    for name, piece in GARMENTS.items():
        image, mask = draw_alone(piece)
        put(f"cloth/{name}.png", encode_png(image))
        put(f"cloth-mask/{name}.png", encode_png(mask.astype(np.uint8) * 255))
        captions[name] = _caption(name)
    paired = [(name, garment) for name, (_, _, worn) in PEOPLE.items() for garment in reversed(worn)]
    put("test_pairs_paired.txt", "".join(f"{person}.png {garment}.png\n" for person, garment in paired).encode())
    put("test_pairs_unpaired.txt", "".join(f"{person}.png {garment}.png\n" for person, garment in UNPAIRED).encode())
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
