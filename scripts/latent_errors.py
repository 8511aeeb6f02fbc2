"""How far a LaDI-VTON is from the truth at each time of the noise: a cheap look at a training, long before its pictures are any good.

    python scripts/latent_errors.py WEIGHTS DATA [--people 12]

For people in their own garments (paired samples, best ones that were not trained on) noise of a time is added to the latents of the
photo, and the network says what the photo was: mean square error of the scaled latents inside the mask and outside of it. Without the
garment, and without the pose, it shows how much the network makes of them: where the error does not rise, it does not look. For
comparison, the error of the best single colour inside the mask.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import fittingroom as fr
from fittingroom.core.errors import FittingroomError
from fittingroom.data.sample import CATEGORIES
from fittingroom.methods.ladi_vton.clip import look
from fittingroom.methods.ladi_vton.conditions import conditions
from fittingroom.methods.ladi_vton.denoise import Guide, predict, small_mask, small_pose
from fittingroom.methods.ladi_vton.emasc import encode
from fittingroom.methods.ladi_vton.steps import cleaned, said
from fittingroom.methods.ladi_vton.warping import warp
from fittingroom.methods.ladi_vton.weights import load_networks, open_folder
from fittingroom.methods.requirement import need

TIMES = (999, 900, 700, 500, 300, 100)
#: what the network is shown -> (pose, garment)
SHOWN = {"everything": (1, 1), "no garment": (1, 0), "no pose": (0, 1)}


def errors(weights: Path, data: str, people: int) -> tuple[dict[tuple[str, int], tuple[float, float]], float]:
    """Mean errors (inside, outside) by what is shown and time; and that of one colour inside the mask."""
    bundle = open_folder(weights)
    config, networks = bundle.config, load_networks(bundle)
    noise = need("diffusers").DDPMScheduler.from_config(dict(config.noise))
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    plain: list[float] = []
    generator = torch.Generator().manual_seed(0)
    for sample in list(fr.Dataset.open(data).samples("paired"))[:people]:
        try:
            entry = conditions(sample, config.size, bundle.rules, published=False)
        except FittingroomError as error:
            print(f"left out: {error}")
            continue
        person, mask, pose, garment = (entry[name][None] for name in ("person", "mask", "pose", "garment"))
        masked = person * (1 - mask)
        warped = warp(networks.matcher, networks.refinement, garment, masked, pose).clamp(-1, 1)
        truth, around, given = (encode(networks.vae, each).mean * config.scaling for each in (person, masked, warped))
        words = networks.adapter(look(networks.vision, garment))
        text = said(networks.text, words, torch.tensor([CATEGORIES.index(sample.category)]))
        size = (truth.shape[-2], truth.shape[-1])
        hole, joints = small_mask(mask, size), small_pose(pose, size)

        def mean(values: torch.Tensor, where: torch.Tensor) -> float:
            return float((values * where).sum() / where.sum() / values.shape[1])

        middle = (truth * hole).sum((2, 3), keepdim=True) / hole.sum()
        plain.append(mean((truth - middle) ** 2, hole))
        for shown, (with_pose, with_garment) in SHOWN.items():
            guide = Guide(text, hole, around, joints * with_pose, given * with_garment)
            for time in TIMES:
                added = torch.randn(truth.shape, generator=generator)
                noisy = noise.add_noise(truth, added, torch.tensor([time]))
                answer = predict(networks.unet, noisy, torch.tensor([time]), guide)
                picture = cleaned(noise, answer, noisy, torch.tensor([time]))
                wrong = (picture - truth) ** 2
                found.setdefault((shown, time), []).append((mean(wrong, hole), mean(wrong, 1 - hole)))
    if not plain:
        raise SystemExit("nobody to measure")
    means = {}
    for key, pairs in found.items():
        inside, outside = torch.tensor(pairs).mean(dim=0).tolist()
        means[key] = (inside, outside)
    return means, sum(plain) / len(plain)


def main() -> None:
    """Read the command line, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("data")
    parser.add_argument("--people", type=int, default=12)
    given = parser.parse_args()
    try:
        with torch.inference_mode():
            means, plain = errors(given.weights, given.data, given.people)
    except FittingroomError as error:
        raise SystemExit(str(error)) from None
    print("| time | " + " | ".join(f"{shown}, inside" for shown in SHOWN) + " | everything, outside |")
    print("|---:|" + "---:|" * (len(SHOWN) + 1))
    for time in TIMES:
        row = [f"{means[shown, time][0]:.3f}" for shown in SHOWN] + [f"{means['everything', time][1]:.3f}"]
        print(f"| {time} | " + " | ".join(row) + " |")
    print(f"\none colour inside the mask: {plain:.3f}")


if __name__ == "__main__":
    main()
