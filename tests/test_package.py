"""A workbook is checked before its cells are read; what is unusual and harmless is read. (HAZARDS A)"""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from typing import Any

import pytest
from workbooks import MAIN, RELATIONS, SHEET, TYPE, book, cells, is_plain, told, told_tag_by_tag

from keyaudit.errors import UnreadableFile
from keyaudit.exports import parts
from keyaudit.exports.grid import number_format
from keyaudit.exports.sheets import worksheets

ROWS = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>7</v></c></row>'
STRINGS = "<si><t>Training Key</t></si><si><t>Course</t></si><si><t>AAAA1111</t></si>"
EXPECTED = [["Training Key", "Course"], ["AAAA1111", 7.0]]


def plain(rows: str = ROWS, **more: Any) -> bytes:
    return book(rows, strings=STRINGS, **more)


def with_sheet(change: Any) -> bytes:
    """The plain workbook with another text of its sheet's part."""
    sheet = f"<worksheet {MAIN}><sheetData>{ROWS}</sheetData></worksheet>"
    return plain(parts={SHEET: change(sheet)})


def with_rows(more: str) -> bytes:
    return plain(ROWS + more)


def renamed(content: bytes, names: dict[str, str]) -> bytes:
    """The same members under other names."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for member in old.namelist():
            new.writestr(names.get(member, member), old.read(member))
    return made.getvalue()


BOOK = f'<workbook {MAIN}><sheets><sheet name="Keys" r:id="r1" xmlns:r="{TYPE}"/><sheet name="Again" r:id="r1" xmlns:r="{TYPE}"/></sheets></workbook>'
HOSTILE = {
    "cut short": (plain()[:-300], "damaged or cut short"),
    "a byte of the list changed": (plain().replace(b"PK\x01\x02", b"PK\x01\x03", 1), "damaged or cut short"),
    "a byte of the sheet changed": (renamed(plain(), {}).replace(b"AAAA1111", b"AAAA1112"), "damaged or cut short"),
    "nothing after its first bytes": (b"PK\x03\x04 and then nothing", "damaged or cut short"),
    "a document type in the list of sheets": (plain(parts={"xl/workbook.xml": b'<!DOCTYPE a [<!ENTITY b "c">]>' + BOOK.encode()}), "document type"),
    "a document type in the sheet": (with_sheet(lambda x: f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "AAAA">]>{x.replace("<v>7", "<v>&b;")}'), "document type"),
    "a document type in the styles": (plain(parts={"xl/styles.xml": b"<!DOCTYPE a><styleSheet/>"}), "document type"),
    "a document type in the texts": (plain(parts={"xl/sharedStrings.xml": b"<!DOCTYPE a><sst/>"}), "document type"),
    "UTF-16 inside": (with_sheet(lambda x: x.encode("utf-16")), "document type or encoding"),
    "UTF-16 without its mark": (with_sheet(lambda x: x.encode("utf-16-le")), "document type or encoding"),
    "an exotic encoding": (with_sheet(lambda x: f'<?xml version="1.0" encoding="UTF-7"?>{x}'), "document type or encoding"),
    "Latin letters": (with_sheet(lambda x: f'<?xml version="1.0" encoding="iso-8859-1"?>{x}'), "document type or encoding"),
    "bytes that are no UTF-8": (with_sheet(lambda x: x.replace("AAAA", "").replace("<v>0<", "<v>0\udcff<").encode("utf-8", "surrogateescape")), "a part that is damaged"),
    "no XML": (with_sheet(lambda x: x.replace("</row>", "</rw>", 1)), "a part that is damaged"),
    "an entity that nobody declared": (with_sheet(lambda x: x.replace("<v>7", "<v>&b;")), "a part that is damaged"),
    "XML cut short": (with_sheet(lambda x: x[:-30]), "a part that is damaged"),
    "one part twice": (plain(parts={SHEET.upper(): b"<x/>"}), "two parts of one name"),
    "a path upwards": (plain(parts={"../../etc/x": b""}), "two parts of one name"),
    "a path from the root": (plain(parts={"/etc/x": b""}), "two parts of one name"),
    "a row twice": (with_rows('<row r="2"><c r="A2"><v>1</v></c></row>'), "rows out of order or twice"),
    "a row before": (with_rows('<row r="1"/>'), "rows out of order or twice"),
    "rows twice": (with_sheet(lambda x: x.replace("</sheetData>", "</sheetData><sheetData/>")), "rows out of order or twice"),
    "a cell twice": (with_rows('<row r="3"><c r="A3"><v>1</v></c><c r="A3"><v>2</v></c></row>'), "cells out of order or twice"),
    "a cell before": (with_rows('<row r="3"><c r="B3"><v>1</v></c><c r="A3"><v>2</v></c></row>'), "cells out of order or twice"),
    "a cell of another row": (with_rows('<row r="3"><c r="B9"><v>1</v></c></row>'), "cells out of order or twice"),
    "a cell of another row, the digits of its own": (with_rows('<row r="3"><c r="B31"><v>1</v></c></row>'), "cells out of order or twice"),
    "two values in a cell": (with_rows('<row r="3"><c r="B3"><v>1</v><v>2</v></c></row>'), "cells out of order or twice"),
    "a cell in a cell": (with_rows('<row r="3"><c r="B3"><c r="C3"><v>2</v></c></c></row>'), "cells out of order or twice"),
    "a far cell": (with_rows('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "far outside its table .up to row 1,048,576, column 16,384"),
    "a row that is none": (with_rows('<row r="2000000"><c r="A2000000"><v>1</v></c></row>'), "far outside its table"),
    "a row that is none, tag by tag": (with_rows('<row r="999999999"><c><v>1</v></c></row>'), "far outside its table"),
    "a column that is none": (with_rows('<row r="3"><c r="XFE3"><v>1</v></c></row>'), "far outside its table"),
    "a bomb": (plain(parts={"xl/media/image1.png": bytes(80 << 20)}), "would unpack to 80 MiB"),
    "a thousand parts": (plain(parts={f"x/{n}": b"" for n in range(1_000)}), "would unpack to 0 MiB"),
    "a million cells in nothing": (with_rows('<row r="9">' + "<c />" * 1_200_000 + "</row>"), "1,200,004 cells, more than its size allows"),
    "elements without end": (with_rows("<a/>" * 5_000_000), "larger inside than any export"),
    "merged cells without end": (plain(tail="<mergeCells>" + '<mergeCell ref="A1:A2"/>' * 600_000 + "</mergeCells>"), "more than 500,000 merged cells"),
    "one text in every cell": (book("".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 4001)), strings=f"<si><t>{'A' * 32_000}</t></si>"), "shows 122 MiB of text"),
    "a text that is not there": (with_rows('<row r="3"><c r="A3" t="s"><v>3</v></c></row>'), "names a text that it does not hold"),
    "a text before the first": (with_rows('<row r="3"><c r="A3" t="s"><v>-1</v></c></row>'), "names a text that it does not hold"),
    "a text that is no number": (with_rows('<row r="3"><c r="A3" t="s"><v>x</v></c></row>'), "cannot be read as a workbook"),
    "a style that is no number": (with_rows('<row r="3"><c r="A3" s="x"><v>1</v></c></row>'), "cannot be read as a workbook"),
    "one sheet under two names": (plain(parts={"xl/workbook.xml": BOOK.encode()}), "two sheets in one part"),
    "a sheet that is not there": (plain(parts={SHEET: None}), "lacks a part that it names"),
    "a cell in a remark": (with_rows('<!-- <row r="9"><c r="A9" t="e"><v>1</v></c></row> -->'), "as no spreadsheet program writes"),
    "a cell in a section of characters": (with_rows("<![CDATA[<row/>]]>"), "as no spreadsheet program writes"),
    "an instruction among the rows": (with_rows("<?go on?>"), "as no spreadsheet program writes"),
    "not a workbook": (renamed(plain(), {"xl/workbook.xml": "xl/workbook.xmx"}), "is a zip file, not an .xlsx workbook"),
    "another kind of workbook": (renamed(plain(), {"xl/workbook.xml": "content.xml"}), "is an .xlsb or .ods workbook"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_workbook_is_refused_in_words(kind: str) -> None:
    content, words = HOSTILE[kind]
    with pytest.raises(UnreadableFile, match=words) as problem:
        list(worksheets(content, "pools/a.xlsx"))
    assert str(problem.value).startswith("pools/a.xlsx: ")
    assert "AAAA1111" not in str(problem.value)


def test_the_workbook_they_are_made_of_is_read() -> None:
    (grid,) = worksheets(plain(), "a.xlsx")
    assert cells(grid) == EXPECTED
    assert is_plain(plain())


OTHER_STYLES = f'<styleSheet {MAIN}><cellXfs><xf/><xf numFmtId="14"/></cellXfs></styleSheet>'.encode()
CACHED = f'<externalLink {MAIN}><externalBook><sheetDataSet><sheetData sheetId="0"><row r="2"><cell r="A2"/></row></sheetData><sheetData sheetId="1"><row r="1"/></sheetData></sheetDataSet></externalBook></externalLink>'
STRICT = {MAIN: 'xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"', TYPE: "http://purl.oclc.org/ooxml/officeDocument/relationships"}  # fmt: skip


def strict() -> bytes:
    """ISO 29500 strict: other namespaces, the same cells."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain())) as old, zipfile.ZipFile(made, "w") as new:
        for member in old.namelist():
            text = old.read(member).decode()
            for ours, theirs in STRICT.items():
                text = text.replace(ours, theirs)
            new.writestr(member, text)
    return made.getvalue()


