"""How an error is said: a few words on standard error, and the JSON document where one is wanted."""

from __future__ import annotations

from typing import Any, Final

import typer

from muster.cli.invocation import Invocation
from muster.directory.errors import DirectoryError
from muster.model.errors import (
    Ambiguous,
    AuthFailed,
    IncompleteRead,
    LeaseRefused,
    MusterError,
    NotFound,
    ProjectError,
    StoreError,
    Throttled,
    Unreachable,
)

_KINDS: Final[dict[type[MusterError], str]] = {
    NotFound: "not found",
    Ambiguous: "ambiguous",
    ProjectError: "project",
    StoreError: "store",
    IncompleteRead: "incomplete read",
    AuthFailed: "refused",
    Unreachable: "unreachable",
    Throttled: "throttled",
    LeaseRefused: "lease",
    DirectoryError: "directory",
}


def report_error(error: MusterError, invocation: Invocation) -> None:
    """Say an error that Muster has words for."""
    diagnostics = getattr(error, "diagnostics", None)
    if diagnostics is None:
        invocation.tell(f"muster: {error.message}")
        _document([{"kind": kind_of(error), "message": error.message}], invocation)
        return
    for diagnostic in diagnostics:
        invocation.tell(str(diagnostic))
    _document([entry(diagnostic) for diagnostic in diagnostics], invocation)


def report_misuse(error: typer.TyperException, invocation: Invocation) -> None:
    """Say that the command was written wrongly, and where its options are explained."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if getattr(error, "option_name", None) == "-C":
        message += ". It stands before the verb: muster -C DIR …"
    if context is None:
        invocation.tell(f"muster: {message}")
    elif type(error).__name__ == "NoArgsIsHelpError":
        invocation.tell(context.get_help())
        message = "no command was given"
    else:
        invocation.tell(f"muster: {message}")
        invocation.tell(f"Options: {context.command_path} --help")
    _document([{"kind": "usage", "message": message}], invocation)


def entry(diagnostic: Any) -> dict[str, Any]:
    """A diagnostic as the JSON of `check` shows it."""
    return {
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "message": diagnostic.message,
        "suggestion": diagnostic.suggestion,
    }


def kind_of(error: MusterError) -> str:
    """The one word that programs tell errors apart by."""
    return next((word for kind, word in _KINDS.items() if isinstance(error, kind)), "error")


def _document(errors: list[dict[str, Any]], invocation: Invocation) -> None:
    if invocation.json:
        invocation.answer({"errors": errors})
