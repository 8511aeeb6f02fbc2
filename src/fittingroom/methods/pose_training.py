"""Training of the embedded pose network (``annotate/pose/small.py``): its items, losses and step for the one loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from ..annotate.parser.inputs import moved_pose, person_box, to_box, warp
from ..annotate.pose.embedded import places
from ..annotate.pose.small import FILE, SETTINGS, STRIDE, PoseConfig, PoseNetwork
from ..core.errors import FittingroomError, InputError
from ..core.files import sha256_file, sha256_json, write_json
from ..core.images import UInt8, resize_image
from ..core.pose import JOINTS, Pose
from ..data.dataset import Dataset
from ..data.sample import Person
from .parser_training import change_colours
from .task import Loop, Task

#: photos are kept so many times larger than they are shown, so that looking from near finds something
_KEPT = 1.6
_GREY = 128
_WARMUP = 100
#: standard deviation of a joint's place in the target, in cells
_SPREAD = 1.0
#: rate of an encoder that has learned already, as a share of the others'
_ENCODER = 0.3
#: weight of the loss of being seen
_SEEN = 0.2
#: share of items that show the whole photo, a part of the person, and nobody; the others show the person
_WHOLE, _PART, _NOBODY = 0.4, 0.12, 0.04
#: share of items that show a garment alone, where there are any
_EMPTY = 0.06
#: share of items with something in front
_COVERED = 0.25


def place_loss(maps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    r"""Cross-entropy between where a joint is, as a blurred point, and the softmax of its map; mean over the joints shown.

    Args:
        maps: ``(B, 18, h, w)`` logits.
        points: ``(B, 18, 3)``: x, y in cells, whose centres are at halves, and 1 for joints that are shown.
    """
    height, width = maps.shape[-2:]
    y = torch.arange(height, device=maps.device) + 0.5
    x = torch.arange(width, device=maps.device) + 0.5
    rows = torch.exp(-((y - points[..., 1:2]) ** 2) / (2 * _SPREAD**2))
    columns = torch.exp(-((x - points[..., 0:1]) ** 2) / (2 * _SPREAD**2))
    target = rows[..., :, None] * columns[..., None, :]
    target = target / target.sum(dim=(-2, -1), keepdim=True).clamp_min(1e-6)
    logs = maps.flatten(2).log_softmax(dim=2).reshape(maps.shape)
    each = -(target * logs).sum(dim=(-2, -1))
    shown = points[..., 2]
    return (each * shown).sum() / shown.sum().clamp_min(1.0)


class PoseTask(Task):
    """See :class:`fittingroom.methods.task.Task`.

    Args:
        data: datasets with photos and poses.
        empty: datasets whose photos of garments show nobody, which has to be learned, too.
        config: of the network.
        lr: AdamW's rate at its highest; the encoder's is a part of it.
        steps: over which it falls to zero.
        start: a network of the same widths to begin with.
        encoder: file of EfficientNet-Lite0's weights for the encoder to begin with.
        seed: of the first weights.
        average: half-life of the running mean, in pictures.
        adjust: what is done to every pose first, e.g. where another network puts its joints; a function of a module.

    Raises:
        InputError: nobody that can be learned from, or a start that does not fit.
    """

    def __init__(
        self,
        data: Iterable[Dataset],
        config: PoseConfig | None = None,
        *,
        empty: Iterable[Dataset] = (),
        lr: float = 2e-3,
        steps: int = 4000,
        start: PoseNetwork | None = None,
        encoder: Path | None = None,
        seed: int = 1,
        average: float = 3000.0,
        adjust: Callable[[Pose], Pose] | None = None,
    ) -> None:
        self.config, self.lr, self.steps, self.adjust = config or PoseConfig(), lr, steps, adjust
        self.people: list[Person] = []
        self.refused = []
        self._seen: dict[int, tuple[UInt8, Pose]] = {}
        self._names: list[str] = []
        for each in data:
            self._names.append(each.name)
            for person in each.people.values():
                if absent := [need for need in ("image", "pose") if not person.has(need)]:
                    self.refused.append(f"{person.id} has no {', '.join(absent)}")
                    continue
                try:
                    self._seen[len(self.people)] = self._decoded(person)
                except FittingroomError as error:
                    self.refused.append(str(error))
                else:
                    self.people.append(person.fresh())
        self.empty: list[UInt8] = []
        for each in empty:
            for garment in each.garments.values():
                try:
                    self.empty.append(self._small(garment.fresh().image()))
                except FittingroomError as error:
                    self.refused.append(str(error))
        if not self.people:
            raise InputError(
                f"nobody in {', '.join(self._names) or 'no dataset'} can be learned from", mend="annotate first"
            )
        torch.manual_seed(seed)
        self.network = PoseNetwork(self.config)
        self._started = ""
        if start is not None:
            if (start.config.widths, start.config.width) != (self.config.widths, self.config.width):
                raise InputError("the network to begin with has other widths", mend="give the same width and widths")
            self.network.load_state_dict(start.state_dict())
            self._started = sha256_json([float(value.double().sum()) for value in start.state_dict().values()])
        elif encoder is not None:
            self.network.encoder.read(encoder)
            self._started = sha256_file(encoder)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.modules = {"network": self.network}
        self.averages = {"network": average}
        known = list(self.network.encoder.parameters())
        new = [value for name, value in self.network.named_parameters() if not name.startswith("encoder.")]
        groups = [{"params": new, "share": 1.0}, {"params": known, "share": _ENCODER if self._started else 1.0}]
        self.optimizers = {"network": torch.optim.AdamW(groups, lr=lr, weight_decay=0.02)}

    def __len__(self) -> int:
        return len(self.people)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("people", "config", "adjust", "empty")
        return {**{name: self.__dict__[name] for name in kept}, "_seen": {}}

    def _decoded(self, person: Person) -> tuple[UInt8, Pose]:
        """Photo and pose, no larger than they are needed."""
        person = person.fresh()
        photo, pose = person.image(), person.pose()
        own, size = (photo.shape[0], photo.shape[1]), self.config.size
        if pose.found.sum() < 4:
            raise InputError(f"{person.id}: fewer than four joints")
        pose = self.adjust(pose) if self.adjust else pose
        shrink = min(1.0, _KEPT * size[0] / float(person_box(pose, own, size[1] / size[0])[2]))
        kept = (max(1, round(shrink * own[0])), max(1, round(shrink * own[1])))
        return resize_image(photo, kept, "bilinear"), pose.scaled(own, kept)

    def _small(self, photo: UInt8) -> UInt8:
        shrink = min(1.0, self.config.size[0] / photo.shape[0])
        return resize_image(
            photo, (max(1, round(shrink * photo.shape[0])), max(1, round(shrink * photo.shape[1]))), "bilinear"
        )

    def _read(self, index: int) -> tuple[UInt8, Pose]:
        if index not in self._seen:  # another process, which got no photos along
            self._seen[index] = self._decoded(self.people[index])
        return self._seen[index]

    def _box(self, pose: Pose, own: tuple[int, int], random: np.random.Generator) -> npt.NDArray[np.float32]:
        """What an item shows: the whole photo, the person, a part of the person, or a place where nobody is."""
        aspect = self.config.size[1] / self.config.size[0]
        kind = random.random()
        if kind < _NOBODY and pose.found.any():
            points = pose.joints[pose.found, :2]
            for _ in range(8):
                tall = own[0] * random.uniform(0.12, 0.4)
                box = np.array([random.uniform(0, own[1]), random.uniform(0, own[0]), tall], np.float32)
                if (np.abs(points - box[:2]) > 0.6 * tall * np.array([aspect, 1])).any(axis=1).all():
                    return box
        if kind < _NOBODY + _PART and pose.found.any():
            box = person_box(pose, own, aspect)
            box[:2] = pose.joints[random.choice(np.flatnonzero(pose.found)), :2]
            box[2] *= random.uniform(0.4, 0.8)
        elif kind < _NOBODY + _PART + _WHOLE:
            box = person_box(None, own, aspect)
            box[2] *= 2 ** float(random.normal(0.05, 0.25))
            box[:2] += (random.normal(0, 0.06, 2) * box[2]).astype(np.float32)
        else:
            box = person_box(pose, own, aspect)
            box[2] *= 2 ** float(random.normal(0.05, 0.18))
            box[:2] += (random.normal(0, 0.05, 2) * box[2]).astype(np.float32)
        return box

    def _cover(self, picture: UInt8, random: np.random.Generator) -> None:
        """Something stands in front: a piece of another photo. Where the joints are has to be guessed."""
        other = self._read(int(random.integers(len(self))))[0]
        tall, wide = (int(side * random.uniform(0.08, 0.3)) for side in picture.shape[:2])
        tall, wide = min(tall, other.shape[0]), min(wide, other.shape[1])
        y, x = (
            int(random.integers(0, most - side + 1)) for most, side in zip(other.shape[:2], (tall, wide), strict=True)
        )
        top, left = (
            int(random.integers(0, most - side + 1)) for most, side in zip(picture.shape[:2], (tall, wide), strict=True)
        )
        picture[top : top + tall, left : left + wide] = other[y : y + tall, x : x + wide]

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """See :meth:`Task.item`: ``photo`` ``(3, H, W)``, ``points`` ``(18, 3)`` in cells, 1 for joints that are shown."""
        random = np.random.default_rng(seed)
        photo, pose = self._read(index)
        if self.empty and random.random() < _EMPTY:
            photo, pose = (
                self.empty[int(random.integers(len(self.empty)))],
                Pose(np.zeros((len(JOINTS), 3), np.float32)),
            )
        size, own = self.config.size, (photo.shape[0], photo.shape[1])
        box = self._box(pose, own, random)
        mirror = bool(random.random() < 0.5)
        turn = float(random.normal(0, math.radians(30 if random.random() < 0.08 else 9)))
        matrix = to_box(box, size, turn=turn, mirror=mirror)
        picture = change_colours(warp(photo, matrix, size, _GREY), random)
        if random.random() < _COVERED:
            self._cover(picture, random)
        moved = moved_pose(pose, matrix, mirror=mirror)
        points = moved.joints.copy()
        inside = (
            moved.found & (points[:, :2] > 0).all(axis=1) & (points[:, :2] < np.array([size[1], size[0]])).all(axis=1)
        )
        points[:, :2] /= STRIDE
        points[:, 2] = inside
        points[~inside] = 0
        planes = picture.astype(np.float32).transpose(2, 0, 1) / np.float32(127.5) - 1
        return {"photo": torch.from_numpy(np.ascontiguousarray(planes)), "points": torch.from_numpy(points)}

    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """See :meth:`Task.step`."""
        del generator
        optimizer = self.optimizers["network"]
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, number / self.steps)))
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * self.lr * min(1.0, (number + 1) / _WARMUP) * max(fall, 0.01)
        with loop.precision():
            maps, seen = self.network(batch["photo"].contiguous(memory_format=torch.channels_last))
        place = place_loss(maps.float(), batch["points"])
        there = F.binary_cross_entropy_with_logits(seen.float(), batch["points"][..., 2])
        loop.update(optimizer, place + _SEEN * there)
        return {"place": float(place.detach()), "seen": float(there.detach())}

    @torch.no_grad()
    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """See :meth:`Task.sheet`: what eight items show, given joints green, found ones red."""
        tiles = []
        for index in range(min(8, len(self))):
            made = self.item(index, index)
            maps, seen = averaged["network"](made["photo"][None].to(device))
            found = places(maps[0].float().flatten(1).softmax(dim=1).reshape(maps.shape[1:]).cpu().numpy())[0]
            tile = np.ascontiguousarray(
                np.rint((made["photo"].numpy().transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
            )
            for joint in range(len(JOINTS)):
                if made["points"][joint, 2] > 0:
                    x, y = (made["points"][joint, :2] * STRIDE).round().int().tolist()
                    cv2.circle(tile, (x, y), 3, (0, 220, 0), 1)
                if seen[0, joint] > 0:
                    x, y = (found[joint] * STRIDE).round().astype(int).tolist()
                    cv2.circle(tile, (x, y), 2, (230, 0, 0), -1)
            tiles.append(tile)
        return np.concatenate(tiles, axis=1)

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        """Write the network in half precision, and its settings."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
            for name, value in averaged["network"].state_dict().items()
        }
        save_file(tensors, folder / FILE)
        write_json(folder / SETTINGS, self.config.as_json())

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        return {
            "method": "pose",
            "config": self.config.as_json(),
            "lr": self.lr,
            "steps": self.steps,
            "average": self.averages["network"],
            "start": self._started,
            "data": self._names,
            "adjusted": self.adjust is not None,
            "empty": len(self.empty),
            "people": sha256_json([person.id for person in self.people]),
        }
