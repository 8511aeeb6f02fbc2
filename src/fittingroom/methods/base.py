"""What a method is: a card that says what it needs and minimises, and a class that dresses a person."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import torch

from ..annotate.complete import complete
from ..annotate.makers import Makers
from ..core.errors import InputError, MissingError
from ..core.images import Size, UInt8
from ..data.dataset import Dataset
from ..data.sample import CATEGORIES, Category, Sample
from ..data.single import sample_from_files
from .task import Task

#: a text in several languages, by language code; always has "en" and "ru"
Text: TypeAlias = Mapping[str, str]
#: what ``conditions.py`` makes of a sample: named tensors or arrays
Conditions: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    r"""One term of what a method minimises; theory chapter, method pages and training log all read this object.

    Args:
        name: short name for logs, e.g. ``l1``.
        symbol: LaTeX of the term's symbol, e.g. ``\mathcal{L}_{1}``.
        formula: LaTeX of the right-hand side, in the subset that matplotlib's mathtext can set.
        weight: factor in the total.
        source: paper section or equation.
        text: what it does, one or two sentences.
        where: meaning of the formula's symbols.
        function: the implementation that runs; returns a scalar tensor.
    """

    name: str
    symbol: str
    formula: str
    weight: float
    source: str
    text: Text
    where: Text
    function: Callable[..., torch.Tensor]

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The unweighted value."""
        return self.function(*args, **kwargs)


@dataclass(frozen=True)
class MethodCard:
    """What one should know of a method before using it.

    Args:
        name: used on the command line, e.g. ``ladi-vton``.
        title: as the authors write it.
        family: e.g. "GAN", "latent diffusion", "geometric".
        reference: authors, title, venue and year of the paper; empty for our own.
        code_licence: licence of the implementation in this project.
        weights_licence: licence of the weights that it can load.
        needs: conditions it cannot do without, e.g. ``person.pose``; ``worn.*`` counts for worn garments only,
            ``wearer.*`` for the photo of somebody who wears the garment, whether it is given worn or alone.
        uses: conditions it takes when they are there.
        categories: categories of garments it can put on.
        native_size: (height, width) it works at; None = the photo's own.
        paired_training: whether training needs photos of the garment alone and worn.
        losses: everything it minimises.
        summary: two to five sentences on how it works.
        data: what a dataset must offer for inference and training.
        limits: what it cannot do.
    """

    name: str
    title: str
    family: str
    reference: str
    code_licence: str
    weights_licence: str
    needs: tuple[str, ...]
    summary: Text
    data: Text
    limits: Text
    uses: tuple[str, ...] = ()
    categories: tuple[Category, ...] = CATEGORIES
    native_size: Size | None = None
    paired_training: bool = False
    trained: bool = True
    losses: tuple[Loss, ...] = field(default=())


class Method(ABC):
    """A try-on system that is ready to run.

    A method never looks at the dataset: it is given samples. Its output for a sample depends on the sample, its own
    settings and the seed, and on nothing else (not on order, batch size or what ran before).
    """

    card: ClassVar[MethodCard]
    #: tables of a training recipe besides ``[train]``; none where a method is not trained here
    recipe_tables: ClassVar[tuple[str, ...]] = ()
    #: values of the setting ``vram`` of methods that plan for a graphics card's memory, ``auto`` first; none elsewhere
    vram_choices: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def load(cls, weights: str | Path | None = None, *, device: str = "cpu", **settings: Any) -> Self:
        """Make the method ready.

        Args:
            weights: None for the embedded ones, ``published``, or a folder or file.
            device: torch device.
            settings: the method's own options; unknown ones are refused.

        Raises:
            MissingError: the weights are not here; says what, from where, how large, under which licence.
            InputError: an unknown setting.
        """

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything besides sample and seed that the output depends on (JSON values, weights' hash included)."""

    @abstractmethod
    def conditions(self, sample: Sample) -> Conditions:
        """Sample -> the tensors that the network takes.

        Raises:
            InputError, MissingError: the sample cannot be used; one line says why.
        """

    @abstractmethod
    def generate(self, batch: Sequence[Conditions], seeds: Sequence[int]) -> list[UInt8]:
        """Dress each person of the batch.

        Returns:
            One ``(H, W, 3)`` uint8 photo for each, of the size of the person's photo.
        """

    def save(self, folder: Path) -> None:
        """Write weights and settings so that ``load(folder)`` restores this method."""
        raise InputError(f"{self.card.name} has no weights to save")

    @classmethod
    def training(cls, data: Dataset, recipe: Mapping[str, Mapping[str, Any]], seed: int) -> Task:
        """What the training loop needs of this method.

        Args:
            data: what is learned from.
            recipe: the tables named in :attr:`recipe_tables`; missing ones mean the published settings.
            seed: of the first weights.

        Raises:
            InputError: nothing to be trained, a setting that makes no sense, or nothing usable in the dataset.
            MissingError: something that training needs is not installed or not here.
        """
        raise InputError(
            f"{cls.card.name} is not trained", mend="choose another method; `fittingroom methods` lists them"
        )

    def run(self, sample: Sample, seed: int = 0) -> UInt8:
        """Check one sample, prepare it and dress the person.

        Raises:
            InputError, MissingError: see :meth:`conditions`.
        """
        self.check(sample)
        return self.generate([self.conditions(sample)], [seed])[0]

    def try_on(
        self,
        person: Path | str,
        garment: Path | str,
        *,
        seed: int = 0,
        annotate: bool = True,
        makers: Makers | None = None,
        worn: bool | None = None,
        **files: Any,
    ) -> UInt8:
        """Dress a person from loose photos; annotates what is missing.

        What is worth a look (low scores, several people) is warned of.

        Args:
            person: the person's photo.
            garment: the garment's photo.
            seed: of this picture.
            annotate: whether what is missing is made; else it is an error.
            makers: who makes it; by default the best annotators that are here.
            worn: whether somebody wears the garment in its photo; found out by default.
            files: category and annotation files, see :func:`fittingroom.data.single.sample_from_files`.

        Returns:
            ``(H, W, 3)`` uint8, of the size of the person's photo; scaled down to ``makers.reading.longest`` (1024) where
            none of its annotations were given.

        Raises:
            InputError, MissingError: one line that says what is broken, or all that is missing and what brings it.
        """
        sample = sample_from_files(person, garment, worn=worn, **files)
        if annotate:
            self.accept(sample)  # before any work
            completed = complete(sample, self.card.needs, self.card.uses, makers=makers, worn=worn)
            for line in completed.warnings:
                warnings.warn(line, stacklevel=2)
            sample = completed.sample
        return self.run(sample, seed)

    def accept(self, sample: Sample) -> None:
        """Refuse a garment that the method cannot put on, whatever its annotations.

        Raises:
            InputError: its category.
        """
        if sample.category not in self.card.categories:
            raise InputError(
                f"{self.card.name} cannot put on a garment of category {sample.category}",
                mend=f"it can do {', '.join(self.card.categories)}",
            )

    def check(self, sample: Sample) -> None:
        """Refuse a sample that lacks what the card says is needed.

        Raises:
            MissingError: a condition is missing.
            InputError: a category that the method cannot put on.
        """
        self.accept(sample)
        if missing := sample.missing(self.card.needs):
            raise MissingError(
                f"{sample.id}: {self.card.name} needs {', '.join(missing)}",
                mend="annotate the photos or choose another method",
            )
