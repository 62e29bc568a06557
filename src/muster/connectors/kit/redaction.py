"""Taking secrets out of texts, once, for every connector."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from muster.model.secrets import Secret

STARS: Final = "***"

_SHORT: Final = 4


def secrets_of(settings: object) -> list[Secret]:
    """Every secret inside a settings model, however deep (models, mappings, sequences)."""
    if isinstance(settings, Secret):
        return [settings]
    if isinstance(settings, BaseModel):
        return [secret for name in type(settings).model_fields for secret in secrets_of(getattr(settings, name))]
    if isinstance(settings, dict):
        return [secret for value in settings.values() for secret in secrets_of(value)]
    if isinstance(settings, list | tuple | set | frozenset):
        return [secret for value in settings for secret in secrets_of(value)]
    return []


class Redactor:
    """Replaces each secret in a text by stars, also in the forms in which URLs and Basic authentication carry it.

    A secret of less than four characters is replaced only where it stands as a word of its own, so that a text does
    not become unreadable.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Know these secrets too."""
        before = len(self._forms)
        for secret in secrets:
            self._forms.update(_forms(secret.reveal()))
        if len(self._forms) != before:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(_piece(form) for form in longest_first))

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        return self._pattern.sub(STARS, text) if self._pattern is not None and text else text


def _forms(plain: str) -> set[str]:
    if not plain:
        return set()
    encoded = base64.b64encode(plain.encode()).decode("ascii")
    return {plain, quote(plain, safe=""), quote_plus(plain), repr(plain)[1:-1], encoded}


def _piece(form: str) -> str:
    escaped = re.escape(form)
    return rf"(?<!\w){escaped}(?!\w)" if len(form) < _SHORT else escaped
