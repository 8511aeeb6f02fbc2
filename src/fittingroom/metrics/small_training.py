r"""Training of the small network behind ``fd-mini`` and ``lpips-mini``.

It learns two things from photos with a parse: to put disturbances of a picture in order of their strength, by LPIPS's own
formula, and to tell the parts of a dressed person apart. Nobody's judgement was asked: unlike LPIPS's published heads it does
not know which *kind* of disturbance people mind most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from ..core.errors import FittingroomError, InputError
from ..core.files import write_json
from ..core.images import Size, UInt8, read_image, resize_image, to_image
from ..core.labels import CIHP20
from ..data.dataset import Dataset
from ..data.sample import Person
from ..methods.task import Loop, Task
from ..nn.small_network import WIDTHS, SmallNetwork, random_network
from .distortions import DISTORTIONS, bent, blurred, coarse, noisy, tinted, two_strengths
from .lpips import lpips_from_taps, scaled_input, uniform_heads

#: side of the squares that are learned from
CROP = 128
#: parts of the label map that are told apart: id of CIHP-20 -> group
_GROUPS = ((0,), (1, 2, 4), (13,), (5, 7, 11), (6,), (9,), (12,), (3, 10, 14, 15, 16, 17), (8, 18, 19))
#: steps over which the rate rises, and weight of the cross-entropy beside the order
_WARMUP, _PARTS = 100, 0.3
#: how sharply a wrong order counts: factor of the logarithm of the two distances' ratio
_SHARP = 4.0
FILE = "small_network.safetensors"
#: disturbances that change less of what is worn than another garment does
_MILD = (
    (bent, 0.1),
    (bent, 0.3),
    (blurred, 0.6),
    (coarse, 0.6),
    (noisy, 0.1),
    (noisy, 0.3),
    (tinted, 0.3),
    (tinted, 0.6),
)


def grouped(labels: np.ndarray) -> np.ndarray:
    """CIHP-20 ids -> groups 0 to 8."""
    table = np.zeros(len(CIHP20), np.int64)
    for group, ids in enumerate(_GROUPS):
        table[list(ids)] = group
    return table[labels]


class Reader(nn.Module):
    """Parts of the person from the taps, one linear layer a tap; used in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Conv2d(width, len(_GROUPS), 1) for width in WIDTHS)

    def forward(self, taps: list[torch.Tensor]) -> torch.Tensor:
        """Taps -> logits ``(B, 9, H, W)`` at the size of the second tap."""
        size = taps[1].shape[-2:]
        votes = [
            F.interpolate(head(tap), size, mode="bilinear", align_corners=False)
            for head, tap in zip(self.heads, taps, strict=True)
        ]
        return torch.stack(votes).sum(dim=0)


def order_loss(taps: list[list[torch.Tensor]]) -> torch.Tensor:
    r"""Cross-entropy of the two distortions' order: :math:`\ln(1 + (d_1 / d_2)^k)`.

    Args:
        taps: of the picture, of the weaker and of the stronger distortion.
    """
    heads = [head.to(taps[0][0].device) for head in uniform_heads(WIDTHS)]
    weak, strong = (lpips_from_taps(each, taps[0], heads).clamp_min(1e-8).log() for each in taps[1:])
    return F.softplus(_SHARP * (weak - strong)).mean()


