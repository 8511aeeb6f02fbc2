"""Seconds and peak memory of PASTA-GAN++: parity path and fast path, batch 1 and 4, and preprocessing.

    python benchmarks/pasta_gan_pp.py [--rounds 3] [--only NAME ...]

Every row runs in processes of its own (peak memory is the process's), the rows of a round one after another, so that a noisy
machine disturbs all alike; medians over rounds are printed. The network has the published size and random weights (speed does
not depend on their values). Both paths compute their own parsing and are then given the same label map, that of the drawn
person: on random weights the network's own would be noise, and the fast path skips what no garment touches.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch

from fittingroom.core.memory import reuse_freed_memory
from fittingroom.data.dataset import Dataset
from fittingroom.methods.pasta_gan_pp.body import Body
from fittingroom.methods.pasta_gan_pp.conditions import prepare, tensors
from fittingroom.methods.pasta_gan_pp.config import LABELS, PUBLISHED, GeneratorConfig
from fittingroom.methods.pasta_gan_pp.drawing import BORDER_JOINTS, COLOURS, DRAWN_LIMBS
from fittingroom.methods.pasta_gan_pp.fast import FastGenerator
from fittingroom.methods.pasta_gan_pp.network import Generator, Warped
from fittingroom.methods.pasta_gan_pp.placing import on_canvas
from fittingroom.methods.pasta_gan_pp.quads import ARM_PARTS, LOWER_PARTS, homographies, part_quads

NATIVE = replace(PUBLISHED, width=320, frame=0)
#: row -> (path, sizes, type, batch)
ROWS: dict[str, tuple[str, GeneratorConfig, torch.dtype, int]] = {
    "parity fp32, 512x512, batch 1": ("parity", PUBLISHED, torch.float32, 1),
    "fast fp32, 512x512, batch 1": ("fast", PUBLISHED, torch.float32, 1),
    "fast bf16, 512x512, batch 1": ("fast", PUBLISHED, torch.bfloat16, 1),
    "fast fp32, 512x320, batch 1": ("fast", NATIVE, torch.float32, 1),
    "fast bf16, 512x320, batch 1": ("fast", NATIVE, torch.bfloat16, 1),
    "parity fp32, 512x512, batch 4": ("parity", PUBLISHED, torch.float32, 4),
    "fast fp32, 512x512, batch 4": ("fast", PUBLISHED, torch.float32, 4),
    "fast bf16, 512x512, batch 4": ("fast", PUBLISHED, torch.bfloat16, 4),
}
REFERENCE = "parity fp32, 512x512, batch 1"
PREPROCESSING = ("preprocessing, straightforward loop", "preprocessing, ours")


def people(config: GeneratorConfig) -> tuple[Body, Body]:
    """Two people of the drawn dataset on the canvas: who is dressed, and whose top is taken."""
    drawn = Dataset.open("drawn-mini")
    chosen = [drawn.people[name] for name in list(drawn.people)[:2]]
    first, second = (on_canvas(person.fresh(), config)[0] for person in chosen)
    return first, second


def network(config: GeneratorConfig) -> Generator:
    torch.manual_seed(0)
    made = Generator(config).eval().requires_grad_(False)
    for name, parameter in made.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    return made


def one_hot(label: torch.Tensor) -> torch.Tensor:
    return torch.cat([(label == index).float() for index in range(len(LABELS))], dim=1)


def generation(name: str, repeats: int) -> dict[str, float]:
    path, config, dtype, batch = ROWS[name]
    if path == "fast":
        reuse_freed_memory()
    generator = network(config)
    person, other = people(config)
    made = tensors(prepare(person, other, "upper", config))
    inputs = {key: value.expand(batch, *value.shape).contiguous() for key, value in made.items()}
    label = torch.from_numpy(person.worn.classes).float().expand(batch, 1, -1, -1).contiguous()
    garments = [Warped(inputs[key], inputs[f"{key}_mask"]) for key in ("upper", "lower")]
    if path == "fast":
        fast = FastGenerator(generator, dtype)
        head = fast._parsing

        def parsed(x: torch.Tensor, identity: torch.Tensor, styles: Any) -> torch.Tensor:
            head(x, identity, styles)
            return one_hot(label)

        fast._parsing = parsed  # type: ignore[assignment]

        def run() -> torch.Tensor:
            return fast(fast.garments(inputs["parts"]), inputs["retain"], inputs["pose"], *garments)[0]
    else:
        top: Any = generator.synthesis.blocks()[-1].torgb
        plain = top.parsing

        def parsed_plainly(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
            plain(x, w)
            return one_hot(label)

        top.parsing = parsed_plainly

        def run() -> torch.Tensor:
            with torch.inference_mode():
                made = generator(inputs["parts"], inputs["retain"], inputs["pose"], *garments)
            picture: torch.Tensor = made.final
            return picture

    picture = run()
    seconds = timed(run, repeats) / batch
    return {
        "seconds": seconds,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "checksum": float(picture[..., config.left : config.left + config.photo[1]].double().mean()),
    }


def timed(run: Callable[[], Any], repeats: int) -> float:
    spent = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


def straightforward(person: Body, garment: Body, config: GeneratorConfig) -> tuple[np.ndarray, ...]:
    """Inputs of an "upper" try-on as one writes them down first: part by part, image and mask apart, whole canvases."""
    size = (config.width, config.height)

    def skeleton(body: Body) -> np.ndarray:
        canvas = np.zeros((config.height, config.width, 3), np.uint8)
        for (a, b), colour in zip(DRAWN_LIMBS, COLOURS, strict=True):
            if min(body.keypoints[a, 2], body.keypoints[b, 2]) >= 0.05:
                ends = [tuple(int(v) for v in body.keypoints[joint, :2]) for joint in (a, b)]
                cv2.line(canvas, ends[0], ends[1], colour, 5)
        rows, columns = np.mgrid[: config.height, : config.width]
        for joint, (x, y, confidence) in enumerate(body.keypoints):
            if confidence >= 0.05 and not (joint in BORDER_JOINTS and confidence == 0.01):
                canvas[(rows - int(y)) ** 2 + (columns - int(x)) ** 2 < 25] = COLOURS[joint]
        return canvas

    def masks(body: Body) -> tuple[np.ndarray, np.ndarray]:
        return np.isin(body.worn.classes, (1, 4)), np.isin(body.worn.classes, (2, 3))

    def cut(body: Body, worn: np.ndarray, parts: Any, sleeves: np.ndarray | None) -> tuple[list[Any], list[Any]]:
        images, covers = [], []
        for part in parts:
            mask = worn
            if sleeves is not None:
                mask = mask & (sleeves > 0) if part in ARM_PARTS else mask & (sleeves == 0)
            quad = part_quads(body.keypoints, (config.height, config.width))[part]
            if quad is None:
                images.append(np.zeros((config.patch, config.patch, 3), np.uint8))
                covers.append(images[-1])
                continue
            there, _ = homographies(quad, config.patch)
            pixels = body.image * mask[..., None].astype(np.uint8)
            white = np.repeat(mask[..., None], 3, axis=2).astype(np.uint8) * 255
            images.append(cv2.warpPerspective(pixels, there, (config.patch, config.patch)))
            covers.append(cv2.warpPerspective(white, there, (config.patch, config.patch)))
        return images, covers

    def lay(images: list[Any], covers: list[Any], parts: Any, erosion: int) -> np.ndarray:
        out = np.zeros((config.height, config.width, 3), np.uint8)
        for image, cover, part in zip(images, covers, parts, strict=True):
            quad = part_quads(person.keypoints, (config.height, config.width))[part]
            if quad is None:
                continue
            _, back = homographies(quad, config.patch)
            laid, solid = cv2.warpPerspective(image, back, size), cv2.warpPerspective(cover, back, size)
            solid = cv2.erode(solid[..., :1], np.ones((erosion, erosion)))[..., None] == 255
            out = laid * solid.astype(np.uint8) + out * (1 - solid.astype(np.uint8))
        return out

    def palm(joints: tuple[int, int, int], label: int) -> np.ndarray:
        hand = person.labels == label
        if (person.keypoints[list(joints), 2] < 0.1).any():
            return np.zeros_like(hand)
        for (start, end), grow in (((joints[0], joints[1]), 35), ((joints[1], joints[2]), 28)):
            a, b = person.keypoints[start, :2], person.keypoints[end, :2]
            across = np.array([-(b - a)[1], (b - a)[0]]) / 4
            box = np.zeros((config.height, config.width), np.uint8)
            corners = np.round([a + across, b + across, b - across, a - across]).astype(np.int32)
            cv2.fillPoly(box, [corners], 1)
            hand &= cv2.dilate(box, np.ones((grow, grow))) == 0
        return hand

    parts = tuple(range(10))
    upper_patches, upper_covers = cut(garment, masks(garment)[0], parts, garment.sleeves)
    lower_patches, _ = cut(person, masks(person)[1], LOWER_PARTS, None)
    for index, part in ((0, 0), (1, 6), (3, 8)):
        lower_patches[index] = lower_patches[index] * (upper_covers[part] == 0)
    upper = lay(upper_patches, upper_covers, parts, 8)
    trunk = [part for part in parts if part not in ARM_PARTS]
    body = lay([upper_patches[part] for part in trunk], [upper_covers[part] for part in trunk], trunk, 8)
    solid = cv2.erode(masks(person)[1].astype(np.uint8) * 255, np.ones((8, 8))) == 255
    lower = person.image * solid[..., None].astype(np.uint8)
    keep = np.isin(person.labels, (1, 2, 4, 13, 18, 19)) | palm((5, 6, 7), 14) | palm((2, 3, 4), 15)
    face = np.isin(person.labels, (10, 13))
    skin = np.array([np.median(plane[face & (plane > 0)]) for plane in np.moveaxis(person.image, 2, 0)])
    rows = np.flatnonzero(body.any(axis=(1, 2)))
    bound = np.zeros((config.height, config.width), np.uint8)
    bound[rows.max() if len(rows) else 0 :] = 255
    scaled = [array.astype(np.float32) / 127.5 - 1 for array in (*upper_patches, *lower_patches, upper, lower, bound)]
    return (*scaled, keep, skin, skeleton(person), skeleton(garment))


def preprocessing(name: str, repeats: int) -> dict[str, float]:
    """From decoded photos and annotations to tensors."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    drawn = Dataset.open("drawn-mini")
    person, garment = (drawn.people[key].fresh() for key in list(drawn.people)[:2])
    bodies = people(PUBLISHED)
    for photo in (person, garment):
        photo.image(), photo.parse(), photo.pose()

    def ours() -> Any:
        first, second = (on_canvas(photo, PUBLISHED)[0] for photo in (person, garment))
        return tensors(prepare(first, second, "upper", PUBLISHED))

    if name == PREPROCESSING[1]:
        reuse_freed_memory()
    run = ours if name == PREPROCESSING[1] else (lambda: straightforward(*bodies, PUBLISHED))
    run()
    return {"seconds": timed(run, 10 * repeats), "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def difference() -> float:
    """Mean absolute difference in grey levels between bf16 and fp32 of the fast path, same label map, inside the photo."""
    reuse_freed_memory()
    generator = network(PUBLISHED)
    person, other = people(PUBLISHED)
    inputs = {key: value[None] for key, value in tensors(prepare(person, other, "upper", PUBLISHED)).items()}
    label = torch.from_numpy(person.worn.classes).float()[None, None]
    garments = [Warped(inputs[key], inputs[f"{key}_mask"]) for key in ("upper", "lower")]
    pictures = []
    for dtype in (torch.float32, torch.bfloat16):
        fast = FastGenerator(generator, dtype)
        made = fast(fast.garments(inputs["parts"]), inputs["retain"], inputs["pose"], *garments, label)[0]
        pictures.append(((made[..., PUBLISHED.left : -PUBLISHED.left] + 1) * 127.5).clamp(0, 255))
    return float((pictures[0] - pictures[1]).abs().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="runs in each process, after one that is not counted")
    parser.add_argument("--only", nargs="*", default=None, help="beginnings of rows")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        work = preprocessing if given.row in PREPROCESSING else generation
        sys.stdout.write(json.dumps(work(given.row, given.repeats)))
        return
    rows = [name for name in (*ROWS, *PREPROCESSING) if not given.only or name.startswith(tuple(given.only))]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in rows}
    for number in range(given.rounds):
        for name in rows:
            command = [sys.executable, __file__, "--row", name, "--repeats", str(given.repeats)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results[name].append(json.loads(done.stdout))
            sys.stderr.write(f"round {number + 1}, {name}: {results[name][-1]['seconds']:.3f} s\n")
    sys.stdout.write(f"{torch.__version__}, {torch.get_num_threads()} threads\n\n")
    sys.stdout.write("| row | seconds a picture | times parity | peak MB |\n|---|---:|---:|---:|\n")
    for name in rows:
        reference = PREPROCESSING[0] if name in PREPROCESSING else REFERENCE
        seconds = statistics.median(result["seconds"] for result in results[name])
        ratio = ""
        if reference in results:
            pairs = zip(results[reference], results[name], strict=True)
            ratio = f"{statistics.median(one['seconds'] / two['seconds'] for one, two in pairs):.1f}"
        peak = max(result["mb"] for result in results[name])
        sys.stdout.write(f"| {name} | {seconds:.3f} | {ratio} | {peak:.0f} |\n")
    if not given.only:
        sys.stdout.write(f"\nbf16 against fp32, same label map: {difference():.2f} grey levels of 255 on average\n")


if __name__ == "__main__":
    main()
