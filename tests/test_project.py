"""The project as a whole: floors, sizes, words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_every_floor_imports_only_from_floors_below_it() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports']; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_source_file_is_over_400_lines() -> None:
    long = {
        path.name: count
        for path in (ROOT / "src").rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


def test_no_tracked_file_is_large() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in tracked()}
    weights = {path: size for path, size in sizes.items() if path.startswith("src/fittingroom/weights/embedded/")}
    assert {path: size for path, size in sizes.items() if size > 1_500_000 and path not in weights} == {}
    assert sum(weights.values()) < 80_000_000  # three methods of 24 MB at most, and the annotators
    assert sum(sizes.values()) - sum(weights.values()) < 20_000_000


def test_no_paths_of_a_machine() -> None:
    forbidden = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/\w|/tmp/[a-z]|--(?:extra-)?index-url|--find-links")
    found = []
    for path in tracked():
        if path.name == Path(__file__).name or path.suffix in (".png", ".pdf"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if forbidden.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_locks_pin_everything() -> None:
    for name in ("core", "demo", "dev"):
        lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if line and not line.startswith("#")]
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in pins), name
        assert "torch==2.13.0" in pins
    core, demo, dev = (
        set((ROOT / f"requirements/{name}.lock").read_text(encoding="utf-8").splitlines()[1:])
        for name in ("core", "demo", "dev")
    )
    assert core <= demo <= dev


def test_the_core_imports_no_torchvision() -> None:
    code = "import sys, fittingroom.api, fittingroom.cli; assert not {'torchvision', 'transformers', 'gradio', 'ray'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
