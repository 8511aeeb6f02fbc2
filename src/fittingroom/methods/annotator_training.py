"""What the trainings of both embedded annotators share: people kept small in memory, an encoder that may have learned already, one rate."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, cast

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ..annotate.parser.inputs import person_box
from ..core.errors import FittingroomError, InputError
from ..core.files import sha256_file, sha256_json, write_json
from ..core.images import Size, UInt8
from ..core.pose import Pose
from ..data.dataset import Dataset
from ..data.sample import Person
from ..nn.efficientnet import EfficientNetLite
from .task import Task

#: rate of an encoder that has learned already, as a share of the others'
_ENCODER = 0.3
#: share of photos that lose their colour
_COLOURLESS = 0.05


class Config(Protocol):
    """What settings of such a network have."""

    @property
    def size(self) -> Size:
        """(height, width) of its input."""
        ...

    @property
    def width(self) -> float:
        """Factor of the encoder's channels."""
        ...

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the decoder."""
        ...

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        ...


Kept = TypeVar("Kept")


def change_colours(picture: UInt8, random: np.random.Generator) -> UInt8:
    """Another light and another camera: gains, contrast, gamma, saturation, noise."""
    x = picture.astype(np.float32) / 255
    x = x ** np.float32(2 ** random.normal(0, 0.25))
    x = (x - 0.5) * np.float32(2 ** random.normal(0, 0.25)) + np.float32(0.5 + random.normal(0, 0.07))
    x *= (2 ** random.normal(0, 0.08, 3)).astype(np.float32)
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * np.float32(0 if random.random() < _COLOURLESS else 2 ** random.normal(0, 0.35))
    if random.random() < 0.3:
        x += random.normal(0, random.uniform(0, 0.04), x.shape).astype(np.float32)
    return np.asarray(np.rint(x.clip(0, 1) * 255), np.uint8)


class AnnotatorTask(Task):
    """See :class:`fittingroom.methods.task.Task`; classes below add items and losses."""

    #: what the training is called
    kind: ClassVar[str]
    #: what a person must have
    needs: ClassVar[tuple[str, ...]]
    #: steps over which the rate rises
    warmup: ClassVar[int]
    #: names of the weights' and the settings' files
    files: ClassVar[tuple[str, str]]
    #: photos are kept so many times larger than they are shown, so that looking from near finds something
    kept: ClassVar[float]

    config: Config
    lr: float
    steps: int

    def _gather(self, data: Iterable[Dataset]) -> None:
        """Decode everybody who has what is needed; a line for everybody else.

        Raises:
            InputError: nobody is left.
        """
        self.people: list[Person] = []
        self.refused = []
        self._seen: dict[int, Any] = {}
        self._names: list[str] = []
        for each in data:
            self._names.append(each.name)
            for person in each.people.values():
                if absent := [need for need in self.needs if not person.has(need)]:
                    self.refused.append(f"{person.id} has no {', '.join(absent)}")
                    continue
                try:
                    self._seen[len(self.people)] = self._decoded(person)
                except FittingroomError as error:
                    self.refused.append(str(error))
                else:
                    self.people.append(person.fresh())
        if not self.people:
            names = ", ".join(self._names) or "no dataset"
            raise InputError(f"nobody in {names} can be learned from", mend="annotate first")

    @abstractmethod
    def _decoded(self, person: Person) -> Any:
        """A person's photo and annotations, no larger than they are needed."""

    def _kept_size(self, pose: Pose, own: Size) -> Size:
        size = self.config.size
        shrink = min(1.0, self.kept * size[0] / float(person_box(pose, own, size[1] / size[0])[2]))
        return max(1, round(shrink * own[0])), max(1, round(shrink * own[1]))

    def _read(self, index: int) -> Any:
        if index not in self._seen:  # another process, which got no photos along
            self._seen[index] = self._decoded(self.people[index])
        return self._seen[index]

    def _piece(self, size: Size, random: np.random.Generator, sides: tuple[float, float]) -> tuple[UInt8, int, int]:
        """A piece of another photo that is to stand in front of one of a size, and where: its top and left.

        Args:
            size: (height, width) of the picture that is covered.
            random: draws.
            sides: smallest and largest share of the picture's sides.
        """
        other = self._read(int(random.integers(len(self.people))))[0]
        tall, wide = (
            min(most, int(side * random.uniform(*sides))) for most, side in zip(other.shape[:2], size, strict=True)
        )
        y, x = (
            int(random.integers(0, most - side + 1)) for most, side in zip(other.shape[:2], (tall, wide), strict=True)
        )
        top, left = (int(random.integers(0, most - side + 1)) for most, side in zip(size, (tall, wide), strict=True))
        return other[y : y + tall, x : x + wide], top, left

    def _begin(self, network: nn.Module, start: nn.Module | None, encoder: Path | None, average: float) -> None:
        """Take first weights, and make the optimiser.

        Raises:
            InputError: a start of other widths, or a file of other weights.
        """
        self._started = ""
        if start is not None:
            own, other = self.config.as_json(), cast(Config, start.config).as_json()
            if {**other, "size": own["size"]} != own:
                raise InputError(
                    f"the {self.kind} to begin with has other widths", mend="give the same width, depth and widths"
                )
            network.load_state_dict(start.state_dict())
            self._started = sha256_json([float(value.double().sum()) for value in start.state_dict().values()])
        elif encoder is not None:
            cast(EfficientNetLite, network.encoder).read(encoder)
            self._started = sha256_file(encoder)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.modules = {"network": network}
        self.averages = {"network": average}
        named = dict(network.named_parameters())
        known = [value for name, value in named.items() if name.startswith("encoder.")]
        new = [value for name, value in named.items() if not name.startswith("encoder.")]
        groups = [{"params": new, "share": 1.0}, {"params": known, "share": _ENCODER if self._started else 1.0}]
        self.optimizers = {"network": torch.optim.AdamW(groups, lr=self.lr, weight_decay=0.02, fused=True)}

    def __len__(self) -> int:
        return len(self.people)

    def __getstate__(self) -> dict[str, Any]:
        return {"people": self.people, "config": self.config, "_seen": {}}

    def _set_rate(self, number: int) -> torch.optim.Optimizer:
        """The optimiser, its rate that of a step: rising, then falling along a cosine."""
        optimizer = self.optimizers["network"]
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, number / self.steps)))
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * self.lr * min(1.0, (number + 1) / self.warmup) * max(fall, 0.01)
        return optimizer

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """Write the network in half precision, and its settings."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
            for name, value in self._written(dict(averaged["network"].state_dict())).items()
        }
        save_file(tensors, folder / self.files[0])
        write_json(folder / self.files[1], self.config.as_json())

    def _written(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What of a network is written."""
        return state

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        return {
            "method": self.kind,
            "config": self.config.as_json(),
            "lr": self.lr,
            "steps": self.steps,
            "average": self.averages["network"],
            "start": self._started,
            "data": self._names,
            "people": sha256_json([person.id for person in self.people]),
        }
