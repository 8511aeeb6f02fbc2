"""Small vocabularies for small text encoders: byte pairs (Sennrich et al., ACL 2016) learned from the prompts at hand.

What is written is read by the same tokenizer class as CLIP's own vocabulary; every text can be said in it, if need be byte
by byte.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from ...core.files import write_json, write_text

BEGINNING, END = "<|startoftext|>", "<|endoftext|>"
#: what ends a word
_STOP = "</w>"
#: words, single digits, and runs of other signs
_WORD = re.compile(r"[^\W\d_]+|\d|[^\s\w]+|_+")


def byte_letters() -> list[str]:
    """The printable stand-ins of the 256 bytes in byte-level vocabularies, in byte order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(byte if byte in plain else next(spare)) for byte in range(256)]


def learn(prompts: Iterable[str], merges: int) -> list[tuple[str, str]]:
    """The pairs that are most often neighbours, in the order in which they are joined; ties by the alphabet.

    Args:
        prompts: to learn from.
        merges: how many pairs at most; pairs that occur once are not joined.
    """
    letters = byte_letters()
    counts = Counter(word for prompt in prompts for word in _WORD.findall(prompt.lower()))
    words = []
    for word, count in sorted(counts.items()):
        said = [letters[byte] for byte in word.encode()]
        words.append(([*said[:-1], said[-1] + _STOP], count))
    learned: list[tuple[str, str]] = []
    while len(learned) < merges:
        pairs: Counter[tuple[str, str]] = Counter()
        for parts, count in words:
            for pair in pairwise(parts):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        learned.append(best)
        words = [(_joined(parts, best), count) for parts, count in words]
    return learned


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out


def vocabulary(merges: Sequence[tuple[str, str]] = ()) -> dict[str, int]:
    """Token -> id: single bytes, bytes at a word's end, joined pairs, beginning and end."""
    letters = byte_letters()
    joined = list(dict.fromkeys("".join(pair) for pair in merges))
    tokens = [*letters, *(letter + _STOP for letter in letters), *joined, BEGINNING, END]
    return {token: index for index, token in enumerate(tokens)}


def write_tokenizer(
    folder: Path, words: Mapping[str, int], merges: Sequence[tuple[str, str]], padding: str, room: int
) -> None:
    """Write a tokenizer's folder.

    Args:
        folder: of the tokenizer.
        words: token -> id.
        merges: pairs in order.
        padding: token that fills a prompt up.
        room: tokens of a prompt, beginning and end among them.
    """
    write_json(folder / "vocab.json", dict(words))
    write_text(folder / "merges.txt", "".join(["#version: 0.2\n", *(f"{a} {b}\n" for a, b in merges)]))
    write_settings(folder, padding, room)


def write_settings(folder: Path, padding: str, room: int) -> None:
    """The settings of a tokenizer whose vocabulary is there."""
    special = {"bos_token": BEGINNING, "eos_token": END, "unk_token": END, "pad_token": padding}
    write_json(
        folder / "tokenizer_config.json", {**special, "model_max_length": room, "tokenizer_class": "CLIPTokenizer"}
    )
