"""The command line as a user meets it: what it says and its exit codes; one command as a real process, the others in this one."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fittingroom.cli import main, options
from fittingroom.core.errors import InputError
from fittingroom.core.images import read_image, write_png
from fittingroom.data.dataset import Dataset
from fittingroom.methods import conformance
from fittingroom.methods.conformance import CheckResult


def started(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    code = "import sys; from fittingroom.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )


def fittingroom(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A command in this process, which has imported everything already."""
    said, complained = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["fittingroom", *map(str, arguments)]
    code: object = 0
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            main()
    except SystemExit as stopped:
        code = stopped.code or 0
    finally:
        sys.argv = before
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, said.getvalue(), complained.getvalue())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "run"
    done = started(
        "compare",
        "drawn-mini",
        "--methods",
        "baseline",
        "--limit",
        "2",
        "--out",
        out,
        "--metrics",
        "lpips-random,fd-random,ssim",
        "--quiet",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().splitlines()[-1] == f"report: {out / 'report.html'}"
    assert "baseline" in done.stdout
    return out


def test_report_writes_every_view(run: Path, tmp_path: Path) -> None:
    done = fittingroom(
        "report",
        run,
        "--language",
        "ru",
        "--out",
        tmp_path / "ru.html",
        "--figures",
        tmp_path / "figures",
        "--tables",
        tmp_path / "tables",
    )
    assert done.returncode == 0, done.stderr
    assert 'lang="ru"' in (tmp_path / "ru.html").read_text(encoding="utf-8")[:2000]
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".png", ".pdf"}
    assert {path.suffix for path in (tmp_path / "tables").iterdir()} == {".md", ".csv", ".tex"}


