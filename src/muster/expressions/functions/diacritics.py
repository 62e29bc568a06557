"""Letters without their marks.

The table of NormalizeDiacritics:
https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#normalizediacritics
"""

import unicodedata

_WHOLE = str.maketrans(
    {
        "æ": "ae", "Æ": "AE", "ǣ": "ae", "Ǣ": "AE", "ǽ": "ae", "Ǽ": "AE", "ø": "oe", "Ø": "OE", "ǿ": "oe", "Ǿ": "OE",
        "œ": "oe", "Œ": "OE", "ß": "ss", "ẞ": "SS", "ı": "i", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
        "ħ": "h", "Ħ": "H",
    }
)  # fmt: skip
"""Letters that no Unicode decomposition takes apart; đ and ħ are not in the documented table but are of its kind."""


def normalize_diacritics(text: str) -> str:
    """The text with marks taken off its letters: ø is oe, æ is ae, ß is ss, ı is i; other letters stay."""
    apart = unicodedata.normalize("NFD", text.translate(_WHOLE))
    bare = "".join(letter for letter in apart if not 0x300 <= ord(letter) <= 0x36F)
    return unicodedata.normalize("NFC", bare)
