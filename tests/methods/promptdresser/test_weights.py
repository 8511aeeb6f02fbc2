"""Loading is strict and safe; published names are understood; an import gives the same pictures."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from fittingroom.core.errors import FittingroomError, InputError, MissingError

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

from fittingroom.methods import requirement
from fittingroom.methods.promptdresser import bring as bringing
from fittingroom.methods.promptdresser import tiny
from fittingroom.methods.promptdresser.method import PromptDresser
from fittingroom.methods.promptdresser.published import CONFIGS, FILES, PADDING
from fittingroom.methods.promptdresser.weights import (
    BUILDERS,
    NETWORKS,
    count_values,
    find_published,
    fingerprint,
    load_part,
    load_tokenizer,
    read_config,
    read_index,
)
from fittingroom.weights.manifest import entry


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def tensors(folder: Path, part: str) -> dict[str, torch.Tensor]:
    return load_file(folder / part / "model.safetensors")


def put(folder: Path, part: str, values: dict[str, torch.Tensor]) -> None:
    save_file(values, folder / part / "model.safetensors")


@pytest.mark.parametrize("part", NETWORKS)
def test_every_tensor_of_a_file_arrives(tiny_folder: Path, part: str) -> None:
    network, stored = load_part(tiny_folder, part, torch.float32), tensors(tiny_folder, part)
    assert set(network.state_dict()) == set(stored)
    assert all(torch.equal(value, stored[name]) for name, value in network.state_dict().items())
    assert not any(value.is_meta for value in (*network.parameters(), *network.buffers()))
    assert not any(value.requires_grad for value in network.parameters())
    assert count_values(tiny_folder / part / "model.safetensors") == sum(value.numel() for value in stored.values())


@pytest.mark.parametrize("part", NETWORKS)
@pytest.mark.parametrize("change", ["missing", "unknown", "of another shape"])
def test_files_of_other_networks_are_refused(copy: Path, part: str, change: str) -> None:
    values = tensors(copy, part)
    name = sorted(values)[0]
    if change == "missing":
        del values[name]
    elif change == "unknown":
        values["no.such.tensor"] = torch.zeros(1)
    else:
        values[name] = torch.zeros(1, 2, 3)
    put(copy, part, values)
    with pytest.raises(InputError, match=f"not the weights of {part}: .* 1 {change}") as caught:
        load_part(copy, part, torch.float32)
    assert "\n" not in str(caught.value)


def test_a_whole_unet_serves_as_garment_network(copy: Path) -> None:
    from fittingroom.methods.promptdresser.network import _unet

    whole = _unet(read_config(copy / "garment_unet"), 4).state_dict()
    pruned = tensors(copy, "garment_unet")
    assert len(whole) > len(pruned)
    put(copy, "garment_unet", {name: value.contiguous() for name, value in whole.items()} | pruned)
    network = load_part(copy, "garment_unet", torch.float32)
    assert set(network.state_dict()) == set(pruned)


def test_published_names_of_the_text_encoders_are_understood(copy: Path) -> None:
    for part in ("text_encoder", "text_encoder_2"):
        values = tensors(copy, part)
        old = {
            name if name.startswith(("text_model.", "text_projection")) else f"text_model.{name}": value
            for name, value in values.items()
        }
        put(copy, part, old | {"text_model.embeddings.position_ids": torch.arange(4)[None]})
        network = load_part(copy, part, torch.float32)
        assert all(torch.equal(value, values[name]) for name, value in network.state_dict().items())


class _Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code was run",)


def test_a_file_with_code_is_not_run(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tensors(copy, "unet")
    (copy / "unet" / "model.safetensors").unlink()
    path = copy / "unet" / "pytorch_model.bin"
    torch.save(values, path)
    assert set(load_part(copy, "unet", torch.float32).state_dict()) == set(values)
    for data in ({**values, "harm": _Harm()}, _Harm()):
        torch.save(data, path)
        with pytest.raises(InputError, match="more than tensors"):
            load_part(copy, "unet", torch.float32)
    path.write_bytes(pickle.dumps(_Harm()))
    with pytest.raises(InputError):
        load_part(copy, "unet", torch.float32)
    path.write_bytes(b"")
    with pytest.raises(InputError):
        load_part(copy, "unet", torch.float32)
    assert "code was run" not in capsys.readouterr().out


def test_published_files_are_imported(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as publishers lay them out -> our folder, with the same weights; the command says what is wrong in a line."""
    source = tmp_path / "published"
    source.mkdir()
    torch.save(tensors(tiny_folder, "unet"), source / "pytorch_model.bin")
    for part, place in (("garment_unet", "base/unet"), ("vae", "vae"), *((p, f"inpainting/{p}") for p in NETWORKS[3:])):
        shutil.copytree(tiny_folder / part, source / place)
    for part in ("tokenizer", "tokenizer_2"):
        shutil.copytree(tiny_folder / part, source / "inpainting" / part)
    out = bringing.bring(
        source / "pytorch_model.bin",
        source / "base",
        source / "inpainting",
        source / "vae",
        tmp_path / "out",
        kind=torch.float32,
        configs={"unet": tiny.UNET, "garment_unet": tiny.UNET},
        size=(128, 96),
    )
    for part in NETWORKS:
        stored = tensors(tiny_folder, part)
        assert {name: value.tolist() for name, value in tensors(out, part).items()} == {
            name: value.tolist() for name, value in stored.items()
        }
    assert read_index(out)["trained"] is True
    method = PromptDresser.load(out)
    assert method.size == (128, 96)


