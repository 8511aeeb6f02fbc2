"""Makes docs/images/demo.png, the picture of the README, from a run on the embedded dataset: python scripts/readme_picture.py RUN."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fittingroom.compare.run import Run
from fittingroom.core.images import read_image, write_png

SHOWN = ("dia__sun-tee", "ivy__meadow-dress", "gus__black-trousers", "ada__dotted-blouse")


def main() -> None:
    """Lay four try-ons beside each other."""
    run = Run.open(sys.argv[1])
    items = {item.id: item for item in run.items if item.setting == "unpaired"}
    rows = []
    for name in SHOWN:
        item = items[name]
        parts = [
            read_image(path)[6:498] for path in (run.person_image(item), run.garment_image(item), run.path(item.image))
        ]
        rows.append(np.concatenate(parts, axis=1)[::2, ::2])
    gap = np.full((rows[0].shape[0], 14, 3), 255, np.uint8)
    line = np.full((14, 2 * rows[0].shape[1] + 14, 3), 255, np.uint8)
    halves = [np.concatenate([rows[index], gap, rows[index + 1]], axis=1) for index in (0, 2)]
    target = Path(__file__).resolve().parent.parent / "docs" / "images" / "demo.png"
    write_png(target, np.concatenate([halves[0], line, halves[1]], axis=0))


if __name__ == "__main__":
    main()
