"""Pictures for the paper's tables: at the size of the weights, one file for each person, as the published code leaves them.

    python -m fittingroom.methods.ladi_vton.reproduce DATA OUT --weights published --setting paired [--category upper]

The same command goes on where it was stopped. See docs/reproduce.md for what to do with them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...core.errors import FittingroomError
from ...core.files import file_name, write_json
from ...core.images import write_png
from ...core.progress import progress
from ...data.dataset import Dataset, Setting
from ...data.sample import Category
from .method import LadiVton


def pictures(
    data: Dataset, out: Path, method: LadiVton, setting: Setting, *, category: Category | None = None, seed: int = 1234
) -> list[str]:
    """Write a picture for every sample of a setting that is not there yet, named as the person's photo.

    Where there are several categories, each has a folder of its own.

    Args:
        data: the dataset's test split.
        out: folder.
        method: with the preset ``parity``.
        setting: ``paired`` or ``unpaired``.
        category: only this one.
        seed: of every picture; each has a generator of its own, so order and interruptions change nothing.

    Returns:
        One line for each sample that cannot be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    refused = []
    samples = list(data.only(category=category).samples(setting))
    alone = len({sample.category for sample in samples}) < 2
    with progress(f"{setting} pictures") as report:
        for number, sample in enumerate(samples, start=1):
            stem = sample.person.files["image"].stem if "image" in sample.person.files else file_name(sample.person.id)
            path = (out if alone else out / sample.category) / f"{stem}.png"
            if not path.is_file():
                try:
                    method.check(sample)
                    write_png(path, method.runner.make(method.conditions(sample), seed))
                except FittingroomError as error:
                    refused.append(str(error))
            report(number, len(samples))
    write_json(
        out.with_name(f"{out.name}.json"), {"settings": dict(method.settings()), "seed": seed, "refused": refused}
    )
    return refused


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where something is missing or wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m fittingroom.methods.ladi_vton.reproduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", help="dataset folder, or the name of an embedded one")
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="published", help="published, published-dress-code, or a folder")
    parser.add_argument("--setting", choices=("paired", "unpaired"), default="paired")
    parser.add_argument("--category", choices=("upper", "lower", "dress"))
    parser.add_argument("--split", default="test", help="of the dataset; empty for all of it")
    parser.add_argument("--preset", choices=("parity", "fast"), default="parity")
    parser.add_argument("--steps", type=int, help="instead of the preset's")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    steps = {} if given.steps is None else {"steps": given.steps}
    try:
        method = LadiVton.load(given.weights, device=given.device, preset=given.preset, **steps)
        data = Dataset.open(given.data, split=given.split or None)
        refused = pictures(data, given.out, method, given.setting, category=given.category, seed=given.seed)
    except FittingroomError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for line in refused:
        sys.stderr.write(f"left out: {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
