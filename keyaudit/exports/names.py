"""stub"""
from __future__ import annotations
import datetime as dt, re, unicodedata
from keyaudit.errors import KeyauditError
def fold_name(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()
def bare_name(name: str) -> str:
    return " ".join(re.sub(r"[:\\/?*\[\]_]", "", fold_name(name)).split())
def natural(text: str):
    return [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", text)]
_D=r"(?:\d{4}[-_. ]?\d{2}[-_. ]?\d{2}|copy)"
def undated_name(name: str) -> str:
    return re.sub(rf"^{_D}[\s_-]+|[\s_-]+{_D}$", "", name, flags=re.I).strip() or name
def as_date(value, what):
    if isinstance(value, dt.datetime): return value.date()
    if isinstance(value, dt.date): return value
    try: return dt.date.fromisoformat(str(value))
    except ValueError: raise KeyauditError(f'{what}: "{value}" is no date. Write it as YYYY-MM-DD, for example 2026-04-09.') from None
