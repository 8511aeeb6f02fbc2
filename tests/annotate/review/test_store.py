"""Corrections are atomic, versioned, attributable, and never overwrite somebody else's."""

from __future__ import annotations

import errno
import itertools
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fittingroom.annotate.journal import read_journal
from fittingroom.annotate.review import history
from fittingroom.annotate.review.documents import Document, digest
from fittingroom.annotate.review.store import ConflictError, Store
from fittingroom.core.errors import InputError
from fittingroom.core.files import sha256_json
from fittingroom.data.dataset import Dataset
from fittingroom.data.layouts import layout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Dataset.open("drawn-mini").root, tmp_path / "mini"))


@pytest.fixture
def store(root: Path) -> Store:
    return Store(Dataset.open(root), clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_a_save_is_written_down_with_who_when_before_and_after(store: Store, root: Path) -> None:
    file = root / "openpose_json" / "ada_keypoints.json"
    before, opened = store.open("ada", "pose")
    assert before == file.read_bytes()
    line, again = store.save("ada", "pose", b"{}", opened=opened, who=" Anna  B. ", note="why\nso")
    assert file.read_bytes() == b"{}"
    assert again == []
    written = json.loads((root / ".annotate" / "journal.jsonl").read_text())
    assert written == {
        "item": "ada",
        "condition": "pose",
        "who": "Anna B.",
        "when": "2026-01-02T03:04:05Z",
        "before": digest(before),
        "after": digest(b"{}"),
        "note": "why so",
    }
    assert line is not None
    assert line.after == digest(b"{}")
    for version in (before, b"{}"):
        assert (root / ".annotate" / "versions" / digest(version)).read_bytes() == version
    assert not (root / ".annotate" / "pending.json").exists()


def test_nothing_changed_is_nothing_written(store: Store, root: Path) -> None:
    data, opened = store.open("ada", "parse")
    assert store.save("ada", "parse", data, opened=opened, who="a") == (None, [])
    assert not (root / ".annotate" / "journal.jsonl").exists()


def test_a_correction_needs_a_name(store: Store) -> None:
    with pytest.raises(InputError, match="needs a name"):
        store.save("ada", "pose", b"x", opened=store.open("ada", "pose")[1], who="  ")


def test_undo_goes_back_step_by_step_and_never_to_and_fro(store: Store) -> None:
    versions = [store.open("ada", "pose")[0], b"one", b"two", b"three"]
    for data in versions[1:]:
        store.save("ada", "pose", data, opened=store.open("ada", "pose")[1], who="a")
    for expected in (b"two", b"one"):
        store.undo("ada", "pose", opened=store.open("ada", "pose")[1], who="b")
        assert store.open("ada", "pose")[0] == expected
    store.save("ada", "pose", b"four", opened=store.open("ada", "pose")[1], who="a")
    for expected in (b"one", versions[0]):
        store.undo("ada", "pose", opened=store.open("ada", "pose")[1], who="b")
        assert store.open("ada", "pose")[0] == expected
    with pytest.raises(InputError, match="nothing to undo"):
        store.undo("ada", "pose", opened=store.open("ada", "pose")[1], who="b")
    store.restore("ada", "pose", digest(b"three"), opened=store.open("ada", "pose")[1], who="c")
    assert store.open("ada", "pose")[0] == b"three"
    store.undo("ada", "pose", opened=store.open("ada", "pose")[1], who="c")
    assert store.open("ada", "pose")[0] == versions[0]
    assert [line.note[:7] for line in store.history("ada")][-2:] == ["restore", "undo"]


def test_undoing_what_made_a_file_removes_it(store: Store, root: Path) -> None:
    (root / "cloth-mask" / "jeans.png").unlink()
    store = Store(Dataset.open(root))
    data, opened = store.open("jeans", "garment-mask")
    assert (data, opened) == (None, "")
    store.save("jeans", "garment-mask", b"mask", opened="", who="a")
    assert (root / "cloth-mask" / "jeans.png").read_bytes() == b"mask"
    store.undo("jeans", "garment-mask", opened=digest(b"mask"), who="a")
    assert not (root / "cloth-mask" / "jeans.png").exists()


def test_a_file_that_somebody_else_changed_is_not_overwritten(store: Store, root: Path) -> None:
    _, opened = store.open("ada", "pose")
    other = Store(Dataset.open(root))
    other.save("ada", "pose", b"theirs", opened=opened, who="Bo")
    with pytest.raises(ConflictError, match="changed by Bo since it was opened — load it again"):
        store.save("ada", "pose", b"mine", opened=opened, who="a")
    (root / "openpose_json" / "ada_keypoints.json").write_bytes(b"by an editor")
    with pytest.raises(ConflictError, match="another program"):
        store.save("ada", "pose", b"mine", opened=digest(b"theirs"), who="a")
    assert (root / "openpose_json" / "ada_keypoints.json").read_bytes() == b"by an editor"
    assert len(store.history()) == 1


def test_captions_are_versioned_one_by_one(store: Store, root: Path) -> None:
    (root / "captions.json").write_text(
        json.dumps({"ada": {"person": {"hair": "long"}, "source": "x"}, "jeans.jpg": {"colour": "blue"}})
    )
    _, opened = store.open("ada", "caption")
    assert opened == sha256_json({"hair": "long"})
    _, other = store.open("jeans", "garment-caption")
    store.save("jeans", "garment-caption", b'{"colour":"black"}', opened=other, who="a")
    store.save("ada", "caption", b'{"hair":"short"}', opened=opened, who="b")  # the other entry's save is no conflict
    store.save("ben", "caption", b'{"hair":"grey"}', opened="", who="b")
    assert json.loads((root / "captions.json").read_text()) == {
        "ada": {"person": {"hair": "short"}, "source": "x"},
        "jeans.jpg": {"colour": "black"},
        "ben": {"person": {"hair": "grey"}},
    }
    store.undo("ben", "caption", opened=store.open("ben", "caption")[1], who="b")
    assert "ben" not in json.loads((root / "captions.json").read_text())


def test_what_depends_on_it_is_made_again_only_after_a_change(root: Path) -> None:
    called: list[tuple[str, str]] = []

    def rederive(item: str, condition: str) -> list[str]:
        called.append((item, condition))
        return ["agnostic mask made again"]

    store = Store(Dataset.open(root), rederive)
    data, opened = store.open("ada", "pose")
    store.save("ada", "pose", data, opened=opened, who="a")
    assert called == []
    assert store.save("ada", "pose", b"x", opened=opened, who="a")[1] == ["agnostic mask made again"]
    assert called == [("ada", "pose")]


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("moment", ["before the file", "after the file", "before the journal"])
def test_a_program_that_is_killed_leaves_old_or_new_and_an_honest_journal(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    before, opened = store.open("ada", "pose")
    write = Document.write

    def dying(self: Document, data: bytes | None) -> None:
        if moment == "after the file":
            write(self, data)
        raise Killed

    def no_line(path: Path, entry: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if moment == "before the journal":
            patch.setattr(history, "append", no_line)
        else:
            patch.setattr(Document, "write", dying)
        with pytest.raises(Killed):
            store.save("ada", "pose", b"new", opened=opened, who="a")
    again = Store(Dataset.open(root))  # the next start
    data, _ = again.open("ada", "pose")
    assert not (root / ".annotate" / "pending.json").exists()
    if moment == "before the file":
        assert data == before
        assert again.history() == []
    else:
        assert data == b"new"
        assert [(line.who, line.after) for line in again.history()] == [("a", digest(b"new"))]
        assert again.version("ada", "pose", opened) == before
    Store(Dataset.open(root))
    assert len(again.history()) == (0 if moment == "before the file" else 1)


def test_a_full_disk_loses_nothing(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, opened = store.open("ada", "pose")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(InputError, match="No space left"):
            store.save("ada", "pose", b"new", opened=opened, who="a")
    assert store.open("ada", "pose")[0] == before
    assert store.save("ada", "pose", b"new", opened=opened, who="a")[0] is not None


def test_a_broken_line_of_the_journal_hides_no_other(store: Store, root: Path) -> None:
    opened = store.open("ada", "pose")[1]
    store.save("ada", "pose", b"one", opened=opened, who="a")
    journal = root / ".annotate" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"item": "ada", "cond')
    store.save("ada", "pose", b"two", opened=digest(b"one"), who="a")
    assert [line.after for line in store.history()] == [digest(b"one"), digest(b"two")]


def test_a_harmed_version_is_not_restored(store: Store, root: Path) -> None:
    opened = store.open("ada", "pose")[1]
    store.save("ada", "pose", b"one", opened=opened, who="a")
    (root / ".annotate" / "versions" / opened).write_bytes(b"harmed")
    with pytest.raises(InputError, match="was changed"):
        store.undo("ada", "pose", opened=digest(b"one"), who="a")
    with pytest.raises(InputError, match="is kept"):
        store.restore("ada", "pose", "../../../etc/passwd", opened=digest(b"one"), who="a")


_WRITER = """
import sys
from fittingroom.data.dataset import Dataset
from fittingroom.annotate.review.store import ConflictError, Store
store, who, saved = Store(Dataset.open(sys.argv[1])), sys.argv[2], 0
while saved < 12:
    data, opened = store.open("ada", "pose")
    try:
        store.save("ada", "pose", f"{who} {saved}".encode(), opened=opened, who=who)
        saved += 1
    except ConflictError:
        pass
"""


def test_two_programs_at_once_lose_nothing(root: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(root), who], stderr=subprocess.PIPE) for who in "ab"
    ]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    lines = read_journal(root)
    assert len(lines) == 24
    for earlier, later in itertools.pairwise(lines):
        assert later.before == earlier.after, "every save began with what the one before it left"
    assert sorted(line.after for line in lines) == sorted(
        digest(f"{who} {number}".encode()) for who in "ab" for number in range(12)
    )


def test_where_there_is_no_place_it_says_so(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="embedded dataset is not to be edited"):
        Store(Dataset.open("drawn-mini"))
    layout("dress-code").write(Dataset.open(root), tmp_path / "dc")
    with pytest.raises(InputError, match="dataset export .* --to viton-hd"):
        Store(Dataset.open(tmp_path / "dc"))
    store = Store(Dataset.open(root))
    for item, condition, problem in (
        ("nobody", "pose", "no person or garment"),
        ("ada", "posture", "no condition"),
        ("jeans", "pose", "jeans is a garment"),
        ("../secret_pairs.txt", "pairs", "no pairs file"),
        ("ada", "state", "name it person/ID"),
    ):
        with pytest.raises(InputError, match=problem):
            store.document(item, condition)


def test_it_is_seen_as_by_hand_by_the_annotating_side(store: Store, root: Path) -> None:
    from fittingroom.annotate.journal import newest

    store.save("ada", "pose", b"one", opened=store.open("ada", "pose")[1], who="a")
    assert newest(root)["ada", "pose"].after == digest((root / "openpose_json" / "ada_keypoints.json").read_bytes())
