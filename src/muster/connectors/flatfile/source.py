"""A file as it lies there: its bytes, its encoding, and whether it was written while it was read."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import xxhash

from muster.connectors.flatfile.mistaken import no_text, wide_encoding
from muster.model.errors import AuthFailed, IncompleteRead, Unreachable

UNENDED: Final = ":unended"
"""At the end of a digest: the file's last line ends without a line ending."""
_CHUNK: Final = 1 << 20
_BOM: Final = codecs.BOM_UTF8
_WIDE: Final = ("utf-16", "utf-32")


@dataclass(frozen=True, slots=True)
class State:
    """What tells that a file is still the same one."""

    size: int
    modified: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> State | None:
        """The file's state, or None when there is no file."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over the bytes found.

    Their digest, whether all can be decoded, a byte order mark, the line ending, whether the quote occurs anywhere,
    whether the last line ends as a line does.
    """

    digest: str
    sound: bool
    bom: bool
    ending: str
    quoted: bool
    ended: bool
    state: State


class Source:
    """One file. `shown` is how messages name it; `settings` is the file that says how it is read."""

    def __init__(self, path: Path, shown: str, encoding: str, quote: str, settings: str, nobody: str) -> None:
        """`nobody`: what a file without objects holds, in words."""
        self.path = path
        self._nobody = nobody
        self.shown = shown
        self.encoding = encoding
        self.settings = settings
        self._quote = quote.encode("utf-8")

    def state(self) -> State | None:
        """Its state now; None when it does not exist."""
        with self.reached():
            return State.of(self.path)

    def scan(self) -> Scan:
        """Read all bytes once.

        Raises `Unreachable` without a file, and `IncompleteRead` for one without a byte or of another kind than the
        settings say.
        """
        state = self.state()
        if state is None:
            raise Unreachable(
                f"{self.shown}: there is no such file (looked for {self.path}). "
                "Put it there, correct `path`, or set `create: true` for a file that Muster is to make."
            )
        if state.size == 0:
            raise IncompleteRead(
                f"{self.shown}: the file has no bytes, so it is taken for one that was not written to its end. "
                f"Have it written again; {self._nobody} says that there is nobody."
            )
        digest = xxhash.xxh3_128()
        decoder = codecs.getincrementaldecoder(self.encoding)()
        sound, bom, ending, first, quoted, end = True, False, "", True, False, b""
        with self.reached(), self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if first:
                    self._look_at(chunk)
                    bom, ending, first = chunk.startswith(_BOM), _ending(chunk), False
                digest.update(chunk)
                end = chunk.rstrip(b"\0")[-1:]
                quoted = quoted or self._quote in chunk
                sound = sound and _decodes(decoder, chunk, final=False)
        sound = sound and _decodes(decoder, b"", final=True)
        ended = end in (b"\n", b"\r")
        mark = f"{digest.hexdigest()}:{state.size}{'' if ended else UNENDED}"
        return Scan(mark, sound, bom, ending or "\n", quoted or len(self._quote) > 1, ended, state)

    @contextmanager
    def lines(self, scan: Scan) -> Iterator[TextIO]:
        """The decoded file; bytes that cannot be decoded stand as surrogates (PEP 383), where the encoding can."""
        encoding = "utf-8-sig" if scan.bom and self.encoding == "utf-8" else self.encoding
        if not scan.sound and self.encoding.startswith(_WIDE):
            raise IncompleteRead(
                f"{self.shown}: the file is no {self.encoding} from its beginning to its end. Nothing was taken from "
                f"it. Correct `encoding` in {self.settings}, or have the file written again."
            )
        with self.reached(), self.path.open("rb") as raw:
            errors = "strict" if scan.sound else "surrogateescape"
            with io.TextIOWrapper(raw, encoding, errors, newline="") as text:
                yield text

    def undecoded(self, text: str) -> str:
        """What is wrong with a text of the file that holds a byte which is no text; empty when it holds none."""
        at = undecoded_at(text)
        byte = ord(text[at - 1]) - 0xDC00 if at else 0
        return f"holds the byte 0x{byte:02x} as character {at}, which is no {self.encoding}" if at else ""

    @property
    def other_encoding(self) -> str:
        """What to do about bytes that are no text."""
        return (
            f"If the whole file is in another encoding, name it in {self.settings}, such as `encoding: cp1252`; "
            "if not, have this text written again."
        )

    def _look_at(self, head: bytes) -> None:
        kind, wide = no_text(head), wide_encoding(head)
        if kind is not None:
            raise IncompleteRead(
                f"{self.shown}: the file is {kind}, no text. Nothing was taken from it. Have it exported as text."
            )
        if wide is not None and not self.encoding.startswith(_WIDE):
            raise IncompleteRead(
                f"{self.shown}: the file is {wide.upper()}, and is to be read as {self.encoding}. Nothing was taken "
                f"from it. Save it as UTF-8 (in Excel: CSV UTF-8), or write `encoding: {wide}` under `settings` in "
                f"{self.settings}."
            )

    def cut(self, why: str, way_out: str = "") -> IncompleteRead:
        """What to raise about a file whose last line does not end as a line does."""
        return IncompleteRead(
            f"{self.shown}: the last line has no line ending. {why}, so the file is taken for one that was not written "
            f"to its end. Nothing was taken from it. Have it written again, or add the line ending{way_out}."
        )

    def unchanged(self, scan: Scan) -> None:
        """Raises `IncompleteRead` when the file is no longer the one that was scanned."""
        if self.state() != scan.state:
            raise IncompleteRead(f"{self.shown}: the file was written while it was read. Run again.")

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Say in words what the operating system refuses."""
        try:
            yield
        except IsADirectoryError as error:
            raise Unreachable(f"{self.shown}: this is a folder, no file. Correct `path` in {self.settings}.") from error
        except PermissionError as error:
            raise AuthFailed(
                f"{self.shown}: this user (uid {os.getuid()}) may not use the file or its folder: {error.strerror}. "
                "Grant it the right."
            ) from error
        except OSError as error:
            raise Unreachable(f"{self.shown}: {error.strerror or error}. Look at the path and the disk.") from error


def undecoded_at(text: str) -> int:
    """The place, from 1, of the first surrogate that stands for an undecodable byte; 0 without one."""
    if text.isascii():
        return 0
    return next((at for at, one in enumerate(text, 1) if "\udc80" <= one <= "\udcff"), 0)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _ending(chunk: bytes) -> str:
    at = chunk.find(b"\n")
    if at < 0:
        return "\r" if b"\r" in chunk else ""
    return "\r\n" if at > 0 and chunk[at - 1 : at] == b"\r" else "\n"
