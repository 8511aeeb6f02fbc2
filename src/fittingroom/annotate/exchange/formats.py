"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InputError
from . import coco, cvat, label_studio, labelme
from .model import Bundle, Photos


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        name: as given on the command line.
        title: the tool's name, written into the journal.
        file: suffix of the file that it writes; empty where it writes a folder.
        write: (what, where).
        read: (where, the dataset's photos, called with one line for each bad entry).
    """

    name: str
    title: str
    file: str
    write: Callable[[Bundle, Path], None]
    read: Callable[[Path, Photos, Callable[[str], None]], Bundle]


FORMATS: Mapping[str, Format] = {
    entry.name: entry
    for entry in (
        Format("coco", "COCO", ".json", coco.write, coco.read),
        Format("cvat", "CVAT", "", cvat.write, cvat.read),
        Format("label-studio", "Label Studio", "", label_studio.write, label_studio.read),
        Format("labelme", "labelme", "", labelme.write, labelme.read),
    )
}


def exchange_format(name: str) -> Format:
    """The format called ``name``.

    Raises:
        InputError: no such format.
    """
    if name not in FORMATS:
        raise InputError(f"no format named {name!r}", mend=f"choose from {', '.join(FORMATS)}")
    return FORMATS[name]
