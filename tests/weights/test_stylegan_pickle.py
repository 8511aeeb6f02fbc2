"""Network snapshots are read as tensors; what they want to run is not run."""

from __future__ import annotations

import os
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from fittingroom.core.errors import InputError
from fittingroom.weights import convert, manifest
from fittingroom.weights.stylegan_pickle import read_network


class Part(nn.Module):
    """A module as such snapshots hold them: parameters, buffers, and things that are no tensors."""

    def __init__(self, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4))
        self.register_buffer("noise", torch.arange(6.0).reshape(2, 3).t())  # not contiguous
        self.weight_gain = np.float64(0.5)
        if inner is not None:
            self.inner = inner
            self.plain = nn.Linear(2, 2)


@pytest.fixture
def snapshot() -> Iterator[Any]:
    """A function that pickles networks the way StyleGAN's own module does; its modules vanish before anything is read."""
    names = ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")
    made = {name: types.ModuleType(name) for name in names}

    def reconstruct(meta: Any) -> None:
        raise AssertionError("this runs the source text in the file")

    class EasyDict(dict[str, Any]):
        """A dictionary with attributes."""

    reconstruct.__module__, reconstruct.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    reconstruct.__name__ = "_reconstruct_persistent_obj"
    EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
    made["torch_utils.persistence"]._reconstruct_persistent_obj = reconstruct  # type: ignore[attr-defined]
    made["dnnlib.util"].EasyDict = EasyDict  # type: ignore[attr-defined]

    class Pickler(pickle.Pickler):
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, Part):
                meta = {
                    "type": "class",
                    "version": 6,
                    "module_src": "raise SystemExit('run')",
                    "class_name": "Part",
                    "state": value.__dict__,
                }
                return reconstruct, (EasyDict(meta),)
            return NotImplemented

    def write(path: Path, content: Any) -> Path:
        sys.modules.update(made)
        try:
            with path.open("wb") as file:
                Pickler(file, protocol=3).dump(content)
        finally:
            for name in made:
                del sys.modules[name]
        return path

    yield write
    assert not set(names) & set(sys.modules)


def test_tensors_and_names_are_those_of_the_network(tmp_path: Path, snapshot: Any) -> None:
    network = Part(Part())
    other = Part()
    path = snapshot(tmp_path / "n.pkl", {"G": other, "G_ema": network, "training_set_kwargs": {"a": {1, 2}}})
    found = read_network(path)
    expected = network.state_dict()
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    assert torch.equal(read_network(path, "G")["weight"], other.weight)
    with pytest.raises(InputError, match="no network D in it"):
        read_network(path, "D")


class Evil:
    """A payload."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (lambda flag: Evil(os.system, f"touch {flag}"), "posix.system|nt.system"),
        (lambda flag: Evil(eval, f"open({str(flag)!r}, 'w')"), "builtins.eval"),
        (lambda flag: Evil(getattr, str(flag), "upper"), "builtins.getattr"),
        (lambda flag: Evil(torch.load, str(flag)), "torch.serialization.load"),
        (lambda flag: Evil(Path, str(flag)), "pathlib"),
    ],
)
def test_a_payload_is_refused_and_not_run(tmp_path: Path, snapshot: Any, payload: Any, named: str) -> None:
    flag = tmp_path / "flag"
    path = snapshot(tmp_path / "n.pkl", {"G_ema": Part(), "extra": payload(flag)})
    with pytest.raises(InputError, match=f"more than tensors.*({named})"):
        read_network(path)
    assert not flag.exists()


def test_a_payload_inside_of_a_storage_is_refused(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    inner = pickle.dumps(Evil(os.system, f"touch {flag}"))
    path = tmp_path / "n.pkl"
    with path.open("wb") as file:
        pickle.dump({"G_ema": Evil(torch.storage._load_from_bytes, inner)}, file, protocol=3)
    with pytest.raises(InputError):
        read_network(path)
    assert not flag.exists()


def test_a_tensor_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    class Reaching:
        def __reduce__(self) -> Any:
            storage = torch.arange(4.0).storage()
            return torch._utils._rebuild_tensor_v2, (storage, 2, (100,), (1,), False, OrderedDict())

    path = tmp_path / "n.pkl"
    with path.open("wb") as file:
        pickle.dump({"G_ema": Reaching()}, file, protocol=3)
    with pytest.raises(InputError):
        read_network(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x03}", b"hello", pickle.dumps([1, 2]), pickle.dumps({"G_ema": 3})])
def test_other_files_are_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "n.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_network(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such"):
        read_network(tmp_path / "none.pkl")


def test_import_keeps_tensors_only_and_counts_them(
    tmp_path: Path, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    network = Part(Part())
    count = sum(value.numel() for value in network.state_dict().values())
    entry = manifest.Entry("pasta-gan++", "n.pkl", "tests", 1, "CC0", (), snapshot="G_ema", parameters=count)
    monkeypatch.setattr(convert, "entry", lambda _name: entry)
    path = snapshot(tmp_path / "n.pkl", {"G_ema": network})
    kept = convert.import_file("pasta-gan++", path)
    assert kept.suffix == ".safetensors"
    assert torch.equal(safetensors.torch.load_file(kept)["inner.noise"], network.inner.noise)
    monkeypatch.setattr(convert, "entry", lambda _name: replace(entry, parameters=count + 1))
    with pytest.raises(InputError, match=f"{count} numbers instead of {count + 1}"):
        convert.import_file("pasta-gan++", path)
