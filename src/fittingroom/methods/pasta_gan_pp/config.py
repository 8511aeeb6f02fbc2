"""Sizes of the networks of PASTA-GAN++; the published ones are :data:`PUBLISHED`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from ...core.errors import InputError

#: what the seven label values mean (target parsing of the network)
LABELS = ("other", "tops", "pants", "skirt", "dress", "neck", "limbs")
UPPER_LABELS, LOWER_LABELS = (1, 4), (2, 3)


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of a generator.

    Args:
        height: of the canvas, a multiple of 32.
        width: of the canvas, a multiple of 32.
        channel_base: a layer of height h has ``channel_base // h`` channels ...
        channel_max: ... but at most so many.
        style_base: channels of the first layer of the patch encoder; the style code is eight times as wide.
        identity: channels of the maps that carry head, hands and shoes.
        frame: columns in the middle of the canvas that a photo takes; 0 for all of them.
        clamp: limit of every activation, which keeps half precision finite.

    Raises:
        InputError: a size that the network cannot have.
    """

    height: int = 512
    width: int = 512
    channel_base: int = 32768
    channel_max: int = 512
    style_base: int = 64
    identity: int = 64
    frame: int = 0
    clamp: int = 256

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InputError(f"generator.{each.name} is {value!r}", mend="choose a whole number")
        if self.height % 32 or self.width % 32 or min(self.height, self.width) < 64:
            raise InputError(
                f"a canvas of {self.height}x{self.width} (height x width)",
                mend="both sides must be multiples of 32 and at least 64",
            )
        if not 0 <= self.frame <= self.width or (self.width - self.frame) % 2:
            raise InputError(
                f"a photo {self.frame} pixels wide on a canvas of {self.width}",
                mend="choose an even frame that is not wider than the canvas, or 0 for all of it",
            )
        if min(self.channel_base // self.height, self.channel_max, self.style_base, self.identity) < 1:
            raise InputError(
                "a generator without channels", mend="raise channel_base, channel_max, style_base, identity"
            )

    @cached_property
    def halvings(self) -> int:
        """How often the canvas is halved down to the pose feature: until it is about 8 high, at least four times."""
        count = 4
        while self.height >> (count + 1) >= 8 and not (self.height % (2 << count) or self.width % (2 << count)):
            count += 1
        return count

    @property
    def heights(self) -> list[int]:
        """Heights of the blocks of the style branch, lowest first."""
        return [self.height >> level for level in range(self.halvings, -1, -1)]

    def channels(self, height: int) -> int:
        """Channels of a block of that height."""
        return min(self.channel_base // height, self.channel_max)

    def size(self, height: int) -> tuple[int, int]:
        """(height, width) of a block of that height."""
        return height, self.width * height // self.height

    @property
    def style(self) -> int:
        """Width of the style code and of w."""
        return 8 * self.style_base

    @property
    def photo(self) -> tuple[int, int]:
        """(height, width) of a photo on the canvas."""
        return self.height, self.frame or self.width

    @property
    def left(self) -> int:
        """Empty columns to the left of the photo."""
        return (self.width - self.photo[1]) // 2

    @property
    def patch(self) -> int:
        """Side of a garment patch in pixels."""
        return self.height // 4

    @property
    def identity_heights(self) -> list[int]:
        """Heights at which identity maps enter: the four highest."""
        return self.heights[-4:]

    @property
    def rows(self) -> int:
        """Rows of w in the published layout: one for each convolution and the last toRGB."""
        return 2 * len(self.heights)


#: the published 512 x 512 network; photos of 512 x 320 have white beside them
PUBLISHED = GeneratorConfig(frame=320)
