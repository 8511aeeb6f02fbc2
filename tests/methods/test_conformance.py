"""Every registered method keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittingroom.core.errors import MissingError
from fittingroom.methods.conformance import check_method
from fittingroom.methods.registry import load_method, method_class, method_names


@pytest.mark.parametrize("name", method_names())
def test_methods_pass_the_conformance_tests(name: str) -> None:
    try:
        load_method(name)
    except MissingError:
        # without embedded weights its own tests make some; that they do is all that can be asked here
        folder = Path(__file__).parent / method_class(name).__module__.split(".")[-2]
        assert any(f'check_method("{name}"' in path.read_text() for path in folder.glob("test_*.py"))
        return
    results = check_method(name)
    assert len(results) >= 9
    assert [f"{result.name}: {result.detail}" for result in results if not result.passed] == []
