"""What a layout is: a way to lay a dataset on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from ..dataset import Dataset


class Layout(ABC):
    """Reads a folder into a :class:`Dataset` without decoding anything, and writes one back."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def detect(self, root: Path) -> bool:
        """Whether ``root`` looks like this layout; cheap (file names only)."""

    @abstractmethod
    def read(self, root: Path, split: str | None = None) -> Dataset:
        """List ``root``. Broken entries become issues of the dataset; they never raise.

        Raises:
            InputError: the folder as a whole cannot be used.
        """

    @abstractmethod
    def write(self, dataset: Dataset, root: Path) -> list[str]:
        """Write ``dataset`` into the new folder ``root`` in this layout.

        Returns:
            One line for everything that this layout cannot hold (empty when nothing was lost).

        Raises:
            InputError: ``root`` exists and is not empty, or a photo cannot be read.
        """
