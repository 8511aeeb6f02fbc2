"""The README's commands are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: commands that this test cannot run: they need the network, install things, or stay in the foreground; the checks of methods have a
#: test of their own
ELSEWHERE = (
    "make ",
    "git clone",
    "cd ",
    "pip install",
    "fittingroom weights fetch",
    "fittingroom app",
    "fittingroom methods --check",
    "python -m venv",
)


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_shell_commands(tmp_path: Path) -> None:
    (tmp_path / "fittingroom").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from fittingroom.cli import main; main()" "$@"\n', encoding="utf-8"
    )
    (tmp_path / "fittingroom").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    commands = [
        line.split("  #")[0].strip()
        for block in blocks("(?:bash|sh|console)")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    commands = [command for command in commands if command and not command.startswith(("#", *ELSEWHERE))]
    assert len(commands) >= 5, "the README's tour has gone"
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_python_examples(tmp_path: Path) -> None:
    examples = blocks("python")
    assert examples
    for example in examples:
        done = subprocess.run(
            [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{example}\n{done.stderr}"


def test_local_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "SECURITY.md"])
def test_the_files_that_people_look_for_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200
