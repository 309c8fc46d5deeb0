"""A workbook and its parts, a piece of XML at a time: plain pieces by NumPy and Arrow, all else tag by tag. (HAZARDS A)"""

from __future__ import annotations

import functools
import io
import itertools
import posixpath
import re
import zipfile
from contextlib import suppress
from typing import IO, Any
from xml.parsers import expat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keyaudit.coded import TEXT, Array, changed
from keyaudit.errors import UnreadableFile
from keyaudit.exports.grid import Format, is_utf8, number_format

AGAIN = "Open it in Excel or LibreOffice and save it again as .xlsx."
MAX_MEMBERS = 1_000
FREE_INFLATED, MAX_RATIO = 64 << 20, 40  # a small file may reach 70; beyond 64 MiB a ratio over 40 is no export
FREE_CELLS, CELLS_PER_BYTE = 1_000_000, 0.6  # a cell takes two bytes at least, even compressed
FREE_COLUMNS, BYTES_PER_COLUMN = 16 * 16_384, 64
FREE_PLACES, MAX_SPARSE = 64 << 20, 20  # of its columns: a few cells far apart would fill the memory with blanks
FREE_SHOWN, SHOWN_PER_BYTE = 64 << 20, 16  # bytes of text in cells
FREE_TAGS, TAGS_PER_BYTE = 4_000_000, 1  # that are read one by one

PIECE = 1 << 20  # bytes that are looked through at once: they fit the processor's cache
LONGEST, LONGEST_TAG = 8 * PIECE, 4096  # a row that is longer is read tag by tag
MAX_ITEM = 64 << 20  # bytes of a row: no program writes so many

CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
REFERENCE = re.compile(
    rb"&(?:amp|lt|gt|quot|apos|#(?:9|10|13|3[2-9]|[4-9]\d|[1-9]\d{2,3})|#x(?:[9aAdD]|[2-9a-fA-F][\da-fA-F]{1,2}));"
)
SPACED = b'<t xml:space="preserve">'

# Each tag of a plain piece as a letter, by the two bytes behind its "<": a small one ends what its capital begins. The next
# letter of the alphabet stands for R, C or F with "/>" at the end, U for <t/>, W for <v/>, P for SPACED.
BEGIN = {"ro": "R", "c ": "C", "v>": "V", "v/": "W", "is": "I", "si": "X", "f>": "F", "f ": "F", "t>": "T", "t/": "U"}
BEGIN |= {"t ": "P", "/r": "r", "/c": "c", "/v": "v", "/i": "i", "/s": "x", "/f": "f", "/t": "t"}
LETTER = np.full(1 << 16, ord("?"), np.uint8)
for _two, _letter in BEGIN.items():
    LETTER[int.from_bytes(_two.encode(), "little")] = ord(_letter)
LENGTH = np.zeros(128, np.int64)  # from "<" to ">" of the tags that say nothing more
LENGTH[[*b"WIXUcvtf"]], LENGTH[[*b"ix"]], LENGTH[ord("r")] = 3, 4, 5
HAS_TEXT = np.isin(np.arange(128), [*b"VTPF"])
WRITTEN = {b"RS": b'w r="', b"CD": b'r="', b"r": b"ow>", b"i": b"s", b"x": b"i"}  # behind the first three bytes
START = np.zeros(128, np.int64)  # from "<" to the text
START[[*b"VTPWU"]] = 3, 3, len(SPACED), 4, 4
KEEP = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)  # the first n bytes of eight


