"""Training of the embedded human parser (``annotate/parser``): its items, losses and step for the one loop.

It learns from people with a photo, a pose and a parse of any label set; of several datasets at once, if they are put together.
"""

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

from ..annotate.parser.classes import CLASSES, GROUP_OF, GROUPS, IGNORED, NAMES, class_table
from ..annotate.parser.inputs import moved_pose, person_box, photo_planes, pose_planes, to_box, warp
from ..annotate.parser.network import FILE, SETTINGS, ParserConfig, ParserNetwork
from ..core.images import UInt8, resize_image, resize_labels
from ..core.labels import PART_COLOURS
from ..core.pose import Pose
from ..data.dataset import Dataset
from ..data.sample import Person
from .annotator_training import AnnotatorTask, change_colours
from .dye import dyed
from .task import Loop

_GREY = 128
#: weight of each class in the cross-entropy: about the root of its rarity among the pixels of 200 street photos, at most 3
WEIGHTS = (0.4, 3.0, 2.4, 3.0, 1.8, 1.8, 1.5, 2.5, 1.4, 2.4, 3.0, 1.4, 2.4, 1.8)
#: how much of the weights is taken back when the network is written: weighted classes grow over their edges. Chosen on 70 photos that
#: were trained on, where 0, 0.5 and 1 gave a mIoU of .565, .573 and .570
_TAKEN_BACK = 0.5
#: share of items without a pose, with a mask, with something in front
_NO_POSE, _MASK, _COVERED = 0.08, 0.25, 0.25
#: share of items in which garments get other colours, and for each of them that it does
_DYED, _DYED_EACH = 0.6, 0.6
_DYEABLE = tuple(NAMES.index(name) for name in NAMES if name not in ("background", "hair", "sunglasses", "skin"))
#: classes that fewer photos show than this share are shown more often
_COMMON = 0.3


def group_probabilities(probabilities: torch.Tensor) -> torch.Tensor:
    """``(B, 14, ...)`` classes -> ``(B, 8, ...)`` groups."""
    index = torch.from_numpy(GROUP_OF).to(probabilities.device)
    shape = (probabilities.shape[0], len(GROUPS), *probabilities.shape[2:])
    return probabilities.new_zeros(shape).index_add(1, index, probabilities)


def dice_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    r"""One minus the mean soft Dice coefficient over the pixels of the whole batch: half of it of the groups, half of the classes.

    .. math:: 1 - \frac1{|G|} \sum_{g \in G} \frac{2 \sum_i p_{ig} y_{ig}}{\sum_i p_{ig} + \sum_i y_{ig}}

    (Milletari et al., V-Net, 3DV 2016); G are the groups or classes that the batch shows, ignored pixels do not count. Groups alone
    leave hats and scarves to the cross-entropy, which never finds them.

    Args:
        logits: ``(B, 14, H, W)``.
        labels: ``(B, H, W)`` int64 classes.
    """
    known = (labels != IGNORED)[:, None]
    truth = F.one_hot(labels.clamp_max(len(NAMES) - 1), len(NAMES)).movedim(-1, 1).to(logits.dtype) * known
    found = logits.softmax(dim=1) * known
    parts = []
    for a, b in ((found, truth), (group_probabilities(found), group_probabilities(truth))):
        both, found_sum, truth_sum = (x.sum(dim=(0, 2, 3)) for x in (a * b, a, b))
        shown = truth_sum > 0
        parts.append(1 - (2 * both[shown] / (found_sum + truth_sum)[shown]).mean())
    return (parts[0] + parts[1]) / 2 if bool(known.any()) else logits.sum() * 0


def turns(shown: npt.NDArray[np.bool_], seed: int = 0) -> npt.NDArray[np.int64]:
    """Indices of photos, those that show something rare several times.

    Repeat-factor sampling (Gupta et al., LVIS, CVPR 2019, section 5.2): a photo counts max(1, sqrt(t / f)) times, f the share of
    the photos with the rarest class in it.

    Args:
        shown: ``(N, C)``, which classes a photo shows.
        seed: of the draws that turn fractions into whole numbers.

    Returns:
        ``(M,)``, M >= N, ascending; each index at least once.
    """
    share = np.maximum(shown.mean(axis=0), 1 / max(len(shown), 1))
    times = np.where(shown, np.sqrt(_COMMON / share), 1.0).max(axis=1, initial=1.0)
    whole = np.floor(times + np.random.default_rng(seed).random(len(shown))).astype(np.int64)
    return np.repeat(np.arange(len(shown)), whole)


