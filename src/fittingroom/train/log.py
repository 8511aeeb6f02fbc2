"""The log of a training: one JSON line every few steps, and its curves as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.files import atomic_write

#: what a line holds besides the task's own numbers
_MEASURED = ("step", "pictures", "seconds", "pictures_per_second", "memory_mb")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All lines, a last one that was cut off by a crash excepted."""
    path = folder / "log.jsonl"
    found = []
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return found


class TrainingLog:
    """Appends to ``log.jsonl``; lines behind the checkpoint that is resumed from are dropped.

    Args:
        folder: of the training.
        step: steps done.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        kept = [line for line in read_log(folder) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        with atomic_write(self.path) as file:
            file.write(text.encode())
        self.seconds_before = float(kept[-1]["seconds"]) if kept else 0.0

    def write(self, line: Mapping[str, Any]) -> None:
        """Add one line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(line)) + "\n")


def draw_curves(folder: Path) -> Path | None:
    """Draw every logged number over the pictures shown, ``curves.png``; None where there is too little to draw."""
    lines = read_log(folder)
    names = [name for name in dict.fromkeys(key for line in lines for key in line) if name not in _MEASURED]
    if len(lines) < 2 or not names:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, index + 1)
        points = [(line["pictures"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), linewidth=1)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.set_xlabel("training pictures", fontsize=7)
        axes.grid(alpha=0.3)
    path = folder / "curves.png"
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=110)
    return path
