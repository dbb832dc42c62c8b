"""A metric is its file: the function's name, what is listed, and the page that compares them all."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from unbraid import lookup
from unbraid.representation import metrics

OTHERS = "representation.other_metrics"


@pytest.mark.parametrize("package", [metrics.PACKAGE, OTHERS])
def test_every_file_holds_the_function_of_its_name(package: str) -> None:
    for name in lookup.names(package):
        function = getattr(lookup.load(package, name, "metric"), name)
        assert inspect.isfunction(function) and "Returns:" in (function.__doc__ or "")


def test_what_takes_other_things_is_not_evaluated_by_name() -> None:
    assert not set(lookup.names(OTHERS)) & set(metrics.names())
    assert {"correlation", "infomec", "ksg", "leakage", "probe", "retrieval"} <= set(metrics.names())


def test_the_page_of_metrics_names_them_all(root: Path) -> None:
    page = (root / "docs" / "metrics.md").read_text()
    for name in [*metrics.names(), *lookup.names(OTHERS)]:
        assert f"| `{name}` |" in page
