"""Datasets that come with the package, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .drawn import NAME as DRAWN
from .drawn import ensure as ensure_drawn

#: rendered people and garments with counterfactuals, as files of the package
RENDERED = "studio-mini"
FOLDER = Path(__file__).parent / "studio_mini"

EMBEDDED: Mapping[str, Callable[[], Path]] = {RENDERED: lambda: FOLDER, DRAWN: ensure_drawn}


def embedded(name: str) -> Path | None:
    """The folder of an embedded dataset; None where there is none of that name."""
    made = EMBEDDED.get(name)
    return None if made is None else made()


def embedded_name(root: Path) -> str | None:
    """The name of the embedded dataset whose folder this is; None for any other folder."""
    if root.resolve() == FOLDER.resolve():
        return RENDERED
    # drawn into the cache, in a folder named by the hash of the drawing code
    drawn = root.name.startswith(f"{DRAWN}-") and root.parent.name == "datasets"
    return DRAWN if drawn else None