HARMLESS = {
    "strict": strict(),
    "backslashes and other letters": renamed(plain(), {SHEET: "xl\\Worksheets\\SHEET1.xml", "xl/workbook.xml": "XL/Workbook.xml"}),
    "a remark of the program before the rows": with_sheet(lambda x: x.replace("<sheetData>", "<!-- by hand --><sheetData>")),
    "a byte order mark": with_sheet(lambda x: "\ufeff" + x),
    "a declaration in small letters": with_sheet(lambda x: f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n{x}'),
    "a query's item in UTF-16": plain(parts={"customXml/item1.xml": '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16")}),
    "the cached cells of another workbook": plain(parts={"xl/externalLinks/externalLink1.xml": CACHED}),
    "what a Macintosh leaves": plain(parts={"__MACOSX/xl/._workbook.xml": b"\0\5\x16\7"}),
    "no styles": plain(parts={"xl/styles.xml": None}),
    "no styles, and nothing that names them": plain(parts={"xl/styles.xml": None, "xl/_rels/workbook.xml.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="{TYPE}/worksheet" Target="worksheets\\sheet1.xml"/><Relationship Id="r2" Type="{TYPE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'}),
    "a format that reaches far": with_rows('<row r="1048576"><c r="XFD1048576" s="0"/></row>'),
    "a format that reaches too far": with_rows('<row r="2000000"><c r="XFZ2000000" s="0"/></row>'),
    "cells that a program added for others": with_sheet(lambda x: x.replace("</worksheet>", '<extLst><ext><x14:row><x14:c r="A9"/></x14:row></ext></extLst></worksheet>')),
    "a workbook under another name": renamed(plain(parts={"_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="{TYPE}/officeDocument" Target="book/my workbook.xml"/></Relationships>'}), {"xl/workbook.xml": "book/my workbook.xml", "xl/_rels/workbook.xml.rels": "book/_rels/my workbook.xml.rels", SHEET: "book/worksheets/sheet1.xml", "xl/styles.xml": "book/styles.xml"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_unusual_and_harmless_is_read(kind: str) -> None:
    ((_, rows, visible, hidden_rows, hidden_columns, merged),) = told(HARMLESS[kind])
    assert rows == EXPECTED
    assert (visible, hidden_rows, hidden_columns, merged) == (True, 0, 0, [])
    assert told(HARMLESS[kind]) == told_tag_by_tag(HARMLESS[kind])


def test_an_empty_sheet_and_a_chart_are_no_rows() -> None:
    listed = "".join(f'<sheet name="{name}" state="{state}" r:id="{part}" xmlns:r="{TYPE}"/>' for name, state, part in (("Keys", "visible", "r1"), ("Chart", "visible", "r5"), ("Old", "veryHidden", "r6")))  # fmt: skip
    names = f'<Relationship Id="r1" Type="{TYPE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r5" Type="{TYPE}/chartsheet" Target="chart.xml"/><Relationship Id="r6" Type="{TYPE}/worksheet" Target="worksheets/sheet2.xml"/>'
    content = plain(
        parts={
            "xl/workbook.xml": f"<workbook {MAIN}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f"<Relationships {RELATIONS}>{names}</Relationships>",
            SHEET: f"<worksheet {MAIN}><sheetData/></worksheet>",
            "xl/worksheets/sheet2.xml": f'<worksheet {MAIN}><sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>',
        }
    )
    assert told(content) == [("Keys", [], True, 0, 0, []), ("Old", [[1.0]], False, 0, 0, [])]


def test_styles_elsewhere_are_found() -> None:
    names = f'<Relationship Id="r1" Type="{TYPE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{TYPE}/styles" Target="/other/my.xml"/>'
    content = book('<row r="1"><c r="A1" s="1"><v>46121</v></c></row>', parts={"xl/styles.xml": None, "other/my.xml": OTHER_STYLES, "xl/_rels/workbook.xml.rels": f"<Relationships {RELATIONS}>{names}</Relationships>"})  # fmt: skip
    (grid,) = worksheets(content, "a.xlsx")
    assert cells(grid) == [[dt.date(2026, 4, 9)]]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        *[("00000000", 8), ('"0000"', 4), ("0" * 100_000, "number"), ("0", "number"), ("0000;[Red]-0000", 4)],
        *[("General", "number"), ("#,##0.00", "number"), ("0.00E+00", "number"), ("@", "number"), ("0%", "number"), ("# ?/?", "number")],
        *[("yyyy-mm-dd", "date"), ("DD/MM/YY", "date"), ("mmm-yy", "date"), ("mmmm", "date"), ("[$-409]d\\ mmmm;@", "date"), ("h:mm AM/PM", "clock")],
        *[("mm:ss", "clock"), ("[h]:mm", "duration"), ("[ss].00", "duration"), ('0" days"', "number"), ("[Red]0", "number"), ("[$kr-41D] #,##0", "number")],
        *[("0\\d", "number"), ("_-* #,##0.00\\ [$€-407]_-", "number"), ('"Key "yyyy', "date"), (";;;", "number"), ("", "number")],
    ],
)  # fmt: skip
def test_what_a_number_format_shows(code: str, meaning: str | int) -> None:
    assert number_format("164", code) == meaning


SLOW = {
    "a sheet without end": with_rows("row " * 2_000_000),
    "one text of 60 MB": with_rows(f'<row r="3"><c r="A3" t="inlineStr"><is><t>{"A" * 60_000_000}</t></is></c></row>'),
    "attributes without end": with_rows('<row r="3" ' + " ".join(f'a{n}="1"' for n in range(200_000)) + "/>"),
    "blanks without end": with_rows(f'<row r="3"{" " * 20_000_000}/>'),
    "a number format without end": plain(formats=("[" * 200_000, '"' * 200_001, "\\" * 200_001)),
    "a thousand kinds of cells a row": with_rows("".join(f'<row r="{n}"><c r="A{n}" s="{n}"/></row>' for n in range(3, 60_000))),
    "thousands of columns": book("".join(f'<row r="{n}">' + f'<c r="A{n}" t="str"><v>x</v></c>' + "".join(f"<c><v>{m % 9}</v></c>" for m in range(5_000)) + "</row>" for n in range(1, 40))),
    "every row merged": plain(tail="<mergeCells>" + '<mergeCell ref="A1:A1048576"/>' * 50_000 + "</mergeCells>"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SLOW)
def test_no_workbook_takes_long(kind: str) -> None:
    began = time.process_time()
    given = told(SLOW[kind])
    assert time.process_time() - began < 10
    assert isinstance(given, (list, str))


def test_a_row_longer_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_rows(f'<row r="3"><c r="A3" t="inlineStr"><is><t>{"A" * 20_000_000}</t></is></c></row>')
    assert isinstance(told(content), list)
    monkeypatch.setattr(parts, "MAX_ITEM", 10 << 20)
    assert "larger inside than any export" in told(content)


def test_a_workbook_that_is_interrupted_or_out_of_memory_says_so_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for problem in (KeyboardInterrupt, MemoryError, SystemExit):
        monkeypatch.setattr(
            "keyaudit.exports.sheets.Package", lambda *_, problem=problem: (_ for _ in ()).throw(problem)
        )
        with pytest.raises(problem):
            list(worksheets(plain(), "a.xlsx"))


def test_any_other_mistake_of_the_reader_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyaudit.exports.sheets.Sheet.plain", lambda *_: [][1])
    with pytest.raises(UnreadableFile, match=r"a.xlsx: cannot be read as a workbook \(IndexError\)"):
        list(worksheets(plain(), "a.xlsx"))
