"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

SETTINGS: Final[dict[str, Any]] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}
"""How every part of the command is made: plain help, which is there at once and the same in a pipe."""

MOST_TOLD: Final = 50
"""Changes of one system that `apply` and `run` tell to people: a run of a million needs no million documents."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")]
All = Annotated[bool, typer.Option("--all", "-v", help="Show everything, not only the first of each system.")]
AllowDeletes = Annotated[
    bool, typer.Option("--allow-deletes", help="Go beyond the safety limits of deletes and disables, this once.")
]
Full = Annotated[bool, typer.Option("--full", help="Read every system whole, not only what changed.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the audit trail.")]
Dialect = Annotated[
    str, typer.Option("--dialect", metavar="D", help="entra, connect or mim, where a case does not say it.")
]
Now = Annotated[str | None, typer.Option("--now", metavar="T", help="The clock, an instant in ISO 8601.")]
Cases = Annotated[Path | None, typer.Option("--cases", metavar="FILE", help="A JSON list of cases; - reads them here.")]
