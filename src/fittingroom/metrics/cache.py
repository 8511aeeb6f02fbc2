"""Embeddings kept on disk by the content of the picture and the protocol of the backbone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.files import sha256_json, write_bytes


class EmbeddingCache:
    """One small file per picture and backbone; a broken file counts as none.

    Args:
        folder: where; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, digest: str, settings: Mapping[str, Any]) -> Path:
        return self.folder / sha256_json(dict(settings))[:16] / digest[:2] / f"{digest}.npy"

    def get(self, digest: str, settings: Mapping[str, Any]) -> npt.NDArray[np.float32] | None:
        """The embedding ``(d,)`` of the picture with this SHA-256, or None."""
        try:
            value = np.load(io.BytesIO(self._path(digest, settings).read_bytes()), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if value.dtype != np.float32 or value.ndim != 1 or not np.isfinite(value).all():
            return None
        return np.asarray(value)

    def put(self, digest: str, settings: Mapping[str, Any], embedding: npt.NDArray[np.float32]) -> None:
        """Keep an embedding."""
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(embedding, dtype=np.float32), allow_pickle=False)
        write_bytes(self._path(digest, settings), buffer.getvalue())
