"""Names of pools, courses, organizations and people: how they are cleaned, compared and ordered. (CATALOGUE §1, §2, §6)"""

from __future__ import annotations

import html
import re
import unicodedata
from pathlib import PurePosixPath

from keyaudit.columns import list_heading

# What a spreadsheet program calls a new sheet, and the table of an export, by itself. Excel and Google Sheets: the name
# in each of their display languages; LibreOffice: its translations of "Sheet" (sc/messages.po, STR_TABLE_DEF); Numbers:
# "Sheet 1 - Table 1" in each of its languages; the last line: what databases and report programs write.
_TABS = """
    sheet worksheet table tabelle tabellenblatt blatt feuille feuil tableau hoja tabla foglio tabella blad tabel kalkylark
    planilha plan página pagina folha tabela ark regneark tabell taulukko taul arkusz list tabulka hárok tabuľka munka
    munkalap táblázat foaie tabelul sayfa tablo çalışma_sayfası лист таблица таблиця аркуш φύλλο πίνακας גיליון טבלה
    ورقة جدول シート 表 ワークシート 工作表 表格 시트 표 워크시트 trang_tính แผ่น ชีต ตาราง lembar leht lapa lapas full taula orria
    export exports export_worksheet data result results query report page seite keys training_keys
    course_assignment_keys download
"""
_TAB = "|".join(re.escape(word).replace("_", r"[\s_]+") for word in sorted(set(_TABS.split()), reverse=True))
GENERIC_TAB = re.compile(rf"(?:{_TAB})[\s_\d]*(?:\s*-\s*(?:{_TAB})[\s_]*[\d-]*)?")
_SUFFIX = re.compile(r"\.(?:xlsx|xlsm|csv|tsv|tab|txt|dat)$", re.I)
_COPY = re.compile(r"(?:\s*\(\d+\)|\s*-\s*(?:copy|kopie|copie|copia|cópia)(?:\s*\(\d+\))?)+$", re.I)
_COPY_OF = re.compile(r"^(?:copy of|kopie v[ao]n|copie de|c[oó]pia d[ei]|kopia av)\s+", re.I)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = (
    r"(?:\d{4}[-._ ]?\d{2}[-._ ]?\d{2}(?:[-_ t]*\d{2}[-._:h ]?\d{2}(?:[-._:m ]?\d{2})?)?|\d{4}[-._](?:0[1-9]|1[0-2])"
    rf"|\d{{1,2}}[-._/ ]\d{{1,2}}[-._/ ]\d{{2,4}}|\d{{1,2}}\W?{_MONTH}\W?\d{{2,4}}|{_MONTH}\W?\d{{1,2}}\W+\d{{4}})"
)
_AT_AN_END = rf"(?:{_DATE}|\(\d+\)|copy(?: of)?|kopie(?: von)?|copie(?: de)?|copia(?: de)?|cópia(?: de)?)"
_BEFORE = re.compile(rf"^(?:{_AT_AN_END}[-_ ,.]+)+", re.I)
_BEHIND = re.compile(rf"(?:[-_ ,.(]+{_AT_AN_END}\)?)+$", re.I)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]{2,31});")
_BLOCKS = "br|p|div|li|ul|ol|td|th|tr|hr|h[1-6]"
_INLINE = "a|b|i|u|s|em|strong|span|font|small|big|sub|sup|mark|code|tt|nobr|wbr|center|strike|del|ins"
_TAG = re.compile(rf"</?(?:({_BLOCKS})|{_INLINE})(?:\s+[\w-]+\s*=[^<>]*)?\s*/?>", re.I)


def _entity(text: str) -> str:
    """What an entity of HTML stands for, "" for what is none."""
    read = html.unescape(text)
    return read if read != text else ""


def clean_name(text: str) -> str:
    """A name as a person sees it: HTML entities read, tags and invisible and control characters (Cf, Cc) away, blanks joined."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: _entity(match[0]) or _entity(match[0].lower()) or match[0], text)
    if "<" in text:
        text = _TAG.sub(lambda match: " " if match[1] else "", text)
    text = " ".join(text.split())
    if not text.isprintable():  # nothing in a name may steer a terminal either
        text = " ".join("".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Cc")).split())
    return text


def fold_name(name: str) -> str:
    """A name for comparing: cleaned, NFKC, without case. (CATALOGUE §2)"""
    return clean_name(unicodedata.normalize("NFKC", clean_name(name))).casefold()


def bare_name(name: str) -> str:
    """`fold_name` without the signs a worksheet tab or a file name cannot hold."""
    return " ".join(re.sub(r"[:\\/?*\[\]_]", "", fold_name(name)).split())


def without_date(name: str) -> str:
    """A name without a date or `copy` at either end; the name itself where nothing would be left."""
    known = clean_name(unicodedata.normalize("NFKC", clean_name(name)))
    without = known if re.fullmatch(_DATE, known, re.I) else _BEHIND.sub("", _BEFORE.sub("", known, count=1))
    return without if bare_name(without) else known


def undated_name(name: str) -> str:
    """`bare_name` without a date or `copy` at either end."""
    return bare_name(without_date(name))


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort names by, in which numbers compare as numbers: `(9)` before `(10)`, and a file before its ` (1)`."""
    pieces = re.findall(r"\d+|\D+", fold_name(_SUFFIX.sub("", name)))
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces] + [(-2, name)]


def pool_name(file: str, sheet: str) -> str:
    """The pool's name where no column gives it: the file's name if the tab is its beginning, else a real tab's, else the file's."""
    whole = _SUFFIX.sub("", PurePosixPath(file).name).strip()
    stem = _COPY.sub("", whole).strip()
    tab = clean_name(sheet)
    plain = unicodedata.normalize("NFKC", _COPY.sub("", _COPY_OF.sub("", tab))).casefold()
    is_real = tab and not list_heading(tab) and not GENERIC_TAB.fullmatch(plain)
    is_of_file = any(bare_name(name).startswith(bare_name(tab)) for name in (whole, stem))
    return tab if is_real and not is_of_file else stem
