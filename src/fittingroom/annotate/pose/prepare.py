"""A photo as OpenPose's networks want it, and the way back from their maps, at several scales and mirrored."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ...core.images import Size, UInt8
from ...core.pose import Float32
from .maps import resample, to_cells, to_pixels
from .network import STRIDE, BodyNetwork
from .skeletons import Skeleton

#: a photo that is wider than this many heights is scaled to fit
_WIDEST = 4


@dataclass(frozen=True)
class Frame:
    """How a photo lies in a network's input.

    Args:
        photo: its (height, width).
        scaled: (height, width) it was resized to, before padding.
    """

    photo: Size
    scaled: Size

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the maps; the last row and column may reach beyond the photo."""
        return -(-self.scaled[0] // STRIDE), -(-self.scaled[1] // STRIDE)

    def cells(self, positions: np.ndarray, axis: int) -> np.ndarray:
        """Rows (axis 0) or columns (axis 1) of the photo as cells of the maps."""
        return to_cells(positions, STRIDE * self.photo[axis] / self.scaled[axis])

    def pixels(self, positions: np.ndarray, axis: int) -> np.ndarray:
        """Cells of the maps as rows (axis 0) or columns (axis 1) of the photo."""
        return to_pixels(positions, STRIDE * self.photo[axis] / self.scaled[axis])


def prepare(photo: UInt8, height: int, mirrored: bool = False) -> tuple[torch.Tensor, Frame]:
    """The input for one scale: resized to ``height``, BGR / 256 - 0.5, padded with grey (zero) to whole cells.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        height: that the networks see; 368 in training.
        mirrored: left and right exchanged.

    Returns:
        ``(1, 3, h, w)`` float32 with sides that are multiples of 8, and where the photo lies in it.
    """
    size = (photo.shape[0], photo.shape[1])
    factor = height / max(size[0], size[1] / _WIDEST)
    scaled = tuple(max(STRIDE, round(side * factor)) for side in size)
    frame = Frame(size, (scaled[0], scaled[1]))
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    image = cv2.resize(photo, (scaled[1], scaled[0]), interpolation=kind)
    if mirrored:
        image = image[:, ::-1]
    grid = frame.grid
    out = np.zeros((3, grid[0] * STRIDE, grid[1] * STRIDE), np.float32)
    out[:, : scaled[0], : scaled[1]] = image[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / 256 - 0.5
    return torch.from_numpy(out)[None], frame


def unmirrored(heat: Float32, fields: Float32, skeleton: Skeleton) -> tuple[Float32, Float32]:
    """Channels of a mirrored photo's maps in the names of the photo itself: sides exchanged, fields turned about."""
    swap = [*skeleton.mirrored, *range(len(skeleton.joints), len(heat))]
    out = np.empty_like(fields)
    for channel, twin in zip(skeleton.fields, skeleton.mirrored_limbs, strict=True):
        source = skeleton.fields[twin]
        out[channel], out[channel + 1] = -fields[source], fields[source + 1]
    return heat[swap], out


def see(
    network: BodyNetwork,
    photo: UInt8,
    height: int = 368,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    device: str = "cpu",
) -> tuple[Float32, Float32, Frame]:
    """The network's maps of a photo, averaged over scales and, if wanted, over the photo and its mirror image.

    Args:
        network: with weights.
        photo: ``(H, W, 3)`` uint8 RGB.
        height: that the network sees the photo at where the scale is 1.
        scales: factors upon it; the maps have the grid of the largest.
        flip: also look at the mirrored photo.
        device: where the network is.

    Returns:
        Heat maps ``(J + 1, h, w)``, fields ``(2L, h, w)``, and the frame that leads back to the photo.
    """
    base: Frame | None = None
    total_heat, total_fields, count = np.zeros(0, np.float32), np.zeros(0, np.float32), 0
    for scale in sorted(scales, reverse=True):  # upon the finest grid nothing is lost
        for mirrored in (False, True) if flip else (False,):
            image, frame = prepare(photo, max(STRIDE, round(height * scale)), mirrored)
            with torch.inference_mode():
                outputs = network(image.to(device))
            heat, fields = (output[0].float().cpu().numpy() for output in outputs)
            if base is None:
                base, total_heat, total_fields, count = frame, heat, fields, 1
                continue
            rows = frame.cells(base.pixels(np.arange(base.grid[0]), 0), 0)
            columns = base.pixels(np.arange(base.grid[1]), 1)
            columns = frame.cells(photo.shape[1] - 1 - columns if mirrored else columns, 1)
            if mirrored:
                heat, fields = unmirrored(heat, fields, network.skeleton)
            total_heat = total_heat + resample(heat, rows, columns)
            total_fields = total_fields + resample(fields, rows, columns)
            count += 1
    if base is None:
        raise ValueError("no scales")
    return (total_heat / count).astype(np.float32), (total_fields / count).astype(np.float32), base