class SmallTask(Task):
    """See :class:`fittingroom.methods.task.Task`.

    Args:
        data: people with parse.
        lr: AdamW's rate at its highest.
        steps: over which it falls to zero.
        seed: unused; the network begins with the fixed seed of :func:`.small_network.random_network`.

    Raises:
        InputError: nobody with a parse.
    """

    def __init__(self, data: Dataset, lr: float = 1e-3, steps: int = 4000, seed: int = 1) -> None:
        self.people: list[Person] = []
        self.refused = []
        self.lr, self.steps = lr, steps
        for person in data.people.values():
            try:
                size = person.fresh().parse().size
                if min(size) < CROP:
                    raise InputError(f"{person.id} is only {size[1]}x{size[0]}")
            except FittingroomError as error:
                self.refused.append(str(error))
            else:
                self.people.append(person.fresh())
        if not self.people:
            raise InputError(f"nobody in {data.name} can be learned from", path=data.root)
        torch.manual_seed(seed)
        self.network, self.reader = random_network(), Reader()
        self.modules = {"network": self.network, "reader": self.reader}
        self.averages = {"network": 4000.0}
        self.optimizers = {
            "all": torch.optim.AdamW(
                [*self.network.parameters(), *self.reader.parameters()], lr=lr, weight_decay=1e-4, fused=True
            )
        }
        self._seen: dict[int, tuple[UInt8, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.people)

    def __getstate__(self) -> dict[str, Any]:
        return {"people": self.people, "_seen": {}}

    def _read(self, index: int) -> tuple[UInt8, np.ndarray]:
        if index not in self._seen:
            person = self.people[index].fresh()
            self._seen[index] = person.image(), grouped(person.parse().labels)
        return self._seen[index]

    def _square(self, index: int, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        photo, labels = self._read(index)
        top, left = (int(random.integers(0, side - CROP + 1)) for side in labels.shape)
        place = (slice(top, top + CROP), slice(left, left + CROP))
        picture = torch.from_numpy(photo[place].copy()).permute(2, 0, 1).float() / 127.5 - 1
        parts = torch.from_numpy(labels[place].copy())
        if random.random() < 0.5:
            picture, parts = picture.flip(-1), parts.flip(-1)
        return picture, parts

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """See :meth:`Task.item`: ``picture``, ``weak``, ``strong`` ``(3, 128, 128)``, ``parts`` ``(128, 128)``, ``kind``."""
        random = np.random.default_rng(seed)
        picture, parts = self._square(index, random)
        other, _ = self._square(int(random.integers(len(self.people))), random)
        kind = int(random.integers(len(DISTORTIONS)))
        weak, strong = two_strengths(picture, other, kind, int(random.integers(1 << 31)))
        return {"picture": picture, "weak": weak, "strong": strong, "parts": parts, "kind": torch.tensor(kind)}

    def _taps(self, network: nn.Module, batch: Mapping[str, torch.Tensor]) -> list[list[torch.Tensor]]:
        together = torch.cat([batch["picture"], batch["weak"], batch["strong"]])
        taps = network(scaled_input(together))
        split = [tap.chunk(3) for tap in taps]
        return [[tap[which] for tap in split] for which in range(3)]

    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """See :meth:`Task.step`."""
        optimizer = self.optimizers["all"]
        for group in optimizer.param_groups:
            fall = 0.5 * (1 + math.cos(math.pi * min(1.0, number / self.steps)))
            group["lr"] = self.lr * min(1.0, (number + 1) / _WARMUP) * max(fall, 0.01)
        with loop.precision():
            taps = self._taps(self.network, batch)
            order = order_loss(taps)
            # shown undisturbed and weakly disturbed: what a thing is does not change with noise
            logits = torch.cat([self.reader(taps[0]), self.reader(taps[1])])
            parts = F.interpolate(batch["parts"][:, None].float(), logits.shape[-2:], mode="nearest")[:, 0].long()
            named = F.cross_entropy(logits.float(), parts.repeat(2, 1, 1))
        loop.update(optimizer, order + _PARTS * named)
        return {"order": float(order.detach()), "parts": float(named.detach())}

    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """See :meth:`Task.sheet`: pictures with their two distortions."""
        del averaged, device
        rows = []
        for index in range(min(8, len(self))):
            made = self.item(index, index)
            rows.append(np.concatenate([to_image(made[name]) for name in ("picture", "weak", "strong")], axis=1))
        return np.concatenate(rows)

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """Write the network in half precision, and what it is."""
        network = averaged["network"]
        assert isinstance(network, SmallNetwork)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
        save_file(tensors, folder / FILE)
        write_json(folder / "small_network.json", self.description())

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        return {"method": "small-network", "lr": self.lr, "steps": self.steps, "people": [p.id for p in self.people]}


@torch.no_grad()
def garment_first(network: nn.Module, data: Dataset, size: Size = (256, 192)) -> dict[str, float]:
    """Share of people for whom a slightly disturbed photo is nearer to it than their photo in another garment.

    The strengths of *one* disturbance are put in order by any network, a random one too; which of two different changes matters
    more tells networks apart.

    Args:
        network: of five taps.
        data: with true pictures of unpaired pairs.
        size: (height, width) at which pictures are compared.

    Returns:
        ``kind@amount`` -> share.

    Raises:
        InputError: no true pictures.
    """

    def read(photo: UInt8) -> torch.Tensor:
        return torch.from_numpy(resize_image(photo, size)).permute(2, 0, 1).float() / 127.5 - 1

    heads = uniform_heads(WIDTHS)

    def distance(a: torch.Tensor, b: torch.Tensor) -> float:
        first, second = (network(scaled_input(each[None].clamp(-1, 1))) for each in (a, b))
        return float(lpips_from_taps(first, second, heads))

    pairs = [
        (read(sample.person.image()), read(read_image(sample.truth_file)))
        for sample in data.samples("unpaired")
        if sample.truth_file is not None
    ]
    if not pairs:
        raise InputError(f"{data.name} has no true pictures of unpaired pairs", path=data.root)
    swapped = [distance(photo, truth) for photo, truth in pairs]
    found = {}
    for name, amount in _MILD:
        nearer = []
        for (photo, truth), other in zip(pairs, swapped, strict=True):
            changed = name(photo, amount, truth, torch.Generator().manual_seed(3))
            nearer.append(distance(photo, changed) < other)
        found[f"{name.__name__}@{amount}"] = float(np.mean(nearer))
    return found
