"""Seconds and peak memory of LaDI-VTON at its published size: every component and the whole picture, parity and fast.

    python benchmarks/ladi_vton.py [--rounds 3] [--only NAME ...] [--device cuda]

Every row runs in processes of its own (peak memory is the process's, or the graphics card's), the rows of a round one after
another, so that a noisy machine disturbs all alike; medians over rounds are printed. Weights are random: speed does not depend on
their values, quality does, so nothing is said about quality here. Nothing is extrapolated: the whole picture is made from start to
end with the preset's own number of steps, by networks that come from files (4 GB are written to the folder for temporary files) and
go as the plan for this machine says; those that stay are there when the clock starts, those that describe a garment are read again.
"parity" is float32 as published; "fast" is channels last with batch norms folded and EMASC fused, in bfloat16 where the hardware
multiplies that faster (AMX, graphics cards), else in float32; --dtype decides otherwise. The UNet in float32 needs 4 GB of memory, a
whole picture in float32 8 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from fittingroom.core.memory import reuse_freed_memory
from fittingroom.data.dataset import Dataset
from fittingroom.methods.ladi_vton.clip import look
from fittingroom.methods.ladi_vton.conditions import conditions
from fittingroom.methods.ladi_vton.config import PUBLISHED
from fittingroom.methods.ladi_vton.denoise import Guide, both, predict
from fittingroom.methods.ladi_vton.memory import choose, choose_host, fastest
from fittingroom.methods.ladi_vton.network import PARTS, build
from fittingroom.methods.ladi_vton.options import PRESETS, options
from fittingroom.methods.ladi_vton.pipeline import carry, finish, say
from fittingroom.methods.ladi_vton.runner import Parts, Runner, fuse
from fittingroom.methods.ladi_vton.warping import warp
from fittingroom.methods.ladi_vton.weights import open_folder, save_part, write_index

PATHS = ("parity", "fast")
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
COMPONENTS = (
    "warp and repair",
    "CLIP and adapter",
    "text encoder",
    "encode and EMASC",
    "UNet, one row",
    "UNet, two rows (a guided step)",
    "decode",
    "whole picture",
)
ROWS = {f"{component}, {path}": (component, path) for component in COMPONENTS for path in PATHS}


def network(part: str, kind: torch.dtype, device: str, joined: bool) -> Any:
    """A network of published size with random weights, made directly in its precision."""
    kind = torch.float32 if part == "matcher" else kind
    with torch.device("meta"):
        made = build(part, PUBLISHED)
    grid = made.gridGen.__class__(made.size) if part == "matcher" else None
    made = made.to(kind).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for name, value in made.state_dict().items():
        if name.endswith("position_ids") or not value.is_floating_point():
            value.copy_(torch.arange(value.numel()).reshape(value.shape))
        elif name.endswith("running_var"):
            value.fill_(1)
        elif value.ndim > 1:
            value.normal_(0, value[0].numel() ** -0.5, generator=generator)
        else:
            value.fill_(1.0 if name.endswith("weight") else 0.0)
    for _, buffer in made.named_buffers():
        if not buffer.is_floating_point() and buffer.ndim == 2:  # positions, which no state holds
            buffer.copy_(torch.arange(buffer.shape[1])[None])
    if grid is not None:
        made.gridGen = grid
        made.loc_net.regression.linear.weight.data.zero_()
    made = made.eval().requires_grad_(False)
    return (fuse(made) if joined else made).to(device)


def write(folder: Path) -> None:
    """Every network with random weights of 16 bits, as a folder that the method reads."""
    for part in PARTS:
        save_part(network(part, torch.float16, "cpu", False), part, folder, torch.float16)
    write_index(folder, PUBLISHED, "dress-code", "random weights", trained=False)


def work(component: str, path: str, device: str, kind: torch.dtype, folder: Path) -> Callable[[], Any]:
    """What is timed; its networks are made here, before the clock starts. The folder is that of :func:`write`."""
    height, width = PUBLISHED.size
    generator = torch.Generator().manual_seed(1)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).clamp(-1, 1).to(device)

    picture, mask, pose = (
        noise(1, 3, height, width),
        noise(1, 1, height, width).sign().relu(),
        noise(1, 18, height, width),
    )
    latents = noise(1, 4, height // 8, width // 8)

    def made(part: str) -> Any:
        return network(part, kind, device, path == "fast")

    if component == "warp and repair":
        nets = [made(part) for part in ("matcher", "refinement")]
        return lambda: warp(nets[0], nets[1], picture, picture, pose)
    if component == "CLIP and adapter":
        vision, adapter = (made(part) for part in ("vision", "adapter"))
        return lambda: adapter(look(vision, picture))
    if component == "text encoder":
        text = made("text")
        words = noise(1, 16, 1024).to(kind)
        return lambda: say(text, words, ["upper"])
    if component == "encode and EMASC":
        vae, emasc = (made(part) for part in ("vae", "emasc"))
        return lambda: carry(vae, emasc, picture, mask)
    if component == "decode":
        vae, emasc = (made(part) for part in ("vae", "emasc"))
        additions = carry(vae, emasc, picture, mask)[1]
        return lambda: finish(vae, latents, additions)
    if component.startswith("UNet"):
        unet = made("unet")
        guide = Guide(noise(1, 77, 1024), latents[:, :1], latents, noise(1, 18, height // 8, width // 8), latents)
        time_ = torch.tensor(500, device=device)
        if "two rows" in component:
            twice = both(guide, guide)
            return lambda: predict(unet, torch.cat([latents, latents]), time_, twice)
        return lambda: predict(unet, latents, time_, guide)
    chosen = options({"preset": path})
    free = torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else psutil.virtual_memory().available
    plan = (choose if device.startswith("cuda") else choose_host)(float(free), PUBLISHED, kind.itemsize)
    parts = Parts(open_folder(folder), kind, device, plan, chosen.fused)
    drawn = Dataset.open("drawn-mini")
    entry = conditions(next(drawn.samples("unpaired")), PUBLISHED.size, "dress-code", published=True)
    for part in PARTS:
        if part not in plan.reloaded:
            parts._load(part)

    def whole() -> Any:
        return Runner(parts, chosen).run(entry, 1)  # a new one, so that nothing is kept from the round before

    return whole


def peak_mb(device: str) -> float:
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(name: str, repeats: int, device: str, dtype: str, folder: Path) -> dict[str, float]:
    component, path = ROWS[name]
    kind = torch.float32
    if path == "fast":
        kind = KINDS[dtype] if dtype else fastest(device)
    if path == "fast":
        reuse_freed_memory()
    run = work(component, path, device, kind, folder)
    spent = []
    with torch.inference_mode():
        if component != "whole picture":
            run()
        for _ in range(1 if component == "whole picture" else repeats):
            begin = time.perf_counter()
            run()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            spent.append(time.perf_counter() - begin)
    return {"seconds": statistics.median(spent), "mb": peak_mb(device)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="runs in each process, after one that is not counted")
    parser.add_argument("--only", nargs="*", default=None, help="beginnings of rows")
    parser.add_argument("--paths", nargs="*", default=list(PATHS), choices=list(PATHS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="", choices=["", *KINDS], help="of the fast path")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row == "write":
        return write(given.weights)
    if given.row:
        sys.stdout.write(json.dumps(timed(given.row, given.repeats, given.device, given.dtype, given.weights)))
        return None
    with tempfile.TemporaryDirectory() as folder:
        rounds(given, Path(folder))
    return None


def rounds(given: argparse.Namespace, folder: Path) -> None:
    """All rows that were asked for, and their table."""
    chosen = [
        name
        for name, (_, path) in ROWS.items()
        if path in given.paths and (not given.only or name.startswith(tuple(given.only)))
    ]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    script = [sys.executable, str(Path(__file__)), "--weights", str(folder)]
    if any(name.startswith("whole") for name in chosen):
        subprocess.run([*script, "--row", "write"], check=True)
    for number in range(given.rounds):
        for name in chosen:
            command = [*script, "--row", name, "--repeats", str(given.repeats)]
            done = subprocess.run(
                [*command, "--device", given.device, "--dtype", given.dtype],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.stderr.write(f"{name}: {done.stderr.strip().splitlines()[-1:]}\n")
                continue
            results[name].append(json.loads(done.stdout))
            sys.stderr.write(f"round {number + 1}, {name}: {results[name][-1]['seconds']:.3f} s\n")
    evaluations = {name: preset.sampling().evaluations() for name, preset in PRESETS.items()}
    kind = given.dtype or str(fastest(given.device)).removeprefix("torch.")
    sys.stdout.write(f"{torch.__version__}, {torch.get_num_threads()} threads; fast is {kind}; ")
    sys.stdout.write(f"UNet rows a picture: {evaluations}\n\n")
    sys.stdout.write("| row | seconds | times parity | peak MB |\n|---|---:|---:|---:|\n")
    for name in chosen:
        if not results[name]:
            continue
        component, path = ROWS[name]
        reference = results.get(f"{component}, parity", [])
        ratio = ""
        if path == "fast" and len(reference) == len(results[name]):
            pairs = zip(reference, results[name], strict=True)
            ratio = f"{statistics.median(one['seconds'] / two['seconds'] for one, two in pairs):.1f}"
        seconds = statistics.median(result["seconds"] for result in results[name])
        peak = max(result["mb"] for result in results[name])
        sys.stdout.write(f"| {name} | {seconds:.3f} | {ratio} | {peak:.0f} |\n")


if __name__ == "__main__":
    main()
