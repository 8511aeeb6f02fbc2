"""The Python interface, as ``import fittingroom as fr`` gives it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fittingroom as fr
from fittingroom.core.errors import InputError


@pytest.mark.parametrize(
    "first", ["", "import fittingroom.compare.engine", "from fittingroom.compare.job import Job", "fr.Dataset"]
)
def test_compare_is_the_function_whatever_was_imported_before(first: str) -> None:
    code = f"import fittingroom as fr\n{first}\nassert callable(fr.compare), fr.compare\ntry: fr.compare('nosuch', ['baseline'], 'x')\nexcept fr.api.InputError as e: assert 'nosuch' in str(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("first", ["", "import fittingroom.train.loop", "import fittingroom.train"])
def test_train_is_the_function_whatever_was_imported_before(first: str) -> None:
    code = f"import fittingroom as fr\n{first}\nassert callable(fr.train)\ntry: fr.train('drawn-mini', 'baseline')\nexcept fr.api.InputError as e: assert 'not trained' in str(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_and_its_views(tmp_path: Path) -> None:
    data = fr.Dataset.open("drawn-mini")
    run = fr.compare(data, ["baseline"], tmp_path / "run", limit=1, metrics=["ssim"], settings=["paired"], quiet=True)
    assert "baseline" in run.table()
    assert run.report(tmp_path / "r.html", language="ru").stat().st_size > 10_000
    assert run.figures(tmp_path / "figures")
    assert len(run.tables(tmp_path / "tables")) == 3
    with pytest.raises(InputError, match="no report in language 'de'"):
        run.report(language="de")
    method = fr.load_method("baseline")
    assert method.card.name == "baseline"
    with pytest.raises(AttributeError):
        _ = fr.nothing
