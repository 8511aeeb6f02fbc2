"""Measuring a folder of pictures against another folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..core.errors import InputError
from ..core.images import IMAGE_SUFFIXES
from .cache import EmbeddingCache
from .catalogue import metric_info, resolve_metrics
from .engine import Evaluation, Picture, evaluate_pictures


def _images(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError("no such folder", path=folder)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(
                f"two pictures with the name {path.stem!r}: {found[path.stem].name} and {path.name}",
                mend="remove one",
                path=folder,
            )
        found[path.stem] = path
    if not found:
        raise InputError("no pictures in it", path=folder)
    return found


def evaluate(
    generated: Path | str,
    reference: Path | str,
    metrics: Sequence[str] = ("default",),
    *,
    seed: int = 0,
    cache: EmbeddingCache | None = None,
    overrides: Mapping[str, Path] | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure the pictures in a folder.

    Distances between sets use all pictures of both folders. Metrics of single pictures match by file name without suffix;
    they are refused where a generated picture has no partner, and left out of the groups ``default`` and ``all`` then.

    Args:
        generated: folder of generated pictures.
        reference: folder of real ones.
        metrics: names, aliases or groups.
        seed: of subsets and resamples.
        cache: of embeddings.
        overrides: weights name -> local file.
        device: torch device.
        progress: called with (done, total).

    Raises:
        InputError: a folder without pictures, an unknown metric, or no partner for a picture.
        MissingError: weights of a named metric are not here.
    """
    results, real = _images(Path(generated)), _images(Path(reference))
    names = resolve_metrics(metrics, overrides=overrides)
    alone = [stem for stem in results if stem not in real]
    explicit = {metric_info(name).name for name in metrics if name not in ("default", "all")}
    chosen = []
    for name in names:
        needs = metric_info(name).needs
        if "context" in needs:
            if name in explicit:
                raise InputError(f"{name} needs a dataset's annotations", mend="use `fittingroom compare`")
            continue
        if "truth" in needs and alone:
            if name in explicit:
                raise InputError(
                    f"{name} needs a partner for every picture, and {alone[0]!r} has none in {reference}",
                    mend="give both the same file names",
                    path=generated,
                )
            continue
        chosen.append(name)
    pictures = [Picture(stem, path, real.get(stem)) for stem, path in results.items()]
    return evaluate_pictures(
        pictures,
        list(real.values()),
        chosen,
        seed=seed,
        cache=cache,
        overrides=overrides,
        device=device,
        progress=progress,
    )
