"""The pieces of a .NET date form such as `yyyy-MM-dd'T'HH:mm`.

Public specification: https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings
and standard-date-and-time-format-strings beside it, with the names of the invariant culture.
"""

from dataclasses import dataclass
from functools import lru_cache

from muster.expressions.errors import EvaluationFault, shown

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_LETTERS = "dfFghHKmMstyz"
_STANDARD = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "M": "MMMM dd",
    "m": "MMMM dd",
    "O": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
    "o": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-dd'T'HH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "Y": "yyyy MMMM",
    "y": "yyyy MMMM",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One specifier letter and how often it stands there; or, with an empty `kind`, text that stands for itself."""

    kind: str
    count: int
    text: str = ""


@lru_cache(maxsize=512)
def pieces(form: str) -> tuple[Piece, ...]:
    """The pieces of a custom or standard form. A fault when the form is none."""
    if len(form) == 1:
        if form not in _STANDARD:
            raise EvaluationFault(f"{shown(form)} is no date form; write one such as yyyy-MM-dd")
        form = _STANDARD[form]
    found: list[Piece] = []
    at = 0
    while at < len(form):
        letter = form[at]
        if letter in _LETTERS:
            end = at
            while end < len(form) and form[end] == letter:
                end += 1
            count = end - at
            found.append(Piece(letter, min(count, 7) if letter in "fF" else min(count, 5)))
            at = end
        elif letter in "'\"":
            end = form.find(letter, at + 1)
            if end < 0:
                raise EvaluationFault(f"the date form {shown(form)} has an open quotation mark")
            found.append(Piece("", 0, form[at + 1 : end]))
            at = end + 1
        elif letter == "\\" and at + 1 < len(form):
            found.append(Piece("", 0, form[at + 1]))
            at += 2
        elif letter == "%" and at + 1 < len(form):
            at += 1
        else:
            found.append(Piece("", 0, letter))
            at += 1
    return tuple(found)