def weighted_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the classes weighted by :data:`WEIGHTS`; 0 where every pixel is ignored."""
    if not bool((labels != IGNORED).any()):
        return logits.sum() * 0
    return F.cross_entropy(logits, labels, torch.tensor(WEIGHTS, device=logits.device), ignore_index=IGNORED)


def shaken(pose: Pose, random: np.random.Generator) -> Pose:
    """Joints a little off, and some of them not found."""
    joints = pose.joints.copy()
    trunk = pose.torso_length or 20.0
    joints[:, :2] += random.normal(0, random.uniform(0, 0.05) * trunk, (len(joints), 2)).astype(np.float32)
    joints[random.random(len(joints)) < random.choice((0.0, 0.03, 0.15))] = 0
    joints[pose.joints[:, 2] <= 0] = 0
    return Pose(joints)


def rough_mask(person: npt.NDArray[np.bool_], random: np.random.Generator) -> UInt8:
    """A person's mask as another network might have made it: grown or shrunk, soft, with bites taken out of it."""
    mask = 255 * person.astype(np.uint8)
    side = max(1, round(person.shape[0] / 64))
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * side + 1, 2 * side + 1))
    change = int(random.integers(3))
    if change < 2:
        mask = np.asarray((cv2.erode, cv2.dilate)[change](mask, shape), np.uint8)
    for _ in range(int(random.integers(0, 3))):
        y, x = (int(random.integers(0, length)) for length in mask.shape)
        cv2.circle(mask, (x, y), int(random.integers(1, 4 * side + 2)), int(random.choice((0, 255))), -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), float(random.uniform(0.3, 2.0))), np.uint8)


def dye_garments(picture: UInt8, classes: UInt8, random: np.random.Generator) -> UInt8:
    """Every garment may get another colour, each for itself: a few hundred photos are soon known by their clothes' colours.

    Args:
        picture: ``(H, W, 3)``.
        classes: ``(H, W)`` uint8.
        random: draws.
    """
    out = picture
    for index in np.intersect1d(classes, _DYEABLE):
        if random.random() >= _DYED_EACH:
            continue
        tint = random.uniform(0, 0.5) if random.random() < 0.5 else 0.0  # grey has no hue to turn
        new = dyed(out, random.uniform(0, 360), 1.6 ** random.uniform(-1, 1), 1.6 ** random.uniform(-1, 1), tint)
        lift = random.uniform(0, 0.5) if random.random() < 0.3 else 0.0  # nor does black become brighter by a power
        where = cv2.GaussianBlur((classes == index).astype(np.float32), (0, 0), random.uniform(0.4, 1.2))[..., None]
        out = np.rint(out + where * (255 * lift + (1 - lift) * new.astype(np.float32) - out)).astype(np.uint8)
    return out


