"""Train the embedded human parser, measure it, and put it into the package.

python scripts/parser.py bags CCP --out DATA
python scripts/parser.py train DATASET [DATASET#SPLIT ...] --out runs/parser [--size 192x144] [--start runs/parser-192/weights]
python scripts/parser.py measure DATASET#SPLIT [...] --weights runs/parser/weights [--baseline DATASET#SPLIT]
python scripts/parser.py install runs/parser --measured measured.json [--before runs/parser-192]
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fittingroom.annotate.parser.annotator import WEIGHTS, EmbeddedParse, parse_probabilities, to_parts
from fittingroom.annotate.parser.classes import GROUPS, decide
from fittingroom.annotate.parser.network import FILE, SETTINGS, ParserConfig, load_parser
from fittingroom.core.files import write_json, write_text
from fittingroom.core.images import UInt8, read_labels, resize_image, write_png
from fittingroom.core.labels import PARTS24, convert
from fittingroom.core.progress import progress
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Person
from fittingroom.methods.parser_training import ParserTask
from fittingroom.metrics.parsing import Agreement, AverageBody, Parser, agreement, compare_parsers
from fittingroom.metrics.stats import Interval
from fittingroom.train.loop import fit
from fittingroom.train.settings import TrainSettings
from fittingroom.weights.embedded import CARD, ROOT

#: mIoU of the groups that weights of the package need on every set that shows all of them
LEAST = 0.60
DATA = (
    "Clothing Co-Parsing (W. Yang, P. Luo, L. Lin, CVPR 2014; github.com/bearpaw/clothing-co-parsing): 800 street photos with parses\n"
    "by hand. The repository states Apache-2.0; the photos are third parties' and no part of this package. 80 pictures rendered by\n"
    "`fittingroom studio render` (the first 80 people of seed 101). The encoder began with EfficientNet-Lite2's ImageNet weights\n"
    "(Tan and Le; PyTorch port by ML Illustrated, Apache-2.0).\n"
    '"ccp with bags" has bags from the 59 labels of the set\'s own, where its maps of 20 labels leave them out.'
)
#: ids of CCP's own labels: accessories, bag, purse, wallet
_CARRIED = (1, 2, 33, 56)
RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "parser.toml"


def bags(given: argparse.Namespace) -> None:
    """Clothing Co-Parsing once more, with the bags that its maps of 20 labels leave out.

    ``CCP`` holds ``image/``, ``keypoints/``, ``parsing20/`` (CIHP-20) and ``parsing59/`` (the set's own labels) and ``splits.json``.
    """
    out: Path = given.out
    for folder in ("image", "keypoints", "parsing"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for path in sorted((given.data / "image").iterdir()):
        stem = path.stem
        shutil.copyfile(path, out / "image" / path.name)
        shutil.copyfile(
            given.data / "keypoints" / f"{stem}_keypoints.json", out / "keypoints" / f"{stem}_keypoints.json"
        )
        labels, own = (read_labels(given.data / folder / f"{stem}.png") for folder in ("parsing20", "parsing59"))
        # what is called an accessory and lies on nothing worn is mostly a bag
        carried = np.isin(own, _CARRIED) & (labels == 0)
        parts = np.where(carried, np.uint8(PARTS24.ids["bag"]), convert(labels, "cihp20", PARTS24.name))
        write_png(out / "parsing" / f"{stem}.png", parts.astype(np.uint8))
    shutil.copyfile(given.data / "splits.json", out / "splits.json")
    write_json(out / "dataset.json", {"name": "ccp with bags", "label_set": PARTS24.name})


def train(given: argparse.Namespace) -> None:
    """Train until the recipe's last step or the time given."""
    recipe: dict[str, Any] = tomllib.loads(given.recipe.read_text(encoding="utf-8"))
    chosen = {**recipe.get("train", {}), **{k: v for k in ("steps", "minutes") if (v := getattr(given, k)) is not None}}
    settings, own = (
        TrainSettings.of(chosen),
        {**recipe.get("parser", {}), **({"size": given.size} if given.size else {})},
    )
    height, _, width = str(own.pop("size")).partition("x")
    factors = {"width": float(own.pop("width", 1.0)), "depth": float(own.pop("depth", 1.0))}
    task = ParserTask(
        [Dataset.named(text) for text in given.data],
        ParserConfig((int(height), int(width)), **factors),
        steps=settings.steps,
        start=load_parser(given.start) if given.start else None,
        encoder=given.encoder,
        **({"lr": given.lr} if given.lr else {})
        | {key: value for key, value in own.items() if key != "lr" or not given.lr},
    )
    print(f"{len(task.people)} people, {len(task.refused)} left out", *task.refused[:10], sep="\n  ")
    with progress("training") as report:
        done = fit(task, settings, given.out, device=given.device, progress=report)
    print(f"{done.steps} steps, {done.seconds / 60:.0f} minutes in this call; weights in {done.weights}")


def table(title: str, found: Agreement) -> dict[str, Any]:
    """Print one parser's agreement; its numbers."""
    print(
        f"{title}: mIoU {_text(found.mean)} over {len(found.shown)} classes, {found.photos} photos, pixels right {found.accuracy:.3f}"
    )
    numbers = {name: iou for name, iou in zip(found.names, found.iou, strict=True) if name in found.shown}
    print("  " + ", ".join(f"{name} {_text(iou)}" for name, iou in numbers.items()))
    return {"mIoU": asdict(found.mean), **{name: asdict(iou) for name, iou in numbers.items()}}


def _text(interval: Interval) -> str:
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def measure(given: argparse.Namespace) -> None:
    """Agreement with given parses: the parser, without a pose, and the average body."""
    parser = EmbeddedParse(given.weights)
    network = load_parser(given.weights)
    spent: list[float] = []

    def by_parser(person: Person) -> UInt8:
        photo, pose = person.image(), person.pose()
        begin = time.perf_counter()
        labels = parser.parts(photo, {"pose": pose}).labels
        spent.append(time.perf_counter() - begin)
        return convert(labels, PARTS24.name, person.label_set)

    def by_photo_alone(person: Person) -> UInt8:
        classes = decide(parse_probabilities(network, person.image(), None))
        return convert(to_parts(classes, person.pose()).labels, PARTS24.name, person.label_set)

    parsers: dict[str, Parser] = {"parser": by_parser}
    if given.without_pose:
        parsers["without the pose"] = by_photo_alone
    if given.baseline:
        parsers["average body"] = AverageBody(Dataset.named(given.baseline))
    written: dict[str, Any] = {}
    for text in given.data:
        data = Dataset.named(text)
        found = compare_parsers(data.people.values(), list(parsers.values()))
        names = next(iter(data.people.values())).parse().labels_in.names
        for title, (groups, parts) in zip(parsers, found, strict=True):
            name = f"{data.name}, {title}"
            written[f"{name}, groups"] = table(f"{name}, 8 groups", agreement(groups, tuple(GROUPS)))
            written[f"{name}, parts"] = table(f"{name}, parts", agreement(parts, names))
        print(f"median {1000 * sorted(spent)[len(spent) // 2]:.0f} ms a photo")
        spent.clear()
        if given.sheet:
            write_png(given.sheet / f"{data.name}.png", contact_sheet(list(data.people.values()), by_parser))
    if given.json:
        write_json(given.json, written)


def contact_sheet(people: list[Person], parser: Parser, count: int = 24) -> UInt8:
    """Photo, given labels and found labels of people spread over a set."""
    cells = []
    for person in people[:: max(1, len(people) // count)][:count]:
        parse, palette = person.parse(), person.parse().labels_in.palette
        shown = np.concatenate([person.image(), palette[parse.labels], palette[parser(person)]], axis=1)
        cells.append(resize_image(shown, (256, 516), "bilinear"))
    rows = [np.concatenate(cells[index : index + 4], axis=1) for index in range(0, len(cells) - 3, 4)]
    return np.concatenate(rows or [np.concatenate(cells, axis=1)])


def install(given: argparse.Namespace) -> None:
    """Copy weights that are good enough into the package, with a card of what was measured."""
    found = json.loads(given.measured.read_text(encoding="utf-8"))
    whole = {
        name: value for name, value in found.items() if name.endswith("parser, groups") and len(value) > len(GROUPS)
    }
    reached = {name: value["mIoU"] for name, value in whole.items()}
    if not reached or min(value["value"] for value in reached.values()) < LEAST:
        raise SystemExit(
            f"not installed: {reached or 'nothing measured'}; {LEAST} is asked for on every set that shows all groups"
        )
    target = ROOT / WEIGHTS
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in (FILE, SETTINGS):
        shutil.copy(given.run_folder / "weights" / name, target / name)
    write_text(target / CARD, card(given, found, (target / FILE).stat().st_size / 1e6))
    print(f"installed: {target}")


def card(given: argparse.Namespace, found: dict[str, Any], size: float) -> str:
    """What one should know of the weights, from the files of the training and the measurement."""
    runs = [*given.before, given.run_folder]
    steps = []
    for run in runs:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        last = json.loads((run / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        side = "x".join(map(str, config["config"]["size"]))
        what = f"{last['step']} steps of {config['batch']} pictures of {side}, {last['seconds'] / 60:.0f} minutes"
        steps.append(f"- {', '.join(config.get('data', ['ccp']))}: {what}")
    lines = [
        f"- {name}: mIoU {_text(Interval(**value['mIoU']))}; "
        + ", ".join(f"{k} {v['value']:.3f}" for k, v in value.items() if k != "mIoU")
        for name, value in found.items()
    ]
    data, training, measured = given.data, "\n".join(steps), "\n".join(lines)
    return f"""# parser

The embedded human parser, {size:.1f} MB, Apache-2.0: background, hat, hair, sunglasses, upper clothes, dress, coat, socks, pants, skirt,
scarf, skin, shoes and bags of one person. Face, neck, arms, legs and left and right come from the pose afterwards.

## Data

{data}

## Training

`python scripts/parser.py train`, two cores with AMX, bf16:

{training}

## Measured

`python scripts/parser.py measure`, on photos that were not trained on; 95 % intervals over photos.

{measured}

## Limits

Small pictures: thin straps, earrings, fingers are lost. Mostly young adults, seen from the front, in streets; not a
fair sample of people. Dress, coat and upper clothes are easily taken for one another, in the labels that it learned from as well.
"""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    each = commands.add_parser("bags")
    each.set_defaults(run=bags)
    each.add_argument("data", type=Path, help="folder of Clothing Co-Parsing with parsing20 and parsing59")
    each.add_argument("--out", type=Path, required=True)
    each = commands.add_parser("train")
    each.set_defaults(run=train)
    each.add_argument("data", nargs="+")
    each.add_argument("--recipe", type=Path, default=RECIPE)
    each.add_argument("--out", type=Path, default=Path("runs/parser"))
    each.add_argument("--size", help="height x width of the network's input; the recipe's without it")
    each.add_argument("--start", type=Path, help="folder of weights to begin with")
    each.add_argument(
        "--encoder",
        type=Path,
        help="file of EfficientNet-Lite's weights of the recipe's width and depth, see docs/annotate.md",
    )
    each.add_argument("--steps", type=int)
    each.add_argument("--minutes", type=float)
    each.add_argument("--lr", type=float)
    each.add_argument("--device", default="cpu")
    each = commands.add_parser("measure")
    each.set_defaults(run=measure)
    each.add_argument("data", nargs="+")
    each.add_argument("--weights", type=Path, required=True)
    each.add_argument("--baseline", help="dataset whose average body is the baseline")
    each.add_argument("--without-pose", action="store_true", help="also measure without the pose as an input")
    each.add_argument("--json", type=Path, help="where to write the numbers")
    each.add_argument("--sheet", type=Path, help="folder for a picture of photos, given and found labels")
    each = commands.add_parser("install")
    each.set_defaults(run=install)
    each.add_argument("run_folder", type=Path, help="folder of the training")
    each.add_argument("--before", type=Path, nargs="*", default=[], help="folders of trainings that it began with")
    each.add_argument("--measured", type=Path, required=True, help="numbers that `measure --json` wrote")
    each.add_argument("--data", default=DATA, help="what the card says of the photos")
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
