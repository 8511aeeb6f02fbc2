"""Runs as the app shows them."""

from __future__ import annotations

from pathlib import Path

from ..compare.run import Run
from ..report.tables import markdown_tables

GALLERY_PAIRS = 24


def list_runs(folder: Path) -> list[str]:
    """Names of the runs in a folder, newest first."""
    if not folder.is_dir():
        return []
    found = [path.parent for path in folder.glob("*/config.json")]
    return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def run_markdown(folder: Path) -> str:
    """The results of a run as Markdown tables."""
    return markdown_tables(Run.open(folder), "en")


def run_gallery(folder: Path, pairs: int = GALLERY_PAIRS) -> list[tuple[str, str]]:
    """(file, caption) of person, garment and each method's picture for the first pairs of each setting."""
    run = Run.open(folder)
    shown: list[tuple[str, str]] = []
    for setting in run.settings:
        ids = list(dict.fromkeys(item.id for item in run.items if item.setting == setting and item.image))[:pairs]
        for item_id in ids:
            items = [item for item in run.items if item.setting == setting and item.id == item_id and item.image]
            shown.append((str(run.person_image(items[0])), f"{setting}: {items[0].person}"))
            garment = run.garment_image(items[0])
            if garment.is_file():  # a method may take more from a photo of somebody than can be cut out
                shown.append((str(garment), items[0].garment))
            shown.extend((str(run.path(item.image)), item.method) for item in items)
    return shown
