"""From embeddings and per-picture values to the values and protocols of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError
from ..core.files import sha256_json
from .catalogue import metric_info
from .fid_infinity import fid_infinity
from .frechet import ReferenceFactor, bootstrap_frechet, frechet_to_reference
from .kid import kid
from .stats import Interval, mean_interval, percentile_interval, resample_indices
from .values import Protocol, Value

#: fewer results than this and a Fréchet distance is mostly bias; the size of VITON-HD's test set
FEW = 2032
_REGION = "fittingroom.data.regions: parts of the category, 2 % of the height wider, without face, hair, hands, shoes"
_PICTURE_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "ssim": {"window": "Gaussian 11x11, sigma 1.5", "range": "[0, 1]"},
    "ms-ssim": {"window": "Gaussian 11x11, sigma 1.5", "scales": 5, "range": "[0, 1]"},
    "psnr": {"range": "8 bit", "identical pictures": "count as 100 dB"},
    "psnr-outside": {
        "range": "8 bit",
        "identical pictures": "count as 100 dB",
        "compared with": "the person's photo",
        "region kept": _REGION,
    },
    "de2000-outside": {
        "colour": "CIEDE2000 in CIELAB (D65)",
        "compared with": "the person's photo",
        "region kept": _REGION,
    },
    "garment-de2000": {
        "colour": "earth mover's distance between palettes under CIEDE2000",
        "region": "where a garment of the category is worn, without its rim",
    },
    "garment-de2000-truth": {
        "colour": "CIEDE2000 in CIELAB (D65), pixel by pixel",
        "compared with": "the true photo",
        "region": "where a garment of the category is worn in the person's photo, without its rim",
    },
}


@dataclass(frozen=True)
class Summary:
    """Everything that was collected over the pictures.

    Args:
        per_picture: metric -> picture -> value.
        features: backbone -> ``(N, d)``.
        reference: backbone -> ``(M, d)``.
        settings: backbone -> settings.
        lpips_settings: trunk -> settings.
        codec: of the generated pictures.
        truth_codec: of the true ones.
        reference_codec: of the real photos.
        reference_digests: SHA-256 of every real photo, sorted.
        seed: of subsets and resamples.
    """

    per_picture: Mapping[str, Mapping[str, float]]
    features: Mapping[str, npt.NDArray[np.float32]]
    reference: Mapping[str, npt.NDArray[np.float32]]
    settings: Mapping[str, Mapping[str, Any]]
    lpips_settings: Mapping[str, Mapping[str, Any]]
    codec: str
    truth_codec: str
    reference_codec: str
    reference_digests: tuple[str, ...]
    seed: int


def _distance(name: str, backbone: str, data: Summary) -> tuple[Interval, str]:
    """One distance between sets, its interval, and what must be said beside it."""
    nothing = Interval(math.nan, math.nan, math.nan)
    if backbone not in data.features or backbone not in data.reference:
        return nothing, "no pictures" if backbone not in data.features else "no reference photos"
    features, reference = data.features[backbone].astype(np.float64), data.reference[backbone].astype(np.float64)
    resamples = resample_indices(len(features), seed=data.seed)
    try:
        if name.startswith(("kid", "kd")):
            found = kid(features, reference, seed=data.seed, resamples=resamples)
            note = f"mean of 100 subsets of {found.subset_size}: {found.subset_mean:.3f} ± {found.subset_std:.3f}"
            replicates = found.replicates
            return (
                percentile_interval(found.value, replicates)
                if replicates is not None
                else Interval(found.value, math.nan, math.nan)
            ), note
        factor = ReferenceFactor.of(reference)
        if "-inf-" in name:
            line = fid_infinity(features, factor, seed=data.seed)
            return Interval(line.value, math.nan, math.nan), line.note
        value = frechet_to_reference(features, factor)
        interval = percentile_interval(value, bootstrap_frechet(features, factor, resamples, distance=value))
    except InputError as error:
        return nothing, error.problem
    few = (
        f"only {len(features)} results against {len(reference)} photos: the value is mostly bias, compare equal numbers only"
        if len(features) < FEW
        else ""
    )
    return interval, few


def _mixed(data: Summary, other: str) -> str:
    if other not in ("none", data.codec):
        return f"codecs differ: {data.codec} against {other}"
    return ""


def summarise(wanted: Sequence[str], data: Summary) -> tuple[list[Value], dict[str, Protocol]]:
    """Values of the set and of every picture, metric by metric, and their protocols.

    A mean of per-picture values has a bootstrap interval (BCa); the seed makes the same resamples for every method.
    """
    values: list[Value] = []
    protocols: dict[str, Protocol] = {}
    for name in wanted:
        info = metric_info(name)
        if info.kind == "set":
            backbone = name.rsplit("-", 1)[1]
            settings = {
                **data.settings[backbone],
                "codec": data.codec,
                "reference codec": data.reference_codec,
                "reference photos": len(data.reference_digests),
                "reference sha256": sha256_json(list(data.reference_digests))[:16],
                "seed": data.seed,
            }
            protocol = Protocol(name, settings)
            interval, note = _distance(name, backbone, data)
            count = len(data.features.get(backbone, ()))
            notes = "; ".join(filter(None, (note, _mixed(data, data.reference_codec))))
            values.append(Value(name, "", interval.value, interval.low, interval.high, count, protocol.id, notes))
        else:
            per_picture = data.per_picture[name]
            if not per_picture:
                continue
            trunk = name.split("-")[1] if name.startswith("lpips-") else ""
            settings = dict(data.lpips_settings[trunk]) if trunk else dict(_PICTURE_SETTINGS[name])
            if name.endswith("-region"):
                settings["region"] = "where a garment of the category is worn, without its rim; mean of the spatial map"
            settings |= {"codec": data.codec, "seed": data.seed}
            against_truth = "truth" in info.needs
            if against_truth:
                settings |= {
                    "truth codec": data.truth_codec,
                    "truth resize": "to the result's size, Pillow bicubic, float; none where equal",
                }
            protocol = Protocol(name, settings)
            numbers = np.array(list(per_picture.values()))
            interval = mean_interval(numbers, seed=data.seed)
            note = _mixed(data, data.truth_codec) if against_truth else ""
            values.append(Value(name, "", interval.value, interval.low, interval.high, len(numbers), protocol.id, note))
            values.extend(
                Value(name, item, value, math.nan, math.nan, 1, protocol.id) for item, value in per_picture.items()
            )
        protocols[protocol.id] = protocol
    return values, protocols
