"""Makes docs/images/demo.jpg, the picture of the README, from a run on studio-mini: python scripts/readme_picture.py RUN."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fittingroom.compare.run import Run
from fittingroom.core.files import write_bytes
from fittingroom.core.images import encode_jpeg, read_image, resize_image

SHOWN = ("p0000__g0007", "p0006__g0001", "p0009__g0014", "p0019__g0008")
SIZE = (256, 192)


def main() -> None:
    """Lay four try-ons beside each other."""
    run = Run.open(sys.argv[1])
    items = {item.id: item for item in run.items if item.setting == "unpaired"}
    rows = []
    for name in SHOWN:
        item = items[name]
        files = (run.person_image(item), run.garment_image(item), run.path(item.image), run.path(item.truth))
        parts = [resize_image(read_image(path), SIZE) for path in files]
        rows.append(np.concatenate(parts, axis=1))
    gap = np.full((rows[0].shape[0], 14, 3), 255, np.uint8)
    line = np.full((14, 2 * rows[0].shape[1] + 14, 3), 255, np.uint8)
    halves = [np.concatenate([rows[index], gap, rows[index + 1]], axis=1) for index in (0, 2)]
    target = Path(__file__).resolve().parent.parent / "docs" / "images" / "demo.jpg"
    write_bytes(target, encode_jpeg(np.concatenate([halves[0], line, halves[1]], axis=0), 88))


if __name__ == "__main__":
    main()
