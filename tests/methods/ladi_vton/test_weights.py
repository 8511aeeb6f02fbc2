"""Published files are found, read as tensors only, renamed and loaded strictly; folders of ours are complete or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.methods.ladi_vton import weights
from fittingroom.methods.ladi_vton.method import LadiVton
from fittingroom.methods.ladi_vton.network import PARTS, build
from fittingroom.methods.ladi_vton.tiny import tiny_config, tiny_networks
from fittingroom.methods.ladi_vton.weights import load_networks, load_part, open_folder, open_published, save_all
from fittingroom.weights.manifest import entries


def _old_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names of the autoencoder's attention as files of 2022 have them."""
    renamed = {}
    for name, value in state.items():
        for new, old in (
            (".to_q.", ".query."),
            (".to_k.", ".key."),
            (".to_v.", ".value."),
            (".to_out.0.", ".proj_attn."),
        ):
            name = name.replace(new, old)
        renamed[name] = value
    return renamed


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model in the files, names and wrappings of the published one."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    nets = tiny_networks(5)
    states: dict[str, Any] = {name: network.state_dict() for name, network in nets.named().items()}
    torch.save({name: value.half() for name, value in states["unet"].items()}, folder / "unet_vitonhd.pth")
    torch.save({"state_dict": states["emasc"]}, folder / "emasc_vitonhd.pth")
    torch.save(states["adapter"], folder / "inversion_adapter_vitonhd.pth")
    optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
    torch.save(
        {"epoch": 50, "tps": states["matcher"], "refinement": states["refinement"], "optimizer_tps": optimizer},
        folder / "warping_vitonhd.pth",
    )
    text = {f"text_model.{name.removeprefix('text_model.')}": value for name, value in states["text"].items()}
    text["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    safetensors.torch.save_file(text, folder / "sd2-inpainting-text.safetensors")
    clip = {f"vision_model.{name.removeprefix('vision_model.')}": value for name, value in states["vision"].items()}
    clip |= {"vision_model.embeddings.position_ids": torch.arange(17)[None], "logit_scale": torch.ones(1)}
    clip |= {"text_model.final_layer_norm.weight": torch.ones(4), "visual_projection.weight": torch.zeros(3, 4)}
    safetensors.torch.save_file(clip, folder / "clip-vit-h-14.safetensors")
    safetensors.torch.save_file(_old_names(states["vae"]), folder / "sd2-inpainting-vae.safetensors")
    monkeypatch.setenv("FITTINGROOM_WEIGHTS", str(folder))
    monkeypatch.setattr(weights, "PUBLISHED", tiny_config())
    return folder


def test_published_files_load_strictly(published: Path) -> None:
    bundle = open_published("published")
    assert bundle.rules == "viton-hd"
    found, want = load_networks(bundle).named(), tiny_networks(5).named()
    for part in PARTS:
        assert {value.dtype for value in found[part].state_dict().values()} <= {torch.float32, torch.int64}
        for name, value in want[part].state_dict().items():
            tolerance = 1e-3 if part == "unet" else 0  # half precision in the file
            torch.testing.assert_close(found[part].state_dict()[name], value, rtol=tolerance, atol=tolerance)
        assert not any(buffer.is_meta for buffer in found[part].buffers())
    assert load_part(bundle, "unet", torch.bfloat16).conv_in.weight.dtype == torch.bfloat16
    assert load_part(bundle, "matcher", torch.bfloat16).loc_net.regression.linear.weight.dtype == torch.float32


def test_published_weights_run_and_can_be_saved(published: Path, samples: Any, tmp_path: Path) -> None:
    method = LadiVton.load("published", steps=2)
    want = method.run(samples["upper"], seed=3)
    method.save(tmp_path / "copy")
    again = LadiVton.load(tmp_path / "copy", steps=2)
    assert again.bundle.rules == "viton-hd"
    assert (again.run(samples["upper"], seed=3) == want).all()
    assert again.settings()["weights"] == LadiVton.load(tmp_path / "copy", steps=2).settings()["weights"]


def test_missing_files_are_named(published: Path) -> None:
    (published / "unet_vitonhd.pth").unlink()
    with pytest.raises(MissingError, match=r"not here: ladi-unet-vitonhd \(1\.7 GB; CC BY-NC") as error:
        LadiVton.load("published")
    assert "\n" not in str(error.value)
    with pytest.raises(MissingError, match="ladi-warping-dresscode"):
        LadiVton.load("published-dress-code")


def test_the_file_of_another_network_is_refused(published: Path) -> None:
    shutil.copy(published / "emasc_vitonhd.pth", published / "inversion_adapter_vitonhd.pth")
    with pytest.raises(InputError, match=r"not the weights of the adapter: of 24 tensors 24 missing") as error:
        load_part(open_published("published"), "adapter")
    assert "\n" not in str(error.value)
    state = tiny_networks(1).emasc.state_dict()
    state["conv.0.0.bias"] = torch.zeros(3)
    torch.save(state, published / "emasc_vitonhd.pth")
    with pytest.raises(InputError, match=r"1 of another shape \(conv\.0\.0\.bias"):
        load_part(open_published("published"), "emasc")
    (published / "emasc_vitonhd.pth").write_bytes(b"not a file of tensors")
    with pytest.raises(InputError, match=r"not a readable checkpoint|holds more than tensors"):
        load_part(open_published("published"), "emasc")


def test_folders_of_ours(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no weights of ladi-vton here \(no ladi-vton\.json\)"):
        LadiVton.load(tmp_path)
    folder = tmp_path / "broken"
    shutil.copytree(tiny, folder)
    (folder / "emasc.safetensors").unlink()
    with pytest.raises(MissingError, match="these parts are missing: emasc"):
        open_folder(folder)
    index = json.loads((folder / "ladi-vton.json").read_text())
    for change in ({"format": 9}, {"rules": "other"}, {"config": {"size": 5}}):
        shutil.copy(tiny / "emasc.safetensors", folder / "emasc.safetensors")
        (folder / "ladi-vton.json").write_text(json.dumps({**index, **change}))
        with pytest.raises(InputError):
            open_folder(folder)


def test_another_seed_has_another_fingerprint(tmp_path: Path) -> None:
    prints = []
    for seed in (1, 1, 2):
        folder = tmp_path / f"{len(prints)}"
        save_all(tiny_networks(seed), folder)
        prints.append(open_folder(folder).fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_half_precision_folders(tmp_path: Path) -> None:
    nets = tiny_networks(1)
    save_all(nets, tmp_path / "half", kind=torch.float16)
    found = load_part(open_folder(tmp_path / "half"), "adapter")
    want = nets.adapter.post_layernorm.weight
    torch.testing.assert_close(found.post_layernorm.weight, want.half().float(), rtol=0, atol=0)


def test_every_published_part_has_its_entry() -> None:
    known = {entry.name: entry for entry in entries()}
    for dataset, _ in weights.SETS.values():
        for template, _ in weights._PUBLISHED.values():
            assert template.format(dataset) in known
    assert known["ladi-unet-vitonhd"].mirrors[0].endswith("/releases/download/weights/unet_vitonhd.pth")


def test_building_needs_no_network() -> None:
    with torch.device("meta"):
        assert all(build(part, tiny_config()) is not None for part in PARTS)
