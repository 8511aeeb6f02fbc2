"""What the doctor makes of machines that are not this one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import fittingroom.doctor as doctor
from fittingroom.annotate.registry import annotator_names
from fittingroom.methods.annotators import TARGETS
from fittingroom.methods.registry import card, method_names
from fittingroom.weights.embedded import embedded_folder

WHEEL = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"]


def seen(findings: list[doctor.Finding], what: str) -> list[doctor.Finding]:
    return [each for each in findings if each.what == what]


@pytest.mark.parametrize(
    ("capability", "built", "runs"),
    [
        ((8, 6), WHEEL, True),
        ((8, 9), WHEEL, True),  # code for 8.6 runs on 8.9
        ((12, 1), WHEEL, True),
        ((13, 0), WHEEL, True),  # translated from the recipe for 12.0
        ((6, 1), WHEEL, False),
        ((7, 0), WHEEL, False),
        ((6, 1), ["sm_50", "sm_60"], True),
        ((10, 0), ["sm_90"], False),
        ((9, 0), ["sm_90a"], True),
    ],
)
def test_kernels_of_a_build(capability: tuple[int, int], built: list[str], runs: bool) -> None:
    assert doctor.has_kernels(capability, built) is runs


@pytest.mark.parametrize(
    ("capability", "state", "mend"),
    [((8, 6), "ok", ""), ((6, 1), "broken", "CUDA 12.6"), ((7, 5), "ok", ""), ((14, 0), "ok", "")],
)
def test_a_card_that_this_torch_cannot_use(
    capability: tuple[int, int], state: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = doctor.describe_machine() | {"gpu": [{"name": "card", "memory_gb": 8.0, "driver": "560.1"}]}
    monkeypatch.setattr(doctor, "describe_machine", lambda: machine)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _index: capability)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: WHEEL)
    (found,) = seen(doctor.findings(), "GPU")
    assert found.state == state
    assert mend in found.mend
    assert "card, 8.0 GB, driver 560.1" in found.detail


def test_methods_whose_libraries_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    find = doctor.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "diffusers" else find(name, *rest)

    monkeypatch.setattr(doctor, "find_spec", without)
    findings = doctor.findings()
    diffusion = {name for name in method_names() if card(name).family == "latent diffusion"}
    assert {"ladi-vton", "promptdresser"} <= diffusion
    for name in method_names():
        (found,) = seen(findings, f"method {name}")
        assert found.state == ("missing" if name in diffusion else "ok")
        assert ("diffusers" in found.detail) == (name in diffusion)
        assert found.mend == ("pip install 'fittingroom[diffusion]'" if name in diffusion else "")
        assert (f"{name}@FOLDER" in found.detail) == (card(name).trained and embedded_folder(name) is None)
    (extra,) = seen(findings, "extra diffusion")
    assert extra.state == "missing"


def test_annotators_have_a_line_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("FITTINGROOM_WEIGHTS", str(tmp_path))  # nothing in it
    findings = doctor.findings()
    for name in (*annotator_names(), *TARGETS):
        (found,) = seen(findings, f"annotator {name}")
        assert "\n" not in found.detail + found.mend
        assert bool(found.mend) == (found.state != "ok")
    (found,) = seen(findings, "annotator garment-mask/colour")
    assert found.state == "ok"
    (found,) = seen(findings, "annotator parse/segformer")
    assert found.state == "missing"
    assert "weights fetch segformer-clothes" in found.mend
    assert "by hand" in seen(findings, "annotator parse/hand")[0].detail
