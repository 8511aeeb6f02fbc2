"""One small rendering that several tests look at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: three people: two in upper garments, who swap them, and one in a lower one
COUNT, SEED, SIZE = 3, 3, (128, 96)


@pytest.fixture(scope="session")
def mitsuba() -> None:
    """Skips where Mitsuba is not installed, fails where it must be."""
    try:
        import mitsuba  # noqa: F401
    except ImportError:
        reason = "Mitsuba is not installed (pip install 'fittingroom[studio]')"
        if os.environ.get("FITTINGROOM_REQUIRE_STUDIO") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def rendered(mitsuba: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset rendered in one go, by two processes."""
    from fittingroom.studio.render import render

    root = tmp_path_factory.mktemp("studio") / "whole"
    render(root, COUNT, SEED, size=SIZE, workers=2, name="test")
    return root
