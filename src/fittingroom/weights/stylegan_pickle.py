"""Network snapshots of NVIDIA's StyleGAN2-ADA family: pickles that want to run code, read without running any.

Such a file holds whole Python objects and the source text of their classes, which the usual way of loading executes. Here an
unpickler with a closed list of names rebuilds tensors and containers, everything else that is known becomes an empty shell,
and any name beyond the list ends the reading.
"""

from __future__ import annotations

import io
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch

from ..core.errors import InputError


class _Shell:
    """Stands for an object that is of no use here; whatever is done to it, nothing happens."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Names(dict[Any, Any]):
    """A dictionary that is restored as an object."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, Mapping):
            self.update(state)


class _Module(_Shell):
    """A network whose source text was left unread.

    Args:
        meta: what the file says of it: ``class_name``, ``state`` ...
    """

    def __init__(self, meta: Any = None, *_args: Any) -> None:
        super().__init__()
        if isinstance(meta, Mapping):
            self.state = meta.get("state")


def _storage(data: Any) -> Any:
    if not isinstance(data, bytes):
        raise pickle.UnpicklingError("a storage that is not bytes")
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_rest: Any) -> torch.Tensor:
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError("a tensor without storage")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="TypedStorage is deprecated")
        flat = torch.empty(0, dtype=storage.dtype).set_(storage.untyped())  # type: ignore[no-untyped-call]
    return flat.as_strided(tuple(size), tuple(stride), offset)  # refuses what lies outside of the storage


def _parameter(data: Any, *_rest: Any) -> Any:
    return data


_KNOWN: Mapping[tuple[str, str], Any] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _Module,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch.storage", "_load_from_bytes"): _storage,
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("dnnlib.util", "EasyDict"): _Names,
    **dict.fromkeys(
        (("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"), ("numpy", "dtype")), _Shell
    ),
}
#: classes of these modules become shells, whatever they are called
_SHELLS = ("torch.nn.modules.", "training.")


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get((module, name))
        if known is not None:
            return known
        if module.startswith(_SHELLS) and name.isidentifier():
            return _Shell
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it refers to another file")


def _walk(module: Any, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    state = module.state if isinstance(module, _Shell) else None
    if not isinstance(state, Mapping):
        return
    for table in ("_parameters", "_buffers"):
        for name, value in (state.get(table) or {}).items():
            if isinstance(value, torch.Tensor):
                yield prefix + str(name), value.detach()
    for name, child in (state.get("_modules") or {}).items():
        yield from _walk(child, f"{prefix}{name}.")


def read_network(path: Path | str, network: str = "G_ema") -> dict[str, torch.Tensor]:
    """The tensors of one network of a snapshot, under the names that its ``state_dict`` had.

    Args:
        path: the pickle.
        network: which of those in the file.

    Returns:
        Parameters and buffers.

    Raises:
        InputError: missing or broken file, one that asks for anything beyond tensors and containers, or none with that network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such weights file", path=path)
    try:
        with path.open("rb") as file:
            content = _Reader(file).load()
    except pickle.UnpicklingError as error:
        raise InputError(
            f"the file holds more than tensors and is not read ({error})",
            mend="get it again from its authors",
            path=path,
        ) from error
    except Exception as error:  # a broken pickle can raise nearly anything
        raise InputError("not a readable network snapshot", mend="get it again", path=path) from error
    found = dict(_walk(content.get(network), "")) if isinstance(content, Mapping) else {}
    if not found:
        raise InputError(f"no network {network} in it", mend="check that it is the right file", path=path)
    return found
