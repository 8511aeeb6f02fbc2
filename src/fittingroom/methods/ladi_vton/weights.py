"""Weights: a folder of ours, or the published files as they are; read as tensors only and strictly, part by part.

Our folder holds one safetensors file per part and ``ladi-vton.json`` with the sizes. The published files are found one by
one through the project's manifest (``fittingroom weights list``); their sizes are those of :data:`~.config.PUBLISHED`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import safetensors
import safetensors.torch
import torch
from torch import nn

from ...core.errors import InputError, MissingError
from ...core.files import read_json, sha256_json, write_bytes, write_json
from ...weights import strict
from ...weights.convert import read_tensors
from ...weights.fetch import find
from ...weights.manifest import entry
from .config import PUBLISHED, ModelConfig
from .network import PARTS, Networks, build
from .region import RuleName

INDEX = "ladi-vton.json"
FORMAT = 1
#: published sets of weights -> the dataset's name in their files, and the rules they were learned with
SETS: Mapping[str, tuple[str, RuleName]] = {
    "published": ("vitonhd", "viton-hd"),
    "published-dress-code": ("dresscode", "dress-code"),
}
#: part -> (entry of the manifest with a place for the dataset's name, what stands before the names in the file)
_PUBLISHED: Mapping[str, tuple[str, str]] = {
    "matcher": ("ladi-warping-{}", "tps."),
    "refinement": ("ladi-warping-{}", "refinement."),
    "vision": ("clip-vit-h-14", "vision_model."),
    "adapter": ("ladi-adapter-{}", ""),
    "text": ("sd2-inpainting-text", ""),
    "vae": ("sd2-inpainting-vae", ""),
    "emasc": ("ladi-emasc-{}", ""),
    "unet": ("ladi-unet-{}", ""),
}
#: a file is known by its size and so many bytes at each of so many places; hashing 6 GB on every start would take longer
_PIECE, _PLACES = 1 << 16, 64
#: names of the autoencoder's attention before and since diffusers 0.15
_OLD_ATTENTION: Mapping[str, str] = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}


@dataclass(frozen=True)
class Bundle:
    """Where every part's weights are.

    Args:
        config: sizes.
        rules: whose labels the weights were learned with.
        files: part -> (file, what stands before its names there).
        note: where they come from.
        trained: False for random ones.
    """

    config: ModelConfig
    rules: RuleName
    files: Mapping[str, tuple[Path, str]]
    note: str = ""
    trained: bool = True

    def fingerprint(self, *only: str) -> str:
        """SHA-256 over the sizes and samples of every file: equal weights in equal files give equal digits.

        Args:
            only: these parts; all of them if none are named.
        """
        files = {part: path for part, (path, _) in self.files.items() if not only or part in only}
        digests = {str(path): _sample(path) for path in files.values()}
        parts = {part: digests[str(path)] for part, path in files.items()}
        return sha256_json({"config": self.config.to_json(), "rules": self.rules, "parts": parts})


def _sample(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for place in range(_PLACES):
            file.seek(max(0, size - _PIECE) * place // (_PLACES - 1))
            digest.update(file.read(_PIECE))
    return digest.hexdigest()


def open_published(name: str) -> Bundle:
    """The published files, as far as they are on this machine.

    Args:
        name: one of :data:`SETS`.

    Raises:
        MissingError: some are not here; says which, from where, how large, under which licence.
    """
    dataset, rules = SETS[name]
    wanted = {part: (template.format(dataset), prefix) for part, (template, prefix) in _PUBLISHED.items()}
    found = {known: find(known) for known, _ in wanted.values()}
    if missing := [entry(known) for known, path in found.items() if path is None]:
        total = sum(each.size for each in missing) / 1e9
        licences = sorted({each.licence for each in missing})
        raise MissingError(
            f"published weights of ladi-vton are not here: {', '.join(each.name for each in missing)} "
            f"({total:.1f} GB; {'; '.join(licences)})",
            mend=f"fittingroom weights fetch {missing[0].name} (and so on), or put the files into $FITTINGROOM_WEIGHTS",
        )
    files = {part: (path, prefix) for part, (known, prefix) in wanted.items() if (path := found[known]) is not None}
    return Bundle(PUBLISHED, rules, files, note=f"published, {dataset}")


def open_folder(folder: Path) -> Bundle:
    """A folder of ours.

    Raises:
        MissingError: no such folder, or parts are missing.
        InputError: not a folder of this method's weights.
    """
    if not (folder / INDEX).is_file():
        raise MissingError(
            f"no weights of ladi-vton here (no {INDEX})",
            mend="name a folder that training or `save` has written, or `published`",
            path=folder,
        )
    index = read_json(folder / INDEX)
    if not isinstance(index, dict) or index.get("format") != FORMAT or index.get("rules") not in get_args(RuleName):
        raise InputError(f"not of format {FORMAT}", mend="write the folder again", path=folder / INDEX)
    files = {part: (folder / f"{part}.safetensors", "") for part in PARTS}
    if missing := [part for part, (path, _) in files.items() if not path.is_file()]:
        raise MissingError(
            f"these parts are missing: {', '.join(missing)}", mend="train their stages, or copy them", path=folder
        )
    config = ModelConfig.of_json(index.get("config"))
    return Bundle(config, index["rules"], files, str(index.get("note", "")), bool(index.get("trained", True)))


def _today(part: str, tensors: Mapping[str, torch.Tensor], prefix: str, wanted: set[str]) -> dict[str, torch.Tensor]:
    """The part's tensors under today's names; surplus ones that are known to be unused are left out."""
    inside = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    # a file may hold the part alone, without its place in the whole
    found = inside or dict(tensors)
    if part in ("text", "vision"):
        top = f"{part}_model."
        found = {name: value for name, value in found.items() if not name.endswith("position_ids")}
        found = {name.removeprefix(top): value for name, value in found.items()}
        found.pop("visual_projection.weight", None)  # for comparing with texts, which nobody does here
        if any(name.startswith(top) for name in wanted):  # older versions of transformers
            found = {top + name: value for name, value in found.items()}
    if part == "vae":
        for old, new in _OLD_ATTENTION.items():
            found = {name.replace(old, new): value for name, value in found.items()}
    return found


def assign(network: nn.Module, part: str, tensors: Mapping[str, torch.Tensor], path: Path, prefix: str = "") -> None:
    """Give a network its weights; every name and shape must be there, and no other.

    Args:
        network: may be on the meta device.
        part: one of :data:`~.network.PARTS`.
        tensors: of a file; any floating precision is taken as it is.
        path: named in errors.
        prefix: what stands before the part's names.

    Raises:
        InputError: the file of another network.
    """
    found = _today(part, tensors, prefix, set(network.state_dict()))
    strict.assign(network, found, f"the {part}", path)


def load_part(bundle: Bundle, part: str, kind: torch.dtype = torch.float32) -> Any:
    """One network with its weights, in eval mode, in the processor's memory.

    Args:
        bundle: where it is.
        part: one of :data:`~.network.PARTS`.
        kind: precision; the matcher keeps float32, since coordinates are sensitive and it is small.

    Raises:
        InputError: broken, or the file of another network.
        MissingError: diffusers or transformers are not installed.
    """
    path, prefix = bundle.files[part]
    with torch.device("meta"):
        network = build(part, bundle.config)
    kind = torch.float32 if part == "matcher" else kind
    tensors = read_tensors(path)
    for name, value in tensors.items():  # one after the other, so that there are never two copies of everything
        tensors[name] = value.to(kind) if value.is_floating_point() else value
    assign(network, part, tensors, path, prefix)
    return network.eval().requires_grad_(False)


def load_networks(bundle: Bundle, kind: torch.dtype = torch.float32) -> Networks:
    """All networks at once, see :func:`load_part`."""
    return Networks(bundle.config, **{part: load_part(bundle, part, kind) for part in PARTS})


def save_part(network: nn.Module, part: str, folder: Path, kind: torch.dtype | None = None) -> None:
    """Write one part's tensors, what it learned in another precision where ``kind`` is given; other numbers stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    learned = {name for name, _ in network.named_parameters()}
    tensors = {
        name: (value.to(kind) if kind and name in learned else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    write_bytes(folder / f"{part}.safetensors", safetensors.torch.save(tensors))


def write_index(folder: Path, config: ModelConfig, rules: RuleName, note: str, trained: bool) -> None:
    """Write the folder's index, last of all: a folder without one counts as unfinished."""
    value = {"format": FORMAT, "config": config.to_json(), "rules": rules, "note": note, "trained": trained}
    write_json(folder / INDEX, value)


def save_all(
    networks: Networks,
    folder: Path,
    *,
    rules: RuleName = "dress-code",
    note: str = "",
    trained: bool = False,
    kind: torch.dtype | None = None,
) -> None:
    """Write all networks as a folder that :func:`open_folder` reads."""
    for part, network in networks.named().items():
        save_part(network, part, folder, kind)
    write_index(folder, networks.config, rules, note, trained)


def copy_part(bundle: Bundle, part: str, folder: Path) -> None:
    """Write one part of a bundle as a file of ours, in the precision that it has."""
    path, prefix = bundle.files[part]
    with torch.device("meta"):
        network = build(part, bundle.config)
    assign(network, part, read_tensors(path), path, prefix)
    save_part(network, part, folder)


def copy_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle as a folder of ours, part by part, each in the precision that it has."""
    for part in bundle.files:
        copy_part(bundle, part, folder)
    write_index(folder, bundle.config, bundle.rules, bundle.note, bundle.trained)
