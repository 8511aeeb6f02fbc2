"""OpenPose's decoding: milliseconds a photo against a straightforward loop, and how many people of crowded scenes come out right.

    python benchmarks/openpose.py [--rounds 5] [--scenes 300] [--network]

Maps are those that training aims at (the published weights are not needed). ``--network`` also times both networks with random
weights, whose speed does not depend on their values, at 368 x 232: a portrait photo.
"""

from __future__ import annotations

import argparse
import runpy
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from fittingroom.annotate.pose.maps import ideal_fields, ideal_heat
from fittingroom.annotate.pose.network import NETWORKS
from fittingroom.annotate.pose.people import Person, Thresholds, decode
from fittingroom.annotate.pose.skeletons import BODY25, COCO18, Skeleton

make_scene = runpy.run_path(str(Path(__file__).resolve().parent.parent / "tests/annotate/pose/conftest.py"))[
    "make_scene"
]
GREEDY = Thresholds(matching="greedy")


def by_loops(heat: np.ndarray, fields: np.ndarray, skeleton: Skeleton, limits: Thresholds) -> list[dict[int, tuple]]:
    """Peaks, line integrals, greedy matching and assembly, one cell, pair and sample at a time."""
    candidates: list[list[tuple[float, float, float]]] = []
    for joint in range(len(skeleton.joints)):
        found = []
        for row in range(heat.shape[1]):
            for column in range(heat.shape[2]):
                value = heat[joint, row, column]
                if value <= limits.heat:
                    continue
                around = heat[joint, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                if value >= around.max():
                    found.append((float(column), float(row), float(value)))
        candidates.append(found)
    people: list[dict[int, tuple]] = []
    for limb, (first, second) in enumerate(skeleton.limbs):
        channel = skeleton.fields[limb]
        scored = []
        for i, a in enumerate(candidates[first]):
            for j, b in enumerate(candidates[second]):
                length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
                if length == 0:
                    continue
                ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
                values = []
                for step in range(1, limits.samples + 1):
                    share = step / (limits.samples + 1)
                    x, y = round(a[0] + share * (b[0] - a[0])), round(a[1] + share * (b[1] - a[1]))
                    values.append(ux * fields[channel, y, x] + uy * fields[channel + 1, y, x])
                mean = sum(values) / len(values) + min(0.5 * heat.shape[1] / length - 1, 0)
                if mean > 0 and sum(value > limits.field for value in values) >= limits.agreement * len(values):
                    scored.append((mean, i, j))
        used_i, used_j = set(), set()
        for _, i, j in sorted(scored, reverse=True):
            if i in used_i or j in used_j:
                continue
            used_i.add(i)
            used_j.add(j)
            ends = {first: (i, *candidates[first][i]), second: (j, *candidates[second][j])}
            joined = [one for one in people if any(one.get(k, (None,))[0] == v[0] for k, v in ends.items())]
            if not joined:
                people.append(ends)
            elif len(joined) == 1:
                joined[0].update({k: v for k, v in ends.items() if k not in joined[0]})
            elif not set(joined[0]) & set(joined[1]):
                joined[0].update(joined[1])
                people.remove(joined[1])
    return [one for one in people if len(one) >= limits.joints]


def crowd(count: int, skeleton: Skeleton, grid: tuple[int, int]) -> np.ndarray:
    """People from several scenes, side by side."""
    people: list[np.ndarray] = []
    seed = 100
    while len(people) < count:
        people.extend(make_scene(seed, skeleton, grid).people)
        seed += 1
    return np.array(people[:count])


def milliseconds(run: Callable[[], Any], rounds: int) -> float:
    """Median of several runs, after one for warming up."""
    run()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def right(people: list[Person], groups: np.ndarray) -> int:
    """How many groups of joints came out as somebody with exactly those joints, each within half a cell."""
    left, count = list(people), 0
    for group in groups:
        seen = group[:, 2] > 0
        for person in left:
            same = bool(((person.joints[:, 2] > 0) == seen).all())
            if same and np.linalg.norm((person.joints - group)[seen, :2], axis=1).max() < 0.5:
                left.remove(person)
                count += 1
                break
    return count


def spoilt(
    people: np.ndarray, skeleton: Skeleton, random: np.random.Generator, really: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Ideal maps, or what a network might make of them: wider, 0.85 as strong, with noise of 0.015 (heat) and 0.05 (fields)."""
    heat, fields = ideal_heat(people, (46, 82), 1.1 if really else 0.875), ideal_fields(people, (46, 82), skeleton)
    if really:
        heat = 0.85 * heat + random.normal(0, 0.015, heat.shape)
        fields = 0.85 * gaussian_filter(fields, (0, 0.8, 0.8)) + random.normal(0, 0.05, fields.shape)
    return heat.astype(np.float32), fields.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--network", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| maps of a photo 368 high | body | people | loop, ms | ours, ms | ours greedy, ms |")
    print("|---|---|---|---|---|---|")
    for skeleton in (COCO18, BODY25):
        for count, grid in ((1, (46, 29)), (1, (46, 82)), (6, (46, 82)), (30, (46, 164))):
            people = crowd(count, skeleton, grid)
            heat, fields = ideal_heat(people, grid), ideal_fields(people, grid, skeleton)
            cells = [
                milliseconds(
                    lambda h=heat, f=fields, s=skeleton: by_loops(h, f, s, GREEDY), max(options.rounds // 2, 1)
                ),
                milliseconds(lambda h=heat, f=fields, s=skeleton: decode(h, f, s), options.rounds),
                milliseconds(lambda h=heat, f=fields, s=skeleton: decode(h, f, s, GREEDY), options.rounds),
            ]
            print(
                f"| {grid[0]}x{grid[1]} | {skeleton.name} | {count} | "
                + " | ".join(f"{one:.1f}" for one in cells)
                + " |"
            )
    print(f"\n| {options.scenes} scenes of 3 to 6 people | body | matching | scenes right | parts of people right |")
    print("|---|---|---|---|---|")
    ways = {"optimal": Thresholds(), "optimal, ends not asked": Thresholds(ends=False), "greedy": GREEDY}
    for skeleton in (COCO18, BODY25):
        scenes = [make_scene(seed, skeleton) for seed in range(2000, 2000 + options.scenes)]
        for kind in ("ideal", "blurred, weak, noisy"):
            random = np.random.default_rng(1)
            maps = [spoilt(one.people, skeleton, random, kind != "ideal") for one in scenes]
            for name, limits in ways.items():
                whole = parts = total = 0
                for scene, (heat, fields) in zip(scenes, maps, strict=True):
                    people = decode(heat, fields, skeleton, limits)
                    good = right(people, scene.groups)
                    whole += good == len(scene.groups) == len(people)
                    parts, total = parts + good, total + len(scene.groups)
                print(f"| {kind} | {skeleton.name} | {name} | {whole} | {parts} of {total} |")
    if options.network:
        print("\n| network, 368x232, one thread | s a photo |\n|---|---|")
        for name, kind in NETWORKS.items():
            network = kind().eval()
            with torch.inference_mode():
                print(f"| {name} | {milliseconds(lambda n=network: n(torch.zeros(1, 3, 368, 232)), 2) / 1000:.2f} |")


if __name__ == "__main__":
    main()
