"""Published weights: found, fetched, checked, converted; nothing in a file is ever run."""

from __future__ import annotations

import http.server
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.files import sha256_bytes
from fittingroom.weights import convert, fetch, manifest

CONTENT = bytes(range(256)) * 4000
PAUSE_AFTER = 300_000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; /cut breaks off, /wrong sends something else, /none is not there. Knows ranges."""

    ranges: list[str] = []

    def do_GET(self) -> None:
        if self.path == "/none":
            self.send_error(404)
            return
        content = b"x" * 1000 if self.path == "/wrong" else CONTENT
        wanted = self.headers.get("Range")
        start = 0
        if wanted:
            self.ranges.append(wanted)
            start = int(wanted.split("=")[1].rstrip("-"))
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = PAUSE_AFTER if self.path == "/cut" and not wanted else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> manifest.Entry:
    """An entry of the manifest for CONTENT; a cache of its own."""
    made = manifest.Entry("tiny", "tiny.bin", "tests", len(CONTENT), "CC0", (), sha256=sha256_bytes(CONTENT))
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FITTINGROOM_OFFLINE", raising=False)
    monkeypatch.delenv("FITTINGROOM_WEIGHTS", raising=False)
    return made


def use(monkeypatch: pytest.MonkeyPatch, made: manifest.Entry) -> None:
    for module in (fetch, convert):
        monkeypatch.setattr(module, "entry", lambda name: made)


def test_the_manifest_is_sound() -> None:
    names = [entry.name for entry in manifest.entries()]
    assert len(set(names)) == len(names) >= 7
    for entry in manifest.entries():
        assert bool(entry.mirrors) != bool(entry.where)  # a program fetches it, or words say where it is
        assert all(mirror.startswith("https://") for mirror in entry.mirrors)
        # what nobody has published a hash of is told by its size
        # of these the files hold more than is used; what loads them checks every name and shape
        larger = entry.name in ("sd2-inpainting-text", "clip-vit-h-14", "sdxl-text-encoder", "sdxl-text-encoder-2")
        larger = larger or bool(entry.companions)  # their own configuration says what they are
        told = len(entry.sha256) == 64 or len(entry.sha256_prefix) == 8 or entry.parameters or larger
        assert told or not entry.tensors
        assert entry.licence
        assert entry.size > 1000
        if entry.sha256_prefix:
            assert entry.sha256_prefix in entry.file
    with pytest.raises(InputError, match="no weights named 'nothing' — there are: inception"):
        manifest.entry("nothing")


def test_what_no_program_can_fetch_says_where_it_is(known: manifest.Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(known, mirrors=(), where="a drawer"))
    for get in (fetch.fetch, fetch.require):
        with pytest.raises(MissingError, match="from a drawer.*weights import tiny FILE"):
            get("tiny")


def test_fetching_falls_back_checks_and_keeps(
    known: manifest.Entry, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, replace(known, mirrors=(f"{server}/none", f"{server}/wrong", f"{server}/good")))
    seen: list[tuple[int, int]] = []
    path = fetch.fetch("tiny", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    use(monkeypatch, replace(known, mirrors=(f"{server}/none",)))
    assert fetch.fetch("tiny") == path, "what is here is not fetched again"


def test_files_that_belong_together_are_fetched_together(
    known: manifest.Entry, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = {"config.json": f"{server}/good"}
    use(monkeypatch, replace(known, file="tiny/model.bin", mirrors=(f"{server}/good",), companions=beside))
    path = fetch.fetch("tiny")
    assert path == fetch.weights_folder() / "tiny" / "model.bin"
    assert path.with_name("config.json").read_bytes() == CONTENT
    path.with_name("config.json").unlink()
    use(monkeypatch, replace(known, file="tiny/model.bin", mirrors=(f"{server}/none",), companions=beside))
    assert fetch.fetch("tiny").with_name("config.json").read_bytes() == CONTENT, "only what is missing is fetched"
    path.with_name("config.json").unlink()
    gone = {"config.json": f"{server}/none"}
    use(monkeypatch, replace(known, file="tiny/model.bin", mirrors=(f"{server}/good",), companions=gone))
    with pytest.raises(MissingError, match="config.json of 'tiny' could not be fetched"):
        fetch.fetch("tiny")


def test_an_interrupted_download_goes_on(known: manifest.Entry, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(known, mirrors=(f"{server}/cut",)))
    with pytest.raises(MissingError, match=r"broke off|IncompleteRead|more expected"):
        fetch.fetch("tiny")
    part = fetch.weights_folder() / "tiny.bin.part"
    have = part.stat().st_size
    assert 0 < have <= PAUSE_AFTER
    Server.ranges.clear()
    assert fetch.fetch("tiny").read_bytes() == CONTENT
    assert Server.ranges == [f"bytes={have}-"]


def test_a_wrong_file_is_never_kept(known: manifest.Entry, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(known, mirrors=(f"{server}/wrong",)))
    with pytest.raises(MissingError, match=r"wrong file \(SHA-256 begins with .*--weights-file tiny=PATH") as caught:
        fetch.fetch("tiny")
    assert "\n" not in str(caught.value)
    assert list(fetch.weights_folder().iterdir()) == []


def test_offline_and_missing_say_how_to_get_them(known: manifest.Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(known, mirrors=("https://example.org/tiny.bin",)))
    with pytest.raises(
        MissingError,
        match=r"weights 'tiny' \(tests\) are not here: 1\.02 MB from example\.org, CC0 — fittingroom weights fetch tiny, or --weights-file",
    ):
        fetch.require("tiny")
    monkeypatch.setenv("FITTINGROOM_OFFLINE", "1")
    with pytest.raises(MissingError, match="FITTINGROOM_OFFLINE=1 — copy tiny.bin to"):
        fetch.fetch("tiny")


def test_order_of_places(known: manifest.Entry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, known)
    assert fetch.find("tiny") is None
    fetch.weights_folder().mkdir(parents=True)
    cached = fetch.weights_folder() / "tiny.bin"
    cached.write_bytes(b"1")
    assert fetch.find("tiny") == cached
    monkeypatch.setenv("FITTINGROOM_WEIGHTS", str(tmp_path / "own"))
    own = tmp_path / "own" / "tiny.bin"
    own.parent.mkdir()
    own.write_bytes(b"2")
    assert fetch.find("tiny") == own
    assert fetch.find("tiny", {"tiny": tmp_path / "given"}) == tmp_path / "given"
    assert "expected" in fetch.verify("tiny", cached)


class Attack:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, bytes]]:
        return (Path.write_bytes, (self.path, b"harm"))  # type: ignore[return-value]


@pytest.mark.parametrize("how", ["plain pickle", "torch zip", "torch old", "nested"])
def test_a_malicious_file_runs_nothing(how: str, tmp_path: Path) -> None:
    harm, path = tmp_path / "harm", tmp_path / "x.pth"
    payload: object = {"weight": torch.zeros(1), "attack": Attack(harm)}
    if how == "plain pickle":
        path.write_bytes(pickle.dumps(payload))
    elif how == "nested":
        torch.save({"state_dict": payload}, path)
    else:
        torch.save(payload, path, _use_new_zipfile_serialization=how == "torch zip")
    with pytest.raises(InputError) as caught:
        convert.read_tensors(path)
    assert not harm.exists()
    assert "\n" not in str(caught.value)


def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "x.pt"))
    with pytest.raises(InputError, match="a TorchScript archive, which holds code"):
        convert.read_tensors(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 broken"])
def test_broken_checkpoints_are_one_line(content: bytes, tmp_path: Path) -> None:
    for name in ("x.pth", "x.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            convert.read_tensors(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_import_checks_the_hash_and_keeps_only_tensors(
    known: manifest.Entry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.int64)}
    source = tmp_path / "x.pth"
    torch.save({"state_dict": tensors, "epoch": 3}, source)
    use(monkeypatch, known)
    with pytest.raises(InputError, match="not the published tiny.bin"):
        convert.import_file("tiny", source)
    use(monkeypatch, replace(known, sha256=sha256_bytes(source.read_bytes())))
    made = convert.import_file("tiny", source)
    loaded = safetensors.torch.load_file(made)
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[key], tensors[key]) for key in tensors)
    assert fetch.find("tiny") == made