class Package:
    """An xlsx file: its members, checked, and what they name. Raises UnreadableFile for what no export holds."""

    def __init__(self, content: bytes, label: str) -> None:
        self.label, self.size = label, len(content)
        self.cells = self.columns = self.area = self.shown = self.tags = 0
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        members = self._zip.infolist()
        self._members = {member.filename.replace("\\", "/").lower(): member for member in members}
        is_outside = any(".." in name.split("/") or name.startswith("/") for name in self._members)
        if len(self._members) < len(members) or is_outside:
            raise self.refused(f"holds two parts of one name: what it says is ambiguous. {AGAIN}")
        inflated = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or inflated > max(FREE_INFLATED, MAX_RATIO * self.size):
            what = f"would unpack to {inflated >> 20:,} MiB, which no export does"
            raise self.refused(f"{what}. Do not open it; export again.")
        self.book = self._book()
        self.relations = self._related(self.book)

    def refused(self, problem: str) -> UnreadableFile:
        """The error that says why this file is not read."""
        return UnreadableFile(self.label, problem)

    def bound(self) -> None:
        """Refuse a file as soon as it holds more cells, columns or text than its size allows: it is built to fill memory."""
        bounds = (
            (self.cells, FREE_CELLS + CELLS_PER_BYTE * self.size, f"holds {self.cells:,} cells, more than its size allows"),
            (self.columns, FREE_COLUMNS + self.size / BYTES_PER_COLUMN, f"holds {self.columns:,} columns, more than its size allows"),
            (self.tags, FREE_TAGS + TAGS_PER_BYTE * self.size, "is larger inside than any export"),
            (self.area, FREE_PLACES + MAX_SPARSE * self.cells, "holds cells far apart, which no export does"),
            (self.shown, FREE_SHOWN + SHOWN_PER_BYTE * self.size, f"shows {self.shown >> 20:,} MiB of text, which no export does"),
        )  # fmt: skip
        for number, allowed, what in bounds:
            if number > allowed:
                raise self.refused(f"{what}. Do not open it; export again.")

    def open(self, part: str) -> IO[bytes]:
        """A part, from its first byte. Raises UnreadableFile for one that is not there."""
        if part not in self._members:
            raise self.refused(f"lacks a part that it names ({part}). {AGAIN}")
        return self._zip.open(self._members[part])

    def _book(self) -> str:
        """The part that lists the worksheets: as the file says, else by its name."""
        said = [target for kind, target in self._related("").values() if kind == "officeDocument"]
        found = [name for name in (*said, *self._members) if name.endswith("workbook.xml") and name in self._members]
        if not found:
            is_other = {"xl/workbook.bin", "content.xml"} & set(self._members)
            kind = "an .xlsb or .ods workbook" if is_other else "a zip file"
            raise self.refused(f"is {kind}, not an .xlsx workbook. {AGAIN}")
        return found[0]

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part names others by: identity → kind and part."""
        folder, name = posixpath.split(part)
        relations, found = posixpath.join(folder, "_rels", f"{name}.rels"), {}
        for _, own in Elements(self, relations, {"Relationship"}).found if relations in self._members else ():
            path = posixpath.normpath(posixpath.join(folder, own.get("Target", "").replace("\\", "/")))
            found[own.get("Id", "")] = (own.get("Type", "").rpartition("/")[2], path.lstrip("/").lower())
        return found

    @functools.cached_property
    def _listed(self) -> list[tuple[str, dict[str, str]]]:
        return Elements(self, self.book, {"workbookPr", "sheets/sheet"}).found

    @property
    def is_1904(self) -> bool:
        """Are its days counted from 1904, as on an old Macintosh?"""
        return any(own.get("date1904") in ("1", "true") for name, own in self._listed if name == "workbookPr")

    def sheets(self) -> list[tuple[str, str, bool]]:
        """Its worksheets, in their order: part, name, whether it is visible. Raises UnreadableFile if two are one part."""
        found: list[tuple[str, str, bool]] = []
        for name, own in self._listed:
            identity = next((value for key, value in own.items() if key.rpartition(":")[2] == "id"), "")
            kind, part = self.relations.get(identity, ("worksheet", f"sheet {len(found) + 1}"))
            if name == "sheet" and kind == "worksheet":
                found.append((part, own.get("name", ""), own.get("state", "visible") == "visible"))
        if len({part for part, *_ in found}) < len(found):
            raise self.refused(f"has two sheets in one part: what it says is ambiguous. {AGAIN}")
        return found

    def related(self, kind: str) -> str | None:
        """The part of a kind (styles, sharedStrings) that the workbook names, if it has one."""
        parts = (part for found, part in self.relations.values() if found == kind)
        return next((part for part in parts if part in self._members), None)

    def texts(self) -> Any:
        """The texts that cells show by their number, as Arrow texts."""
        part = self.related("sharedStrings")
        return Texts(self, part).listed() if part else pa.array([], TEXT)

    @functools.cached_property
    def formats(self) -> list[Format]:
        """What the number format of each cell style makes of a number."""
        part = self.related("styles")
        found = Elements(self, part, {"numFmts/numFmt", "cellXfs/xf"}).found if part else []
        own = {told.get("numFmtId", ""): told.get("formatCode", "") for name, told in found if name == "numFmt"}
        styles = [told.get("numFmtId", "0") for name, told in found if name == "xf"]
        kinds = {identity: number_format(identity, own.get(identity)) for identity in set(styles)}
        return [kinds[identity] for identity in styles]


class NotPlain(Exception):
    """A piece is not written as nearly all are: it is read tag by tag."""


def demand(holds: Any) -> None:
    """Leave a piece to the XML parser unless this holds."""
    if not holds:
        raise NotPlain


class Piece:
    """A piece whose tags follow each other as a grammar of their letters says, written as nearly all programs write them."""

    def __init__(self, content: bytes, grammar: str) -> None:
        demand(b"\r" not in content)  # an XML parser reads it as the end of a line
        demand(b"&" not in content or content.count(b"&") == len(REFERENCE.findall(content)))
        demand(content.isascii() or is_utf8(content))
        self.content = content + bytes(64 - len(content) % 8)
        self.bytes = np.frombuffer(self.content, np.uint8)
        self._aligned = np.frombuffer(self.content, np.uint64)
        self.tags = np.flatnonzero(self.bytes[: len(content)] == ord("<"))
        demand(len(self.tags) and self.tags[0] == 0)
        self.stops = np.append(self.tags[1:], len(content))  # where the next one begins
        second, third = self.bytes[1:].take(self.tags), self.bytes[2:].take(self.tags)
        self.letters = letters = LETTER.take(third.astype(np.uint16) << np.uint16(8) | second)
        last = self.bytes.take(self.stops - 1)
        for at in map(self.which, b"RCF"):
            letters[at] += (last[at] == ord(">")) & (self.bytes.take(self.stops[at] - 2) == ord("/"))
        demand(pc.match_substring_regex(pa.array([letters.tobytes()]), grammar)[0].as_py())
        demand(((last == ord(">")) | HAS_TEXT.take(letters)).all())
        length = LENGTH.take(letters)
        demand(((length == 0) | (length == self.stops - 1 - self.tags)).all())
        demand(content.count(SPACED) == len(self.which(*b"P")))
        for some, written in WRITTEN.items():
            at = self.tags[self.which(*some)]
            demand(all((self.bytes[n:].take(at) == sign).all() for n, sign in enumerate(written, 3)))

    def which(self, *letters: int) -> Array:
        """The places of some tags among all."""
        return np.flatnonzero(functools.reduce(np.logical_or, [self.letters == letter for letter in letters]))

    def words(self, at: Array, count: int = 1) -> list[Array]:
        """The eight bytes that begin at each place, as a number, and the following eights."""
        place, shift = at >> 3, (at & 7).astype(np.uint64) << np.uint64(3)
        aligned = [self._aligned.take(place + n) for n in range(count + 1)]
        rest = np.uint64(63) - shift
        return [low >> shift | high << np.uint64(1) << rest for low, high in itertools.pairwise(aligned)]

    def values(self) -> tuple[Array, Array, Array]:
        """Which tags are a `v` or a `t`, and where the text of each begins and ends."""
        values = self.which(*b"VTPWU")
        return values, self.tags[values] + START.take(self.letters[values]), self.stops[values]

    def texts(self, starts: Array, stops: Array) -> Any:
        """Some of its texts as Arrow has them: as views first, short ones inline, long ones by their place."""
        length = stops - starts
        first, second = self.words(starts, 2)
        half = np.uint64(32)
        view = np.empty((len(starts), 2), np.uint64)
        view[:, 0] = (first & KEEP.take(np.minimum(length, 4))) << half | length.astype(np.uint64)
        inline = (first >> half | second << half) & KEEP.take(np.maximum(length, 4) - 4, mode="clip")
        view[:, 1] = np.where(length <= 12, inline, starts.astype(np.uint64) << half)
        buffers = [None, pa.py_buffer(view), pa.py_buffer(self.content)]
        return pa.Array.from_buffers(pa.string_view(), len(starts), buffers).cast(TEXT)


def _tidied(piece: bytes) -> bytes:
    """A piece without the blanks between and within its tags, and with the place of each row and cell first."""
    piece = re.sub(rb"(</\w+>|<(?:row|c|is|si)(?: [^<>]*)?>)\s+(?=<)", rb"\1", piece.strip())
    piece = re.sub(rb'<(row|c) ([^<>]*) (r="[A-Z]*\d+")', rb"<\1 \3 \2", piece)
    return re.sub(rb"<([vt]) />", rb"<\1/>", piece)


class Part:
    """Reads one part from its first byte to its last, in pieces that end with an item (a row, a text).

    A piece that is plain is taken as a whole. Any other, and what stands around the items, goes through an XML parser: the
    items it finds are written plainly, and taken then.
    """

    opening, ending = re.compile(rb"()"), b""  # of the list of items, and of an item
    forms: tuple[Any, ...] = (bytes, _tidied)  # in which a piece may be plain: as it stands, or tidied

    def __init__(self, package: Package, part: str) -> None:
        self.package, self.part = package, part
        self.is_open = self.is_inside = False  # is_open: the list of items; is_inside: an item
        self.into: list[str] | None = None  # where text goes
        self.inline: list[str] | None = None  # the runs of a text
        self.plainly: list[str] = []  # items that were read tag by tag
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = lambda tag, own: self.start(tag.rpartition(":")[2], own)
        parser.EndElementHandler = lambda tag: self.end(tag.rpartition(":")[2])
        parser.CharacterDataHandler, parser.XmlDeclHandler = self._hear, self._declared
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._refuse_declaration
        for name in ("CommentHandler", "ProcessingInstructionHandler", "StartCdataSectionHandler"):
            setattr(parser, name, self._refuse_remark)

    def start(self, name: str, _: dict[str, str]) -> None:
        """An element begins, with its own attributes: a text, or a run of it; how it is pronounced is no part of it."""
        if name == "t":
            self.into = self.inline
        elif name in ("is", "si"):
            self.inline = []
        elif name == "rPh":
            self._told, self.inline = self.inline, None

    def end(self, name: str) -> None:
        """An element ends."""
        if name in ("t", "v"):
            self.into = None
        elif name == "rPh":
            self.inline = self._told

    def plain(self, _: bytes) -> None:
        """Take whole items at once. Raises NotPlain before anything of them is taken."""

    def read(self) -> None:
        """Read the part. Raises UnreadableFile if it is no XML, or says what no export says."""
        try:
            with self.package.open(self.part) as stream:
                self._read(stream)
        except expat.ExpatError:
            raise self.package.refused(f"holds a part that is damaged ({self.part}). {AGAIN}") from None

    def _read(self, stream: IO[bytes]) -> None:
        more, waiting, is_found, length = stream.read(PIECE), b"", False, 0
        if more[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in more[:64]:
            self._refuse_declaration()
        while more:
            block = waiting + more
            if not is_found:
                found = self.opening.search(block)
                cut = found.end() if found else max(0, len(block) - LONGEST_TAG)
                self._prefix, is_found = (found[1] or b"") if found else b"", found is not None
                ending = self.ending.replace(b"</", b"</" + self._prefix)
                self._feed(block[:cut])
                block = block[cut:]
            if is_found and (at := block.rfind(ending)) >= 0:
                self._take(block[: at + len(ending)])
                block, length = block[at + len(ending) :], 0
            elif len(block) > LONGEST:
                length += len(block)
                if length > MAX_ITEM:
                    raise self.package.refused("is larger inside than any export. Do not open it; export again.")
                self._feed(block)
                block = b""
            waiting, more = block, stream.read(PIECE)
        self._feed(waiting)
        self.parser.Parse(b"", True)
        del self.parser  # each holds the other

    def _take(self, piece: bytes) -> None:
        if self.is_open and not self.is_inside:
            if np.frombuffer(piece, np.uint8).min() < ord(" "):
                piece = CONTROL.sub(lambda sign: b"_x%04X_" % sign[0][0], piece)
            if self._prefix:
                piece = piece.replace(b"<" + self._prefix, b"<").replace(b"</" + self._prefix, b"</")
            for form in self.forms:
                with suppress(NotPlain):
                    return self.plain(form(piece))
            self.forms = self.forms[:1]  # tidied no more: it takes as long as the parser
        return self._feed(piece)

    def _feed(self, piece: bytes) -> None:
        self.package.tags += piece.count(b"<")
        self.package.bound()
        self.parser.Parse(piece, False)
        if self.plainly and not self.is_inside:
            items, self.plainly = "".join(self.plainly).encode(), []
            self.plain(items)

    def _hear(self, text: str) -> None:
        if self.into is not None:
            self.into.append(text)

    def _declared(self, _: str, encoding: str | None, __: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii", "ascii"):
            self._refuse_declaration()

    def _refuse_declaration(self, *_: Any) -> None:
        raise self.package.refused(f"holds a document type or encoding that no export has ({self.part}). {AGAIN}")

    def _refuse_remark(self, *_: Any) -> None:
        if self.is_open:  # a cell in a remark is none
            raise self.package.refused(f"is written as no spreadsheet program writes. {AGAIN}")


def escaped(runs: list[str]) -> str:
    """A text as it stands in a plain piece."""
    return "".join(runs).replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#13;")


class Elements(Part):
    """The elements of a small part that are wanted, by name or by `parent/name`, with their attributes."""

    def __init__(self, package: Package, part: str, wanted: set[str]) -> None:
        super().__init__(package, part)
        self._wanted, self._path = wanted, [""]
        self.found: list[tuple[str, dict[str, str]]] = []
        self.read()

    def start(self, name: str, own: dict[str, str]) -> None:
        """Keep an element that is wanted."""
        if name in self._wanted or f"{self._path[-1]}/{name}" in self._wanted:
            self.found.append((name, own))
        self._path.append(name)

    def end(self, _: str) -> None:
        """Forget its name."""
        self._path.pop()


class Texts(Part):
    """The texts that cells show by their number."""

    opening, ending = re.compile(rb"<(\w+:)?sst\b[^<>]*>"), b"</si>"
    grammar = "^(?:X[TP]tx)*$"

    def listed(self) -> Any:
        """Read them all."""
        self._parts: list[Any] = [pa.array([], TEXT)]
        self.read()
        return unescaped(pa.concat_arrays(self._parts))

    def plain(self, content: bytes) -> None:
        """Take texts of which each is one run."""
        piece = Piece(content, self.grammar)
        self._parts.append(piece.texts(*piece.values()[1:]))

    def start(self, name: str, own: dict[str, str]) -> None:
        """A text begins, or the list of all."""
        super().start(name, own)
        self.is_inside |= name == "si"
        self.is_open |= name == "sst"

    def end(self, name: str) -> None:
        """A text ends, or the list of all."""
        super().end(name)
        if name == "si":
            self.plainly.append(f"<si><t>{escaped(self.inline or [])}</t></si>")
            self.inline, self.is_inside = None, False
        self.is_open &= name != "sst"


def unescaped(texts: Any) -> Any:
    """Arrow texts without the escapes of XML and of Excel, of which each is undone once."""
    return changed(texts, pc.match_substring_regex(texts, "&|_x[0-9A-Fa-f]{4}_"), _unescaped)


def _unescaped(text: str) -> str:
    signs = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

    def sign(reference: re.Match[str]) -> str:
        name = reference[1]
        return signs.get(name) or chr(int(name[2:], 16) if name[1] == "x" else int(name[1:]))

    text = re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), re.sub(r"&([^;]+);", sign, text))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
