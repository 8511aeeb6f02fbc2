"""What every test may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


#: files that take longest, the longest first: begun last, one of them would keep one worker busy while the others wait
LONGEST = (
    "parity/test_pasta_gan_pp.py",
    "test_readme.py",
    "studio/test_render.py",
    "compare/test_engine.py",
    "ladi_vton/test_training.py",
    "cli/test_cli.py",
    "promptdresser/test_method.py",
    "promptdresser/test_training.py",
    "test_real_photos.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files by :data:`LONGEST`; within a file nothing changes."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((index for index, name in enumerate(LONGEST) if path.endswith(f"/{name}")), len(LONGEST))

    items.sort(key=place)


def data_folder() -> Path:
    """Where the real photos are: ``$FITTINGROOM_DATA``, by default ``../shared/data`` beside the repository."""
    return Path(os.environ.get("FITTINGROOM_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def photos() -> Path:
    """Folder of the real photos; skips where there are none, fails where they must be there."""
    folder = data_folder()
    if not (folder / "upt25" / "image").is_dir():
        reason = f"no real photos in {folder} (set FITTINGROOM_DATA)"
        if os.environ.get("FITTINGROOM_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Headless Chromium's path; skips where there is none, fails where it must be there."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium on this machine"
        if os.environ.get("FITTINGROOM_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests never read or fill the user's cache; for the whole session, since fixtures of modules use it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FITTINGROOM_CACHE", str(tmp_path_factory.getbasetemp() / "fittingroom-cache"))
        yield
