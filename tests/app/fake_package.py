"""Annotators for the app's test, which runs in a process of its own: a package on its path offers them."""

from __future__ import annotations

from pathlib import Path

_MODULE = '''
import numpy as np

from fittingroom.annotate.base import Annotation, NothingFoundError
from fittingroom.core.images import read_image
from fittingroom.data.dataset import Dataset


class Known:
    """Knows the people of drawn-mini by their pixels."""

    needs, licence = (), "none"

    def settings(self):
        return {}

    def annotate(self, photo, given):
        for person in Dataset.open("drawn-mini").people.values():
            if person.image().shape == photo.shape and np.array_equal(person.image(), photo):
                return Annotation(person.load(self.provides), 0.4, ("known by heart",))
        raise NothingFoundError("nobody known", mend="choose another photo")


class Pose(Known):
    name, provides = "pose/aa-known", "pose"


class Parse(Known):
    name, provides = "parse/aa-known", "parse"
'''


def write_package(folder: Path) -> Path:
    """Write the package as an installer would; gives the folder to be put on the path."""
    about = folder / "known-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "known_annotators.py").write_text(_MODULE, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: known\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(
        "[fittingroom.annotators]\npose/aa-known = known_annotators:Pose\nparse/aa-known = known_annotators:Parse\n",
        encoding="utf-8",
    )
    return folder
