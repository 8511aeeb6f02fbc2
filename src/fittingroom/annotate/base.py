"""What an annotator is: it computes one condition of one photo, and says how sure it is.

An annotator is a pure function of the photo, of the conditions it is given and of its settings: no clock, no random
state, no memory of earlier photos. So results are the same bytes whatever the order, the workers or the interruptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from ..core.errors import InputError
from ..core.images import UInt8


@dataclass(frozen=True)
class Annotation:
    """What an annotator found.

    Args:
        value: of the type that the condition has, see :data:`.conditions.CONDITIONS`: a :class:`~..core.pose.Pose`, a
            :class:`~..data.sample.Parse`, an ``(H, W)`` bool mask, an ``(H, W, 3)`` uint8 picture, or a mapping of phrases.
        score: in [0, 1], how good the value probably is; the review begins with the worst.
        notes: short phrases on what lowers the score ("five people, the largest is taken").
    """

    value: Any
    score: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f"a score of {self.score} is not within 0..1")


@runtime_checkable
class Annotator(Protocol):
    """Computes one condition from a photo.

    Attributes:
        name: e.g. ``pose/mediapipe``.
        provides: the condition, a key of :data:`.conditions.CONDITIONS`.
        needs: conditions of the same photo that must exist before, e.g. ``("pose",)``.
        licence: of code and weights, shown to users.
    """

    name: ClassVar[str]
    provides: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    licence: ClassVar[str]

    def settings(self) -> Mapping[str, Any]:
        """All that the result depends on besides photo and needs, as JSON: version, options, the weights' SHA-256."""
        ...

    def annotate(self, photo: UInt8, given: Mapping[str, Any]) -> Annotation:
        """The condition of a photo.

        Args:
            photo: ``(H, W, 3)`` uint8 RGB.
            given: condition -> value, for each of :attr:`needs`.

        Raises:
            NothingFoundError: what is asked for is not in the photo.
            InputError: it cannot be done; one line.
        """
        ...


class NothingFoundError(InputError):
    """What is asked for (a person, a garment) is not in the photo."""


class ToBeMadeByHandError(InputError):
    """Nobody but a person makes this condition: no failure, but work for the review."""
