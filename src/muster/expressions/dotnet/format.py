"""Dates as text, in the .NET form that is asked for.

Public specification: https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings.
"""

from datetime import datetime

from muster.expressions.dotnet.pattern import DAYS, MONTHS, Piece, pieces


def us_text(when: datetime) -> str:
    """`M/d/yyyy h:mm:ss tt`, the form in which the documented date functions print."""
    hour = when.hour % 12 or 12
    half = "AM" if when.hour < 12 else "PM"
    return f"{when.month}/{when.day}/{when.year} {hour}:{when.minute:02}:{when.second:02} {half}"


def format_date(when: datetime, form: str) -> str:
    """The instant, which is in UTC, in a custom or standard .NET form. A fault when the form is none."""
    out: list[str] = []
    for piece in pieces(form):
        text = _piece(when, piece)
        if piece.kind == "F" and not text and out and out[-1] == ".":
            out.pop()
        out.append(text)
    return "".join(out)


def _piece(when: datetime, piece: Piece) -> str:
    count = piece.count
    match piece.kind:
        case "":
            return piece.text
        case "y":
            return f"{when.year % 100:0{count}}" if count <= 2 else f"{when.year:0{count}}"
        case "M" | "d" if count > 2:
            name = MONTHS[when.month - 1] if piece.kind == "M" else DAYS[when.weekday()]
            return name[:3] if count == 3 else name
        case "M":
            return _digits(when.month, count)
        case "d":
            return _digits(when.day, count)
        case "H":
            return _digits(when.hour, count)
        case "h":
            return _digits(when.hour % 12 or 12, count)
        case "m":
            return _digits(when.minute, count)
        case "s":
            return _digits(when.second, count)
        case "f":
            return f"{when.microsecond * 10:07}"[:count]
        case "F":
            return f"{when.microsecond * 10:07}"[:count].rstrip("0")
        case "t":
            half = "AM" if when.hour < 12 else "PM"
            return half[:count]
        case "z":
            return {1: "+0", 2: "+00"}.get(count, "+00:00")
        case "K":
            return "Z"
        case _:
            return "A.D."


def _digits(number: int, count: int) -> str:
    return str(number) if count == 1 else f"{number:02}"
