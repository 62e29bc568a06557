"""A system file proposed from an application's OpenAPI document."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from muster.connectors.kit.http import HttpSession
from muster.connectors.rest.openapi.document import document
from muster.connectors.rest.openapi.proposing import DECIDE, propose
from muster.model.errors import ProjectError

_LARGEST = 33_554_432
_SECONDS = 60.0


def propose_rest(folder: Path, source: str, name: str, *, force: bool) -> tuple[Path, int]:
    """Write systems/NAME.yaml; its path, and how many decisions it leaves to a person.

    Raises `ProjectError` for a file that is there already, and for a document that cannot be read or understood.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ProjectError(f"{name!r} is no name for a system: use letters, digits and dashes.")
    target = folder / "systems" / f"{name}.yaml"
    if target.exists() and not force:
        raise ProjectError(f"{target} is there already. Give another --name, or --force to write over it.")
    text = propose(document(_fetched(source), source), name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProjectError(f"{target} cannot be written: {error.strerror}.") from error
    return target, text.count(DECIDE)


def _fetched(source: str) -> bytes:
    if urlsplit(source).scheme in ("http", "https"):
        with HttpSession("openapi", source, largest=_LARGEST, whole=_SECONDS) as http:
            response = http.request("GET", "")
        if not response.is_success:
            where = response.headers.get("Location", "")
            more = f"; it points to {where}" if where else ""
            raise ProjectError(f"{source} was answered {response.status_code}{more}. Give the document's own address.")
        return response.content
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ProjectError(f"{source} cannot be read: {error.strerror}.") from error
