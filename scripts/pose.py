"""Train the embedded pose network, measure it, and put it into the package.

python scripts/pose.py train [DATASET ...] --out runs/pose --encoder FILE [--blazepose DATASET#SPLIT ...] [--empty DATASET ...]
python scripts/pose.py measure DATASET#SPLIT [...] --weights runs/pose/weights [--json measured.json] [--sheet folder]
python scripts/pose.py install runs/pose --measured measured.json

Poses of datasets named after --blazepose were made by BlazePose, whose joints are moved to where OpenPose puts them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from fittingroom.annotate.base import NothingFoundError
from fittingroom.annotate.pose.embedded import WEIGHTS, EmbeddedPose
from fittingroom.annotate.pose.small import FILE, SETTINGS, PoseConfig, load_pose_network
from fittingroom.annotate.pose_mediapipe import openpose_pose
from fittingroom.core.files import write_json, write_text
from fittingroom.core.images import write_png
from fittingroom.core.pose import JOINTS, Pose
from fittingroom.core.progress import progress
from fittingroom.data.dataset import Dataset
from fittingroom.methods.pose_training import PoseTask
from fittingroom.metrics.keypoints import Found, near
from fittingroom.train.loop import fit
from fittingroom.train.settings import TrainSettings
from fittingroom.weights.embedded import CARD, ROOT

#: PCK@.1 that weights of the package need on every set they are measured on
LEAST = 0.90
DATA = (
    "Clothing Co-Parsing (W. Yang, P. Luo, L. Lin, CVPR 2014; github.com/bearpaw/clothing-co-parsing): 800 street photos, poses by\n"
    "BlazePose (Apache-2.0) moved to where OpenPose puts joints. The repository states Apache-2.0; the photos are third parties' and no\n"
    "part of this package. 40 pictures rendered by `fittingroom studio render` (10 people of seed 101 in 4 colourings). Garments alone,\n"
    "for nobody: 1501 of both sets, cut out and laid on white by `fittingroom dataset pack`."
)
RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "pose.toml"


def moved(data: Dataset) -> Dataset:
    """The same people with BlazePose's joints where OpenPose puts them."""
    people = {
        name: replace(person, given={**person.given, "pose": openpose_pose(person.pose())})
        if person.has("pose")
        else person
        for name, person in data.people.items()
    }
    return replace(data, people=people)


def train(given: argparse.Namespace) -> None:
    """Train until the recipe's last step or the time given."""
    recipe: dict[str, Any] = tomllib.loads(given.recipe.read_text(encoding="utf-8"))
    chosen = {**recipe.get("train", {}), **{k: v for k in ("steps", "minutes") if (v := getattr(given, k)) is not None}}
    settings, own = TrainSettings.of(chosen), dict(recipe.get("pose", {}))
    height, _, width = str(given.size or own.pop("size")).partition("x")
    own.pop("size", None)
    if given.lr:
        own["lr"] = given.lr
    task = PoseTask(
        [*map(Dataset.named, given.data), *(moved(Dataset.named(text)) for text in given.blazepose)],
        PoseConfig((int(height), int(width))),
        steps=settings.steps,
        start=load_pose_network(given.start) if given.start else None,
        encoder=given.encoder,
        empty=[Dataset.named(text) for text in given.empty],
        **own,
    )
    print(f"{len(task)} people, {len(task.refused)} left out", *task.refused[:10], sep="\n  ")
    with progress("training") as report:
        done = fit(task, settings, given.out, device=given.device, progress=report)
    print(f"{done.steps} steps, {done.seconds / 60:.0f} minutes in this call; weights in {done.weights}")


def measure(given: argparse.Namespace) -> None:
    """Share of joints near the given ones, by kind of joint."""
    annotator, numbers = EmbeddedPose(given.weights), {}
    for text in given.data:
        found, spent, nobody, data = [], [], [], Dataset.named(text)
        data = moved(data) if text in given.blazepose else data
        for person in data.people.values():
            if not (person.has("image") and person.has("pose")):
                continue
            photo, truth = person.image(), person.pose()
            begin = time.perf_counter()
            try:
                pose = annotator.annotate(photo, {}).value
            except NothingFoundError:
                pose = Pose(np.zeros((len(JOINTS), 3), np.float32))
                nobody.append(person.id)
            spent.append(time.perf_counter() - begin)
            found.append(Found(person.id, truth, pose))
            if given.sheet:
                write_png(given.sheet / data.name / f"{person.id}.png", drawn(photo, truth, pose))
        result = near(found, given.share)
        numbers[data.name] = {
            "photos": len(found),
            "nobody": nobody,
            "all": asdict(result.all),
            **{name: asdict(value) for name, value in result.kinds.items()},
            "extra": result.extra,
            "median_ms": 1000 * float(np.median(spent)),
        }
        print(
            f"{data.name}: PCK@{given.share:g} {result.all.value:.3f} [{result.all.low:.3f}, {result.all.high:.3f}], {len(found)} photos, "
            f"{len(nobody)} without anybody, {result.extra:.2f} joints more than given, {numbers[data.name]['median_ms']:.0f} ms"
        )
        print("  " + ", ".join(f"{name} {value.value:.3f}" for name, value in result.kinds.items()))
    if given.json:
        write_json(given.json, numbers)


