"""Published weights -> a folder of ours: read as tensors only, checked name by name, kept with 16-bit numbers.

    python -m fittingroom.methods.promptdresser.bring [--unet pytorch_model.bin] [--sdxl-base FOLDER] [--inpainting FOLDER] [--vae FOLDER]

Whatever is not given is taken from where `fittingroom weights fetch` and `$FITTINGROOM_WEIGHTS` put it; nothing is downloaded
from here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...core.errors import FittingroomError, InputError, MissingError
from ...core.files import write_json
from .published import CONFIGS, PADDING, TEXT, here, lacking
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
from .words import write_settings

_PRECISIONS = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


def bring(
    unet: Path | None,
    sdxl_base: Path | None,
    inpainting: Path | None,
    vae: Path | None,
    out: Path,
    *,
    kind: torch.dtype = torch.float16,
    configs: Mapping[str, Mapping[str, Any]] = CONFIGS,
    size: tuple[int, int] = (1024, 768),
) -> Path:
    """Import all parts; the index is written last, so an import that broke off is seen as none.

    Args:
        unet: the authors' file of the main network; None for the manifest's, as for the others.
        sdxl_base: folder of SDXL base 1.0, or its ``unet`` folder, or the file in it.
        inpainting: folder of SDXL inpainting 0.1 with both text encoders and tokenizers.
        vae: folder of the autoencoder, or the file in it.
        out: new folder.
        kind: precision to keep.
        configs: of the networks whose files come without one.
        size: (height, width) that the main network was trained at.

    Returns:
        ``out``.

    Raises:
        MissingError: a file is missing.
        InputError: a file that is broken, holds more than tensors, or belongs to another network.
    """
    for path in (unet, sdxl_base, inpainting, vae):
        if path is not None and not path.exists():
            raise MissingError("no such file or folder", mend="see the method's README for its source", path=path)
    places: dict[str, Path] = here()
    given = {"unet": unet, "garment_unet": sdxl_base, "vae": vae}
    places |= {part: path for part, path in given.items() if path is not None}
    if sdxl_base is not None and (sdxl_base / "unet").is_dir():
        places["garment_unet"] = sdxl_base / "unet"
    if inpainting is not None:
        places |= {part: inpainting / part for part in (*NETWORKS[3:], *TOKENIZERS)}
    wanted = (*NETWORKS, *(TOKENIZERS if inpainting else ("vocabulary", "merges")))
    if missing := [part for part in wanted if part not in places]:
        names = ", ".join(each.name for each in lacking())
        raise MissingError(
            f"parts of promptdresser are not here: {', '.join(missing)}",
            mend=f"fittingroom weights fetch NAME ({names}), or give their places",
        )
    (out / INDEX).unlink(missing_ok=True)
    hashes = {}
    for part in NETWORKS:
        path = places[part]
        config = dict(read_config(path) if (path / "config.json").is_file() else configs[part])
        file = path if path.is_file() else weights_file(path)
        hashes[part] = save_network(load_network(part, config, file, kind), out / part)
    for part in TOKENIZERS:
        try:
            if inpainting:
                shutil.copytree(places[part], out / part, dirs_exist_ok=True)
            else:
                _write_tokenizer(out / part, places["vocabulary"], places["merges"], PADDING[part])
        except (OSError, shutil.Error) as error:
            raise InputError("cannot be written", mend="check free space", path=out / part) from error
        load_tokenizer(out, part)
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


def _write_tokenizer(folder: Path, vocabulary: Path, merges: Path, padding: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(vocabulary, folder / "vocab.json")
    shutil.copyfile(merges, folder / "merges.txt")
    write_settings(folder, padding, int(TEXT["max_position_embeddings"]))


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where something is missing or wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m fittingroom.methods.promptdresser.bring",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("unet", "sdxl-base", "inpainting", "vae"):
        parser.add_argument(
            f"--{name}", type=Path, default=None, help="default: from the cache or $FITTINGROOM_WEIGHTS"
        )
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
