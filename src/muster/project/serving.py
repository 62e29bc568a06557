"""The part of `muster.yaml` about the server → where it listens."""

from __future__ import annotations

from muster.project.configuration import Server
from muster.project.diagnostics import Diagnostics
from muster.project.document import Document
from muster.project.files.server import ServerFile


def server_of(file: ServerFile) -> Server:
    """Where the server listens."""
    host, port = file.listen
    return Server(host, port, file.certificate, file.key, file.address, file.rate)


def check_server(document: Document, file: ServerFile, diagnostics: Diagnostics) -> None:
    """A certificate without its key serves nobody; the files themselves are looked at when the server starts."""
    if (file.certificate is None) != (file.key is None):
        there, lacking = ("certificate", "key") if file.key is None else ("key", "certificate")
        place = document.key_place(["server", there])
        diagnostics.error(place, f"`{there}` needs `{lacking}` beside it: name both files, or neither")