def drawn(photo: np.ndarray, truth: Pose, pose: Pose) -> np.ndarray:
    """Given joints green, found ones red."""
    picture = np.ascontiguousarray(photo).copy()
    size = max(2, photo.shape[0] // 150)
    for joints, colour, width in ((truth, (0, 200, 0), 1), (pose, (230, 0, 0), -1)):
        for x, y, sure in joints.joints:
            if sure > 0:
                cv2.circle(picture, (round(float(x)), round(float(y))), size + (width > 0) * size, colour, width)
    return picture


def install(given: argparse.Namespace) -> None:
    """Put weights and their card into the package.

    Raises:
        SystemExit: they are not good enough.
    """
    measured = json.loads(given.measured.read_text(encoding="utf-8"))
    if worse := [
        f"{name} {value['all']['value']:.3f}" for name, value in measured.items() if value["all"]["value"] < LEAST
    ]:
        raise SystemExit(f"not installed: PCK@.1 of {', '.join(worse)}; {LEAST} is the least")
    target = ROOT / WEIGHTS
    target.mkdir(parents=True, exist_ok=True)
    for name in (FILE, SETTINGS):
        shutil.copyfile(given.run_folder / "weights" / name, target / name)
    lines = "\n".join(
        f"| {name} | {value['photos']} | {value['all']['value']:.3f} [{value['all']['low']:.3f}, {value['all']['high']:.3f}] | "
        + " | ".join(f"{value[kind]['value']:.3f}" for kind in KINDS)
        + " |"
        for name, value in measured.items()
    )
    last = json.loads((given.run_folder / "log.jsonl").read_text().splitlines()[-1])
    write_text(
        target / CARD,
        CARD_TEXT.format(
            data=given.data,
            steps=last["step"],
            pictures=last["pictures"],
            hours=last["seconds"] / 3600,
            kinds=" | ".join(KINDS),
            bars="---:|" * (len(KINDS) + 1),
            lines=lines,
            size=(target / FILE).stat().st_size / 1e6,
        ),
    )
    print(f"installed: {target}")


KINDS = ("head", "shoulders", "elbows", "wrists", "hips", "knees", "ankles")
CARD_TEXT = """# Pose network, embedded

18 joints of one person, {size:.1f} MB, Apache-2.0. Its encoder began with EfficientNet-Lite0's ImageNet weights (Tan and Le;
PyTorch port by ML Illustrated, Apache-2.0).

## Data

{data}

## Training

`scripts/pose.py train`: {steps} steps, {pictures} pictures, {hours:.1f} hours on two cores of a processor without AMX, shared with
other work.

## Measured

Share of joints within a tenth of the trunk's length of the given ones (PCK@.1), with a 95 % interval over photos. upt25 was never
trained on, its poses are OpenPose's; ccp's are BlazePose's, moved: there agreement is measured, not truth.

| set | photos | all | {kinds} |
|---|---:|{bars}
{lines}

## Limits

One person, mostly standing and seen whole; joints of a second person may be mixed in. Ears and hidden joints are guessed.
"""


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="what", required=True)
    each = verbs.add_parser("train")
    each.add_argument("data", nargs="*")
    each.add_argument("--blazepose", nargs="*", default=[], help="more datasets, whose poses are BlazePose's")
    each.add_argument("--empty", nargs="*", default=[], help="datasets whose photos of garments show nobody")
    each.add_argument("--recipe", type=Path, default=RECIPE)
    each.add_argument("--out", type=Path, default=Path("runs/pose"))
    each.add_argument("--size", help="height x width of the network's input; the recipe's without it")
    each.add_argument("--start", type=Path, help="folder of weights to begin with")
    each.add_argument("--encoder", type=Path, help="file of EfficientNet-Lite0's weights, see docs/annotate.md")
    each.add_argument("--steps", type=int)
    each.add_argument("--minutes", type=float)
    each.add_argument("--lr", type=float)
    each.add_argument("--device", default="cpu")
    each.set_defaults(run=train)
    each = verbs.add_parser("measure")
    each.add_argument("data", nargs="+")
    each.add_argument("--blazepose", nargs="*", default=[], help="which of them have BlazePose's poses")
    each.add_argument("--weights", type=Path, required=True)
    each.add_argument("--share", type=float, default=0.1, help="of the trunk's length")
    each.add_argument("--json", type=Path, help="where to write the numbers")
    each.add_argument("--sheet", type=Path, help="folder for pictures with given and found joints")
    each.set_defaults(run=measure)
    each = verbs.add_parser("install")
    each.add_argument("run_folder", type=Path, help="folder of the training")
    each.add_argument("--measured", type=Path, required=True, help="numbers that `measure --json` wrote")
    each.add_argument("--data", default=DATA, help="what the card says of the photos")
    each.set_defaults(run=install)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
