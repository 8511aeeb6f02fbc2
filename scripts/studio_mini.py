"""Make the embedded dataset ``studio-mini``: render, photos as JPEG, without what can be computed again.

    python scripts/studio_mini.py --rendered runs/studio-mini

The rendering (24 people, seed 7, 384x512) takes minutes to half an hour on two cores, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from fittingroom.core.files import read_json, sha256_file, sha256_json, write_bytes, write_json, write_text
from fittingroom.core.images import encode_jpeg, read_image
from fittingroom.core.progress import progress
from fittingroom.data.dataset import Dataset
from fittingroom.data.embedded import FOLDER, RENDERED
from fittingroom.studio.render import render

PEOPLE, SEED, SIZE, QUALITY = 24, 7, (512, 384), 95
PHOTOS = ("image", "cloth", "truth")
KEPT = ("cloth-mask", "image-parse-v3", "truth-parse", "openpose_json", "image-densepose")
FILES = ("captions.json", "dataset.json", "test_pairs_paired.txt", "test_pairs_unpaired.txt")


def main() -> None:
    """Render and convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rendered", type=Path, default=Path("runs/studio-mini"))
    source = parser.parse_args().rendered
    with progress("rendering") as report:
        done = render(source, PEOPLE, SEED, size=SIZE, name=RENDERED, progress=report)
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    for folder in PHOTOS:
        for path in sorted((source / folder).glob("*.png")):
            write_bytes(FOLDER / folder / f"{path.stem}.jpg", encode_jpeg(read_image(path), QUALITY))
    for folder in KEPT:
        for path in sorted((source / folder).iterdir()):
            write_bytes(FOLDER / folder / path.name, path.read_bytes())
    for name in FILES:
        text = (source / name).read_text(encoding="utf-8")
        write_text(FOLDER / name, text.replace(".png", ".jpg") if name.endswith(".txt") else text)
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.name != "dataset.json")
    info = read_json(FOLDER / "dataset.json")
    hashes = {path.relative_to(FOLDER).as_posix(): sha256_file(path) for path in files}
    info["files_sha256"] = sha256_json(hashes)
    write_json(FOLDER / "dataset.json", info)
    data = Dataset.open(FOLDER)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) / 1e6
    kinds = {kind: sum(g.category == kind for g in data.garments.values()) for kind in ("upper", "lower", "dress")}
    left = "\n".join(f"- {line}" for line in done.left_out) or "- nobody"
    write_text(
        FOLDER / "DATA_CARD.md",
        f"""# {RENDERED}

{len(data.people)} rendered people, {len(data.garments)} garments ({", ".join(f"{count} {kind}" for kind, count in kinds.items())}),
{len(data.truths)} counterfactuals: the same person in the same pose and light in another garment, so that *unpaired* try-on has
a true picture to be compared with. {size:.1f} MB, Apache-2.0. Nobody is depicted.

Made by `python scripts/studio_mini.py` (seed {SEED}, {SIZE[1]}x{SIZE[0]}, JPEG of quality {QUALITY} without chroma subsampling).
Keypoints, parse, masks and dense map are computed from the geometry, not estimated. See docs/studio.md for how, and for what is
wrong with it: the figures look like those of a game, light is a studio's, skirts and dresses are worn by women only.

SHA-256 over the hashes of all files: {info["files_sha256"]}

Left out by the automatic checks:

{left}
""",
    )
    print(f"{size:.1f} MB: {FOLDER}")


if __name__ == "__main__":
    main()
