"""A streaming reader of large JSON files that hands out one row's raw bytes at a time.

Only the outer structure is followed here (brackets and strings); each row is decoded on its own. So one unreadable row
(a bare NaN, bytes that are not UTF-8, a number too large) costs that row and no other, memory is bounded by the
largest row allowed, and nothing recurses, however deep the nesting.
"""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from eobench_dash.errors import UnreadableDataset

CHUNK = 1 << 20
MAX_ROW_BYTES = 2 << 20
"""A longer row is skipped and counted (a vector of 100,000 numbers still fits)."""
MAX_DEPTH = 16

_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR_END = re.compile(rb"[ \t\r\n,\]}\[{\":]")
_STRUCTURE = re.compile(rb'["\[\]{}]')
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)

TOO_LONG = b""
"""Stands for a value that was skipped: longer than MAX_ROW_BYTES or nested deeper than MAX_DEPTH."""


class JsonScanner:
    """Walks one JSON file. Raises UnreadableDataset, with the byte position, where the outer structure is broken."""

    def __init__(self, file: BinaryIO, *, on_read: Callable[[int], None] | None = None) -> None:
        self._file = file
        self._on_read: Callable[[int], None] | None = None
        self._buffer = b""
        self._at = 0
        self._offset = 0
        """Position in the file of the buffer's first byte."""
        self._ended = False
        if self._fill() and self._buffer[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnreadableDataset("The file is UTF-16 text; save it as UTF-8 and import it again.")
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3
        # not told of the first chunk: whoever asks does not know yet what kind of file this is
        self._on_read = on_read

    @property
    def position(self) -> int:
        """Bytes consumed so far."""
        return self._offset + self._at

    def peek(self) -> bytes:
        """The next byte that is not white space; empty at the end of the file."""
        here = self._buffer[self._at : self._at + 1]
        if here > b" ":
            return here
        while True:
            found = _SPACE.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._fill():
                return b""

    def take(self, wanted: bytes) -> bool:
        """Consume ``wanted`` if it is the next byte."""
        if self.peek() != wanted:
            return False
        self._at += 1
        return True

    def elements(self) -> Iterator[bytes]:
        """The raw bytes of each element of the array that starts here (TOO_LONG for one that was skipped)."""
        for _ in self._separated(b"[", b"]"):
            yield self.value()

    def members(self) -> Iterator[bytes]:
        """The raw key of each member of the object that starts here; the caller consumes the value before going on."""
        for _ in self._separated(b"{", b"}"):
            if self.peek() != b'"':
                raise self.broken("expected a key in double quotes")
            key = self.value()
            if not self.take(b":"):
                raise self.broken("expected ':' after a key")
            yield key

    def value(self) -> bytes:
        """Consume one value and return its bytes. Brackets are matched by depth only; decoding shows the rest."""
        first = self.peek()
        if first == b"[" and (end := self._flat_array_end(self._at)) > 0:
            return self._cut(end)
        if first in (b"[", b"{"):
            return self._container()
        if first == b'"':
            return self._string()
        return self._scalar(first)

    def broken(self, what: str) -> UnreadableDataset:
        """The error for a broken outer structure here."""
        if not self.peek():
            return UnreadableDataset(
                f"The JSON file ends too early, after {self.position:,} bytes: {what}. "
                "It was probably cut off; copy or download it again."
            )
        near = self._buffer[self._at : self._at + 20].decode("ascii", "replace")
        return UnreadableDataset(f"The file is not valid JSON at byte {self.position:,} (near {near!r}): {what}.")

    def _separated(self, opening: bytes, closing: bytes) -> Iterator[None]:
        if not self.take(opening):
            raise self.broken(f"expected '{opening.decode()}'")
        if self.take(closing):
            return
        while True:
            if not self.peek():
                raise self.broken(f"expected a value or '{closing.decode()}'")
            yield
            if self.take(closing):
                return
            if not self.take(b","):
                raise self.broken(f"expected ',' or '{closing.decode()}'")

    def _flat_array_end(self, start: int) -> int:
        """Where an array of plain numbers that starts at ``start`` ends, or 0; the quick way for feature vectors."""
        find, first = self._buffer.find, start + 1
        end = find(b"]", first) + 1
        if not end or end - start > MAX_ROW_BYTES:
            return 0
        other = find(b"[", first, end) >= 0 or find(b'"', first, end) >= 0
        other = other or find(b"{", first, end) >= 0 or find(b"}", first, end) >= 0
        return 0 if other else end

    def _container(self) -> bytes:
        depth, at, skipped = 0, self._at, False
        while True:
            found = _STRUCTURE.search(self._buffer, at)
            if found is None:
                skipped, at = self._more(skipped)
                continue
            at, token = found.start(), found.group()
            if token == b'"':
                if (end := self._string_end(at)) < 0:
                    # the string goes on behind the buffer: keep it whole and look again
                    if len(self._buffer) - at > MAX_ROW_BYTES:
                        at = self._skip_string(at)
                        skipped = True
                        continue
                    skipped, at = self._more(skipped, keep=at)
                    continue
                at = end
            elif token in b"[{":
                # deeper than allowed nothing is looked ahead for: that would cost quadratic time on "[[[[…"
                flat = self._flat_array_end(at) if token == b"[" and 0 < depth <= MAX_DEPTH else 0
                at, depth = (flat, depth) if flat else (at + 1, depth + 1)
                skipped = skipped or depth > MAX_DEPTH
            else:
                at, depth = at + 1, depth - 1
                if depth == 0:
                    raw = self._cut(at)
                    return TOO_LONG if skipped or len(raw) > MAX_ROW_BYTES else raw

    def _more(self, skipped: bool, *, keep: int | None = None) -> tuple[bool, int]:
        """Read on inside a value; forget what was read of it once it is too long. Returns (skipped, where to go on)."""
        at = len(self._buffer) if keep is None else keep
        if skipped or at - self._at > MAX_ROW_BYTES:
            skipped, self._at = True, at
        held = at - self._at
        if not self._fill():
            raise self._cut_off()
        return skipped, self._at + held

    def _string(self) -> bytes:
        while (end := self._string_end(self._at)) < 0:
            if len(self._buffer) - self._at > MAX_ROW_BYTES:
                self._at = self._skip_string(self._at)
                return TOO_LONG
            if not self._fill():
                raise self._cut_off()
        raw = self._cut(end)
        return TOO_LONG if len(raw) > MAX_ROW_BYTES else raw

    def _string_end(self, start: int) -> int:
        found = _STRING.match(self._buffer, start)
        return found.end() if found else -1

    def _skip_string(self, start: int) -> int:
        """Walk over an endless string without keeping it; returns the place behind its closing quote."""
        at, escaped = start + 1, False
        while True:
            while at < len(self._buffer):
                byte = self._buffer[at : at + 1]
                if escaped:
                    escaped, at = False, at + 1
                elif byte == b"\\":
                    escaped, at = True, at + 1
                elif byte == b'"':
                    return at + 1
                else:
                    stops = [self._buffer.find(c, at) for c in (b'"', b"\\")]
                    at = min((s for s in stops if s >= 0), default=len(self._buffer))
            self._at = at
            if not self._fill():
                raise self._cut_off()
            at = self._at

    def _scalar(self, first: bytes) -> bytes:
        if not first:
            raise self.broken("expected a value")
        at = self._at
        while (found := _SCALAR_END.search(self._buffer, at)) is None:
            at = len(self._buffer)
            if at - self._at > MAX_ROW_BYTES:
                raise self.broken("a number or word without end")
            held = at - self._at
            if not self._fill():
                break
            at = self._at + held
        end = found.start() if found else len(self._buffer)
        if end == self._at:
            raise self.broken("expected a value")
        return self._cut(end)

    def _cut(self, end: int) -> bytes:
        raw = self._buffer[self._at : end]
        self._at = end
        return raw

    def _cut_off(self) -> UnreadableDataset:
        self._at = len(self._buffer)
        return self.broken("a value is not finished")

    def _fill(self) -> bool:
        """Read one more chunk behind what is not consumed yet; False at the end of the file."""
        if self._ended:
            return False
        chunk = self._file.read(CHUNK)
        if not chunk:
            self._ended = True
            return False
        self._offset += self._at
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        if self._on_read is not None:
            self._on_read(self._offset + len(self._buffer))
        return True
