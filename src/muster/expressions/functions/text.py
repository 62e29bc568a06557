"""Functions of text. Each takes one value or, over a multi-value, every value of it.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference (Text) and the
pages named in `functions/__init__.py`.
"""

import re
import unicodedata

from muster.expressions.errors import EvaluationFault
from muster.expressions.functions.diacritics import normalize_diacritics
from muster.expressions.functions.function import Function, written_by_compiler
from muster.expressions.functions.replacing import replace_chars, replace_string
from muster.expressions.values import each, need_int, to_text


def append(source: object, suffix: object) -> object:
    """`Append(source, suffix)`: the suffix after the source. NULL has nothing to append to and stays NULL."""
    if source.__class__ is not str:
        return each(append, source, suffix)
    return to_text(source) + to_text(suffix)


def lower(value: object, culture: object = None) -> object:
    """`ToLower(source, culture)`, `LCase`, `LowerCase`: by the rules of the culture (Turkish, Azeri) or invariant."""
    if not isinstance(value, str):
        return each(lower, value, culture)
    return _dotless(value).lower() if culture and _is_turkic(culture) else value.lower()


def upper(value: object, culture: object = None) -> object:
    """`ToUpper(source, culture)`, `UCase`, `UpperCase`: letter by letter, as .NET does, so that ß stays ß."""
    if not isinstance(value, str):
        return each(upper, value, culture)
    if culture and _is_turkic(culture):
        value = value.replace("i", "İ")
    raised = value.upper()
    if len(raised) == len(value):
        return raised
    return "".join(big if len(big := letter.upper()) == 1 else letter for letter in value)


def _dotless(text: str) -> str:
    return text.replace("I", "ı").replace("İ", "i")


def _is_turkic(culture: object) -> bool:
    return to_text(culture).lower()[:2] in {"tr", "az"}


def left(value: object, count: object) -> object:
    """`Left(string, count)`: the first characters; all of them when count is negative; empty for NULL."""
    if isinstance(value, str):
        number = count if isinstance(count, int) else need_int(count, "the number of characters of Left")
        return value if number < 0 else value[:number]
    return "" if value is None else each(left, value, count)


def right(value: object, count: object) -> object:
    """`Right(string, count)`: the last characters; all of them when count is negative; empty for NULL."""
    if not isinstance(value, str):
        return "" if value is None else each(right, value, count)
    number = need_int(count, "the number of characters of Right")
    return value if number < 0 else value[max(len(value) - number, 0) :]


def mid_entra(value: object, start: object, length: object = None) -> object:
    """`Mid(source, start, length)`: from start, which counts from 1; empty when there is nothing there, or for NULL."""
    if not isinstance(value, str):
        return "" if value is None else each(mid_entra, value, start, length)
    first = max(need_int(start, "the start of Mid"), 1) - 1
    if length is None:
        return value[first:]
    return value[first : first + max(need_int(length, "the length of Mid"), 0)]


def mid_connect(value: object, start: object, length: object = None) -> object:
    """`Mid` of Entra Connect: the string itself when length is negative or start is outside of it; empty for NULL."""
    if not isinstance(value, str):
        return "" if value is None else each(mid_connect, value, start, length)
    first = need_int(start, "the start of Mid")
    count = len(value) if length is None else need_int(length, "the length of Mid")
    if count == 0:
        return ""
    if count < 0 or first <= 0 or first > len(value):
        return value
    return value[first - 1 : first - 1 + count]


def mid_mim(value: object, start: object, length: object) -> object:
    """`Mid` of MIM: as in Entra Connect, but empty when the length is negative."""
    if not isinstance(value, str):
        return "" if value is None else each(mid_mim, value, start, length)
    return "" if need_int(length, "the length of Mid") < 0 else mid_connect(value, start, length)


def length(value: object) -> object:
    """`Len(string)`: the number of characters; 0 for NULL."""
    if isinstance(value, list):
        return [length(item) for item in value]
    return len(to_text(value))