def test_fetched_files_are_imported(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Single files under the manifest's names, without configurations beside them."""
    source = tmp_path / "weights"
    source.mkdir()
    monkeypatch.setenv("FITTINGROOM_WEIGHTS", str(source))
    configs = {part: read_config(tiny_folder / part) for part in NETWORKS}
    with pytest.raises(MissingError, match="parts of promptdresser are not here: unet, garment_unet, vae"):
        bringing.bring(None, None, None, None, tmp_path / "out", configs=configs)
    for part in NETWORKS:
        target = source / entry(FILES[part]).file
        if target.suffix == ".bin":
            torch.save(tensors(tiny_folder, part), target)
        else:
            shutil.copyfile(tiny_folder / part / "model.safetensors", target)
    shutil.copyfile(tiny_folder / "tokenizer" / "vocab.json", source / "clip-vocab.json")
    shutil.copyfile(tiny_folder / "tokenizer" / "merges.txt", source / "clip-merges.txt")
    out = bringing.bring(None, None, None, None, tmp_path / "out", kind=torch.float32, configs=configs, size=(128, 96))
    for part in NETWORKS:
        stored = tensors(tiny_folder, part)
        assert all(torch.equal(value, stored[name]) for name, value in tensors(out, part).items())
    for part, padding in PADDING.items():
        tokenizer = load_tokenizer(out, part)
        assert tokenizer.pad_token == padding
        assert tokenizer.model_max_length == 77
    assert PromptDresser.load(out).size == (128, 96)


def test_configurations_of_the_published_networks_have_the_published_sizes() -> None:
    sizes = {"unet": 2_567_478_084, "vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840}
    for part, size in sizes.items():
        with torch.device("meta"):
            network = BUILDERS[part](CONFIGS[part])
        assert sum(value.numel() for value in network.parameters()) == size, part


def test_the_import_command_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = str(tmp_path)
    arguments = ["--unet", f"{empty}/x.bin", "--sdxl-base", empty, "--inpainting", empty, "--vae", empty]
    assert bringing.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_weights_that_are_not_here_are_one_true_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fittingroom.weights.embedded.ROOT", tmp_path)
    with pytest.raises(MissingError, match="comes without weights") as none:
        PromptDresser.load()
    with pytest.raises(MissingError, match=r"17\.\d GB") as published:
        PromptDresser.load("published")
    assert "CC BY-NC-SA 4.0" in str(published.value)
    with pytest.raises(MissingError, match="no such folder of weights") as folder:
        PromptDresser.load(tmp_path / "nowhere")
    with pytest.raises(MissingError, match="no promptdresser.json") as empty:
        PromptDresser.load(tmp_path)
    for caught in (none, published, folder, empty):
        assert "\n" not in str(caught.value)


def test_published_weights_are_found_once_imported(tiny_folder: Path) -> None:
    from fittingroom.methods.promptdresser.weights import published_folder

    target = published_folder()
    shutil.copytree(tiny_folder, target)
    try:
        assert find_published() == target
        assert PromptDresser.load("published").size == (128, 96)
    finally:
        shutil.rmtree(target)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda folder: (folder / "promptdresser.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "promptdresser.json").write_text("{}"), "not of format 1"),
        (lambda folder: (folder / "promptdresser.json").write_text('{"format": 1, "size": 3}'), "size is 3"),
        (lambda folder: (folder / "promptdresser.json").write_text('{"format": 1, "size": [100, 96]}'), "multiples of 32"),
        (lambda folder: shutil.rmtree(folder / "vae"), "these parts are missing: vae"),
        (lambda folder: (folder / "vae" / "model.safetensors").unlink(), "no weights file"),
        (lambda folder: (folder / "unet" / "model.safetensors").write_bytes(b"x"), "not a readable safetensors file"),
        (lambda folder: (folder / "unet" / "config.json").write_text("[]"), "not a JSON object"),
        (lambda folder: (folder / "tokenizer" / "vocab.json").write_text("x"), "not a tokenizer"),
    ],
)  # fmt: skip
def test_broken_folders_are_one_line(copy: Path, change: Any, line: str, drawn: Any) -> None:
    change(copy)
    with pytest.raises(FittingroomError, match=line) as caught:
        PromptDresser.load(copy, preset="fast").run(next(drawn.samples("unpaired")))
    assert "\n" not in str(caught.value)


def test_the_fingerprint_follows_the_weights(copy: Path) -> None:
    before = fingerprint(copy)
    assert fingerprint(copy) == before
    values = tensors(copy, "vae")
    values[sorted(values)[0]] += 1
    put(copy, "vae", values)
    assert fingerprint(copy) != before


def test_without_the_libraries_there_is_one_line(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(requirement, "import_module", absent)
    with pytest.raises(MissingError, match=r"pip install 'fittingroom\[diffusion\]'") as caught:
        PromptDresser.load(tiny_folder)
    assert "\n" not in str(caught.value)


def test_the_card_needs_no_library() -> None:
    code = (
        "import sys; from fittingroom.methods.promptdresser.method import PromptDresser; PromptDresser.card; "
        "assert not {'diffusers', 'transformers', 'accelerate'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
