"""The Python interface, as exported by ``import fittingroom as fr``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .compare.engine import compare as _compare
from .compare.engine import default_device
from .compare.job import SETTINGS, Job, MethodSpec
from .compare.run import Run as _Run
from .core.errors import InputError
from .data.dataset import Dataset
from .methods.registry import load_method
from .metrics.evaluate import evaluate
from .report import write_figures, write_report, write_tables
from .report.tables import text_table
from .train.loop import Trained
from .train.run import train

__all__ = ["Dataset", "Run", "Trained", "compare", "evaluate", "load_method", "train"]


class Run(_Run):
    """A run with its views: everything that :class:`fittingroom.compare.run.Run` holds, and tables, figures, reports."""

    def table(self) -> str:
        """The results as a plain-text table."""
        return text_table(self)

    def report(self, path: Path | str | None = None, *, language: str = "en") -> Path:
        """Write the self-contained HTML report; into the run where no path is given."""
        if language not in ("en", "ru"):
            raise InputError(f"no report in language {language!r}", mend="use en or ru")
        return write_report(self, Path(path) if path else None, language=language)

    def figures(self, folder: Path | str, *, language: str = "en") -> list[Path]:
        """Write the figures as PNG and PDF."""
        return write_figures(self, Path(folder), language)

    def tables(self, folder: Path | str, *, language: str = "en") -> list[Path]:
        """Write the tables as Markdown, CSV and LaTeX."""
        return write_tables(self, Path(folder), language)


def compare(
    data: Dataset | Path | str,
    methods: Sequence[str | MethodSpec],
    out: Path | str,
    *,
    metrics: Sequence[str] = ("default",),
    settings: Sequence[str] = SETTINGS,
    category: str = "",
    limit: int = 0,
    layout: str = "",
    split: str = "",
    seed: int = 0,
    device: str = "auto",
    weights_files: Mapping[str, Path] | None = None,
    **options: Any,
) -> Run:
    """Compare methods on a dataset.

    Args:
        data: a folder, the name of an embedded dataset, or an open dataset (its folder is read again).
        methods: names (``NAME@WEIGHTS`` too) or :class:`fittingroom.compare.job.MethodSpec` with settings.
        out: folder of the run; an unfinished run of the same job in it is continued.
        metrics: names, aliases or groups.
        settings: ``paired``, ``unpaired`` or both.
        category: only garments of this category.
        limit: at most so many pairs of each setting; 0 = all.
        layout: layout of the dataset.
        split: split of the dataset.
        seed: of the run.
        device: torch device, or ``auto``.
        weights_files: weights name -> local file, for backbones of metrics.
        options: ``shard``, ``executor``, ``workers``, ``quiet``, see :func:`fittingroom.compare.engine.compare`.

    Returns:
        The run.

    Raises:
        InputError, MissingError: the job cannot be started; a bad sample is never a reason.
    """
    if isinstance(data, Dataset):
        layout, data = layout or data.layout, data.root
    specs = tuple(entry if isinstance(entry, MethodSpec) else MethodSpec.parse(entry) for entry in methods)
    job = Job(
        dataset=str(data),
        methods=specs,
        layout=layout,
        split=split,
        category=category,
        settings=tuple(name for name in SETTINGS if name in settings),
        limit=limit,
        seed=seed,
        device=default_device() if device == "auto" else device,
    )
    return Run(_compare(job, out, metrics=metrics, weights_files=weights_files, **options).folder)
