"""What is rendered: people, garments and pairs, all drawn from one seed; the same seed and number give the same list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..core.images import Size
from ..data.sample import Category
from .cuts import LOWER, UPPER, Cut, Kind, sample_cut
from .dyes import sample_cloth
from .fabric import Cloth
from .light import Camera, Lamps
from .people import Human, Look, Stance, sample_human, sample_look
from .poses import sample_stance

#: bump when the same seed gives other people
VERSION = 1
_KINDS: tuple[tuple[Category, float, tuple[Kind, ...]], ...] = (
    ("upper", 0.6, UPPER),
    ("lower", 0.22, LOWER),
    ("dress", 0.18, ("dress",)),
)


@dataclass(frozen=True)
class Article:
    """A garment for sale.

    Args:
        id: its name.
        cut: how it is cut.
        cloth: what of.
        female: the mannequin's shape, 0 or 1.
    """

    id: str
    cut: Cut
    cloth: Cloth
    female: float

    @property
    def category(self) -> Category:
        """Its category."""
        return self.cut.category


@dataclass(frozen=True)
class Guest:
    """Somebody who is photographed.

    Args:
        id: name of the photo.
        human: who.
        looks: colours; one photo for each.
        stance: how they stand.
        lamps: the light.
        frame: (height of the picture's middle, metres that its height covers).
        article: which cut is worn.
        rest: what else is worn, by place.
        others: names of garments' cuts that they are also photographed in.
    """

    id: str
    human: Human
    looks: tuple[Look, ...]
    stance: Stance
    lamps: Lamps
    frame: tuple[float, float]
    article: int
    rest: Mapping[str, tuple[Cut, tuple[Cloth, ...]]]
    others: tuple[int, ...]

    def camera(self, size: Size) -> Camera:
        """Where the photo is taken from."""
        return Camera(0.0, self.frame[0], self.frame[1], size)


@dataclass(frozen=True)
class Model:
    """One cut with its fabrics: ``variants`` articles share it, and one light."""

    number: int
    articles: tuple[Article, ...]
    lamps: Lamps = field(default_factory=Lamps)


@dataclass(frozen=True)
class Plan:
    """Everything that one seed gives.

    Args:
        guests: people.
        models: garments.
        size: (height, width) of every picture.
        seed: of it all.
        variants: colours for each light.
    """

    guests: tuple[Guest, ...]
    models: tuple[Model, ...]
    size: Size
    seed: int
    variants: int

    def pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Paired and unpaired (person, garment)."""
        paired, unpaired = [], []
        for guest in self.guests:
            for k in range(self.variants):
                name = photo_name(guest.id, k, self.variants)
                paired.append((name, self.models[guest.article].articles[k].id))
                unpaired += [(name, self.models[other].articles[k].id) for other in guest.others]
        return paired, unpaired


def photo_name(name: str, variant: int, variants: int) -> str:
    """Name of one of several photos of the same light."""
    return name if variants == 1 else f"{name}{'abcdefghijklmnop'[variant]}"


def sample_lamps(rng: np.random.Generator) -> Lamps:
    """Studio light: where the key stands, how hard it is, how much comes from everywhere."""
    return Lamps(
        key=float(rng.uniform(6.5, 10)),
        side=float(rng.choice([-1, 1]) * rng.uniform(12, 48)),
        up=float(rng.uniform(28, 55)),
        size=float(rng.uniform(0.6, 1.3)),
        fill=float(rng.uniform(0.7, 1.8)),
        rim=float(rng.uniform(0.5, 2.5)),
        sky=float(rng.uniform(0.22, 0.42)),
    )


def _frame(rng: np.random.Generator, category: Category) -> tuple[float, float]:
    whole = {"upper": 0.25, "lower": 0.8, "dress": 1.0}[category]
    if rng.random() < whole:
        return 0.865 + float(rng.uniform(-0.02, 0.02)), 1.90 + float(rng.uniform(-0.03, 0.10))
    if category == "upper" and rng.random() < 0.6:
        return 1.27 + float(rng.uniform(-0.02, 0.02)), float(rng.uniform(1.02, 1.14))
    return 1.04 + float(rng.uniform(-0.02, 0.02)), float(rng.uniform(1.46, 1.58))


def _close(cut: Cut) -> Cut:
    """The same with little ease, so that another garment may lie over it."""
    return replace(cut, ease=min(cut.ease, 0.009))


def plan(count: int, seed: int, *, size: Size = (512, 384), variants: int = 1, counterfactuals: int = 1) -> Plan:
    """Draw people and garments.

    Args:
        count: of people with one light each.
        seed: of everything.
        size: (height, width) of the pictures.
        variants: colours for each light; there are ``count * variants`` photos of people.
        counterfactuals: other garments that everybody is photographed in.
    """
    names = [name for name, _, _ in _KINDS]
    share = np.array([part for _, part, _ in _KINDS])
    # by quota, not by chance: few people still show all categories
    order = [
        names[int(np.argmin([(done + 0.5) / part for done, part in zip(tally, share, strict=True)]))]
        for tally in _tallies(share, count)
    ]
    models, own = [], {name: [] for name in names}  # type: ignore[var-annotated]
    for number, category in enumerate(order):
        rng = np.random.default_rng([VERSION, seed, 1, number])
        kinds = next(kinds for name, _, kinds in _KINDS if name == category)
        kind = kinds[len(own[category]) % len(kinds)]
        cut = sample_cut(rng, kind)
        female = 1.0 if kind in ("dress", "skirt", "blouse") or rng.random() < 0.55 else 0.0
        articles = tuple(
            Article(photo_name(f"g{number:04d}", k, variants), cut, sample_cloth(rng, kind), female)
            for k in range(variants)
        )
        models.append(Model(number, articles, replace(sample_lamps(rng), rim=0.0)))
        own[category].append(number)
    guests = []
    for number, category in enumerate(order):
        rng = np.random.default_rng([VERSION, seed, 2, number])
        cut = models[number].articles[0].cut
        human = _who(rng, cut)
        rest: dict[str, tuple[Cut, tuple[Cloth, ...]]] = {}
        if category != "dress":
            other: Kind = (
                LOWER[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
                if category == "upper"
                else UPPER[int(rng.choice(3, p=(0.5, 0.3, 0.2)))]
            )
            if other == "skirt" and human.shape.female < 0.5:
                other = "trousers"
            chosen = sample_cut(rng, other)
            rest["lower" if category == "upper" else "upper"] = (
                _close(chosen) if category == "lower" else chosen, tuple(sample_cloth(rng, other) for _ in range(variants)),
            )  # fmt: skip
        apart = [one for one in own[category] if one != number]
        picked = rng.permutation(apart)[:counterfactuals].tolist() if apart else []
        looks = tuple(sample_look(rng) for _ in range(variants))
        stance, lamps, frame = sample_stance(rng), sample_lamps(rng), _frame(rng, category)
        others = tuple(int(one) for one in picked)
        guests.append(Guest(f"p{number:04d}", human, looks, stance, lamps, frame, number, rest, others))
    return Plan(tuple(guests), tuple(models), size, seed, variants)


def _tallies(share: np.ndarray, count: int) -> list[np.ndarray]:
    out, tally = [], np.zeros(len(share))
    for _ in range(count):
        out.append(tally.copy())
        tally[int(np.argmin((tally + 0.5) / share))] += 1
    return out


def _who(rng: np.random.Generator, cut: Cut) -> Human:
    """Somebody; skirts and dresses are worn by women here."""
    for _ in range(50):
        human = sample_human(rng)
        if cut.kind not in ("dress", "skirt") or human.shape.female > 0.5:
            return human
    return human
