"""Files: atomic writing, hashing, JSON with one-line errors."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import InputError

_CHUNK = 1 << 20


@contextlib.contextmanager
def atomic_write(path: Path | str) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under ``path`` complete or not at all.

    The bytes go to a temporary file in the same folder, are flushed to the disk and then renamed over ``path``.
    A process killed at any moment leaves either the old file or the new one, never half of one.

    Args:
        path: the final name; its folder is made when it is missing.

    Yields:
        A binary file object.

    Raises:
        InputError: the folder cannot be written.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part", delete=False
        ) as handle:
            temporary = Path(handle.name)
            yield handle  # type: ignore[misc]
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot be written ({error.strerror or error})", mend="check the folder's rights and free space", path=path
        ) from error
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_write(path) as handle:
        handle.write(data)


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, value: Any) -> None:
    """Write ``value`` as indented JSON with a stable key order, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises:
        InputError: the file is missing, not UTF-8 or not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError("no such file", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read as text ({type(error).__name__})", path=path) from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"not valid JSON (line {error.lineno}: {error.msg})", mend="write the file again", path=path
        ) from error


def read_object(path: Path | str, says: str = "not a JSON object") -> dict[str, Any]:
    """Read a JSON object; an empty one where there is no file.

    Raises:
        InputError: it cannot be read, or is no object.
    """
    path = Path(path)
    value = read_json(path) if path.is_file() else {}
    if not isinstance(value, dict):
        raise InputError(says, mend="mend it or move it away", path=path)
    return value


def sha256_file(path: Path | str) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form: equal values give equal hashes whatever their key order."""
    return sha256_bytes(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8"))


def cache_folder() -> Path:
    """Folder for downloads and cached embeddings: ``$FITTINGROOM_CACHE`` or ``~/.cache/fittingroom``."""
    chosen = os.environ.get("FITTINGROOM_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fittingroom"


def file_name(text: str) -> str:
    """A name that every file system takes; distinct ids stay distinct."""
    plain = re.sub(r"[^\w.+=@-]", "_", text, flags=re.ASCII)
    # folders are called . and .., and some systems drop dots at the end
    if plain == text and len(text) <= 180 and text and not text.endswith("."):
        return text
    return f"{plain[:160]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
