"""Published weights -> a folder of ours: read as tensors only, checked name by name, kept with 16-bit numbers.

    python -m fittingroom.methods.promptdresser.bring --unet pytorch_model.bin --sdxl-base FOLDER --inpainting FOLDER --vae FOLDER

Downloading is up to you (README.md names the places and licences); nothing is fetched from here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from ...core.errors import FittingroomError, InputError, MissingError
from ...core.files import write_json
from .network import SDXL
from .weights import (
    FORMAT,
    INDEX,
    NETWORKS,
    TOKENIZERS,
    load_network,
    load_tokenizer,
    published_folder,
    read_config,
    save_network,
    weights_file,
)

_PRECISIONS = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def bring(
    unet: Path,
    sdxl_base: Path,
    inpainting: Path,
    vae: Path,
    out: Path,
    *,
    kind: torch.dtype = torch.float16,
    config: dict[str, Any] | None = None,
    size: tuple[int, int] = (1024, 768),
) -> Path:
    """Import all parts; the index is written last, so an import that broke off is seen as none.

    Args:
        unet: the authors' file of the main network.
        sdxl_base: folder of SDXL base 1.0, or its ``unet`` folder, or the file in it.
        inpainting: folder of SDXL inpainting 0.1 with both text encoders and tokenizers.
        vae: folder of the autoencoder with its ``config.json``.
        out: new folder.
        kind: precision to keep.
        config: of the UNets where it is not SDXL's.
        size: (height, width) that the main network was trained at.

    Returns:
        ``out``.

    Raises:
        MissingError: a file is missing.
        InputError: a file that is broken, holds more than tensors, or belongs to another network.
    """
    plain = dict(config or SDXL)
    for path in (unet, sdxl_base, inpainting, vae):
        if not path.exists():
            raise MissingError("no such file or folder", mend="see the method's README for its source", path=path)
    base = sdxl_base / "unet" if (sdxl_base / "unet").is_dir() else sdxl_base
    sources = {
        "unet": (unet if unet.is_file() else weights_file(unet), plain),
        "garment_unet": (base if base.is_file() else weights_file(base), plain),
        "vae": (weights_file(vae), read_config(vae)),
        **{part: (weights_file(inpainting / part), read_config(inpainting / part)) for part in NETWORKS[3:]},
    }
    (out / INDEX).unlink(missing_ok=True)
    hashes = {}
    for part, (path, own) in sources.items():
        hashes[part] = save_network(load_network(part, own, path, kind), out / part)
    for part in TOKENIZERS:
        load_tokenizer(inpainting, part)
        try:
            shutil.copytree(inpainting / part, out / part, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise InputError("cannot be written", mend="check free space", path=out / part) from error
    index = {
        "format": FORMAT,
        "name": "published",
        "trained": True,
        "size": list(size),
        "scheduler": {},
        "sha256": hashes,
    }
    write_json(out / INDEX, index)
    return out


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where something is missing or wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m fittingroom.methods.promptdresser.bring",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("unet", "sdxl-base", "inpainting", "vae"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=None, help="default: the cache, where `published` is looked for")
    parser.add_argument("--dtype", choices=sorted(_PRECISIONS), default="float16")
    given = parser.parse_args(arguments)
    out = given.out or published_folder()
    try:
        bring(given.unet, given.sdxl_base, given.inpainting, given.vae, out, kind=_PRECISIONS[given.dtype])
    except FittingroomError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
