"""A command starts soon: what it does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys

LATER = ["httpx", "cryptography", "alembic", "zeep", "ldap", "granian", "starlette", "scim2_models", "jwt"]
"""Packages that take long to load, and that looking at one person in a database needs none of."""


def test_provisioning_loads_no_http_client_and_no_cryptography() -> None:
    checked = (
        "import sys; from muster.cli import main, provision; from muster.app.connectors import Catalogue; "
        "[Catalogue().models(name) for name in ('sql', 'flatfile', 'scim', 'script')]; "
        f"print(*(name for name in {LATER!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", checked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
