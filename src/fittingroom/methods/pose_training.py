"""Training of the embedded pose network (``annotate/pose/small.py``): its items, losses and step for the one loop."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from ..annotate.parser.inputs import moved_pose, person_box, to_box, warp
from ..annotate.pose.embedded import places
from ..annotate.pose.small import FILE, SETTINGS, STRIDE, PoseConfig, PoseNetwork
from ..core.errors import FittingroomError, InputError
from ..core.images import UInt8, resize_image
from ..core.pose import JOINTS, Pose
from ..data.dataset import Dataset
from ..data.sample import Person
from .annotator_training import AnnotatorTask, change_colours
from .task import Loop

_GREY = 128
#: standard deviation of a joint's place in the target, in cells
_SPREAD = 1.0
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


class PoseTask(AnnotatorTask):
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

    Raises:
        InputError: nobody that can be learned from, or a start that does not fit.
    """

    kind = "pose network"
    needs = ("image", "pose")
    warmup = 100
    files = (FILE, SETTINGS)
    kept = 1.6
    config: PoseConfig

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
    ) -> None:
        self.config, self.lr, self.steps = config or PoseConfig(), lr, steps
        self._gather(data)
        self.empty: list[UInt8] = []
        for each in empty:
            for garment in each.garments.values():
                try:
                    self.empty.append(self._small(garment.fresh().image()))
                except FittingroomError as error:
                    self.refused.append(str(error))
        torch.manual_seed(seed)
        self.network = PoseNetwork(self.config)
        self._begin(self.network, start, encoder, average)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "empty": self.empty}

    def _decoded(self, person: Person) -> tuple[UInt8, Pose]:
        """Photo and pose, no larger than they are needed."""
        person = person.fresh()
        photo, pose = person.image(), person.pose()
        own = (photo.shape[0], photo.shape[1])
        if pose.found.sum() < 4:
            raise InputError(f"{person.id}: fewer than four joints")
        kept = self._kept_size(pose, own)
        return resize_image(photo, kept, "bilinear"), pose.scaled(own, kept)

    def _small(self, photo: UInt8) -> UInt8:
        shrink = min(1.0, self.config.size[0] / photo.shape[0])
        return resize_image(
            photo, (max(1, round(shrink * photo.shape[0])), max(1, round(shrink * photo.shape[1]))), "bilinear"
        )

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
        piece, top, left = self._piece((picture.shape[0], picture.shape[1]), random, (0.08, 0.3))
        picture[top : top + piece.shape[0], left : left + piece.shape[1]] = piece

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
        optimizer = self._set_rate(number)
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

    def description(self) -> Mapping[str, Any]:
        """See :meth:`Task.description`."""
        return {**super().description(), "empty": len(self.empty)}
