"""Atomic writing, hashes, JSON, progress, errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittingroom.core.errors import InputError
from fittingroom.core.files import atomic_write, read_json, sha256_bytes, sha256_file, sha256_json, write_json
from fittingroom.core.progress import progress


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old", encoding="utf-8")

    def write() -> None:
        with atomic_write(path) as handle:
            handle.write(b"half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.txt"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written") as caught:
        write_json(tmp_path / "file" / "x.json", {})
    assert "\n" not in str(caught.value)


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert (
        sha256_file(tmp_path / "x")
        == sha256_bytes(b"abc")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1}) != sha256_json({"a": 1, "b": [3]})


@pytest.mark.parametrize(
    ("content", "line"), [(b"{", "not valid JSON (line 1"), (b"\xff\xfe\x00", "cannot be read as text")]
)
def test_bad_json(content: bytes, line: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_json(tmp_path / "x.json")
    assert line in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")


def test_errors_are_one_line_with_the_mend() -> None:
    error = InputError("bad\n  thing", mend="mend\nit", path="x")
    assert str(error) == "x: bad thing — mend it"


def test_piped_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working") as report:
        for done in range(4):
            report(done + 1, 4)
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("working: 4/4, ")
    assert len(said) <= 2
    with progress("silent", quiet=True) as report:
        report(1, 1)
    assert not capsys.readouterr().err
