"""On-disk layouts of datasets, one file each, and opening a folder of any of them."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import InputError
from ..dataset import Dataset
from ..embedded import EMBEDDED, embedded
from .base import Layout
from .dress_code import DressCode
from .photos import Photos
from .upt import Upt
from .viton_hd import VitonHd

#: asked in this order; the bare folder of photos takes what nobody else knows
_LAYOUTS: tuple[Layout, ...] = (VitonHd(), DressCode(), Upt(), Photos())


def layout_names() -> list[str]:
    """Names of all layouts."""
    return [entry.name for entry in _LAYOUTS]


def layout(name: str) -> Layout:
    """The layout called ``name``.

    Raises:
        InputError: no such layout.
    """
    for entry in _LAYOUTS:
        if entry.name == name:
            return entry
    raise InputError(f"no layout named {name!r}", mend=f"choose from {', '.join(layout_names())}")


def open_dataset(path: Path | str, *, layout: str | None = None, split: str | None = None) -> Dataset:
    """Open a folder of any layout, or an embedded dataset; see :meth:`fittingroom.data.dataset.Dataset.open`."""
    root = Path(path)
    if not root.exists():
        root = embedded(str(path)) or root
    if not root.exists():
        named = " or ".join(EMBEDDED)
        raise InputError("no such folder", mend=f"name a dataset's folder, or the embedded {named}", path=root)
    if not root.is_dir():
        raise InputError("a file, not a dataset's folder", mend="name the folder that holds the photos", path=root)
    if layout:
        return _named(layout).read(root, split)
    for entry in _LAYOUTS:
        if entry.detect(root):
            return entry.read(root, split)
    raise InputError(
        "nothing in it looks like a dataset",
        mend=f"layouts are {', '.join(layout_names())}, see docs/datasets.md",
        path=root,
    )


def _named(name: str) -> Layout:
    return layout(name)


__all__ = ["Layout", "layout", "layout_names", "open_dataset"]