def trim(value: object) -> object:
    """`Trim(string)`: without white space at both ends."""
    return value.strip() if isinstance(value, str) else each(trim, value)


def ltrim(value: object) -> object:
    """`LTrim(string)`: without white space at the start."""
    return value.lstrip() if isinstance(value, str) else each(ltrim, value)


def rtrim(value: object) -> object:
    """`RTrim(string)`: without white space at the end."""
    return value.rstrip() if isinstance(value, str) else each(rtrim, value)


def strip_spaces(value: object) -> object:
    """`StripSpaces(source)`: without any space."""
    return value.replace(" ", "") if isinstance(value, str) else each(strip_spaces, value)


def normalize(value: object) -> object:
    """`NormalizeDiacritics(source)`: see `diacritics.py`."""
    if isinstance(value, str):
        return value if value.isascii() else normalize_diacritics(value)
    return each(normalize, value)


def pad_left(value: object, count: object, filler: object) -> object:
    """`PadLeft(string, length, character)`, `LeftPad`: filled at the start; empty for NULL."""
    return _pad(value, count, filler, at_start=True)


def pad_right(value: object, count: object, filler: object) -> object:
    """`PadRight(string, length, character)`, `RightPad`: filled at the end; empty for NULL."""
    return _pad(value, count, filler, at_start=False)


def _pad(value: object, count: object, filler: object, *, at_start: bool) -> object:
    if value is None:
        return ""
    if isinstance(value, list):
        return [_pad(item, count, filler, at_start=at_start) for item in value]
    text, character = to_text(value), to_text(filler)
    if len(character) != 1:
        raise EvaluationFault("the padding must be one character")
    wanted = need_int(count, "the length to pad to")
    if wanted > 100_000:
        raise EvaluationFault("a text is padded to 100000 characters at most")
    return text.rjust(wanted, character) if at_start else text.ljust(wanted, character)


def instr(text: object, match: object, start: object = None, compare: object = None) -> object:
    """`InStr(text, match, start, compare)`: where it is first found, counted from 1; 0 when it is not."""
    if isinstance(text, list):
        return [instr(item, match, start, compare) for item in text]
    inside, wanted = _folded(text, match, compare)
    first = 1 if start is None else need_int(start, "the start of InStr")
    return inside.find(wanted, max(first, 1) - 1) + 1


def instr_rev(text: object, match: object, start: object = None, compare: object = None) -> object:
    """`InStrRev(text, match, start, compare)`: where it is last found, up to start, from 1; 0 when it is not."""
    if isinstance(text, list):
        return [instr_rev(item, match, start, compare) for item in text]
    inside, wanted = _folded(text, match, compare)
    last = len(inside) if start is None else need_int(start, "the start of InStrRev")
    return inside.rfind(wanted, 0, last if last >= 0 else len(inside)) + 1


def _folded(text: object, match: object, compare: object) -> tuple[str, str]:
    inside, wanted = to_text(text), to_text(match)
    if to_text(compare).lower() in {"vbtextcompare", "1", "caseinsensitive"}:
        return inside.lower(), wanted.lower()
    return inside, wanted


def pcase_entra(value: object, separators: object = None) -> object:
    """`PCase(source, separators)`: each word with a capital first, the rest small.

    Without separators every space, control character, punctuation and symbol separates, as .NET's ToTitleCase has it.
    """
    if not isinstance(value, str):
        return each(pcase_entra, value, separators)
    marks = None if separators is None else to_text(separators)
    out: list[str] = []
    at_start = True
    for letter in value:
        separates = _separates(letter) if marks is None else letter in marks
        out.append(letter if separates else letter.upper() if at_start else letter.lower())
        at_start = separates
    return "".join(out)


