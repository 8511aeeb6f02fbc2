"""Every registered method keeps the contract."""

from __future__ import annotations

import pytest

from fittingroom.methods.conformance import check_method
from fittingroom.methods.registry import method_names

#: these have no embedded weights yet; their own tests run the same checks on tiny ones
WITHOUT_WEIGHTS = {"ladi-vton"}


@pytest.mark.parametrize("name", [name for name in method_names() if name not in WITHOUT_WEIGHTS])
def test_methods_pass_the_conformance_tests(name: str) -> None:
    results = check_method(name)
    assert len(results) >= 9
    assert [f"{result.name}: {result.detail}" for result in results if not result.passed] == []
