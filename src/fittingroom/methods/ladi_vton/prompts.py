"""Prompts and their tokens. There are only four, so their ids are written down and no tokenizer is needed."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...data.sample import Category

#: id of the placeholder " $ ", whose embeddings the pseudo-words replace
WORD = 259
#: how many pseudo-words there are
WORDS = 16
#: tokens of a prompt; the rest is padded
LENGTH = 77
_BEGIN, _END = 49406, 49407
#: the base model's files contradict each other (end of text in one, "!" in the other). "!" it was in training, and the
#: UNet attends to the padding, so the other would change pictures
PAD = 0

_PHRASES: Mapping[Category, str] = {
    "upper": "an upper body garment",
    "lower": "a lower body garment",
    "dress": "a dress",
}
#: "a photo of a model wearing"
_OPENING = (320, 1125, 539, 320, 2863, 3309)
_PHRASE_IDS: Mapping[Category, tuple[int, ...]] = {
    "upper": (550, 7067, 1774, 31418),
    "lower": (320, 4909, 1774, 31418),
    "dress": (320, 2595),
}
#: every id that can occur, ascending; a small model has embeddings for these only
USED = tuple(sorted({_BEGIN, _END, PAD, WORD, *_OPENING, *(each for ids in _PHRASE_IDS.values() for each in ids)}))


def compact(ids: torch.Tensor) -> torch.Tensor:
    """Token ids -> places in :data:`USED`."""
    return torch.searchsorted(torch.tensor(USED, device=ids.device), ids)


def prompt(category: Category, words: int = WORDS) -> str:
    """The sentence that says what is worn; each ``$`` stands for a pseudo-word."""
    return f"a photo of a model wearing {_PHRASES[category]} {' $ ' * words}"


def _padded(*ids: int) -> torch.Tensor:
    return torch.tensor([*ids, *[PAD] * (LENGTH - len(ids))])


def tokens(category: Category, words: int = WORDS) -> torch.Tensor:
    """``(77,)`` int64 token ids of :func:`prompt` under the tokenizer of Stable Diffusion 2."""
    return _padded(_BEGIN, *_OPENING, *_PHRASE_IDS[category], *[WORD] * words, _END)


def empty() -> torch.Tensor:
    """``(77,)`` int64 token ids of the empty prompt, which guidance leads away from."""
    return _padded(_BEGIN, _END)
