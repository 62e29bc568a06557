"""What the compiler knows of a function."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its documented name.

    It takes `least` to `most` arguments (None: any number); an omitted argument reaches `call` as None. `steady`: the
    same arguments give the same result, so constant calls are worked out once. `boolean`: the result is always True or
    False. `context`: `call` gets the `Context` first. `form`: the compiler writes it itself, see `forms.py`, because
    it evaluates its arguments lazily or binds a name. Without `dialects` it is there in all of them.
    """

    name: str
    least: int
    most: int | None
    call: Callable[..., object]
    steady: bool = True
    boolean: bool = False
    context: bool = False
    form: str | None = None
    dialects: tuple[str, ...] = ()

    def expects(self) -> str:
        """The number of arguments, for an error text."""
        if self.most is None:
            return f"at least {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


def written_by_compiler(*_: object) -> object:
    """Stands where a form has no function of its own."""
    raise NotImplementedError
