"""Train the small network behind fd-mini and lpips-mini, measure it, and put it into the package.

python scripts/small_network.py DATASET [DATASET#SPLIT ...] [--steps 4000] [--install]
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from fittingroom.core.progress import progress
from fittingroom.data.dataset import Dataset
from fittingroom.metrics.small_training import FILE, SmallTask, garment_first
from fittingroom.nn.small_network import EMBEDDED, load_network, random_network
from fittingroom.train.loop import fit
from fittingroom.train.settings import TrainSettings


def main() -> None:
    """Read the command line, train, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--held-out", default="studio-mini", help="with true pictures of unpaired pairs")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/small-network"))
    parser.add_argument("--install", action="store_true")
    given = parser.parse_args()
    sets = [Dataset.named(text) for text in given.data]
    people = {f"{number}-{name}": person for number, each in enumerate(sets) for name, person in each.people.items()}
    task = SmallTask(replace(sets[0], people=people), steps=given.steps)
    settings = TrainSettings(
        steps=given.steps,
        batch=16,
        precision="fp32",
        minutes=given.minutes,
        log_every=20,
        save_every=500,
        sheet_every=10**6,
    )
    with progress("training") as report:
        done = fit(task, settings, given.out, progress=report)
    print(f"{done.steps} steps in {done.seconds / 60:.0f} minutes, {len(task)} photos, {len(task.refused)} left out")
    held = Dataset.named(given.held_out)
    for name, network in (("random", random_network()), ("trained", load_network(done.weights / FILE))):
        found = garment_first(network, held)
        print(f"{name}: " + ", ".join(f"{kind} {share:.2f}" for kind, share in found.items()))
    if given.install:
        EMBEDDED.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(done.weights / FILE, EMBEDDED)
        print(f"installed: {EMBEDDED}")


if __name__ == "__main__":
    main()
