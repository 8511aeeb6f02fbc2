"""How the tests here ask an independent library: in a process of its own, through arrays in files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # random_weights is shared with answer.py, which runs outside of pytest
Ask = Callable[..., dict[str, np.ndarray]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """``ask(question, **arrays)`` gives the arrays that ``answer.py`` returns; skips where the libraries are not there."""
    folder = Path(os.environ.get("ORACLES", ROOT / ".oracles"))
    if not (folder / "torchvision").is_dir():
        reason = f"no independent metrics libraries in {folder} (run scripts/oracles.sh)"
        if os.environ.get("FITTINGROOM_REQUIRE_ORACLES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    def answer(question: str, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        source, target = tmp_path / "asked.npz", tmp_path / "answered.npz"
        np.savez(source, **arrays)
        script = Path(__file__).with_name("answer.py")
        done = subprocess.run(
            [sys.executable, str(script), question, str(source), str(target)],
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(target) as archive:
            return dict(archive)

    return answer
