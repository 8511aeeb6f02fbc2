"""Fréchet and kernel distance: our way against the usual one, on the same features in the same process.

    python benchmarks/frechet.py           # d = 2048; N = 200 and 2032 (a minute or two)
    python benchmarks/frechet.py --quick   # d = 256;  N = 100 and 300 (seconds)

Fréchet: covariances and ``scipy.linalg.sqrtm`` of their product, against ``frechet_distance``; and a reference prepared once.
Kernel: a loop over subsets that computes three kernels for each, against ``kid``, which also gives the value of the
whole sets. Our times are the median of three, the usual ones of one run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import scipy.linalg

from fittingroom.metrics.fid_infinity import fid_infinity
from fittingroom.metrics.frechet import ReferenceFactor, bootstrap_frechet, frechet_distance, frechet_to_reference
from fittingroom.metrics.kid import SCALE, kid, seeded_subsets
from fittingroom.metrics.stats import resample_indices

T = TypeVar("T")


def features(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Non-negative float32 features with a decaying spectrum, like those behind a ReLU."""
    mix = np.random.default_rng(99).normal(size=(d, d)) / np.sqrt(d)
    scale = (1.0 + np.arange(d)) ** -0.7
    values = np.random.default_rng(seed).normal(size=(n, d)) * scale @ mix * 3 + 0.1 + shift
    return np.maximum(values, 0).astype(np.float32)


def timed(task: Callable[[], T], repeats: int = 1) -> tuple[float, T]:
    """Median seconds, and what the task gives."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = task()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def usual_frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Means, covariances and the square root of their product, as most implementations do."""
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    gap = a.mean(axis=0, dtype=np.float64) - b.mean(axis=0, dtype=np.float64)
    return float(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root).real)


def usual_kid(a: np.ndarray, b: np.ndarray, chosen_a: np.ndarray, chosen_b: np.ndarray) -> float:
    """Three kernels for each subset."""
    values = []
    for rows_a, rows_b in zip(chosen_a, chosen_b, strict=True):
        x, y = a[rows_a].astype(np.float64), b[rows_b].astype(np.float64)
        m = len(x)
        within = (x @ x.T / x.shape[1] + 1) ** 3 + (y @ y.T / x.shape[1] + 1) ** 3
        between = (x @ y.T / x.shape[1] + 1) ** 3
        values.append((within.sum() - np.trace(within)) / (m * (m - 1)) - 2 * between.mean())
    return SCALE * float(np.mean(values))


def frechet_speedup(n: int, d: int) -> tuple[float, float, float]:
    """Seconds of the usual way, seconds of ours, and their relative difference in value."""
    a, b = features(n, d, 1), features(n, d, 2, 0.02)
    ours, value = timed(lambda: frechet_distance(a, b), 3)
    usual, expected = timed(lambda: usual_frechet(a, b))
    return usual, ours, abs(value - expected) / expected


def kid_speedup(n: int, d: int) -> tuple[float, float, float]:
    """Seconds of the usual way, seconds of ours, and their relative difference in value."""
    a, b = features(n, d, 1), features(n, d, 2, 0.02)
    ours, value = timed(lambda: kid(a, b), 3)
    chosen = [seeded_subsets(n, value.subset_size, 100, 0, stream) for stream in (0, 1)]
    usual, expected = timed(lambda: usual_kid(a, b, *chosen))
    return usual, ours, abs(value.subset_mean - expected) / abs(expected)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    d, sizes = (256, (100, 300)) if quick else (2048, (200, 2032))
    print(f"{'d = ' + str(d):28} {'usual, s':>10} {'ours, s':>10} {'ratio':>9} {'relative difference':>21}")
    for title, measure in (("Fréchet", frechet_speedup), ("kernel, 100 subsets", kid_speedup)):
        for n in sizes:
            usual, ours, difference = measure(n, d)
            print(
                f"{title + f', N = {n}':28} {usual:10.3f} {ours:10.4f} {usual / ours:8.1f}x {difference:21.1e}",
                flush=True,
            )
    print()
    for n in sizes:
        a, b = features(n, d, 1), features(n, d, 2, 0.02)
        seconds, reference = timed(lambda b=b: ReferenceFactor.of(b))
        once, _ = timed(lambda a=a, r=reference: frechet_to_reference(a, r), 3)
        rows = resample_indices(n)
        interval, _ = timed(lambda a=a, r=reference, i=rows: bootstrap_frechet(a, r, i))
        limit, _ = timed(lambda a=a, r=reference: fid_infinity(a, r))
        print(
            f"N = {n}: prepare a reference {seconds:.3f} s, distance from it {once:.3f} s, "
            f"interval of 2000 resamples {interval:.2f} s, extrapolation {limit:.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
