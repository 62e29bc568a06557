"""`pytest --muster-connector=NAME`: the conformance kit on anybody's connector.

The package of the connector names its `Subject` in the entry-point group `muster.subjects`, under the connector's
name: a callable without arguments that gives the subject. `--muster-subject=module:callable` names one directly.

pytest loads this file in every environment that has Muster, so the kit itself is loaded when it is asked for.
"""

from __future__ import annotations

import importlib

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options."""
    group = parser.getgroup("muster")
    group.addoption("--muster-connector", metavar="NAME", help="run the conformance kit on this connector")
    group.addoption("--muster-subject", metavar="MODULE:CALLABLE", help="what gives the subject of the kit")


@pytest.hookimpl(tryfirst=True)  # so that -k chooses among the checks, too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add one test for each check."""
    name, place = config.getoption("--muster-connector"), config.getoption("--muster-subject")
    if name is not None or place is not None:
        items.extend(importlib.import_module("muster.connectors.kit.pytest_items").items(session, name, place))
