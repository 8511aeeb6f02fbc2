"""The training loop: resumed trainings give the same bits, nothing is lost by a crash, several processes agree."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import UInt8, read_image
from fittingroom.methods.task import Loop, Task
from fittingroom.train.checkpoint import checkpoints
from fittingroom.train.log import read_log
from fittingroom.train.loop import Trained, fit
from fittingroom.train.order import derived_seed, positions
from fittingroom.train.settings import TrainSettings

ITEMS = 7


class Line(Task):
    """Learns y = 2 x + 1 from noisy items, with dropout, so that every kind of randomness is in it."""

    def __init__(self, slope: float = 2.0, slow: float = 0.0) -> None:
        torch.manual_seed(0)
        self.slope, self.slow = slope, slow
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.Linear(8, 1))
        self.net.register_buffer("seen", torch.zeros(()))
        self.modules = {"net": self.net}
        self.optimizers = {"net": torch.optim.Adam(self.net.parameters(), lr=1e-2)}
        self.averages = {"net": 20.0}
        self.refused: list[str] = ["one photo is broken"]
        self.sum = 0.0

    def __len__(self) -> int:
        return ITEMS

    def item(self, index: int, seed: int) -> dict[str, torch.Tensor]:
        x = torch.from_numpy(np.random.default_rng(seed).normal(size=3).astype(np.float32)) + index
        return {"x": x, "y": self.slope * x.sum(0, keepdim=True) + 1}

    def step(
        self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
    ) -> Mapping[str, float]:
        time.sleep(self.slow)
        noise = torch.randn(batch["x"].shape, generator=generator)
        with loop.precision():
            loss = (self.net(batch["x"] + 0.1 * noise).float() - batch["y"]).square().mean()
        loop.update(self.optimizers["net"], loss)
        self.net.get_buffer("seen").add_(len(batch["x"]))
        self.sum += float(loss.detach())
        return {"loss": float(loss.detach())}

    def sheet(self, averaged: Mapping[str, nn.Module], device: torch.device) -> UInt8:
        value = averaged["net"](torch.ones(1, 3, device=device)).clamp(0, 255)
        return np.full((8, 8, 3), int(value), np.uint8)

    def export(self, averaged: Mapping[str, nn.Module], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(dict(averaged["net"].state_dict()), folder / "net.safetensors")

    def description(self) -> Mapping[str, Any]:
        return {"slope": self.slope}

    def state(self) -> dict[str, float]:
        return {"sum": self.sum}

    def load_state(self, state: Mapping[str, float]) -> None:
        self.sum = state["sum"]


def settings(**changes: Any) -> TrainSettings:
    return TrainSettings(**{"steps": 12, "batch": 2, "save_every": 5, "sheet_every": 0, "log_every": 3, **changes})


def bits(folder: Path) -> dict[str, bytes]:
    tensors = safetensors.torch.load_file(checkpoints(folder)[-1] / "weights.safetensors")
    return {key: value.numpy().tobytes() for key, value in tensors.items()}


def train(folder: Path, task: Task | None = None, **changes: Any) -> Trained:
    return fit(task or Line(), settings(**changes), folder)


def test_a_training_leaves_everything_behind(tmp_path: Path) -> None:
    done = train(tmp_path, sheet_every=6)
    assert (done.steps, done.finished, done.refused) == (12, True, ("one photo is broken",))
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000010", "step-00000012"]
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["step-00000006.png", "step-00000012.png"]
    lines = read_log(tmp_path)
    assert [line["step"] for line in lines] == [3, 6, 9, 12]
    assert lines[-1]["pictures"] == 24
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert read_image(tmp_path / "curves.png").shape[2] == 3
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["slope"] == 2.0
    assert config["settings"]["steps"] == 12
    assert config["refused"] == ["one photo is broken"]
    kept = safetensors.torch.load_file(done.weights / "net.safetensors")
    assert float(kept["seen"]) == 24
    raw = safetensors.torch.load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    assert not torch.equal(kept["0.weight"], raw["module.net.0.weight"])  # the running mean is what is exported
    assert torch.equal(kept["0.weight"], raw["average.net.0.weight"])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resuming_gives_the_same_bits(tmp_path: Path, precision: str) -> None:
    train(tmp_path / "whole", precision=precision)
    for steps in (4, 7, 12):
        train(tmp_path / "parts", steps=steps, precision=precision)
    assert bits(tmp_path / "whole") == bits(tmp_path / "parts")
    states = [checkpoints(tmp_path / name)[-1] / "state.json" for name in ("whole", "parts")]
    assert states[0].read_text() == states[1].read_text()
    assert [line["step"] for line in read_log(tmp_path / "parts")] == [3, 4, 6, 7, 9, 12]


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_the_precision_is_what_the_hardware_is_fast_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: bool, chosen: str
) -> None:
    monkeypatch.setattr("fittingroom.train.loop.fast_bfloat16", lambda _device: fast)
    train(tmp_path / "auto", precision="auto")
    train(tmp_path / "named", precision=chosen)
    assert bits(tmp_path / "auto") == bits(tmp_path / "named")
    assert json.loads((tmp_path / "auto" / "config.json").read_text())["precision"] == chosen


def test_only_what_is_offered_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "nothing", compile=True)  # the task offers nothing, so there is nothing to do
    task, asked = Line(), []
    monkeypatch.setattr(task, "compilable", lambda: [task.net])
    monkeypatch.setattr(task.net, "compile", lambda: asked.append("net"))
    train(tmp_path / "net", task, compile=True)
    assert asked == ["net"]
    with pytest.raises(InputError, match="another training"):
        train(tmp_path / "net")

    def broken(*_: Any) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(MissingError, match="C\\+\\+ compiler"):
        train(tmp_path / "else", task, compile=True)


def test_workers_change_nothing(tmp_path: Path) -> None:
    train(tmp_path / "none")
    train(tmp_path / "two", workers=2)
    assert bits(tmp_path / "none") == bits(tmp_path / "two")


def test_a_finished_training_is_left_as_it_is(tmp_path: Path) -> None:
    train(tmp_path)
    before = bits(tmp_path)
    assert train(tmp_path).steps == 12
    assert bits(tmp_path) == before


def test_a_broken_newest_checkpoint_is_passed_over(tmp_path: Path) -> None:
    train(tmp_path)
    whole = bits(tmp_path)
    newest = checkpoints(tmp_path)[-1]
    (newest / "weights.safetensors").write_bytes(b"cut off")
    assert train(tmp_path).finished
    assert bits(tmp_path) == whole


def test_without_sheets_nothing_is_drawn(tmp_path: Path) -> None:
    train(tmp_path, sheet_every=0)
    assert not (tmp_path / "samples").exists()
    assert not (tmp_path / "curves.png").exists()


def test_another_training_is_refused(tmp_path: Path) -> None:
    train(tmp_path, steps=2)
    with pytest.raises(InputError, match="another training .slope differ"):
        train(tmp_path, Line(slope=3.0))
    with pytest.raises(InputError, match="another training .batch"):
        train(tmp_path, batch=3)


def test_gradients_that_are_not_finite_do_no_harm(tmp_path: Path) -> None:
    class Bad(Line):
        def step(
            self, batch: dict[str, torch.Tensor], number: int, generator: torch.Generator, loop: Loop
        ) -> Mapping[str, float]:
            if number == 3:
                batch = {name: value * torch.nan for name, value in batch.items()}
            return super().step(batch, number, generator, loop)

    train(tmp_path, Bad())
    tensors = safetensors.torch.load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    assert all(torch.isfinite(value).all() for value in tensors.values())


def test_the_time_limit_ends_with_a_checkpoint(tmp_path: Path) -> None:
    done = train(tmp_path, Line(slow=0.05), steps=10_000, minutes=0.01)
    assert not done.finished
    assert 0 < done.steps < 1000
    assert checkpoints(tmp_path)[-1].name == f"step-{done.steps:08d}"
    assert (done.weights / "net.safetensors").is_file()


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_loop import Line, settings
from fittingroom.train.loop import fit
if __name__ == "__main__":
    done = fit(Line(slow={slow}), settings(steps={steps}, batch={batch}), Path(sys.argv[1]))
    print("ended at", done.steps, done.finished, flush=True)
"""


