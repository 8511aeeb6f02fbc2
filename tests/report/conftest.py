"""Runs made by hand: small, complete, with everything in them that a report must stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

import numpy as np
import pytest

from fittingroom.compare.run import Item, Row, Run, Timing, item_record
from fittingroom.core.files import file_name, write_json
from fittingroom.core.images import write_png
from fittingroom.metrics.stats import compare_methods, mean_interval

METHODS = ("baseline", "tuned", "else_where $5")
PROTOCOLS = {
    "fd-random": "aaaa0000",
    "kd-random": "bbbb0000",
    "lpips-random": "cccc0000",
    "psnr-outside": "dddd0000",
    "garment-de2000": "eeee0000",
    "third-party": "ffff0000",
}
Build = Callable[..., Run]


def _picture(random: np.random.Generator, tone: int) -> np.ndarray:
    """A smooth picture of its own, 96 x 72."""
    y, x = np.mgrid[0:96, 0:72]
    wave = 60 * np.sin(x / (4 + 8 * random.random()) + y / 17)
    return np.clip(np.stack([tone + wave, 140 + wave * random.random(), 200 - wave], axis=2), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Make a run.

    ``scores`` gives each method's LPIPS by setting; ``psnr`` its PSNR outside; ``sets`` (value, low, high) of the
    Fréchet distance; ``seconds`` its time. Comparisons and intervals are computed by the code that computes real ones.
    """

    def make(
        methods: Sequence[str] = METHODS,
        *,
        pairs: int = 8,
        settings: Sequence[str] = ("paired", "unpaired"),
        scores: Mapping[str, Sequence[float]] | None = None,
        sets: Mapping[str, tuple[float, float, float]] | None = None,
        seconds: Mapping[str, float] | None = None,
        devices: Mapping[str, str] | None = None,
        failing: Sequence[tuple[str, str, str]] = (),
        trained: bool = True,
        pasting: Sequence[str] = (),
        matching: Mapping[str, str] = MappingProxyType({}),
    ) -> Run:
        folder = tmp_path_factory.mktemp("run")
        random = np.random.default_rng(3)
        items: list[Item] = []
        timings: list[Timing] = []
        rows: list[Row] = []
        tests: list[dict[str, object]] = []
        ids = [(f"p{index}", f"g{index}") for index in range(pairs)]
        for person, garment in ids:
            write_png(folder / f"inputs/person/{person}.png", _picture(random, 90))
            write_png(folder / f"inputs/garment/{garment}.png", _picture(random, 30))
        for setting in settings:
            values: dict[str, dict[str, dict[str, float]]] = {
                name: {} for name in ("lpips-random", "psnr-outside", "garment-de2000")
            }
            for place, method in enumerate(methods):
                given = (scores or {}).get(method, [0.1 + 0.05 * place + 0.02 * float(random.random()) for _ in ids])
                for index, (person, garment) in enumerate(ids):
                    pair = f"{person}__{garment}"
                    failed = (method, setting, person) in failing
                    image = "" if failed else f"images/{file_name(method)}/{setting}/{pair}.png"
                    truth = f"inputs/person/{person}.png" if setting == "paired" else ""
                    error = "no <pose> & nothing to be seen" if failed else ""
                    items.append(Item(method, setting, pair, person, garment, "upper", 7 + index, image, truth, error))
                    if failed:
                        continue
                    write_png(folder / image, _picture(random, 60 + 40 * place))
                    taken = (seconds or {}).get(method, 0.5 * (place + 1))
                    device = (devices or {}).get(method, "cpu")
                    timings.append(
                        Timing(method, setting, pair, 0.1, taken * (0.9 + 0.2 * index / pairs), 400.0 + place, device)
                    )
                    if setting == "paired":
                        values["lpips-random"].setdefault(method, {})[pair] = float(given[index])
                    values["psnr-outside"].setdefault(method, {})[pair] = 40.0 + index
                    values["garment-de2000"].setdefault(method, {})[pair] = 3.0 + float(random.random())
                count = sum(bool(item.image) for item in items if (item.method, item.setting) == (method, setting))
                if count:
                    value, low, high = (sets or {}).get(method, (1.5 + place, 1.0 + place, 2.6 + place))
                    note = f"only {count} results against {pairs} photos: the value is mostly bias, compare equal numbers only"
                    rows.append(
                        Row(method, setting, "fd-random", "", value, low, high, count, PROTOCOLS["fd-random"], note)
                    )
                    missing = "no reference photos"
                    rows.append(
                        Row(
                            method,
                            setting,
                            "kd-random",
                            "",
                            math.nan,
                            math.nan,
                            math.nan,
                            count,
                            PROTOCOLS["kd-random"],
                            missing,
                        )
                    )
                    rows.append(
                        Row(
                            method,
                            setting,
                            "third-party",
                            "",
                            3.0 + place,
                            math.nan,
                            math.nan,
                            count,
                            PROTOCOLS["third-party"],
                        )
                    )
            for metric, found in values.items():
                shared = sorted(set.intersection(*(set(entries) for entries in found.values()))) if found else []
                for method, entries in found.items():
                    mean = mean_interval(np.array([entries[pair] for pair in shared]), seed=0, resamples=500)
                    protocol = PROTOCOLS[metric]
                    rows.append(
                        Row(method, setting, metric, "", mean.value, mean.low, mean.high, len(shared), protocol)
                    )
                    rows += [
                        Row(method, setting, metric, pair, entries[pair], math.nan, math.nan, 1, protocol)
                        for pair in shared
                    ]
                if len(found) > 1:
                    arrays = {method: np.array([entries[pair] for pair in shared]) for method, entries in found.items()}
                    made = compare_methods(arrays, seed=0, resamples=500)
                    tests += [
                        {"setting": setting, "metric": metric, "protocol": PROTOCOLS[metric], **asdict(test)}
                        for test in made
                    ]
        write_json(folder / "items.json", [item_record(item) for item in items])
        write_json(folder / "comparisons.json", tests)
        settings_of = {"codec": "png", "seed": 0, "subsets": [1, 2]}
        write_json(
            folder / "protocols.json",
            {key: {"metric": name, "settings": settings_of} for name, key in PROTOCOLS.items()},
        )
        gpu = {"name": "Test GPU", "memory_gb": 8.5, "driver": "555.1"}
        write_json(
            folder / "env.json",
            {"cpu": "Test <processor>", "cores": 2, "ram_gb": 7.5, "gpu": [gpu], "libraries": {"torch": "2.6"}},
        )
        names = {"tuned": "baseline"}
        entries = [
            {
                "label": m,
                "name": names.get(m, m),
                "weights": "",
                "settings": {
                    "light": 0.5,
                    "paste": m in pasting,
                    "keep_same": m in pasting,
                    "match": matching.get(m, "off"),
                },
                "trained": trained,
            }
            for m in methods
        ]
        info = {"licence": "made-up", "provenance": "made by a test"}
        dataset = {"name": "made <b>up</b>", "layout": "x", "people": pairs, "garments": pairs, "info": info}
        write_json(
            folder / "config.json", {"methods": entries, "metrics": list(PROTOCOLS), "seed": 7, "dataset": dataset}
        )
        run = Run(folder)
        run.write_rows(rows)
        run.write_timings(timings)
        return Run.open(folder)

    return make


@pytest.fixture(scope="session")
def run(build: Build) -> Run:
    """Three methods (one card shared by two, one unknown), a failure, values that are NaN, a metric nobody knows."""
    return build(failing=[("tuned", "unpaired", "p0")], trained=False)
