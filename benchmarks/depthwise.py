"""Depth-wise convolutions of EfficientNet-Lite2 for 256x192, there and back, in bf16: the library's way and nn/depthwise.py's.

python benchmarks/depthwise.py [--batch 16]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from fittingroom.nn.depthwise import depthwise

#: channels, kernel, stride, height and width of the input (padded where the stride is 2)
SHAPES = (
    (32, 3, 1, 128, 96),
    (96, 3, 2, 129, 97),
    (144, 3, 1, 64, 48),
    (144, 5, 2, 67, 51),
    (288, 5, 1, 32, 24),
    (288, 3, 2, 33, 25),
    (528, 3, 1, 16, 12),
    (720, 5, 1, 16, 12),
    (1248, 5, 1, 8, 6),
)


def main() -> None:
    """Print median milliseconds of both and their ratio, in one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    sums = [0.0, 0.0]
    for channels, kernel, stride, height, width in SHAPES:
        x = torch.randn(given.batch, channels, height, width).contiguous(memory_format=torch.channels_last)
        x.requires_grad_()
        weight = torch.randn(channels, 1, kernel, kernel, requires_grad=True)
        padding = kernel // 2 if stride == 1 else 0
        spent: list[list[float]] = [[], []]
        for _ in range(given.rounds + 1):
            for index in range(2):
                begin = time.perf_counter()
                with torch.autocast("cpu", torch.bfloat16):
                    if index:
                        y = depthwise(x, weight, stride, padding)
                    else:
                        y = F.conv2d(x, weight, None, stride, padding, 1, channels)
                torch.autograd.grad(y, (x, weight), torch.ones_like(y))
                spent[index].append(1000 * (time.perf_counter() - begin))
        library, own = (statistics.median(each[1:]) for each in spent)
        sums[0], sums[1] = sums[0] + library, sums[1] + own
        shape = f"{channels} channels of {height}x{width}, {kernel}x{kernel}, stride {stride}"
        print(f"{shape:52s} library {library:6.1f} ms, own {own:6.1f} ms, ratio {library / own:4.1f}")
    print(f"{'together':52s} library {sums[0]:6.1f} ms, own {sums[1]:6.1f} ms, ratio {sums[0] / sums[1]:4.1f}")


if __name__ == "__main__":
    main()