def program(tmp_path: Path, *, steps: int = 12, batch: int = 2, slow: float = 0.0) -> Path:
    path = tmp_path / "program.py"
    folder = str(Path(__file__).resolve().parent)
    path.write_text(PROGRAM.format(folder=folder, steps=steps, batch=batch, slow=slow))
    return path


def test_being_told_to_stop_ends_with_a_checkpoint(tmp_path: Path) -> None:
    path = program(tmp_path, steps=100_000, slow=0.02)
    running = subprocess.Popen([sys.executable, path, tmp_path / "run"], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not read_log(tmp_path / "run") and time.monotonic() < until:
        time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    last = int(output.split()[-2])
    assert "False" in output
    assert checkpoints(tmp_path / "run")[-1].name == f"step-{last:08d}"


def test_two_processes_learn_what_one_learns_with_twice_the_batch(tmp_path: Path) -> None:
    one = Line()
    one.net[1] = nn.Identity()
    fit(one, settings(batch=4), tmp_path / "one")
    path = program(tmp_path, batch=2)
    text = path.read_text().replace("if __name__", "from torch import nn\nif __name__")
    text = text.replace(
        "done = fit(Line(slow=0.0),", "task = Line(); task.net[1] = nn.Identity()\n    done = fit(task,"
    )
    path.write_text(text)
    # `accelerate launch` starts processes of several GPUs in the same way; on processors it would want MPI
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    command += [str(path), str(tmp_path / "two")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "two" / "config.json").read_text())["processes"] == 2
    made, expected = (
        safetensors.torch.load_file(checkpoints(tmp_path / name)[-1] / "weights.safetensors") for name in ("two", "one")
    )
    for key, value in expected.items():
        if not key.endswith("seen"):
            assert torch.allclose(made[key], value, rtol=0.05, atol=0.05), key


def test_every_item_once_an_epoch_and_from_anywhere() -> None:
    draws = positions(5, 0, seed=3)
    whole = [next(draws) for _ in range(20)]
    for start in (0, 5, 10):
        assert sorted(index for index, _ in whole[start : start + 5]) == list(range(5))
    assert whole[:5] != whole[5:10]
    for start in (1, 7, 12):
        later = positions(5, start, seed=3)
        assert [next(later) for _ in range(8)] == whole[start : start + 8]
    assert len({seed for _, seed in whole}) == 20
    assert derived_seed(1, 2) != derived_seed(2, 1)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"stesp": 3}, "no setting stesp"),
        ({"steps": 0}, "train.steps is 0"),
        ({"sheet_every": -1}, "train.sheet_every is -1"),
        ({"batch": True}, "train.batch is True"),
        ({"precision": "fp8"}, "train.precision is 'fp8'"),
        ({"minutes": -1}, "train.minutes is -1"),
        ({"workers": -2}, "train.workers"),
    ],
)
def test_settings_that_make_no_sense(table: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        TrainSettings.of(table)
