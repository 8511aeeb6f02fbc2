"""What a training begins with: the parts of a folder of weights, or new networks and a vocabulary of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from ...core.errors import InputError
from ...core.images import Size
from ..autoencoder import begin_gently
from ..requirement import need
from .network import garment_network, main_network
from .published import PADDING
from .recipe import PUBLISHED, Sizes
from .weights import TOKENIZERS, find_published, load_network, load_part, load_tokenizer, read_config, read_index
from .words import BEGINNING, END, learn, vocabulary, write_tokenizer


class Start:
    """Networks to begin with.

    Args:
        name: ``published``, a folder, or ``random``.
        sizes: of new networks; None for those of the folder.
        seed: of new weights.
        autoencoder: file of other weights for the autoencoder.

    Raises:
        MissingError: a folder without weights.
    """

    def __init__(self, name: str, sizes: Sizes | None, seed: int, autoencoder: Path | None = None) -> None:
        self.sizes, self.seed, self.autoencoder = sizes, seed, autoencoder
        self.folder: Path | None = None
        self.scheduler: Mapping[str, Any] = {} if sizes is None else sizes.scheduler
        self.size: Size
        if sizes is None:
            self.folder = find_published() if name == PUBLISHED else Path(name)
            index = read_index(self.folder)
            self.size = (index["size"][0], index["size"][1])
            self.scheduler = index.get("scheduler") or {}
        else:
            self.size = sizes.size
        self._words: dict[str, int] = {}
        self._merges: list[tuple[str, str]] = []

    def learn_words(self, prompts: Iterable[str]) -> None:
        """Make the vocabulary of new text encoders; nothing where there are tokenizers already."""
        if self.sizes is not None:
            self._merges = learn(prompts, self.sizes.merges)
            self._words = vocabulary(self._merges)

    def tokenizers(self, folder: Path) -> tuple[Any, Any]:
        """Both tokenizers; new ones are written to ``folder``."""
        self.write_tokenizers(folder)
        first, second = (load_tokenizer(folder, part) for part in TOKENIZERS)
        return first, second

    def write_tokenizers(self, folder: Path) -> None:
        """Write both tokenizers' folders."""
        for part in TOKENIZERS:
            if self.folder is not None:
                try:
                    shutil.copytree(self.folder / part, folder / part, dirs_exist_ok=True)
                except (OSError, shutil.Error) as error:
                    raise InputError("cannot be written", mend="check free space", path=folder / part) from error
            elif self.sizes is not None:
                write_tokenizer(folder / part, self._words, self._merges, PADDING[part], self.sizes.room)

    def network(self, part: str) -> Any:
        """A network with the weights to begin with, in float32, at rest.

        New networks have diffusers' and transformers' own initial values; a new garment network begins as a copy of the main
        one where both are alike, so that their features speak of the same things.

        Raises:
            InputError: the file of another network.
        """
        if part == "vae" and self.autoencoder is not None:
            config = read_config(self.folder / part) if self.folder is not None else self.sizes and self.sizes.vae
            return load_network(part, dict(config or {}), self.autoencoder, torch.float32)
        if self.folder is not None:
            return load_part(self.folder, part, torch.float32)
        assert self.sizes is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self._new(part, self.sizes)
            if part == "garment_unet":
                torch.manual_seed(self.seed)
                main = self._new("unet", self.sizes).state_dict()
                own = network.state_dict()
                shared = {name: main[name] for name, value in own.items() if main[name].shape == value.shape}
                network.load_state_dict({**own, **shared})
        return network.eval().requires_grad_(False)

    def _new(self, part: str, sizes: Sizes) -> Any:
        if part == "unet":
            return main_network(sizes.unet)
        if part == "garment_unet":
            return garment_network(sizes.unet)
        if part == "vae":
            return begin_gently(need("diffusers").AutoencoderKL.from_config(dict(sizes.vae)))
        transformers = need("transformers")
        # the summary of a prompt is taken where the end stands; the second encoder's padding has an id of its own
        config = transformers.CLIPTextConfig(
            vocab_size=len(self._words),
            hidden_size=sizes.width,
            intermediate_size=4 * sizes.width,
            projection_dim=sizes.pooled,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
            max_position_embeddings=sizes.room,
            bos_token_id=self._words[BEGINNING],
            eos_token_id=self._words[END],
            pad_token_id=self._words["!"],
        )
        kind = transformers.CLIPTextModel if part == "text_encoder" else transformers.CLIPTextModelWithProjection
        return kind(config)
