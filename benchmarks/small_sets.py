"""What intervals and extrapolation of the Fréchet distance are worth on few pictures.

    python benchmarks/small_sets.py coverage         # the shares in metrics/frechet.py: bootstrap_frechet
    python benchmarks/small_sets.py extrapolation    # the table in metrics/fid_infinity.py

Synthetic features of three distributions (d = 256) stand for those of a backbone, because only for them the truth is
known: the mean distance over many draws, and the distance of very many pictures. Each takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse

import numpy as np

from fittingroom.metrics.fid_infinity import fid_infinity
from fittingroom.metrics.frechet import Moments, ReferenceFactor, bootstrap_frechet, frechet_to_reference
from fittingroom.metrics.stats import percentile_interval, resample_indices

D = 256
KINDS = ("rectified", "heavy-tailed", "five clusters")


def draw(kind: str, n: int, generator: np.random.Generator, shift: float) -> np.ndarray:
    """``(n, D)`` features with a decaying spectrum."""
    mix = np.random.default_rng(99).normal(size=(D, D)) / np.sqrt(D)
    x = generator.normal(size=(n, D)) * ((1 + np.arange(D)) ** -0.7) @ mix * 3 + 0.1
    if kind == "rectified":
        return np.maximum(x + shift, 0)
    if kind == "heavy-tailed":
        return x * np.exp(0.5 * generator.normal(size=(n, 1))) + shift
    centres = np.random.default_rng(5).normal(size=(5, D)) * 0.3
    return x + centres[generator.integers(0, 5, n)] + shift


def coverage(draws: int, resamples: int) -> None:
    """How often 95 % intervals hold the expected distance."""
    generator = np.random.default_rng(0)
    print("distribution   N    E[distance]  plain  basic  ours   (coverage of 95 % intervals)  spread ours / true")
    for kind in KINDS:
        reference = ReferenceFactor.of(draw(kind, 500, np.random.default_rng(7), 0.0))
        for n in (50, 200, 600):
            rows = resample_indices(n, resamples)
            distances, ends, spreads = [], {"plain": [], "basic": [], "ours": []}, []
            for _ in range(draws):
                x = draw(kind, n, generator, 0.05)
                distance = frechet_to_reference(x, reference)
                replicates = bootstrap_frechet(x, reference, rows, distance=distance)
                plain = np.quantile([frechet_to_reference(x[index], reference) for index in rows], [0.025, 0.975])
                ours = percentile_interval(distance, replicates)
                distances.append(distance)
                spreads.append(replicates.std())
                ends["plain"].append(plain)
                ends["basic"].append(2 * distance - plain[::-1])
                ends["ours"].append((ours.low, ours.high))
            expected = np.mean(distances)
            shares = [np.mean([low <= expected <= high for low, high in found]) for found in ends.values()]
            print(
                f"{kind:14} {n:4} {expected:10.3f}   " + "  ".join(f"{share:5.2f}" for share in shares),
                f"{np.mean(spreads) / np.std(distances):30.2f}",
                flush=True,
            )


def extrapolation(draws: int) -> None:
    """Ratio of plain and extrapolated distance to the distance of 120,000 pictures."""
    generator = np.random.default_rng(0)
    print("distribution   N     N/d   plain / true  extrapolated / true")
    for kind in KINDS:
        reference = ReferenceFactor.of(draw(kind, 2000, np.random.default_rng(7), 0.0))
        many = [frechet_to_reference(Moments.of(draw(kind, 60_000, generator, 0.05)), reference) for _ in range(2)]
        truth = float(np.mean(many))
        for n in (128, 200, 400, 1000, 2000):
            results = [fid_infinity(draw(kind, n, generator, 0.05), reference, seed=seed) for seed in range(draws)]
            plain = np.mean([result.distances[-1] for result in results])
            value = np.mean([result.value for result in results])
            print(f"{kind:14} {n:4} {n / D:6.1f} {plain / truth:12.2f} {value / truth:18.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("coverage", "extrapolation"))
    parser.add_argument("--draws", type=int, default=0, help="repetitions (120 for coverage, 12 for extrapolation)")
    parser.add_argument("--resamples", type=int, default=200)
    options = parser.parse_args()
    if options.what == "coverage":
        coverage(options.draws or 120, options.resamples)
    else:
        extrapolation(options.draws or 12)
