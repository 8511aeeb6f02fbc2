"""Networks in ONNX files (extra ``annotate``) or TorchScript files, behind one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..core.errors import InputError, MissingError
from ..core.files import sha256_file


class Network:
    """A network in a file: ``.onnx`` by onnxruntime, ``.pt`` or ``.torchscript`` by torch.

    TorchScript files hold code of torch's own language, not Python: loading one runs no pickle of foreign classes.

    Args:
        path: the file.
        device: torch device of TorchScript networks; ONNX runs on CUDA where onnxruntime has it and the device says so.

    Raises:
        MissingError: no such file, or onnxruntime is not installed.
        InputError: it cannot be loaded.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
        if not path.is_file():
            raise MissingError("no such weights file", mend="name an ONNX or TorchScript file", path=path)
        self.sha256, self._device = sha256_file(path), device
        self._session: Any = None
        self._module: Any = None
        if path.suffix.lower() == ".onnx":
            try:
                import onnxruntime
            except ImportError as error:
                raise MissingError("ONNX files need onnxruntime", mend="pip install 'fittingroom[annotate]'") from error
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            options.use_deterministic_compute = True
            options.intra_op_num_threads = (
                1  # as everywhere in the runner: several workers are faster, and the bytes stay the same
            )
            wanted = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
            there = [
                name for name in (*wanted, "CPUExecutionProvider") if name in onnxruntime.get_available_providers()
            ]
            try:
                self._session = onnxruntime.InferenceSession(str(path), options, providers=there)
            except Exception as error:  # onnxruntime raises classes of its own for what it cannot load
                raise self._broken("ONNX", error, path) from error
        else:
            try:
                self._module = torch.jit.load(str(path), map_location=device).eval()  # type: ignore[no-untyped-call]
            except Exception as error:  # torch raises RuntimeError, ValueError ... on what is no such file
                raise self._broken("TorchScript", error, path) from error

    @staticmethod
    def _broken(kind: str, error: Exception, path: Path) -> InputError:
        first = (str(error).splitlines() or [""])[0][:120]
        return InputError(
            f"not a readable {kind} network ({type(error).__name__}: {first})", mend="get it again", path=path
        )

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(height, width) that an ONNX network asks for, if it asks for one."""
        if self._session is None:
            return None
        shape = self._session.get_inputs()[0].shape
        if len(shape) == 4 and all(isinstance(value, int) and value > 0 for value in shape[2:]):
            return int(shape[2]), int(shape[3])
        return None

    @torch.inference_mode()
    def __call__(self, planes: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """All outputs for one input ``(1, C, H, W)``.

        Raises:
            InputError: the network cannot take it.
        """
        try:
            if self._session is not None:
                name = self._session.get_inputs()[0].name
                return [np.asarray(value) for value in self._session.run(None, {name: planes})]
            result = self._module(torch.from_numpy(planes).to(self._device))
        except Exception as error:  # as above
            raise InputError(
                f"the network cannot take a picture of {planes.shape[3]}x{planes.shape[2]} ({str(error).splitlines()[0][:100]})",
                mend="use the file that belongs to this annotator",
            ) from error
        flat: list[npt.NDArray[np.float32]] = []
        pending = [result]
        while pending:
            entry = pending.pop(0)
            if isinstance(entry, torch.Tensor):
                flat.append(entry.float().cpu().numpy())
            elif isinstance(entry, dict):
                pending = [*entry.values(), *pending]
            elif isinstance(entry, list | tuple):
                pending = [*entry, *pending]
        return flat
