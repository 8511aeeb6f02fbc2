"""One decode pass and one embedding pass serve all metrics of a set of pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..core.errors import FittingroomError, InputError
from ..core.files import sha256_bytes
from ..core.images import UInt8, read_image, resize_image
from .backbones import FeatureExtractor, LpipsBackbone, extractor, lpips_backbone
from .cache import EmbeddingCache
from .catalogue import catalogue, metric_info
from .picture import Context, Picture
from .single import picture_values, torch_values
from .summary import Summary, summarise
from .values import Protocol, Value

__all__ = ["Context", "Evaluation", "Picture", "evaluate_pictures"]


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Args:
        values: of every metric: first of the whole set, then of each picture.
        protocols: id -> protocol, of every id that occurs in the values.
        failures: (id of the picture, one line) of what could not be read or measured.
        seconds: ``backbones`` and ``total``.
    """

    values: list[Value]
    protocols: dict[str, Protocol]
    failures: list[tuple[str, str]]
    seconds: dict[str, float] = field(default_factory=dict)

    def table(self) -> str:
        """Values of the whole set as plain text."""
        rows = [value for value in self.values if not value.item]
        width = max((len(value.metric) for value in rows), default=6)
        lines = [f"{'metric':{width}}  {'value':>9}  {'95 % interval':>21}  {'N':>5}  protocol"]
        for value in rows:
            interval = f"[{value.low:.4f}, {value.high:.4f}]" if np.isfinite(value.low) else ""
            note = f"  ({value.note})" if value.note else ""
            lines.append(
                f"{value.metric:{width}}  {value.value:9.4f}  {interval:>21}  {value.n:5d}  {value.protocol}{note}"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class _Loaded:
    """A decoded picture and what is measured without a network, or why there is none."""

    picture: Picture
    image: UInt8 | None = None
    digest: str = ""
    truth: UInt8 | None = None
    context: Context | None = None
    plain: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def _decode(path: Path) -> tuple[UInt8, str]:
    try:
        digest = sha256_bytes(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    return read_image(path), digest


def _load(picture: Picture, wanted: Sequence[str]) -> _Loaded:
    """Decode once, and compute everything that needs no network (in the background thread)."""
    try:
        image, digest = _decode(picture.generated)
    except FittingroomError as error:
        return _Loaded(picture, problems=(str(error),))
    problems: list[str] = []
    truth: UInt8 | None = None
    context: Context | None = None
    needs = {need for name in wanted for need in metric_info(name).needs}
    if picture.truth is not None and "truth" in needs:
        try:
            truth = resize_image(read_image(picture.truth), (image.shape[0], image.shape[1]))
        except FittingroomError as error:
            problems.append(str(error))
    if picture.context is not None and "context" in needs:
        try:
            context = picture.context()
            if context.person.shape != image.shape:
                photo = context.person.shape
                problems.append(
                    f"the result is {image.shape[1]}x{image.shape[0]} but the person's photo is {photo[1]}x{photo[0]}"
                )
                context = None
        except FittingroomError as error:
            problems.append(str(error))
    plain, lines = picture_values(image, truth, context, wanted)
    return _Loaded(picture, image, digest, truth, context, plain, (*problems, *lines))


def _ahead(work: Sequence[Any], load: Callable[[Any], Any]) -> Iterator[Any]:
    """Results of ``load`` in order, the next two being computed in a thread while one is used."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(load, entry) for entry in work[:2]]
        for index in range(len(work)):
            if index + 2 < len(work):
                waiting.append(pool.submit(load, work[index + 2]))
            yield waiting[index].result()
            waiting[index] = None  # type: ignore[call-overload]  # let the picture go


class _Embedder:
    """Embeddings of pictures through every backbone asked for, each picture once, through the cache."""

    def __init__(
        self, names: Sequence[str], overrides: Mapping[str, Path], device: str, cache: EmbeddingCache | None
    ) -> None:
        self.extractors: dict[str, FeatureExtractor] = {name: extractor(name, overrides, device) for name in names}
        self.cache = cache
        self.seconds = 0.0
        self._known: dict[tuple[str, str], npt.NDArray[np.float32]] = {}

    def missing(self, digest: str) -> list[str]:
        """Backbones that have not seen a picture yet; the others' embeddings are taken from the cache."""
        absent = []
        for name, backbone in self.extractors.items():
            if (name, digest) in self._known:
                continue
            kept = self.cache.get(digest, backbone.settings) if self.cache else None
            if kept is None:
                absent.append(name)
            else:
                self._known[name, digest] = kept
        return absent

    def embed(self, image: UInt8, digest: str) -> None:
        """Embed a picture where it is not known."""
        for name in self.missing(digest):
            begin = time.perf_counter()
            value = self.extractors[name].embed(image)
            self.seconds += time.perf_counter() - begin
            self._known[name, digest] = value
            if self.cache:
                self.cache.put(digest, self.extractors[name].settings, value)

    def matrix(self, name: str, digests: Sequence[str]) -> npt.NDArray[np.float32]:
        """``(N, d)`` embeddings of pictures, in order."""
        return np.stack([self._known[name, digest] for digest in digests])


def _codec(paths: Sequence[Path]) -> str:
    kinds = sorted(
        {"jpeg" if path.suffix.lower() in {".jpg", ".jpeg"} else path.suffix.lower().lstrip(".") for path in paths}
    )
    return "+".join(kinds) or "none"


def evaluate_pictures(
    pictures: Sequence[Picture],
    reference: Sequence[Path],
    metrics: Sequence[str],
    *,
    seed: int = 0,
    cache: EmbeddingCache | None = None,
    overrides: Mapping[str, Path] | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure a set of pictures.

    Every picture is decoded once and goes once through every network. While a network runs, the next pictures are decoded
    and measured by what needs no network. A picture that cannot be read is a failure of its own and leaves the others alone.

    Args:
        pictures: generated ones and what they are compared with.
        reference: real photos, for distances between sets.
        metrics: full names, see :func:`fittingroom.metrics.catalogue.resolve_metrics`.
        seed: of subsets and resamples.
        cache: of embeddings.
        overrides: weights name -> local file.
        device: torch device of the networks.
        progress: called with (pictures done, pictures in all).

    Returns:
        The evaluation; metrics for which a picture offers too little (no truth, no context) have no value for it.

    Raises:
        MissingError: weights of a named metric are not here.
    """
    with _all_threads():
        return _evaluate(pictures, reference, metrics, seed, cache, dict(overrides or {}), device, progress)


@contextmanager
def _all_threads() -> Iterator[None]:
    """Let torch use every core whatever the caller has set: the last bits of an embedding depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _evaluate(
    pictures: Sequence[Picture],
    reference: Sequence[Path],
    metrics: Sequence[str],
    seed: int,
    cache: EmbeddingCache | None,
    files: Mapping[str, Path],
    device: str,
    progress: Callable[[int, int], None] | None,
) -> Evaluation:
    begin = time.perf_counter()
    wanted = [name for name in catalogue() if name in {metric_info(metric).name for metric in metrics}]
    sets = [name for name in wanted if metric_info(name).kind == "set"]
    embedder = _Embedder(sorted({name.rsplit("-", 1)[1] for name in sets}), files, device, cache)
    trunks: dict[str, LpipsBackbone] = {
        name: lpips_backbone(name, files, device)
        for name in sorted({metric.split("-")[1] for metric in wanted if metric.startswith("lpips-")})
    }
    failures: list[tuple[str, str]] = []
    total = len(pictures) + (len(reference) if sets else 0)
    in_networks = 0.0

    real: list[str] = []
    if sets:
        for done, (path, found) in enumerate(_ahead(list(reference), lambda path: (path, _try(path)))):
            if isinstance(found, str):
                failures.append((path.stem, found))
            else:
                embedder.embed(*found)
                real.append(found[1])
            if progress:
                progress(done + 1, total)
    per_picture: dict[str, dict[str, float]] = {name: {} for name in wanted if name not in sets}
    digests: list[str] = []
    for done, loaded in enumerate(_ahead(list(pictures), lambda picture: _load(picture, wanted))):
        failures += [(loaded.picture.id, line) for line in loaded.problems]
        if loaded.image is not None:
            if sets:
                embedder.embed(loaded.image, loaded.digest)
                digests.append(loaded.digest)
            for name, value in loaded.plain.items():
                per_picture[name][loaded.picture.id] = value
            values, spent = torch_values(loaded.image, loaded.truth, loaded.context, wanted, trunks)
            in_networks += spent
            for name, value in values.items():
                per_picture[name][loaded.picture.id] = value
        if progress:
            progress(total - len(pictures) + done + 1, total)

    summary = Summary(
        per_picture=per_picture,
        features={name: embedder.matrix(name, digests) for name in embedder.extractors} if digests else {},
        reference={name: embedder.matrix(name, real) for name in embedder.extractors} if real else {},
        settings={name: backbone.settings for name, backbone in embedder.extractors.items()},
        lpips_settings={name: trunk.settings for name, trunk in trunks.items()},
        codec=_codec([picture.generated for picture in pictures]),
        truth_codec=_codec([picture.truth for picture in pictures if picture.truth is not None]),
        reference_codec=_codec(list(reference)),
        reference_digests=tuple(sorted(real)),
        seed=seed,
    )
    found_values, protocols = summarise(wanted, summary)
    seconds = {"backbones": embedder.seconds + in_networks, "total": time.perf_counter() - begin}
    return Evaluation(found_values, protocols, failures, seconds)


def _try(path: Path) -> tuple[UInt8, str] | str:
    try:
        return _decode(path)
    except FittingroomError as error:
        return str(error)
