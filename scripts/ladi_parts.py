"""LaDI-VTON's embedded parts: how good they are, and into the package with them.

    python scripts/ladi_parts.py measure WEIGHTS DATA [--pictures FILE.png]
    python scripts/ladi_parts.py install DATA TRAINING [TRAINING ...] [--after]

Measured on people in their own garments (paired samples, best ones that were not trained on), at the weights' size: mean absolute
error, values from -1 to 1, of the garment on white against the one that is worn, before warping, after it, and after the
refinement; of the photo through the autoencoder, without EMASC and with it, outside the mask; and where the last stage was trained, what
``latent_errors.py`` says of the UNet.

Each TRAINING is a folder of ``fittingroom train``, in the order in which one began with the weights of the one before; the last one's
weights are installed: matcher, refinement, EMASC, and if the last stage was trained, the UNet and what makes its words. ``--after``: the
first one began with the parts that are installed, so the card keeps what it says of how those were made. See docs/minis.md.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from latent_errors import errors

import fittingroom as fr
from fittingroom.core.errors import FittingroomError
from fittingroom.core.files import write_bytes, write_text
from fittingroom.core.images import encode_png, to_image, to_tensor
from fittingroom.methods.ladi_vton.conditions import garment_picture, person_parts, pose_map, worn_garment
from fittingroom.methods.ladi_vton.emasc import decode, encode, keep_outside
from fittingroom.methods.ladi_vton.recipe import TrainOptions
from fittingroom.methods.ladi_vton.region import rules_for
from fittingroom.methods.ladi_vton.start import PARTS_FOLDER
from fittingroom.methods.ladi_vton.steps import warped_by
from fittingroom.methods.ladi_vton.weights import load_networks, open_folder
from fittingroom.train.run import read_recipe
from fittingroom.weights.embedded import CARD, ROOT

RECIPE = "recipes/ladi-vton-mini.toml"
PARTS = ("matcher", "refinement", "emasc")
#: what the last stage learns
LAST = ("unet", "adapter", "vision", "text")
#: people whose latents are looked at
PEOPLE = 24
MEASURED = (
    "garment unwarped",
    "garment warped",
    "garment warped and refined",
    "photo outside the mask, without EMASC",
    "photo outside the mask, with EMASC",
)


def measure(weights: Path, data: str, pictures: Path | None) -> list[str]:
    """A line for each of :data:`MEASURED`; pictures: garment, person, warped, refined."""
    bundle = open_folder(weights)
    networks, size, rules = load_networks(bundle), bundle.config.size, bundle.rules
    found, rows = [], []
    for sample in fr.Dataset.open(data).samples("paired"):
        try:
            _, picture, labels, pose, mask = person_parts(sample.person, sample.category, size, rules, published=False)
            alone = to_tensor(garment_picture(sample.garment, size, rules))[None]
        except FittingroomError as error:
            print(f"left out: {error}")
            continue
        person, hole = to_tensor(picture)[None], torch.from_numpy(mask[None, None]).float()
        worn = worn_garment(person[0], labels, rules_for(rules, sample.category, published=False))[None]
        batch = {"person": person, "mask": hole, "pose": pose_map(pose, size)[None], "garment": alone}
        shown = warped_by(networks.matcher, batch)
        warped, refined = shown[:, -3:], networks.refinement(shown).clamp(-1, 1)
        seen = encode(networks.vae, person).mean
        carried = keep_outside(networks.emasc(encode(networks.vae, person * (1 - hole)).features), hole)
        plain = decode(networks.vae, seen, [torch.zeros_like(each) for each in carried])
        helped = decode(networks.vae, seen, carried)
        errors = [float((each - worn).abs().mean()) for each in (alone, warped, refined)]
        errors += [float(((each - person).abs() * (1 - hole)).sum() / (1 - hole).sum() / 3) for each in (plain, helped)]
        found.append(errors)
        rows.append(np.concatenate([to_image(each[0]) for each in (alone, person, warped, refined)], axis=1))
    if not found:
        raise SystemExit("nobody to measure")
    if pictures:
        half = len(rows) // 2 or 1
        write_bytes(
            pictures, encode_png(np.concatenate([np.concatenate(rows[i::half][:2], axis=1) for i in range(half)]))
        )
    means = np.mean(found, axis=0)
    lines = [f"{what}: {value:.4f}" for what, value in zip(MEASURED, means, strict=True)]
    print(f"{len(found)} people", *lines, sep="\n")
    return lines


def stages_of(training: Path) -> list[str]:
    """The stages that a training went through."""
    log = [json.loads(line) for line in (training / "log.jsonl").read_text().splitlines()]
    return sorted({key.split("/")[0] for line in log for key in line if "/" in key})


def told(training: Path) -> str:
    """One line of a card on one training: its stages, its length, and where it went other ways than the recipe."""
    log = [json.loads(line) for line in (training / "log.jsonl").read_text().splitlines()]
    stages = stages_of(training)
    last, made = log[-1], json.loads((training / "config.json").read_text())
    recipe = read_recipe(RECIPE)["ladi-vton"]
    asked = {**{each.name: each.default for each in fields(TrainOptions)}, **made["options"]}
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


def latents(weights: Path, data: str) -> list[str]:
    """What the UNet knows of pictures that are all noise, and of noisy ones."""
    found, plain = errors(weights, data, PEOPLE)
    lines = [f"mean square error of the scaled latents inside the mask, one colour: {plain:.3f}"]
    for time in (999, 700, 300):
        shown = ", ".join(f"{found[what, time][0]:.3f} ({what})" for what in ("everything", "no garment", "no pose"))
        lines.append(f"the UNet's at time {time}: {shown}")
    print(*lines, sep="\n")
    return lines


def install(data: str, trainings: list[Path], after: bool) -> None:
    """Copy the parts into the package and write their card."""
    weights, target = trainings[-1] / "weights", ROOT / PARTS_FOLDER
    lines, parts = measure(weights, data, None), PARTS
    if any("tryon" in stages_of(training) for training in trainings):
        lines, parts = lines + latents(weights, data), PARTS + LAST
    steps = "\n".join(map(told, trainings))
    if after:
        before = (target / CARD).read_text().split("## Training\n", 1)[1].split("\n## ", 1)[0]
        steps = "\n".join([*(line for line in before.splitlines() if line.startswith("- ")), steps])
    for part in parts:
        write_bytes(target / f"{part}.safetensors", (weights / f"{part}.safetensors").read_bytes())
    size = sum((target / f"{part}.safetensors").stat().st_size for part in parts) / 1e6
    results = "\n".join(f"- {line}" for line in lines)
    names = "Matcher, refinement and EMASC" if parts == PARTS else "Matcher, refinement, EMASC, UNet and words"
    card = f"""# ladi-vton-parts, mini

