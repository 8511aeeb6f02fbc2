"""LaDI-VTON's parts: how good each of them is by itself.

    python scripts/ladi_parts.py WEIGHTS DATA [--pictures FILE.png]

Measured on people in their own garments (paired samples, best ones that were not trained on), at the weights' size: mean absolute
error, values from -1 to 1, of the garment on white against the one that is worn, before warping, after it, and after the
refinement; of the photo through the autoencoder, without EMASC and with it, outside the mask; and where the last stage was trained, what
``latent_errors.py`` says of the UNet.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from latent_errors import errors

import fittingroom as fr
from fittingroom.core.errors import FittingroomError
from fittingroom.core.files import write_bytes
from fittingroom.core.images import encode_png, to_image, to_tensor
from fittingroom.methods.ladi_vton.conditions import garment_picture, person_parts, pose_map, worn_garment
from fittingroom.methods.ladi_vton.emasc import decode, encode, keep_outside
from fittingroom.methods.ladi_vton.region import rules_for
from fittingroom.methods.ladi_vton.steps import warped_by
from fittingroom.methods.ladi_vton.weights import load_networks, open_folder

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


def latents(weights: Path, data: str) -> list[str]:
    """What the UNet knows of pictures that are all noise, and of noisy ones."""
    found, plain = errors(weights, data, PEOPLE)
    lines = [f"mean square error of the scaled latents inside the mask, one colour: {plain:.3f}"]
    for time in (999, 700, 300):
        shown = ", ".join(f"{found[what, time][0]:.3f} ({what})" for what in ("everything", "no garment", "no pose"))
        lines.append(f"the UNet's at time {time}: {shown}")
    print(*lines, sep="\n")
    return lines


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("data")
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    try:
        with torch.inference_mode():
            measure(given.weights, given.data, given.pictures)
            latents(given.weights, given.data)
    except FittingroomError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
