"""A text that must not be shown."""

from __future__ import annotations

from typing import Final

HIDDEN: Final = "***"
_NEVER: Final = frozenset({"password", "userpassword", "unicodepwd", "secret", "token"})


def secret_name(name: str) -> bool:
    """Whether an attribute of this name holds what nobody is shown."""
    return name.lower() in _NEVER


class Secret:
    """A password, token or key. `reveal()` gives it; every other way to look at it shows stars."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: Final = text

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not to be pickled or copied to disk")
