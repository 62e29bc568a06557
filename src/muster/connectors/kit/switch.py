"""How a column says whether an account is switched on: a boolean, or words of the system's own."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from muster.connectors.kit.contract import Settings
from muster.model.values import Attribute, Scalar, Type, WrongType, convert, shown

_BOOLEAN = Attribute("enabled", Type.BOOLEAN)


class Switch(Settings):
    """A column as `enabled`. In a file a plain text names a column of true and false."""

    column: str = Field(description="The column that the common attribute `enabled` reads and writes.")
    on: Scalar | list[Scalar] | None = Field(
        None, description="The value, or values, that mean switched on; the first is the one that is written."
    )
    off: Scalar | list[Scalar] | None = Field(
        None, description="The value, or values, that mean switched off; without it, everything that is not `on`."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    def read(self, value: object) -> bool | None:
        """What the column's value means; None for NULL where the column is a boolean. Raises `WrongType`."""
        if self.on is None:
            found = convert(value, _BOOLEAN)
            return found if isinstance(found, bool) else None
        if _among(value, self.on):
            return True
        if self.off is None or _among(value, self.off):
            return False
        raise WrongType(f"expected {_words(self.on)} or {_words(self.off)}, found {shown(value)}")

    def write(self, enabled: object) -> Scalar:
        """The column's value for on or off. Raises `WrongType` where the settings do not say it."""
        wanted = convert(enabled, _BOOLEAN)
        if self.on is None:
            return bool(wanted)
        words = self.on if wanted else self.off
        if words is None or words == []:
            raise WrongType(f"the settings do not say which value of {self.column} means switched off: add `off`")
        return words[0] if isinstance(words, list) else words


def _among(value: object, words: Scalar | list[Scalar]) -> bool:
    listed = words if isinstance(words, list) else [words]
    return value in listed or (value is not None and str(value) in {str(word) for word in listed})


def _words(words: Scalar | list[Scalar]) -> str:
    return " or ".join(shown(word) for word in words) if isinstance(words, list) else shown(words)
