"""What a rule says, as a short text: the same while the rule means the same, wherever it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from muster.project.configuration import Choice, Located, Reference, Step, System


def digest(*parts: Any) -> str:
    """32 hexadecimal digits over JSON-like parts; the order of keys does not count."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_json, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def settings_digest(system: System) -> str:
    """What a system's file says of how its objects are read. Secrets count by their names, not by their values."""
    return digest(system.connector, system.settings, system.objects)


def _json(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value)


class RuleDigests:
    """Digests of compiled rules; a function of the project's own counts with the file it stands in."""

    def __init__(self, extensions: Mapping[str, str]) -> None:
        self._extensions = {name.lower(): found for name, found in extensions.items()}

    def expression(self, located: Located | None) -> list[Any] | None:
        """What one expression means: its own digest and those of the extensions it calls."""
        if located is None:
            return None
        called = sorted(name.lower() for name in located.expression.functions)
        return [located.expression.digest, [self._extensions[name] for name in called if name in self._extensions]]

    def choices(self, choices: tuple[Choice, ...]) -> list[Any]:
        """The alternatives of a flow, in order."""
        return [[self.expression(c.when), self.expression(c.value), c.precedence] for c in choices]

    def reference(self, reference: Reference | None) -> list[Any] | None:
        """How a reference finds its targets."""
        return None if reference is None else [self.expression(reference.text), reference.to]

    def steps(self, steps: tuple[Step, ...]) -> list[Any]:
        """Deprovision steps, in order."""
        return [[step.do, step.after, self.expression(step.to)] for step in steps]
