"""What the cards of the embedded weights say, from the files of their trainings. A part of minis.py."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import fields
from pathlib import Path
from typing import Any

from fittingroom.methods.ladi_vton import recipe as ladi_vton
from fittingroom.methods.pasta_gan_pp import options as pasta_gan_pp
from fittingroom.methods.promptdresser import recipe as promptdresser
from fittingroom.train.run import read_recipe

#: options of the trainings that go through stages
OPTIONS: dict[str, Any] = {
    "pasta-gan++": pasta_gan_pp.TrainOptions,
    "ladi-vton": ladi_vton.TrainOptions,
    "promptdresser": promptdresser.TrainOptions,
}
#: what both diffusion methods may begin with, and the method whose first stage trains it
SHARED, SHARED_BY = "autoencoder", "ladi-vton"
HEIGHT = 256
#: what a card says of the model and of its numbers
_ABOUT = {
    "": (
        "A small model of our own. It knows few people and few garments: for serious work train it on your own photos or fetch\n"
        "published weights.",
        "On people and garments that were not trained on; `baseline` is the geometric method.",
    ),
    "autoencoder": (
        "A small autoencoder of our own with which the small LaDI-VTON and PromptDresser begin\n"
        '(`autoencoder = "embedded"` in a recipe); latents of 8 channels at an eighth of the size. By itself it dresses nobody.',
        "Pictures that were not trained on, at 256x192, through the encoder's mean and back.",
    ),
}


def training_section(card: str) -> str:
    """What a card says of the training."""
    return card.split("## Training\n\n", 1)[1].split("\n\n## ", 1)[0]


def stages_of(training: Path) -> list[str]:
    """The stages that a training went through."""
    log = [json.loads(line) for line in (training / "log.jsonl").read_text().splitlines()]
    return sorted({key.split("/")[0] for line in log for key in line if "/" in key})


def told(training: Path, method: str) -> str:
    """One line of a card on one training: stages, length, and where it went other ways than the recipe."""
    log = [json.loads(line) for line in (training / "log.jsonl").read_text().splitlines()]
    stages = stages_of(training)
    last, made = log[-1], json.loads((training / "config.json").read_text())
    recipe = read_recipe(f"recipes/{method}-mini.toml")[method]
    asked = {**{each.name: each.default for each in fields(OPTIONS[method])}, **made["options"]}
    other = [
        f"{name} {value}"
        for name, value in asked.items()
        if value != recipe.get(name, value)
        and name not in ("start", "stage", "autoencoder", "parts", "save_memory", "cache", "cache_folder", "half")
        and not name.endswith("_steps")
        and (not name.startswith("lr_") or name.removeprefix("lr_") in stages)  # other stages' rates are of no account
    ]
    line = (
        f"- {', '.join(stages)}: {last['step']} steps of {made['batch']} pictures, {last['seconds'] / 60:.0f} minutes"
    )
    return line + (f"; other than in the recipe: {', '.join(other)}" if other else "")


def model_card(
    name: str, training: Path, packed: Path, lines: list[str], size: float, earlier: Path | None = None
) -> str:
    """What one should know of the weights of a method, or of the shared autoencoder.

    Args:
        name: of the method, or ``autoencoder``.
        training: its folder.
        packed: the training set.
        lines: what was measured.
        size: in MB.
        earlier: card of the weights that it went on from.
    """
    last = json.loads((training / "log.jsonl").read_text().splitlines()[-1])
    info = json.loads((packed / "dataset.json").read_text())
    recipe = read_recipe(f"recipes/{SHARED_BY if name == SHARED else name}-mini.toml")
    sources = "\n".join(
        f"- {entry['name']}: {entry.get('provenance', 'real street photos, Clothing Co-Parsing (Yang et al., CVPR 2014)')}"
        for entry in info["sources"]
    )
    results = "\n".join(f"- {line}" for line in lines)
    about, measured = _ABOUT.get(name, _ABOUT[""])
    device = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    steps = (
        f"{last['step']} steps of {recipe['train']['batch']} pictures, {last['seconds'] / 3600:.1f} hours on {device}."
    )
    if name in OPTIONS:
        steps = f"on {device}\n\n{told(training, name)}"
    before = ""
    if earlier is not None and earlier.is_file():
        before = f"\n\nIt went on from weights of the same kind:\n\n{training_section(earlier.read_text())}"
    return f"""# {name}, mini

{size:.1f} MB, Apache-2.0. {about}

## Data

{sources}

Packed: files' SHA-256 {info["packed"]["files_sha256"]}, pictures of {info["packed"]["size"][1]}x{info["packed"]["size"][0]}. Clothing
Co-Parsing's repository states Apache-2.0; its photos are third parties' and no part of this package.

## Training

`python scripts/minis.py train {name}`: {steps}{before}

## Measured

{measured}

{results}

## Limits

Rendered people have rendered faces; print and lettering are blurred; small pictures ({HEIGHT} pixels high).
"""
