"""Everything about the embedded weights, from nothing: render, pack, train, measure, install.

    python scripts/minis.py data                    # training and validation sets (hours of rendering on two cores)
    python scripts/minis.py train autoencoder       # one for both diffusion methods, which then need not train their own
    python scripts/minis.py train METHOD            # goes on where it was stopped, or in a new --root from the package's weights
    python scripts/minis.py install autoencoder     # into the package, so that nobody has to train it again
    python scripts/minis.py measure METHOD          # against the baseline, on the validation sets; prints which bars are met
    python scripts/minis.py install METHOD          # writes the weights and their card into the package
    python scripts/minis.py all                     # all of these for every method

Real street photos (Clothing Co-Parsing in the layout ``image/ keypoints/ parsing20/ splits.json``) are mixed in where
``$FITTINGROOM_DATA/ccp`` exists; without them the models know rendered people only, and their cards say so.
"""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from minis_card import HEIGHT, SHARED, SHARED_BY, model_card

import fittingroom as fr
from fittingroom.compare.run import Run
from fittingroom.core.errors import FittingroomError
from fittingroom.core.files import write_bytes, write_text
from fittingroom.core.images import encode_jpeg, read_image, resize_image, to_image, to_tensor
from fittingroom.core.progress import progress
from fittingroom.data.pack import pack
from fittingroom.methods.ladi_vton.recipe import mini_config
from fittingroom.methods.ladi_vton.start import Start
from fittingroom.metrics.psnr import psnr
from fittingroom.metrics.ssim import ssim
from fittingroom.report.collect import Column, columns
from fittingroom.studio.render import render
from fittingroom.train.run import read_recipe
from fittingroom.weights.embedded import CARD, ROOT, embedded_folder
from fittingroom.weights.recommended import recommend, recommended

METHODS = ("pasta-gan++", "ladi-vton", "promptdresser")
#: people with one light each; colours for each light; seeds of both sets
PEOPLE, VARIANTS, TRAIN_SEED, VALIDATION_SEED = 220, 4, 101, 202
VALIDATION_PEOPLE = 72
#: of the packed JPEGs: below 60 MB with so many people
QUALITY = 80
#: pictures on a contact sheet, drawn by this seed and not by hand
SHOWN, SHOWN_SEED = 10, 10
#: metrics of the bars: closeness to the true picture, and the smallest PSNR outside of the edited region
TRUTH = ("lpips-mini", "lpips-random", "ssim", "garment-de2000-truth")
KEPT, KEPT_LEAST = "psnr-outside", 30.0
LARGEST_MB = 24.0
#: what the weights recommend: a small network's garments get the colours and details of the worn one, or are laid themselves where they
#: were painted; of the diffusion methods as many steps as measured best, and the photo itself around the garment, for a small
#: autoencoder's faces are soft
RECOMMENDED: dict[str, dict[str, str | int | float | bool]] = {
    "pasta-gan++": {"match": "details"},
    "ladi-vton": {"preset": "fast", "steps": 1, "guidance": 1.0, "match": "layers", "keep_same": True, "paste": True},
    "promptdresser": {
        "preset": "fast",
        "steps": 1,
        "guidance_last": 0.0,
        "mask": "fine",
        "match": "layers",
        "keep_same": True,
        "paste": True,
    },
}
#: the stage in which weights of the package go on learning
LAST_STAGE = {"ladi-vton": "finish", "promptdresser": "tryon"}


@dataclass(frozen=True)
class Places:
    """Where things lie."""

    root: Path

    @property
    def packed(self) -> Path:
        """The training set."""
        return self.root / "train"

    @property
    def validation(self) -> Path:
        """The validation set."""
        return self.root / "validation"

    def training(self, method: str) -> Path:
        """A method's training."""
        return self.root / method

    def before(self, method: str) -> Path:
        """The card of the weights that a method's training went on from."""
        return self.root / f"{method}-before.md"

    @property
    def autoencoder(self) -> Path:
        """Weights of the autoencoder that both diffusion methods share, if it was trained by itself."""
        return self.training(SHARED) / "weights" / "vae.safetensors"

    @property
    def street(self) -> Path | None:
        """Real photos, where there are any."""
        folder = Path(os.environ.get("FITTINGROOM_DATA", "../shared/data")) / "ccp"
        return folder if folder.is_dir() else None