class ParserTask(AnnotatorTask):
    """See :class:`fittingroom.methods.task.Task`.

    Args:
        data: datasets with photos, poses and parses.
        config: of the network.
        lr: AdamW's rate at its highest; an encoder that has learned already has a part of it.
        steps: over which it falls to zero.
        start: a network of the same widths to begin with, e.g. one trained at a smaller size.
        encoder: file of EfficientNet-Lite weights of the config's width and depth for the encoder to begin with.
        seed: of the first weights.
        average: half-life of the running mean, in pictures.
        pass_by: share of the pictures that pass by the encoder's last blocks in training.

    Raises:
        InputError: nobody that can be learned from, or a start that does not fit.
    """

    kind = "parser"
    needs = ("image", "pose", "parse")
    warmup = 200
    files = (FILE, SETTINGS)
    kept = 1.4
    config: ParserConfig

    def __init__(
        self,
        data: Iterable[Dataset],
        config: ParserConfig | None = None,
        *,
        lr: float = 2e-3,
        steps: int = 4000,
        start: ParserNetwork | None = None,
        encoder: Path | None = None,
        seed: int = 1,
        average: float = 3000.0,
        pass_by: float = 0.2,
    ) -> None:
        self.config, self.lr, self.steps = config or ParserConfig(), lr, steps
        self._gather(data)
        shown = [np.isin(np.arange(len(NAMES)), self._read(index)[1]) for index in range(len(self.people))]
        self._turns = turns(np.stack(shown))
        torch.manual_seed(seed)
        self.network = ParserNetwork(self.config)
        self.network.encoder.pass_by(pass_by)
        self._begin(self.network, start, encoder, average)

    def __len__(self) -> int:
        return len(self._turns)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_turns": self._turns}

    def _decoded(self, person: Person) -> tuple[UInt8, UInt8, Pose]:
        """Photo, classes and pose, no larger than they are needed."""
        person = person.fresh()
        photo, (pose, parse) = person.image(), person.body()
        own = parse.size
        kept = self._kept_size(pose, own)
        classes = class_table(parse.labels_in)[parse.labels]
        return (
            resize_image(photo, kept, "bilinear"),
            np.asarray(resize_labels(classes, kept), np.uint8),
            pose.scaled(own, kept),
        )

    def _covered(self, picture: UInt8, classes: UInt8, random: np.random.Generator) -> None:
        """Something stands in front: a piece of another photo, of which nothing is to be learned."""
        piece, top, left = self._piece((classes.shape[0], classes.shape[1]), random, (0.08, 0.35))
        place = np.s_[top : top + piece.shape[0], left : left + piece.shape[1]]
        picture[place], classes[place] = piece, IGNORED

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        """See :meth:`Task.item`: ``photo`` ``(4, H, W)``, ``pose`` ``(37, H/4, W/4)``, ``classes`` ``(H, W)`` int64."""
        random = np.random.default_rng(seed)
        photo, labels, pose = self._read(int(self._turns[index]))
        size, own = self.config.size, (labels.shape[0], labels.shape[1])
        seen = None if random.random() < _NO_POSE else shaken(pose, random)
        box = person_box(seen if seen is not None and random.random() < 0.9 else None, own, size[1] / size[0])
        box[2] *= 2 ** float(random.normal(0.02, 0.2))
        box[:2] += (random.normal(0, 0.04, 2) * box[2]).astype(np.float32)
        mirror = bool(random.random() < 0.5)
        turn = float(random.normal(0, math.radians(8)))
        matrix = to_box(box, size, turn=turn, mirror=mirror)
        picture, classes = warp(photo, matrix, size, _GREY), warp(labels, matrix, size, IGNORED, nearest=True)
        if random.random() < _DYED:
            picture = dye_garments(picture, classes, random)
        picture = change_colours(picture, random)
        mask = rough_mask((classes != 0) & (classes != IGNORED), random) if random.random() < _MASK else None
        if random.random() < _COVERED:
            self._covered(picture, classes, random)
        moved = None if seen is None else moved_pose(seen, matrix, mirror=mirror)
        return {
            "photo": torch.from_numpy(photo_planes(picture, mask)),
            "pose": torch.from_numpy(pose_planes(moved, size)),
            "classes": torch.from_numpy(classes.astype(np.int64)),
        }

    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        """See :meth:`Task.step`."""
        del generator
        optimizer = self._set_rate(number)
        with loop.precision():
            logits = self.network(batch["photo"].contiguous(memory_format=torch.channels_last), batch["pose"]).float()
        entropy, dice = weighted_cross_entropy(logits, batch["classes"]), dice_loss(logits, batch["classes"])
        loop.update(optimizer, entropy + dice)
        return {"cross_entropy": float(entropy.detach()), "dice": float(dice.detach())}

    @torch.no_grad()
    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        """See :meth:`Task.sheet`: photo, truth and answer of eight people, as they are shown in training."""
        rows = []
        colours = np.array([*(PART_COLOURS[CLASSES[name][0]] for name in NAMES), (90, 90, 90)], np.uint8)
        for index in range(min(8, len(self))):
            made = self.item(index, index)
            logits = averaged["network"](made["photo"][None].to(device), made["pose"][None].to(device))
            maps = [made["classes"].clamp_max(len(NAMES)), logits[0].argmax(dim=0)]
            shown = [colours[each.cpu().numpy()] for each in maps]
            photo = np.rint((made["photo"][:3].numpy().transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
            rows.append(np.concatenate([photo, *shown], axis=1))
        return np.concatenate(rows)

    def _written(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        taken = _TAKEN_BACK * torch.tensor(WEIGHTS, device=state["head.bias"].device).log()
        return {**state, "head.bias": state["head.bias"] - taken}