{size:.1f} MB, Apache-2.0. {names} of our own with which the small LaDI-VTON begins (`parts = "embedded"`
in its recipe); they belong to the embedded autoencoder. The UNet has not learned enough yet to dress people well: its pictures are blurred.

## Data

The same as the autoencoder's (its card is beside this one): rendered people of seed 101 and real street photos, Clothing Co-Parsing
(Yang et al., CVPR 2014), train split. Its repository states Apache-2.0; its photos are third parties' and no part of this package.

## Training

`{RECIPE}`, two cores; one after the other, each with the weights of the one before:

{steps}

## Measured

Rendered people of seed 202, who were not trained on, in their own garments, at 256x192; mean absolute errors, values from -1 to 1
(`python scripts/ladi_parts.py measure`):

{results}

## Limits

A thin-plate spline of 25 points: sleeves follow arms that hang or reach out a little, not raised ones. The refinement learned little on
purpose: where the spline is off by a few pixels, more of it blurs patterns.
"""
    write_text(target / CARD, card)
    print(f"installed: {target}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    measuring, installing = commands.add_parser("measure"), commands.add_parser("install")
    measuring.add_argument("weights", type=Path)
    measuring.add_argument("data")
    measuring.add_argument("--pictures", type=Path)
    installing.add_argument("data")
    installing.add_argument("trainings", type=Path, nargs="+")
    installing.add_argument(
        "--after", action="store_true", help="the first one began with the parts that are installed"
    )
    given = parser.parse_args()
    try:
        with torch.inference_mode():
            if given.what == "measure":
                measure(given.weights, given.data, given.pictures)
            else:
                install(given.data, given.trainings, given.after)
    except FittingroomError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
