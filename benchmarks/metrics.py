"""How long a whole evaluation takes, and how much of it is spent inside the backbones.

    python benchmarks/metrics.py [--pairs 200] [--repeat 3] [--frechet]

Makes textured pictures of 320x512 and full-size Inception and AlexNet with random weights (speed does not depend on their
values), measures all default metrics of the pairs without a cache, and prints the share of the time spent in the networks.
``--frechet`` also runs benchmarks/frechet.py.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch

from fittingroom.core.images import write_png
from fittingroom.metrics.engine import Context, Picture, evaluate_pictures
from fittingroom.metrics.inception import Inception
from fittingroom.metrics.trunks import alexnet

METRICS = (
    "fid-clean",
    "kid-clean",
    "lpips-alex",
    "ssim",
    "ms-ssim",
    "psnr",
    "psnr-outside",
    "de2000-outside",
    "garment-de2000",
)
SIZE = (512, 320)


def textured(generator: np.random.Generator) -> np.ndarray:
    """A picture with structure at all scales, which compresses like a photo."""
    out = np.zeros((*SIZE, 3))
    for scale in (2, 8, 32, 128):
        coarse = generator.normal(size=(SIZE[0] // scale + 2, SIZE[1] // scale + 2, 3))
        out += cv2.resize(coarse, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_CUBIC) * scale**0.6
    return np.clip(128 + 14 * out, 0, 255).astype(np.uint8)


def make(folder: Path, pairs: int) -> tuple[list[Picture], list[Path], dict[str, Path]]:
    generator = np.random.default_rng(0)
    pictures, truths = [], []
    outside = np.ones(SIZE, bool)
    outside[120:330, 80:240] = False
    for index in range(pairs):
        truth = textured(generator)
        result = truth.copy()
        result[~outside] = np.clip(
            result[~outside] + generator.normal(0, 20, (int((~outside).sum()), 3)), 0, 255
        ).astype(np.uint8)
        truths.append(folder / "truth" / f"{index}.png")
        write_png(truths[-1], truth)
        write_png(folder / "generated" / f"{index}.png", result)
        context = Context(truth, outside, ~outside, truth, ~outside)
        pictures.append(
            Picture(str(index), folder / "generated" / f"{index}.png", truths[-1], lambda context=context: context)
        )
    torch.manual_seed(0)
    files = {
        "inception": folder / "inception.pth",
        "alexnet": folder / "alexnet.pth",
        "lpips-alex": folder / "heads.pth",
    }
    torch.save(Inception().state_dict(), files["inception"])
    trunk = alexnet()
    torch.save(trunk.state_dict(), files["alexnet"])
    torch.save(
        {f"lin{index}.model.1.weight": torch.rand(1, width, 1, 1) for index, width in enumerate(trunk.channels)},
        files["lpips-alex"],
    )
    return pictures, truths, files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--frechet", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        pictures, truths, files = make(Path(name), arguments.pairs)
        evaluate_pictures(pictures[:4], truths[:4], METRICS, overrides=files)  # networks loaded, kernels chosen
        print(
            f"{arguments.pairs} pairs of {SIZE[1]}x{SIZE[0]}, {torch.get_num_threads()} threads, {len(METRICS)} metrics, no cache"
        )
        print(f"{'run':>4} {'seconds':>9} {'in backbones':>13} {'share':>7} {'pairs/s':>8}")
        shares, totals = [], []
        for run in range(arguments.repeat):
            seconds = evaluate_pictures(pictures, truths, METRICS, overrides=files).seconds
            shares.append(seconds["backbones"] / seconds["total"])
            totals.append(seconds["total"])
            rate = arguments.pairs / seconds["total"]
            print(f"{run + 1:4d} {totals[-1]:9.2f} {seconds['backbones']:13.2f} {shares[-1]:7.1%} {rate:8.1f}")
        print(f"median: {statistics.median(totals):.2f} s, {statistics.median(shares):.1%} inside the backbones")
    if arguments.frechet:
        subprocess.run([sys.executable, str(Path(__file__).with_name("frechet.py"))], check=True)


if __name__ == "__main__":
    main()
