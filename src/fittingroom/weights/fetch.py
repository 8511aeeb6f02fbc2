"""Getting published weights: from a file that the user has, from the cache, or from a mirror, always checked."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..core.errors import InputError, MissingError
from ..core.files import cache_folder, sha256_file
from .manifest import Entry, entries, entry

_CHUNK = 1 << 18
_TIMEOUT_S = 30


def weights_folder() -> Path:
    """Where fetched and imported weights are kept."""
    return cache_folder() / "weights"


def find(name: str, overrides: Mapping[str, Path] | None = None) -> Path | None:
    """The file of published weights if it is on this machine.

    Looked for in this order: ``overrides``, ``$FITTINGROOM_WEIGHTS/<file>``, the cache (as imported safetensors, then as
    fetched).
    """
    if overrides and name in overrides:
        return overrides[name]
    known = entry(name)
    candidates = [weights_folder() / f"{name}.safetensors", weights_folder() / known.file]
    if own := os.environ.get("FITTINGROOM_WEIGHTS"):
        candidates = [Path(own) / known.file, *candidates]
    return next((path for path in candidates if path.is_file()), None)


def require(name: str, overrides: Mapping[str, Path] | None = None) -> Path:
    """As :func:`find`, but missing weights are an error.

    Raises:
        MissingError: says what, from where, how large, under which licence, and the command that provides it.
    """
    path = find(name, overrides)
    if path is None:
        known = entry(name)
        if not known.mirrors:
            raise _by_hand(known)
        source = known.mirrors[0].split("/")[2]
        raise MissingError(
            f"weights {name!r} ({known.purpose}) are not here: {known.size / 1e6:.3g} MB from {source}, {known.licence}",
            mend=f"fittingroom weights fetch {name}, or --weights-file {name}=PATH",
        )
    return path


def _by_hand(known: Entry) -> MissingError:
    return MissingError(
        f"weights {known.name!r} ({known.purpose}) are not here: {known.size / 1e6:.3g} MB, licence: {known.licence}; "
        f"no program can fetch them from {known.where}",
        mend=f"get them there, then `fittingroom weights import {known.name} FILE`",
    )


def fetch(name: str, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Download a file unless it is in the cache, trying its mirrors in order; an interrupted download goes on.

    Args:
        name: in the manifest.
        progress: called with (bytes done, bytes in all).

    Returns:
        The file in the cache.

    Raises:
        InputError: unknown name.
        MissingError: offline, no mirror answers, or none has the right file.
    """
    known = entry(name)
    target = weights_folder() / known.file
    beside = [file for file in known.companions if not target.with_name(file).is_file()]
    if not beside and target.is_file() and known.matches(sha256_file(target)):
        return target
    if os.environ.get("FITTINGROOM_OFFLINE") == "1":
        raise MissingError(
            f"weights {name!r} are not here and FITTINGROOM_OFFLINE=1", mend=f"copy {known.file} to {weights_folder()}"
        )
    if not known.mirrors:
        raise _by_hand(known)
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for file in beside:
        small = replace(known, sha256="", sha256_prefix="")
        if problem := _download(known.companions[file], small, target.with_name(file), None):
            raise MissingError(f"{file} of {name!r} could not be fetched ({problem})", mend="try again later")
    if beside and target.is_file() and known.matches(sha256_file(target)):
        return target
    for mirror in known.mirrors:
        problem = _download(mirror, known, target, progress)
        if problem is None:
            return target
        failures.append(f"{mirror.split('/')[2]}: {problem}")
    raise MissingError(
        f"weights {name!r} could not be fetched ({'; '.join(failures)})",
        mend=f"download {known.mirrors[0]} elsewhere and use --weights-file {name}=PATH",
    )


def _download(address: str, known: Entry, target: Path, progress: Callable[[int, int], None] | None) -> str | None:
    """One try at one mirror; None when the file is there, else what went wrong."""
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            if have and answer.status != http.client.PARTIAL_CONTENT:
                have = 0  # the mirror begins again from the start
            total = have + int(answer.headers.get("Content-Length") or 0)
            with part.open("ab" if have else "wb") as out:
                while chunk := answer.read(_CHUNK):
                    out.write(chunk)
                    have += len(chunk)
                    if progress:
                        progress(have, max(total, have))
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)  # longer than the file itself: nothing to go on with
            return _download(address, known, target, progress)
        return f"HTTP {error.code}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    if total and have < total:
        return f"broke off after {have} of {total} bytes; the next try goes on there"
    digest = sha256_file(part)
    if not known.matches(digest):
        part.unlink()
        return f"wrong file (SHA-256 begins with {digest[:8]})"
    part.replace(target)
    return None


def verify(name: str, path: Path) -> str:
    """What is wrong with a file of published weights, or nothing.

    Converted files (safetensors) are named by their content when imported and are checked for being readable only, as are
    files whose hash nobody has published.
    """
    known = entry(name)
    if not known.tensors:
        return "" if path.stat().st_size else "empty"
    if path.suffix == ".safetensors" or not (known.sha256 or known.sha256_prefix):
        from .convert import read_tensors

        try:
            read_tensors(path)
        except InputError as error:
            return error.problem
        return ""
    digest = sha256_file(path)
    return (
        ""
        if known.matches(digest)
        else f"SHA-256 begins with {digest[:8]}, expected {(known.sha256 or known.sha256_prefix)[:8]}"
    )


def verify_all() -> Iterator[tuple[str, Path, str]]:
    """(name, path, problem or empty) of everything that is here."""
    for known in entries():
        path = find(known.name)
        if path is not None:
            yield known.name, path, verify(known.name, path)
