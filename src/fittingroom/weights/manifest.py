"""What published weights there are: names, files, mirrors, sizes, hashes, licences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from ..core.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One published file.

    Args:
        name: used in commands.
        file: name it is kept under.
        purpose: what it is for.
        size: in bytes; rounded where only a hash prefix is known.
        licence: of the weights.
        mirrors: addresses, tried in order.
        sha256: of the file; empty where only the first digits are known.
        sha256_prefix: first hexadecimal digits, which the publisher put into the file's name; empty where nobody published any.
        snapshot: of a StyleGAN snapshot (see :mod:`.stylegan_pickle`) the network that is wanted, else empty.
        parameters: how many numbers the wanted tensors hold, buffers included; 0 = not checked.
        companions: small text files without which the file is of no use: name -> address; kept beside it.
        where: in words where the file is, if no mirror can be fetched from by a program.
    """

    name: str
    file: str
    purpose: str
    size: int
    licence: str
    mirrors: tuple[str, ...]
    sha256: str = ""
    sha256_prefix: str = ""
    snapshot: str = ""
    parameters: int = 0
    where: str = ""
    companions: Mapping[str, str] = field(default_factory=dict)

    @property
    def tensors(self) -> bool:
        """Whether the file holds tensors; vocabularies do not, and a graph (ONNX) is more than its tensors."""
        return not self.file.endswith((".json", ".txt", ".onnx"))

    def matches(self, digest: str) -> bool:
        """Whether a SHA-256 is this file's, as far as it is known."""
        return digest == self.sha256 if self.sha256 else digest.startswith(self.sha256_prefix)


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """All published files that the project knows."""
    text = (files("fittingroom.weights") / "published.json").read_text(encoding="utf-8")
    return tuple(Entry(**{**entry, "mirrors": tuple(entry["mirrors"])}) for entry in json.loads(text))


def entry(name: str) -> Entry:
    """The file called ``name``.

    Raises:
        InputError: no such file; the message lists those there are.
    """
    for candidate in entries():
        if candidate.name == name:
            return candidate
    raise InputError(f"no weights named {name!r}", mend=f"there are: {', '.join(known.name for known in entries())}")
