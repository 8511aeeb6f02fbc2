"""The loop: order, precision, gradient averaging, running means, checkpoints, log, sample sheets, stopping in time."""

from __future__ import annotations

import atexit
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import torch
from torch import distributed, nn

from ..core.errors import InputError, MissingError
from ..core.files import write_json
from ..core.images import write_png
from ..core.memory import reuse_freed_memory
from ..core.precision import fast_bfloat16
from ..core.progress import Report
from ..methods.task import Task
from .average import Averages
from .checkpoint import checkpoints, load, save
from .log import TrainingLog, draw_curves
from .order import batches, derived_seed
from .settings import Precision, TrainSettings

#: gradients that are not finite become 0 or this
_LARGEST_GRADIENT = 1e5


@dataclass(frozen=True)
class Trained:
    """How a training ended.

    Args:
        folder: of the training.
        steps: done in all.
        finished: False if it was stopped before its last step.
        seconds: spent in this call.
        weights: folder that the method's ``load`` takes.
        refused: one line for each sample that was left out.
    """

    folder: Path
    steps: int
    finished: bool
    seconds: float
    weights: Path
    refused: tuple[str, ...] = ()


class _Loop:
    """One process's part; see :class:`fittingroom.methods.task.Loop`."""

    def __init__(self, settings: TrainSettings, device: str) -> None:
        try:
            from accelerate import Accelerator
        except ImportError as error:
            raise MissingError("training needs accelerate", mend='run `pip install "fittingroom[train]"`') from error
        self._accelerator: Any = Accelerator(cpu=device == "cpu")
        self.rank, self.world = int(self._accelerator.process_index), int(self._accelerator.num_processes)
        self._device: torch.device = self._accelerator.device
        chosen = settings.precision
        self.settings = replace(settings, precision=_precision(self._device) if chosen == "auto" else chosen)
        if self.world > 1:
            atexit.unregister(_leave)
            atexit.register(_leave)

    @property
    def device(self) -> torch.device:
        return self._device

    def precision(self) -> AbstractContextManager[None]:
        if self.settings.precision == "fp32":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16)

    def update(self, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        chosen = [
            parameter for group in optimizer.param_groups for parameter in group["params"] if parameter.requires_grad
        ]
        loss.backward()  # type: ignore[no-untyped-call]
        if self.world > 1:
            self._average_gradients(chosen)
        for parameter in chosen:
            if parameter.grad is not None:
                torch.nan_to_num_(parameter.grad, nan=0.0, posinf=_LARGEST_GRADIENT, neginf=-_LARGEST_GRADIENT)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def _average_gradients(self, parameters: list[nn.Parameter]) -> None:
        # a network may be called several times before its gradients are complete (coarse and final picture, penalties that
        # are differentiated twice); DistributedDataParallel allows that badly, one sum over everything is simple and exact
        flat = torch.cat(
            [(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1).float() for p in parameters]
        )
        distributed.all_reduce(flat)
        flat /= self.world
        start = 0
        for parameter in parameters:
            size = parameter.numel()
            parameter.grad = flat[start : start + size].reshape(parameter.shape).to(parameter.dtype)
            start += size

    def average(self, value: torch.Tensor) -> torch.Tensor:
        if self.world > 1:
            value = value.clone()
            distributed.all_reduce(value)
            value /= self.world
        return value

    def share(self, modules: Mapping[str, nn.Module]) -> None:
        """Give every process the first one's weights."""
        if self.world > 1:
            for module in modules.values():
                for tensor in module.state_dict().values():
                    distributed.broadcast(tensor, 0)

    def agree(self, stop: bool) -> bool:
        """Whether any process wants to stop."""
        if self.world == 1:
            return stop
        flag = torch.tensor(float(stop), device=self._device)
        distributed.all_reduce(flag)
        return bool(flag > 0)

    def meet(self) -> None:
        """Wait for every process: one that ends while another still writes would take the connection with it."""
        if self.world > 1:
            distributed.barrier()


def _precision(device: torch.device) -> Precision:
    return "bf16" if fast_bfloat16(device) else "fp32"


def _leave() -> None:
    """Close the connection between processes, whose threads must not outlive the interpreter."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


class _Stop:
    """Set by Ctrl-C, by SIGTERM or when the time is up: the step is finished and a checkpoint written."""

    def __init__(self, minutes: float) -> None:
        self.deadline = time.monotonic() + 60 * minutes if minutes else float("inf")
        self.asked = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    @property
    def due(self) -> bool:
        return self.asked or time.monotonic() >= self.deadline


@contextmanager
def _catching(stop: _Stop) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _to(state: Any, device: torch.device) -> None:
    for optimizer in state.values():
        for entry in optimizer.state.values():
            for key, value in entry.items():
                # Adam's step counter stays on the processor
                if isinstance(value, torch.Tensor) and value.ndim:
                    entry[key] = value.to(device)


def _memory_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return psutil.Process().memory_info().rss / 2**20


def _description(task: Task, settings: TrainSettings, world: int) -> dict[str, Any]:
    """What must be equal for a resumed training to give the same bits."""
    fixed = {key: value for key, value in asdict(settings).items() if key in ("batch", "seed", "precision")}
    if settings.compile:  # sums are rounded in another order
        fixed["compile"] = True
    return {**task.description(), **fixed, "processes": world}


def _compile(task: Task) -> None:
    """Have the networks that are offered for it compiled when they are first called.

    Raises:
        MissingError: nothing can be compiled here.
    """
    if not task.compilable():
        return
    try:
        torch.compile(torch.neg)(torch.zeros(2))
    except Exception as error:  # compilers fail in many ways
        raise MissingError(
            "train.compile needs a C++ compiler that PyTorch can use", mend="install g++, or set train.compile = false"
        ) from error
    for network in task.compilable():
        network.compile()


def _resume(folder: Path, task: Task, averages: Averages, description: Mapping[str, Any]) -> int:
    problem: InputError | None = None
    for path in reversed(checkpoints(folder)):
        try:
            return load(path, task, averages, description)
        except InputError as error:
            if "another training" in str(error):
                raise
            problem = error
    if problem is not None:
        raise problem
    return 0


def fit(
    task: Task, settings: TrainSettings, folder: Path, *, device: str = "cpu", progress: Report | None = None
) -> Trained:
    """Train until the last step, the time limit or a signal; call again to go on where the last checkpoint is.

    The folder holds ``config.json``, ``log.jsonl``, ``curves.png``, ``samples/``, ``checkpoints/`` and, at the end of every
    call, ``weights/`` with the running means.

    Args:
        task: of a method.
        settings: of the loop.
        folder: of the training.
        device: ``cpu`` or ``cuda``; with ``accelerate launch`` each process takes its own.
        progress: called with (steps done, steps in all).

    Returns:
        How it ended.

    Raises:
        MissingError: accelerate is not installed, or nothing can be compiled here though that was asked for.
        InputError: the folder holds another training.
    """
    begin = time.monotonic()
    loop = _Loop(settings, device)
    settings = loop.settings
    if loop.device.type == "cpu":
        reuse_freed_memory()
    first = loop.rank == 0
    for module in task.modules.values():
        module.to(loop.device).train()
    averages = Averages(task.modules, task.averages)
    description = _description(task, settings, loop.world)
    step = _resume(folder, task, averages, description)
    _to(task.optimizers, loop.device)
    loop.share(task.modules)
    loop.share(averages.modules)
    if settings.compile:
        _compile(task)
    log: TrainingLog | None = None
    if first:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", {**description, "settings": asdict(settings), "refused": task.refused})
        log = TrainingLog(folder, step)
    stop = _Stop(settings.minutes)
    sums: dict[str, list[float]] = {}
    shown_at, shown_time = step, time.monotonic()
    saved = step if checkpoints(folder) else -1
    loader = batches(
        task,
        step,
        settings.steps,
        settings.batch,
        settings.seed,
        rank=loop.rank,
        world=loop.world,
        workers=settings.workers,
    )
    whole = settings.batch * loop.world

    def seconds() -> float:
        return (log.seconds_before if log else 0.0) + time.monotonic() - begin

    def keep() -> None:
        nonlocal saved
        if first and saved != step:
            save(folder, step, task, averages, description, settings.keep)
            saved = step

    def show() -> None:
        if first:
            write_png(folder / "samples" / f"step-{step:08d}.png", task.sheet(averages.modules, loop.device))
            draw_curves(folder)

    with _catching(stop):
        for batch in loader:
            seed = derived_seed(settings.seed, step, loop.rank, 1)
            torch.manual_seed(seed)  # for layers that draw by themselves
            generator = torch.Generator(loop.device).manual_seed(seed)
            moved = {name: tensor.to(loop.device) for name, tensor in batch.items()}
            numbers = task.step(moved, step, generator, loop)
            averages.update(task.modules, whole)
            step += 1
            for name, value in numbers.items():
                sums.setdefault(name, []).append(value)
            if log and (step % settings.log_every == 0 or step == settings.steps):
                now = time.monotonic()
                log.write(
                    {
                        "step": step,
                        "pictures": step * whole,
                        "seconds": round(seconds(), 2),
                        "pictures_per_second": round((step - shown_at) * whole / max(now - shown_time, 1e-9), 3),
                        "memory_mb": round(_memory_mb(loop.device)),
                        **{name: sum(values) / len(values) for name, values in sums.items()},
                    }
                )
                shown_at, shown_time, sums = step, now, {}
            if step % settings.save_every == 0:
                keep()
            if settings.sheet_every and step % settings.sheet_every == 0:
                show()
            if progress and first:
                progress(step, settings.steps)
            if loop.agree(stop.due):
                break
    keep()
    if first:
        if settings.sheet_every and step % settings.sheet_every:
            show()
        task.export(averages.modules, folder / "weights")
    loop.meet()
    return Trained(
        folder, step, step >= settings.steps, time.monotonic() - begin, folder / "weights", tuple(task.refused)
    )
