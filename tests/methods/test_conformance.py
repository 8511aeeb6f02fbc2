"""Every registered method keeps the contract."""

from __future__ import annotations

import pytest

from fittingroom.methods.conformance import check_method
from fittingroom.methods.registry import method_names


@pytest.mark.parametrize("name", method_names())
def test_methods_pass_the_conformance_tests(name: str) -> None:
    results = check_method(name)
    assert len(results) >= 9
    assert [f"{result.name}: {result.detail}" for result in results if not result.passed] == []
