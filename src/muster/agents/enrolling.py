"""How a machine becomes an agent: a code, a key of its own, and a server that it believes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx

from muster.agents.client import NotNow, Over, SentAway, enrol
from muster.agents.keys import AgentKey
from muster.agents.state import AgentState, prepared
from muster.agents.trust import FILE, PINNED, SYSTEM, context, in_words, pinned, trusted_file
from muster.connectors.kit.registry import connector_class
from muster.model.errors import ProjectError


def enrolled(
    folder: Path,
    servers: Sequence[str],
    code: str,
    name: str,
    *,
    fingerprints: Sequence[str] = (),
    ca: Path | None = None,
    connectors: Sequence[str] = (),
) -> AgentState:
    """Enrol with the first server, and remember all. Raises `ProjectError`; nothing is then left but the folder."""
    urls = tuple(_url(server) for server in servers)
    for connector in connectors:
        connector_class(connector)
    prepared(folder)
    kind, trust = _trust(urls, fingerprints, ca)
    key = AgentKey.new()
    with httpx.Client(base_url=urls[0], verify=context(kind, trust), timeout=30) as http:
        try:
            answer = enrol(http, code, name, key)
        except httpx.TransportError as error:
            raise ProjectError(in_words(urls[0], error)) from None
        except (SentAway, NotNow, Over) as error:
            raise ProjectError(f"{urls[0]}: {error}") from None
    state = AgentState(folder, name, str(answer["group"]), urls, key, kind, trust, tuple(connectors) or None)
    state.save()
    return state


def _url(server: str) -> str:
    found = server.rstrip("/")
    if not found.startswith("https://") or len(found) <= len("https://"):
        raise ProjectError(f"--server {server}: expected an address such as https://muster.acme.example:8443")
    return found


def _trust(urls: Sequence[str], fingerprints: Sequence[str], ca: Path | None) -> tuple[str, str]:
    if ca is not None and fingerprints:
        raise ProjectError("--ca and --fingerprint are two ways to believe a server: give one of them")
    if ca is not None:
        return FILE, trusted_file(ca)
    if fingerprints:
        return PINNED, "".join(pinned(url, fingerprints) for url in urls)
    return SYSTEM, ""
