"""What PromptDresser costs: operations and memory at full size, seconds of a step, evaluations of the presets.

    python benchmarks/promptdresser.py [--repeat 3] [--width 0.25] [--device cpu] [--dtype float32]

Operations and memory of the full-size network are counted with fake tensors: nothing is computed, so any machine will do.
Seconds are measured on a network of random weights (speed does not depend on their values) with ``--width`` times SDXL's
channels, at 768x1024, each row in a process of its own; ``--width 1`` is the real size (``--repeat 0``: one run each, nothing
before it, for processors).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from fittingroom.methods.promptdresser import tiny
from fittingroom.methods.promptdresser.attention import GarmentFeatures, join, project
from fittingroom.methods.promptdresser.memory import GIB, OVERHEAD, PLANS, Shape, needs
from fittingroom.methods.promptdresser.network import (
    SDXL,
    garment_features,
    garment_network,
    main_network,
    predict_noise,
)
from fittingroom.methods.promptdresser.options import PRESETS
from fittingroom.methods.promptdresser.peak import PeakTensors

SIZE = (1024, 768)
VAE = {**tiny.VAE, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "norm_num_groups": 32}


@contextlib.contextmanager
def precision(kind: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def inputs(rows: int, config: dict[str, Any], kind: torch.dtype, device: str) -> dict[str, torch.Tensor]:
    height, width = SIZE[0] // 8, SIZE[1] // 8
    pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
    shapes = {
        "latents": (rows, 4, height, width),
        "mask": (rows, 1, height, width),
        "masked": (rows, 4, height, width),
        "text": (rows, 77, config["cross_attention_dim"]),
        "pooled": (rows, pooled),
        "ids": (rows, 6),
    }
    return {name: torch.zeros(shape, dtype=kind, device=device) for name, shape in shapes.items()}


def steps(
    main: Any, garment: Any, config: dict[str, Any], kind: torch.dtype, device: str
) -> dict[str, Callable[[], Any]]:
    """What is measured, by name; features are made beforehand."""
    one, three = inputs(1, config, kind, device), inputs(3, config, kind, device)

    def look() -> GarmentFeatures:
        return garment_features(garment, one["latents"], one["text"], one["pooled"], one["ids"])

    def step(features: GarmentFeatures | None) -> None:
        predict_noise(main, **three, time=463, garment=features)

    def apart(features: GarmentFeatures) -> None:
        for row in (0, 1, 1):
            predict_noise(main, **one, time=463, garment=features.for_rows((row,)))

    raw = join([look(), look()]).for_rows((0, 1, 1))
    ready = project(main, raw)
    return {
        "garment network, 1 row": look,
        "step, 3 branches, no garment": lambda: step(None),
        "step, 3 branches, features": lambda: step(raw),
        "step, 3 branches, K/V kept": lambda: step(ready),
        "step, branches apart, K/V kept": lambda: apart(ready),
    }


def full_size() -> None:
    kind = torch.float16
    with FakeTensorMode(), precision(kind), torch.inference_mode():
        main, garment = main_network(), garment_network()
        todo = steps(main, garment, dict(SDXL), kind, "cpu")
        print(f"full size, {SIZE[1]}x{SIZE[0]}, float16, counted with fake tensors")
        print(f"{'':32} {'10^12 multiplications':>21} {'MiB beyond weights and features':>33}")
        for name, run in todo.items():
            with FlopCounterMode(display=False) as flops:
                run()
            with PeakTensors() as peak:
                run()
            print(f"{name:32} {flops.get_total_flops() / 2e12:21.2f} {peak.peak / 2**20:33.0f}")
        weights = {
            name: sum(value.numel() for value in network.state_dict().values())
            for name, network in (("unet", main), ("garment_unet", garment))
        }
    weights |= {"vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840}
    shape = Shape(weights, SDXL, VAE, SIZE)
    print(f"\nestimate in GiB, {OVERHEAD / GIB:.1f} GiB for driver and workspace added")
    for plan in PLANS:
        stages = {name: (value + OVERHEAD) / GIB for name, value in needs(plan, shape).items()}
        print(
            f"{plan.name:32} peak {max(stages.values()):5.2f}   " + "  ".join(f"{k} {v:.2f}" for k, v in stages.items())
        )


def scaled(width: float) -> dict[str, Any]:
    channels = [max(16, round(value * width / 16) * 16) for value in SDXL["block_out_channels"]]
    heads = [max(1, value // 64) for value in channels]
    return {**SDXL, "block_out_channels": channels, "attention_head_dim": heads, "norm_num_groups": 16}


#: row -> networks that are in memory; what is measured is named alike in steps()
ROWS = {
    "garment network, 1 row": "garment",
    "step, 3 branches, features": "main",
    "step, 3 branches, K/V kept": "main",
    "step, branches apart, K/V kept": "main",
    "everything resident, step, 3 branches, K/V kept": "both",
}


def filled(network: Any, kind: torch.dtype, device: str) -> Any:
    """Random weights of the right scale, quickly: one block of noise again and again."""
    block = torch.randn(1 << 20).to(kind)
    network = network.to(kind).to_empty(device=device)
    for value in network.parameters():
        flat, scale = value.data.view(-1), value[0].numel() ** -0.5 if value.ndim > 1 else 0.02
        for start in range(0, len(flat), len(block)):
            part = flat[start : start + len(block)]
            part.copy_(block[: len(part)]).mul_(scale)
    return network.eval().requires_grad_(False)


def one(name: str, width: float, repeat: int, device: str, kind: torch.dtype) -> dict[str, float]:
    config = dict(SDXL) if width == 1 else scaled(width)
    with FakeTensorMode(), precision(kind), torch.inference_mode():
        fake = inputs(1, config, kind, "cpu")
        shapes = {
            block: tuple(bank.shape)
            for block, bank in garment_features(
                garment_network(config), fake["latents"], fake["text"], fake["pooled"], fake["ids"]
            ).banks.items()
        }
    with torch.device("meta"):
        made = {"main": lambda: main_network(config), "garment": lambda: garment_network(config)}
        parts = {part: make() for part, make in made.items() if ROWS[name] in (part, "both")}
    parts = {part: filled(network, kind, device) for part, network in parts.items()}
    banks = {block: torch.randn((2, *shape[1:])).to(device, kind) for block, shape in shapes.items()}
    raw = GarmentFeatures(banks).for_rows((0, 1, 1))
    three, single = inputs(3, config, kind, device), inputs(1, config, kind, device)
    with torch.inference_mode():
        features = project(parts["main"], raw) if "K/V kept" in name else raw

        def run() -> None:
            if name.startswith("garment"):
                garment_features(parts["garment"], single["latents"], single["text"], single["pooled"], single["ids"])
            elif "apart" in name:
                for row in (0, 1, 1):
                    predict_noise(parts["main"], **single, time=463, garment=features.for_rows((row,)))
            else:
                predict_noise(parts["main"], **three, time=463, garment=features)

        if repeat:
            run()
        took = []
        for _ in range(max(repeat, 1)):
            begin = time.perf_counter()
            run()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            took.append(time.perf_counter() - begin)
    if device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": statistics.median(took), "mb": peak}


def seconds(width: float, repeat: int, device: str, kind: str) -> None:
    """Every row in a process of its own: peak memory is the process's, or the graphics card's."""
    config = dict(SDXL) if width == 1 else scaled(width)
    print(
        f"\nchannels {config['block_out_channels']}, {SIZE[1]}x{SIZE[0]}, {device}, {kind}, {torch.get_num_threads()} threads, ",
        end="",
    )
    print(f"median of {repeat}" if repeat else "one run each, nothing before it")
    print(f"{'':48} {'seconds':>9} {'peak MB':>9}")
    for name in ROWS:
        command = [sys.executable, __file__, "--row", name, "--repeat", str(repeat), "--width", str(width)]
        done = subprocess.run(
            [*command, "--device", device, "--dtype", kind], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        print(f"{name:48} {found['seconds']:9.2f} {found['mb']:9.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    kind = getattr(torch, arguments.dtype)
    if arguments.row:
        print(json.dumps(one(arguments.row, arguments.width, arguments.repeat, arguments.device, kind)))
        return
    full_size()
    print("\nbranches computed for one picture")
    for name, preset in PRESETS.items():
        print(f"{name:32} {preset.evaluations():4d}")
    seconds(arguments.width, arguments.repeat, arguments.device, arguments.dtype)


if __name__ == "__main__":
    main()