def test_try_on_by_ids_and_by_files_agree(tmp_path: Path) -> None:
    dataset = Dataset.open("drawn-mini")
    pair = next(pair for pair in dataset.pairs["unpaired"] if dataset.garments[pair.garment].category == "upper")
    done = fittingroom("try-on", pair.person, pair.garment, "--data", "drawn-mini", "--out", tmp_path / "ids.png")
    assert done.returncode == 0, done.stderr
    person, garment = dataset.people[pair.person].files, dataset.garments[pair.garment].files
    done = fittingroom(
        "try-on", person["image"], garment["image"], "--person-pose", person["pose"], "--person-parse", person["parse"],
        "--garment-mask", garment["mask"], "--out", tmp_path / "files.png",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ids, files = read_image(tmp_path / "ids.png"), read_image(tmp_path / "files.png")
    assert ids.shape == read_image(person["image"]).shape
    assert (ids == files).all()
    assert (ids != read_image(person["image"])).any()


def test_dataset_commands(tmp_path: Path) -> None:
    done = fittingroom("dataset", "check", "drawn-mini", "--quiet", "--json", tmp_path / "check.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "baseline" in done.stdout
    assert json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert fittingroom("dataset", "export", "drawn-mini", tmp_path / "copy").returncode == 0
    assert len(Dataset.open(tmp_path / "copy").people) == len(Dataset.open("drawn-mini").people)
    done = fittingroom("dataset", "show", "drawn-mini", "--out", tmp_path / "sheet.png", "-n", "3")
    assert done.returncode == 0, done.stderr
    assert min(read_image(tmp_path / "sheet.png").shape[:2]) > 100


def test_a_broken_dataset_fails_the_check(tmp_path: Path) -> None:
    assert fittingroom("dataset", "export", "drawn-mini", tmp_path / "copy").returncode == 0
    photo = next((tmp_path / "copy" / "image").iterdir())
    photo.write_bytes(b"no")
    done = fittingroom("dataset", "check", tmp_path / "copy", "--quiet")
    assert done.returncode == 1
    assert f"{photo}: not a readable image" in done.stdout


def test_evaluate_compares_folders(run: Path, tmp_path: Path) -> None:
    generated, truth = tmp_path / "generated", tmp_path / "truth"
    generated.mkdir()
    truth.mkdir()
    for item in json.loads((run / "items.json").read_text(encoding="utf-8")):
        if item["setting"] == "paired":
            (generated / f"{item['id']}.png").write_bytes((run / item["image"]).read_bytes())
            (truth / f"{item['id']}.png").write_bytes((run / item["truth"]).read_bytes())
    done = fittingroom(
        "evaluate", generated, truth, "--metrics", "ssim,psnr", "--json", tmp_path / "values.json", "--quiet"
    )
    assert done.returncode == 0, done.stderr
    values = json.loads((tmp_path / "values.json").read_text(encoding="utf-8"))["values"]
    assert {value["metric"] for value in values} == {"ssim", "psnr"}


def test_methods_and_their_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks themselves are run by the README's test and by those of the methods."""
    done = fittingroom("methods")
    assert done.returncode == 0
    assert "baseline" in done.stdout
    results = [CheckResult("card", True), CheckResult("output", False, "a picture of another size")]
    asked = []
    monkeypatch.setattr(conformance, "check_method", lambda *given: asked.append(given) or results)
    done = fittingroom("methods", "--check", "baseline@weights")
    assert asked == [("baseline", "weights")]
    assert done.returncode == 1
    assert "ok   card" in done.stdout
    assert "FAIL output: a picture of another size" in done.stdout
    assert "1 of 2 checks failed" in done.stderr
    results.pop()
    assert fittingroom("methods", "--check", "baseline").returncode == 0


def test_doctor_says_what_is_here_and_what_is_not() -> None:
    done = fittingroom("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("python", "processor", "torch", "method baseline", "extra app"):
        assert word in done.stdout
    missing = [line for line in done.stdout.splitlines() if line.startswith("missing")]
    assert missing
    assert all(" -> " in line for line in missing)


def test_weights_list_and_verify() -> None:
    done = fittingroom("weights", "list")
    assert done.returncode == 0, done.stderr
    assert "inception" in done.stdout
    assert fittingroom("weights", "verify").returncode == 0


def test_version_and_help_are_quick_and_need_no_torch() -> None:
    lines = (
        "import sys",
        "sys.argv = ['fittingroom', '--version']",
        "from fittingroom.cli import main",
        "try: main()",
        "except SystemExit as stop: assert not stop.code",
        "assert 'torch' not in sys.modules",
    )
    code = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["compare", "nosuch"], "nosuch"),
        (["compare", "drawn-mini", "--methods", "nosuch"], "no method named 'nosuch' — there are: baseline"),
        (["compare", "drawn-mini", "--metrics", "nosuch"], "nosuch"),
        (["compare", "drawn-mini", "--settings", "both"], "no setting named 'both' — choose from paired, unpaired"),
        (["compare", "drawn-mini", "--shard", "3"], "'3' is not a shard — write i/n"),
        (
            ["compare", "drawn-mini", "--category", "shoes"],
            "no category named 'shoes' — choose from upper, lower, dress",
        ),
        (["compare", "drawn-mini", "--set", "feather=2"], "'feather=2' is not METHOD.KEY=VALUE"),
        (["compare", "drawn-mini", "--set", "nosuch.feather=2"], "--set names nosuch, which this run has not"),
        (["compare", "drawn-mini", "--set", "baseline.nosuch=2"], "nosuch"),
        (["compare", "drawn-mini", "--language", "de"], "no report in language 'de' — use en or ru"),
        (["compare", "drawn-mini", "--device", "abacus"], "no device named 'abacus'"),
        (["compare", "drawn-mini", "--executor", "magic"], "no executor named 'magic'"),
        (["compare", "drawn-mini", "--metrics", "fid"], "weights fetch"),
        (["compare", "drawn-mini", "--weights-file", "inception"], "'inception' is not NAME=PATH"),
        (["compare", "drawn-mini", "--weights-file", "inception=nosuch.pth"], "nosuch.pth: no such weights file"),
        (["report", "nosuch"], "nosuch: not a run (no config.json in it) — make one with"),
        (["evaluate", "nosuch", "nosuch"], "nosuch"),
        (["try-on", "nosuch.jpg", "nosuch.jpg"], "nosuch.jpg: no such file"),
        (["try-on", "nobody", "nothing", "--data", "drawn-mini"], "no person 'nobody'"),
        (["try-on", "me.jpg", "me.jpg", "--pose", "nosuch"], "no annotator named 'pose/nosuch' — there are: pose/"),
        (["try-on", "me.jpg", "me.jpg", "--mask", "parse/schp"], "parse/schp makes parse, not garment-mask"),
        (
            ["try-on", "me.jpg", "me.jpg", "--pose", "none"],
            "me__me: nobody here makes person.pose, person.parse — one of",
        ),
        (
            ["try-on", "me.jpg", "me.jpg", "--no-annotate"],
            "me__me: baseline needs person.pose, person.parse, garment.mask",
        ),
        (["dataset", "export", "drawn-mini", "x", "--to", "nosuch"], "nosuch"),
        (["dataset", "show", "drawn-mini", "--out", "sheet.txt"], "sheet.txt: a contact sheet is a .png file"),
        (["weights", "fetch", "nosuch"], "nosuch"),
        (["weights", "import", "inception", "nosuch.pth"], "nosuch.pth"),
        (["weights", "import", "pasta-gan++", "nosuch.pkl"], "nosuch.pkl: no such weights file"),
        (["weights", "fetch", "pasta-gan++"], "no program can fetch them from Google Drive"),
        (
            ["try-on", "ada", "sun-tee", "--data", "drawn-mini", "--method", "pasta-gan++@nosuch"],
            "nosuch: no such weights",
        ),
        (["train", "nosuch", "--method", "pasta-gan++"], "nosuch"),
        (["train", "drawn-mini", "--method", "baseline"], "baseline is not trained"),
        (["train", "drawn-mini", "--method", "pasta-gan++", "--recipe", "nosuch.toml"], "nosuch.toml: no such recipe"),
        (["train", "drawn-mini", "--method", "pasta-gan++", "--set", "train.stesp=3"], "train has no setting stesp"),
        (["train", "drawn-mini", "--method", "pasta-gan++", "--steps", "0"], "train.steps is 0"),
        (["train", "drawn-mini", "--method", "pasta-gan++"], "weights fetch vgg19"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: two dozen starts of Python would take longer than everything else here."""
    monkeypatch.chdir(tmp_path)
    write_png(tmp_path / "me.jpg", np.full((80, 80, 3), 200, np.uint8))
    monkeypatch.setattr(sys, "argv", ["fittingroom", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("fittingroom: ")
    assert line in said[-1]
    assert len([entry for entry in said if entry.startswith("fittingroom: ")]) == 1


def test_a_method_without_weights_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fittingroom.weights.embedded.ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["fittingroom", "compare", "drawn-mini", "--methods", "pasta-gan++"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "pasta-gan++ comes without weights" in capsys.readouterr().err.strip().splitlines()[-1]


def test_settings_are_read_as_json_where_they_are() -> None:
    assert options.method_settings(["a.b=2", "a.c=true", "x@y.z=word"]) == {
        "a": {"b": 2, "c": True},
        "x@y": {"z": "word"},
    }
    with pytest.raises(InputError):
        options.method_settings(["a.b"])