def _separates(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "ZCPS"


def pcase_connect(value: object) -> object:
    """`PCase(string)` of Entra Connect: words between spaces; a word all in capitals, as an acronym, stays."""
    if not isinstance(value, str):
        return each(pcase_connect, value)
    return re.sub(r"\S+", lambda word: word.group() if word.group().isupper() else _proper(word.group()), value)


def proper_case(value: object) -> object:
    """`ProperCase(string)` of MIM: words between spaces, the first letter of each a capital, the rest small."""
    if not isinstance(value, str):
        return each(proper_case, value)
    return re.sub(r"\S+", lambda word: _proper(word.group()), value)


def _proper(word: str) -> str:
    first = next((index for index, letter in enumerate(word) if letter.isalpha()), 0)
    return word[:first] + word[first : first + 1].upper() + word[first + 1 :].lower()


def word(value: object, number: object, delimiters: object) -> object:
    """`Word(string, number, delimiters)`: the word of that number, from 1, or the empty text; no word is empty."""
    if isinstance(value, list):
        return [word(item, number, delimiters) for item in value]
    return _pick([part for part in _split(value, delimiters) if part], number)


def word_mim(value: object, number: object, delimiters: object) -> object:
    """`Word` of MIM, where what stands between two delimiters in a row is a word too, an empty one."""
    if isinstance(value, list):
        return [word_mim(item, number, delimiters) for item in value]
    return _pick(_split(value, delimiters), number)


def _split(value: object, delimiters: object) -> list[str]:
    text, marks = to_text(value), to_text(delimiters)
    return re.split(f"[{re.escape(marks)}]", text) if marks else [text]


def _pick(words: list[str], number: object) -> str:
    wanted = need_int(number, "the number of the word")
    return words[wanted - 1] if 0 < wanted <= len(words) else ""


def redact(value: object) -> object:
    """`Redact(value)`: the value itself; logs show [Redact], which who logs decides by the functions used."""
    return value


_MIM = ("mim",)
_CONNECT = ("connect",)

FUNCTIONS = (
    Function("Append", 2, 2, append),
    Function("ToLower", 1, 2, lower),
    Function("LCase", 1, 2, lower),
    Function("LowerCase", 1, 2, lower),
    Function("ToUpper", 1, 2, upper),
    Function("UCase", 1, 2, upper),
    Function("UpperCase", 1, 2, upper),
    Function("Left", 2, 2, left),
    Function("Right", 2, 2, right),
    Function("Mid", 2, 3, mid_entra),
    Function("Mid", 2, 3, mid_connect, dialects=_CONNECT),
    Function("Mid", 3, 3, mid_mim, dialects=_MIM),
    Function("Len", 1, 1, length),
    Function("Trim", 1, 1, trim),
    Function("LTrim", 1, 1, ltrim),
    Function("RTrim", 1, 1, rtrim),
    Function("StripSpaces", 1, 1, strip_spaces),
    Function("NormalizeDiacritics", 1, 1, normalize),
    Function("PadLeft", 3, 3, pad_left),
    Function("LeftPad", 3, 3, pad_left),
    Function("PadRight", 3, 3, pad_right),
    Function("RightPad", 3, 3, pad_right),
    Function("InStr", 2, 4, instr),
    Function("InStrRev", 2, 4, instr_rev),
    Function("PCase", 1, 2, pcase_entra),
    Function("PCase", 1, 1, pcase_connect, dialects=_CONNECT),
    Function("PCase", 1, 1, proper_case, dialects=_MIM),
    Function("ProperCase", 1, 1, proper_case),
    Function("Word", 3, 3, word),
    Function("Word", 3, 3, word_mim, dialects=_MIM),
    Function("Replace", 3, 7, written_by_compiler, form="replace_entra", dialects=("entra",)),
    Function("Replace", 3, 3, replace_string, form="replace_string", dialects=("connect", "mim")),
    Function("ReplaceString", 3, 3, replace_string, form="replace_string"),
    Function("ReplaceChars", 2, 2, replace_chars),
    Function("Redact", 1, 1, redact),
)