def data(places: Places, people: int, validation: int) -> None:
    """Render and pack both sets."""
    size = (HEIGHT, HEIGHT * 3 // 4)
    for name, count, seed, variants in (
        ("rendered", people, TRAIN_SEED, VARIANTS),
        ("validation", validation, VALIDATION_SEED, 1),
    ):
        with progress(f"rendering {name}") as report:
            done = render(places.root / name, count, seed, size=size, variants=variants, progress=report)
        print(f"{name}: {done.people} people, {done.truths} counterfactuals; left out: {len(done.left_out)}")
    if places.packed.exists():
        shutil.rmtree(places.packed)
    sources = [fr.Dataset.open(places.root / "rendered")]
    if places.street:
        sources.append(fr.Dataset.open(places.street, split="train"))
    with progress("packing") as report:
        packed = pack(sources, places.packed, size, quality=QUALITY, progress=report)
    for line in packed.left_out:
        print(f"left out: {line}")
    print(f"{packed.people} people, {packed.garments} garments, {packed.size / 1e6:.1f} MB: {packed.root}")


def goes_on(method: str, weights: Path) -> dict[str, dict[str, object]]:
    """Changes of a recipe for beginning with weights of the package: only what learns last goes on learning."""
    last = {"stage": LAST_STAGE[method], "autoencoder_steps": 0} if method in LAST_STAGE else {}
    # that is: of the weights it begins with
    size = {"model": {"size": "published"}} if method == "promptdresser" else {}
    begun = {"style_kimg": 0.0, "half_kimg": 0.0} if method == "pasta-gan++" else {}
    return {method: {"start": str(weights), **last, **begun}, **size}


def train(places: Places, name: str, minutes: float, device: str) -> None:
    """Train a method or the shared autoencoder, or go on."""
    method = SHARED_BY if name == SHARED else name
    changes: dict[str, dict[str, object]] = {"train": {"minutes": minutes} if minutes else {}, method: {}}
    recipe = read_recipe(f"recipes/{method}-mini.toml")
    steps = int(recipe.get(method, {}).get("autoencoder_steps", 0))
    given = "embedded" if embedded_folder(SHARED) else ""
    before = embedded_folder(name)
    if before and not places.training(name).exists():
        write_text(places.before(name), (before / CARD).read_text())
    if name != SHARED and before:
        changes |= goes_on(method, before)
        if method in LAST_STAGE:  # the steps of that stage, not those of all
            earlier = sum(int(value) for key, value in recipe[method].items() if key.endswith("_steps"))
            changes["train"]["steps"] = int(recipe["train"]["steps"]) - earlier
    elif name == SHARED:  # goes on from the package's, where there is one; the full rate would throw that far back
        changes["train"]["steps"] = steps
        rates = {"lr_autoencoder": 7e-4, "halve": 450} if given else {"halve": max(1, steps // 3)}
        changes[method] |= {"stage": SHARED, "warmup": 50, "autoencoder": given, **rates}
    elif steps and (places.autoencoder.is_file() or given):
        given = str(places.autoencoder) if places.autoencoder.is_file() else given
        changes["train"]["steps"] = int(recipe["train"]["steps"]) - steps
        changes[method] |= {"autoencoder": given, "autoencoder_steps": 0}
    out = places.training(name)
    with progress(f"training {name}") as report:
        done = fr.train(places.packed, method, recipe=recipe, out=out, changes=changes, device=device, progress=report)
    print(f"{name}: {done.steps} steps, {'finished' if done.finished else 'to be continued'}: {done.weights}")


def _runs(places: Places, method: str, device: str) -> dict[str, Run]:
    """Comparisons on rendered people and, where there are any, on real ones."""
    names = ["baseline", f"mini={method}@{places.training(method) / 'weights'}"]
    made = {"rendered": fr.compare(places.validation, names, places.root / f"{method}-rendered", device=device)}
    if places.street:
        made["street"] = fr.compare(
            places.street, names, places.root / f"{method}-street", split="val", layout="upt", device=device
        )
    return {name: Run(run.folder) for name, run in made.items()}


def _clearly(column: Column) -> str:
    """Whether the mini beats the baseline with intervals that do not touch."""
    mini, base = column.cells.get("mini"), column.cells.get("baseline")
    if mini is None or base is None:
        return "not measured"
    lower = column.info.better == "lower"
    met = mini.high < base.low if lower else mini.low > base.high
    return f"{'met' if met else 'NOT MET'}: {mini.value:.4f} [{mini.low:.4f}, {mini.high:.4f}] against {base.value:.4f}"


def bars(runs: dict[str, Run]) -> list[str]:
    """One line for each bar."""
    lines = []
    for name, setting in (("rendered", "unpaired"), ("street", "paired")):
        if name not in runs:
            lines.append(f"{name}: no such photos here, not measured")
            continue
        for column in columns(runs[name], setting):
            if column.metric in TRUTH and (name == "rendered" or column.metric != "garment-de2000-truth"):
                lines.append(f"{name}, {setting}, {column.metric}: {_clearly(column)}")
            if name == "rendered" and column.metric == KEPT and "mini" in column.cells:
                value = column.cells["mini"].value
                lines.append(
                    f"{name}, {setting}, {KEPT}: {'met' if value >= KEPT_LEAST else 'NOT MET'}: {value:.1f} dB"
                )
    return lines


def sheet(run: Run, setting: str) -> np.ndarray | None:
    """Ten pairs drawn by seed: person, garment, baseline, mini, truth; None where the mini made nothing."""
    found = {
        item.id: item
        for item in run.items
        if item.setting == setting and item.method == "mini" and not item.error and run.garment_image(item).is_file()
    }
    others = {item.id: item for item in run.items if item.setting == setting and item.method == "baseline"}
    chosen = np.random.default_rng(SHOWN_SEED).permutation(sorted(found))[:SHOWN]
    rows = []
    for pair in chosen:
        item = found[str(pair)]
        size = read_image(run.person_image(item)).shape[:2]
        files = [run.person_image(item), run.garment_image(item)]
        files += [run.path(each.image) for each in (others[str(pair)], item) if each.image]
        files += [run.path(item.truth)] if item.truth else []
        rows.append(np.concatenate([cv2.resize(read_image(file), (size[1], size[0])) for file in files], axis=1))
    if not rows:
        return None
    wide = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    half = (len(rows) + 1) // 2
    columns_ = [np.concatenate(rows[:half]), np.concatenate(rows[half:])]
    tall = max(column.shape[0] for column in columns_)
    return np.concatenate(
        [np.pad(each, ((0, tall - each.shape[0]), (0, 16), (0, 0)), constant_values=255) for each in columns_], axis=1
    )


def measure(places: Places, method: str, device: str) -> list[str]:
    """Compare with the baseline; contact sheets beside the runs."""
    if method in RECOMMENDED:
        weights = places.training(method) / "weights"
        recommend(weights, recommended(weights, {}) | RECOMMENDED[method])  # beside what the training itself says
    runs = _runs(places, method, device)
    for name, run in runs.items():
        for setting in run.settings:
            path = places.root / f"{method}-{name}-{setting}.jpg"
            if (shown := sheet(run, setting)) is None:
                print(f"{name}, {setting}: no pictures")
                continue
            write_bytes(path, encode_jpeg(shown, 88))
            print(f"contact sheet: {path}")
    lines = bars(runs)
    print("\n".join(lines))
    return lines


def measure_autoencoder(places: Places) -> list[str]:
    """How well pictures that it never saw come back: validation people, garments, and street photos where there are any."""
    vae = Start("random", mini_config(), 0, {"vae": places.autoencoder}).network("vae")
    sets = {"rendered": fr.Dataset.open(places.validation)}
    if places.street:
        sets["street"] = fr.Dataset.open(places.street, split="val")
    lines, shown = [], []
    for name, data in sets.items():
        for kind, photos in (("people", data.people), ("garments", data.garments)):
            if name == "street" and kind == "garments":
                continue  # they are seen worn, on the same photos
            found = []
            for photo in list(photos.values()):
                truth = resize_image(photo.image(), (HEIGHT, HEIGHT * 3 // 4))
                with torch.inference_mode():
                    latents = vae.encode(to_tensor(truth)[None]).latent_dist.mean
                    made = to_image(vae.decode(latents).sample[0])
                pair = [torch.from_numpy(each).permute(2, 0, 1)[None] / 255 for each in (made, truth)]
                found.append((psnr(made, truth), float(ssim(*pair))))
                if len(found) <= 2:
                    shown.append(np.concatenate([truth, made], axis=1))
            if found:
                decibels, likeness = np.median(found, axis=0)
                lines.append(f"{name}, {kind} ({len(found)}): PSNR {decibels:.1f} dB, SSIM {likeness:.3f} (medians)")
    write_bytes(places.root / f"{SHARED}.jpg", encode_jpeg(np.concatenate(shown, axis=0), 90))
    print("\n".join(lines), f"\npictures: {places.root / SHARED}.jpg")
    return lines


def install_autoencoder(places: Places) -> None:
    """Copy the autoencoder that both diffusion methods begin with into the package, and write its card."""
    lines = measure_autoencoder(places)
    target = ROOT / SHARED
    write_bytes(target / places.autoencoder.name, places.autoencoder.read_bytes())
    size = places.autoencoder.stat().st_size / 1e6
    write_text(
        target / CARD, model_card(SHARED, places.training(SHARED), places.packed, lines, size, places.before(SHARED))
    )
    print(f"installed: {target}")


def install(places: Places, method: str, device: str) -> None:
    """Copy the weights into the package and write their card."""
    weights = places.training(method) / "weights"
    size = sum(path.stat().st_size for path in weights.rglob("*") if path.is_file()) / 1e6
    if size > LARGEST_MB:
        raise SystemExit(f"{size:.1f} MB of weights; the package takes {LARGEST_MB:.0f} at most for a method")
    lines = measure(places, method, device)
    target = ROOT / method
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(weights, target)
    write_text(
        target / CARD, model_card(method, places.training(method), places.packed, lines, size, places.before(method))
    )
    shown = Path("docs/images") / f"mini-{method}.jpg"
    shutil.copy(places.root / f"{method}-rendered-unpaired.jpg", shown)
    print(f"installed: {target}, {shown}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("data", "train", "measure", "install", "all"))
    parser.add_argument("method", nargs="?", choices=(*METHODS, SHARED))
    parser.add_argument("--root", type=Path, default=Path("runs/minis"))
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--validation", type=int, default=VALIDATION_PEOPLE)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    if given.what in ("train", "measure", "install") and given.method is None:
        parser.error(f"{given.what} what? One of {', '.join(METHODS)}")
    if given.what in ("data", "all") and given.method == SHARED:
        parser.error(f"{SHARED}: train, measure or install it")
    places = Places(given.root)
    try:
        if given.what in ("data", "all"):
            data(places, given.people, given.validation)
        if given.what == "all" and not embedded_folder(SHARED):
            train(places, SHARED, given.minutes, given.device)
        for name in [given.method] if given.method else METHODS:
            if given.what in ("train", "all"):
                train(places, name, given.minutes, given.device)
            if given.what == "measure":
                measure_autoencoder(places) if name == SHARED else measure(places, name, given.device)
            if given.what in ("install", "all"):
                install_autoencoder(places) if name == SHARED else install(places, name, given.device)
    except FittingroomError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
