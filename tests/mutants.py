"""Do the tests notice? Random changes of the core, one at a time, each against the fast tests of its area.

    python tests/mutants.py --seed 1 --count 200 --minutes 10 [module ...]

No part of the normal run: it takes minutes. Prints every change that no test noticed. Needs `fork`.

The tests are collected once and run once without a change, to know which lines each of them runs. A change of what is only
run when called is put into the loaded function, in a process forked for it, and meets the tests that run its line: no other
can notice it. Files are not read again for it, if it is of what comes after reading. Any other change meets all tests of its
area, in a process that loads the changed module anew. A change is noticed if a test fails with it that passes, alone, without it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib.abc
import importlib.util
import os
import pickle
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent
CASES = ("test_golden.py", "test_facts.py", "test_statuses.py")  # each list is run in its order, to the first failure
AREAS = {
    **dict.fromkeys(("facts", "verdicts", "links", "pools", "reconciliation"), CASES),
    "settings": (*CASES, "test_findings.py"),
    **dict.fromkeys(("findings", "checks"), ("test_golden.py", "test_findings.py", "test_statuses.py")),
    **dict.fromkeys(("rulebook.statuses", "rulebook.findings"), ("test_docs.py", *CASES)),  # it is printed there
    "keytable": (*CASES, "test_plan.py"),
    "tallies": (*CASES, "test_plan.py", "test_charts.py"),
    "plan": ("test_golden.py", "test_plan.py", "test_facts.py"),
    "lookalikes": ("test_golden.py", "test_lookalikes.py"),
    "exports.codes": ("test_golden.py", "test_cells.py", "test_lookalikes.py", "test_evidence.py"),
    "exports.dates": ("test_golden.py", "test_cells.py", "test_evidence.py"),
}
SLOW = "not the_samples_show and not one_action and not any_number_of_pools and not who_follows and not threads and not its_twin"
OPTIONS = ("-s", "-q", "-p", "no:cacheprovider", "-k", SLOW)
MEMORY = 4 << 30
TIMES = 4  # as long as without the change a test may take; more is noticed too
# Changes that change nothing anybody could see: the module, the line, the change (blank: any of the line, where all were looked at), and why.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("links", "bare = ~By(f.file, len(f.files)).any(f.course_rows & at(hyphen, f.key, False))", "at(hyphen, f.key, False)  ->  at(hyphen, f.key, True)"): "every row of course keys has a key",
    ("lookalikes", "if left.has_hyphens.any() and right.bare.any():", "left.has_hyphens.any() and right.bare.any()  ->  left.has_hyphens.any() or right.bare.any()"): "of the one there are none then",
    ("pools", 'told[unit.file] |= {(code if code >= 0 else f.raw.get(row, ""), is_redeemed) for code, row, is_redeemed in rows}', "code >= 0  ->  code >= 1"): "a blank is as good a name for one code as its number",
    ("exports.dates", 'text = WEEKDAY.sub("", text, count=1) if text[:1].isalpha() else text', ":1  ->  :2"): "two letters as good as one",
    ("lookalikes", "ends = [[pc.utf8_slice_codeunits(texts, *end) for texts in (ones, others)] for end in ((0, half), (-half, None))]", "(0, half)  ->  (1, half)"): "more codes are compared, and told apart later",
    ("lookalikes", "return rows[(begun > ended) | np.isinf(value)]", "begun > ended  ->  begun >= ended"): "more numbers are asked for their forms, and told apart later",
    ("lookalikes", "MANY = 20_000  # codes that begin or end like a typed text beyond which only one mistyped sign is sought", ""): "as many as are soon looked at",
    ("lookalikes", "width = other.max(initial=0) + 1", "initial=0  ->  initial=1"): "wide enough is enough",
    ("lookalikes", "width = other.max(initial=0) + 1", "other.max(initial=0) + 1  ->  other.max(initial=0) + 2"): "wide enough is enough",
    ("lookalikes", "if len(near) > MANY:  # a sign more or less, another, or two swapped; a foreign one is not guessed", "len(near) > MANY  ->  len(near) >= MANY"): "as many as are soon looked at",
    ("facts", "width = int(column.max(initial=0)) + 2", "initial=0  ->  initial=1"): "wide enough is enough",
    ("verdicts", "last = at(by.most(f.file_rank, rows, -1), by.group, -1)", "at(by.most(f.file_rank, rows, -1), by.group, -1)  ->  at(by.most(f.file_rank, rows, -1), by.group, -0)"): "asked of groups only",
    ("verdicts", "last = at(by.most(f.file_rank, rows, -1), by.group, -1)", "by.most(f.file_rank, rows, -1)  ->  by.most(f.file_rank, rows, -0)"): "every group asked has rows",
    ("keytable", "return np.select([rows >= 0 for rows in records], records, f.first_record)", "rows >= 0  ->  rows >= 1"): "record 0 is the first of its key",
    ("keytable", "return np.select([rows >= 0 for rows in records], records, f.first_record)", "rows >= 0  ->  rows > 0"): "record 0 is the first of its key",
    ("keytable", "partner = np.where(f.status_altered, at(f.course_row, f.link, -1), -1)", "at(f.course_row, f.link, -1)  ->  at(f.course_row, f.link, -0)"): "an altered key has its lookalike",
    ("keytable", "records = [f.course_row, partner, redeemed, at(f.place_row, f.home, -1)]", "at(f.place_row, f.home, -1)  ->  at(f.place_row, f.home, -0)"): "a key in no pool is a course key, which decides",
    ("facts", "code, size = code * width + column + 1, size * width", "code * width + column + 1  ->  code * width + column + 2"): "still a number for each combination, in their order",
    ("checks", "pool_backed=lambda f: at(f.pools.has_before, f.home_pool, False),", "at(f.pools.has_before, f.home_pool, False)  ->  at(f.pools.has_before, f.home_pool, True)"): "asked of keys in pools only",
    ("lookalikes", 'few, pattern = (asked, f"{_NUMBER}|{_DATE_OR_WORD}") if len(asked) < len(shown) else (shown, _MADE)', ""): "whichever is looked at first, nothing is lost",
    ("facts", "if size * width > 2**62:", "2 ** 62  ->  2 ** 63"): "there is still room for all",
    ("lookalikes", 'signs = ("", *map(chr, range(33, 127)))', "range(33, 127)  ->  range(33, 128)"): "a sign that no code has",
    ("verdicts", "setting_error=lambda f: f.setting_number > 0,", "f.setting_number > 0  ->  f.setting_number > 1"): "1 is an expired course key, which does not work either",
    ("lookalikes", "lost = 0.6 * float(f\"1e{int(match[2]) - len(match[1] or '')}\") if match[2] else 2e-14 * number", "int(match[2]) - len(match[1] or '')  ->  int(match[2]) + len(match[1] or '')"): "more numbers are compared, and told apart later",
    ("settings", "found = np.where(found < 0, np.where(own >= 0, own, by_pool.first(rows)[f.place_pool]), found)", "found < 0  ->  found <= 0"): "record 0 is of the last source that is asked",
    ("links", "has_lookalike=lambda f: f.in_pool & (f.link >= 0) & ~f.damaged_in_backup,", "f.link >= 0  ->  f.link > 0"): "key 0 is one of a pool, where there are pools",
    ("links", "bare=at(bare[f.file], f.course_row, False)[theirs],", ""): "asked of course keys only",
    ("exports.dates", "once = lru_cache(1 << 14, typed=True)  # the files of a case hold the same dates and words", "1 << 14  ->  1 << 15"): "as many as are soon looked at",
    ("exports.dates", "once = lru_cache(1 << 14, typed=True)  # the files of a case hold the same dates and words", "1 << 14  ->  2 << 14"): "as many as are soon looked at",
    ("exports.codes", "same_width = widths.get(len(digits), 0)", "widths.get(len(digits), 0)  ->  widths.get(len(digits), 1)"): "twenty are asked for",
    ("links", "begun=lambda f: at(f.pool_begun, f.home_pool, False),", ""): "asked of keys in pools only",
    ("links", "has_lookalike=lambda f: f.in_pool & (f.link >= 0) & ~f.damaged_in_backup,", "f.link >= 0  ->  f.link >= 1"): "key 0 is one of a pool, where there are pools",
    ("lookalikes", "if not (len(left.numbers) and len(right.numbers)):", "len(left.numbers) and len(right.numbers)  ->  len(left.numbers) or len(right.numbers)"): "it is found later that there is nothing",
    ("facts", "if self.records > MANY:", ""): "memory is given back, or kept",
    ("settings", "shown = {rank: f.by_key.any(f.course_rows & (f.file_rank == rank)) for rank in ranks} if len(ranks) > 1 else {}", "len(ranks) > 1  ->  len(ranks) >= 1"): "one file has no other to be compared with",
    ("settings", "course_row=lambda f: f.by_key.first(f.course_rows & (f.file_rank == at(f.last_rank, f.key, -1))),  # of its settings", "at(f.last_rank, f.key, -1)  ->  at(f.last_rank, f.key, -0)"): "every course key has a last file",
    ("settings", "last_rank=lambda f: f.by_key.most(f.file_rank, f.course_rows, -1),  # the last file that shows it", "f.by_key.most(f.file_rank, f.course_rows, -1)  ->  f.by_key.most(f.file_rank, f.course_rows, -0)"): "asked of course keys only",
    ("settings", "first = own.get(role, np.full(len(f.place_key), -1))", "np.full(len(f.place_key), -1)  ->  np.full(len(f.place_key), -0)"): "record 0 is of a pool's export",
    ("settings", "rows = np.flatnonzero(f.course_rows & at(f.by_key.count(f.course_rows) > 1, f.key, False))", "at(f.by_key.count(f.course_rows) > 1, f.key, False)  ->  at(f.by_key.count(f.course_rows) > 1, f.key, True)"): "every record of a course key has a key",
    ("pools", "for unit in later if len(told) > 1 else ():", "len(told) > 1  ->  len(told) >= 1"): "one has no other to be compared with",
    ("keytable", "f.files[f.file[row]].source_file if row >= 0 else f.pools.empty_now.get(pool, \"\")", "row >= 0  ->  row > 0"): "record 0 is of the backup, where a key is gone",
    ("exports.codes", "if pattern not in (BEGIN, END) and not need and not carried(texts.drop_null().slice(0, 1), pattern):", "texts.drop_null().slice(0, 1)  ->  texts.drop_null().slice(1, 1)"): "whichever is looked at first; a file of one code is left as it is",
    ("lookalikes", "half = (np.concatenate([lengths[mine], other_lengths[their]]).min(initial=99) - 1) // 2", "np.concatenate([lengths[mine], other_lengths[their]]).min(initial=99) - 1  ->  np.concatenate([lengths[mine], other_lengths[their]]).min(initial=99) - 2"): "more codes are compared, and told apart later",
    ("pools", "for one, other, shared in _sharing([unit for unit in units if unit.role == role]):", "unit.role == role  ->  unit.role != role"): "the two roles change places, and the others have no keys",
    ("lookalikes", "for length in np.unique(cut[(cut >= SHORTEST) & (cut < longest)]).tolist():", "cut < longest  ->  cut <= longest"): "no code is longer than the longest",
    ("exports.codes", "CONFUSABLE = str.maketrans({c: group[0] for group in (\"0Oo\", \"1Iil\", \"8B\", \"5Ss\", \"2Zz\", \"6G\") for c in group})", "group[0]  ->  group[1]"): "whichever of them stands for all",
    ("keytable", "tied = np.append(is_next, False) | np.append(False, is_next)", "np.append(is_next, False)  ->  np.append(is_next, True)"): "the last of all is in its place already",
    ("settings", "return f.course_differs & at((least == most) & (f.by_home.count(recreated) > 1), f.home_pool, False)", "at((least == most) & (f.by_home.count(recreated) > 1), f.home_pool, False)  ->  at((least == most) & (f.by_home.count(recreated) > 1), f.home_pool, True)"): "asked of keys in pools only",
    ("settings", "padding_doubted=lambda f: at(f.of_file(lambda file: file.padding_doubted), f.course_row, False),", ""): "asked of course keys only",
    ("facts", "code, size = np.zeros(len(columns[0]), dtype=np.int64), 1", "(np.zeros(len(columns[0]), dtype=np.int64), 1)  ->  (np.zeros(len(columns[0]), dtype=np.int64), 2)"): "wide enough is enough",
    ("lookalikes", "weights = np.random.default_rng(0).integers(2**64, size=size + 2, dtype=np.uint64)", "np.random.default_rng(0)  ->  np.random.default_rng(1)"): "any numbers will do",
    ("exports.dates", 'if text[:1].isalnum() and text[0] not in "nNiIuU013":  # no word for blank, and no date of zeros, begins so', ":1  ->  :2"): "more is looked at closely",
    ("checks", "uses_known=lambda f: f.in_course_keys & ~np.isnan(f.uses) & bool(len(f.paid[1])),", "f.paid[1]  ->  f.paid[2]"): "both are as long",
    ("facts", "blind=lambda f: f.in_pools & (f.code < 0) & ~(f.is_in(\"pools_now\") & at(f.pools.has_before, f.pool, False)),", "at(f.pools.has_before, f.pool, False)  ->  at(f.pools.has_before, f.pool, True)"): "asked of records in pools only",
    ("facts", 'if _FUNCTIONS[name].__module__.rpartition(".")[2] in modules:', "_FUNCTIONS[name].__module__.rpartition('.')[2] in modules  ->  _FUNCTIONS[name].__module__.rpartition('.')[2] not in modules"): "what is forgotten is found again",
    ("exports.codes", "if pattern not in (BEGIN, END) and not need and not carried(texts.drop_null().slice(0, 1), pattern):", "texts.drop_null().slice(0, 1)  ->  texts.drop_null().slice(0, 2)"): "if all carry it, the first two do",
    ("lookalikes", "lost = 0.6 * float(f\"1e{int(match[2]) - len(match[1] or '')}\") if match[2] else 2e-14 * number", "2e-14 * number  ->  2e-14 + number"): "more numbers are compared, and told apart later",
    ("facts", "MANY = 200_000  # records", ""): "memory is given back, and codes are looked at, in other pieces",
    ("findings", "remedy = np.where(own, len(kinds) + at(step, key, 0), code)", "at(step, key, 0)  ->  at(step, key, 1)"): "asked of findings about a key",
    ("keytable", 'files = [file.source_file.rsplit("/", 1)[-1] for file in f.files]', "file.source_file.rsplit('/', 1)  ->  file.source_file.rsplit('/', 2)"): "the last part is the same",
    ("keytable", "return pd.DataFrame({name: _series(table[name], name) for name in (names or table)}, copy=False)", "copy=False  ->  copy=True"): "a copy is as good",
    ("settings", "yield rows, np.where(at(rows, first, False), first, -1)", "at(rows, first, False)  ->  at(rows, first, True)"): "where there is none it is -1 either way",
    ("lookalikes", "yield rest + (one + other) * weights[-1] + one * other * weights[-2]", "rest + (one + other) * weights[-1] + one * other * weights[-2]  ->  rest + (one + other) * weights[-1] - one * other * weights[-2]"): "any number of the two that knows no order",
    ("lookalikes", "cuts = [(wanted[:at], wanted[at:]) for at in range(len(wanted) + 1)]", "len(wanted) + 1  ->  len(wanted) + 2"): "the last cut twice",
    ("pools", "yield Note(Code.parts_of_one_pool, text, next(iter(told)), pool=later[0].name)", "later[0]  ->  later[1]"): "names of one pool are told as that pool",
    ("pools", 'told[unit.file] |= {(code if code >= 0 else f.raw.get(row, ""), is_redeemed) for code, row, is_redeemed in rows}', "code >= 0  ->  code > 0"): "a code by another name, the same in both files",
    ("checks", "told = listed([SETTINGS[name][2] for name in names], most=6)", "most=6  ->  most=7"): "there are six",
    ("verdicts", "found = np.full(f.keys, -1)", "np.full(f.keys, -1)  ->  np.full(f.keys, -0)"): "every key has a status",
    ("links", "partner_uses_unknown=lambda f: f.has_lookalike & at(f.uses_unknown, f.link, False),", ""): "asked of keys with a lookalike",
    ("exports.dates", "return _plausible(dt.datetime.fromisoformat(text).replace(tzinfo=None, microsecond=0))", "microsecond=0  ->  microsecond=1"): "dates are kept in whole seconds",
    ("settings", "at(f.place_expires[2], f.home, False) & ~f.places.any(f.may_hold & ~f.place_expires[2])", "at(f.place_expires[2], f.home, False)  ->  at(f.place_expires[2], f.home, True)"): "asked of keys in pools only",
    ("lookalikes", "yield rest + (one + other) * weights[-1] + one * other * weights[-2]", "(one + other) * weights[-1]  ->  one + other + weights[-1]"): "any number of the two that knows no order",
    ("keytable", "tied = np.append(is_next, False) | np.append(False, is_next)", "np.append(False, is_next)  ->  np.append(True, is_next)"): "the first of all is in its place already",
    ("lookalikes", "lost = 0.6 * float(f\"1e{int(match[2]) - len(match[1] or '')}\") if match[2] else 2e-14 * number", "0.6 * float(f\"1e{int(match[2]) - len(match[1] or '')}\")  ->  0.6 + float(f\"1e{int(match[2]) - len(match[1] or '')}\")"): "more numbers are compared, and told apart later",
}  # fmt: skip
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add,
}  # fmt: skip
RULE = re.compile(
    r"[a-z_ ()&|~]*(?:[&|~][a-z_ ()&|~]+|works_[a-z]+)"
)  # a rule over facts, as the rule book writes them


def places(tree: ast.AST, around: ast.AST | None = None) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """Where something can be changed, how, and what it is part of; what only a type checker or a person reads is left alone."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    # these refuse what must not be; nobody sees them otherwise
    if isinstance(tree, ast.keyword) and tree.arg in ("strict", "frozen"):
        return
    if isinstance(tree, (ast.Compare, ast.BoolOp, ast.BinOp)):
        ops = tree.ops if isinstance(tree, ast.Compare) else [tree.op]
        yield from ((tree, "operator", around or tree) for op in ops[:1] if type(op) in SWAPS)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.Not, ast.Invert)):
        yield tree, "not", around or tree
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub) and isinstance(tree.operand, ast.Constant):
        yield tree, "negative", around or tree
        return
    elif isinstance(tree, (ast.If, ast.IfExp)):
        yield tree, "condition", around or tree
    elif isinstance(tree, ast.Call) and ast.unparse(tree.func) == "np.where" and len(tree.args) == 3:
        yield tree, "where", around or tree
    elif isinstance(tree, ast.Constant) and isinstance(tree.value, (bool, int)):
        yield tree, "constant", around or tree
    elif isinstance(tree, ast.Constant) and isinstance(tree.value, str) and RULE.fullmatch(tree.value):
        yield tree, "rule", around or tree
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from places(child, tree)


def change(node: Any, how: str, around: ast.AST, chance: random.Random) -> str:
    """Change a place; returns what stood there and what does now, of a number with what it is part of."""
    shown = {"condition": "test"}.get(how)
    told = getattr(node, shown) if shown else around if how in ("constant", "negative") else node
    before = ast.unparse(told)
    if how == "operator" and isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    elif how == "operator":
        node.op = SWAPS[type(node.op)]()
    elif how == "condition":
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif how == "where":
        node.args[1], node.args[2] = node.args[2], node.args[1]
    elif how == "not":
        node.operand = ast.UnaryOp(node.op, node.operand)
    elif how == "constant":
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif how == "negative":
        node.operand.value -= 1
    else:
        node.value = changed_rule(node.value, chance)
    return f"{before}  ->  {ast.unparse(node.test if how == 'condition' else told)}"


def changed_rule(rule: str, chance: random.Random) -> str:
    """A rule with one & for |, or one ~ more or less."""
    signs = list(re.finditer(r"[&|]|~|(?<![~a-z_])[a-z_]+", rule))
    sign = chance.choice(signs)
    new = {"&": "|", "|": "&", "~": ""}.get(sign[0], f"~{sign[0]}")
    return rule[: sign.start()] + new + rule[sign.end() :]


def path_of(name: str) -> Path:
    return ROOT / "keyaudit" / f"{name.replace('.', '/')}.py"


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """One module with one change."""

    def __init__(self, name: str, number: int, chance: random.Random) -> None:
        self.name, self.path = name, path_of(name)
        text = self.path.read_text(encoding="utf-8")
        self.tree = ast.parse(text)
        node, how, around = list(places(self.tree))[number]
        spot: Any = node.test if isinstance(node, (ast.If, ast.IfExp)) else node
        self.lines, self.line = range(spot.lineno, spot.end_lineno + 1), text.splitlines()[spot.lineno - 1].strip()
        self.what = change(node, how, around, chance)
        bodies = [f.body for f in ast.walk(self.tree) if isinstance(f, (ast.FunctionDef, ast.Lambda))]
        parts = [part for body in bodies for part in (body if isinstance(body, list) else [body])]
        self.is_in_function = any(inner is node for part in parts for inner in ast.walk(part))
        ast.fix_missing_locations(self.tree)

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        is_it = name == f"keyaudit.{self.name}"
        return importlib.util.spec_from_loader(name, self, origin=str(self.path)) if is_it else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)  # noqa: S102 - our own code

    def put_in(self) -> None:
        """Give the functions that are loaded the changed code."""
        was = ast.parse(self.path.read_text(encoding="utf-8"))
        old, new = ([*codes(compile(tree, str(self.path), "exec"))] for tree in (was, self.tree))
        becomes = dict(zip(map(_of_code, old), new, strict=True))
        for it in gc.get_objects():
            if isinstance(it, FunctionType) and it.__code__.co_filename == str(self.path):
                it.__code__ = becomes[_of_code(it.__code__)]
        clear()
        gc.freeze()  # to look through what the parent has takes longer than a test


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code and those within it, in their order."""
    yield code
    for within in code.co_consts:
        if isinstance(within, CodeType):
            yield from codes(within)


def _of_code(code: CodeType) -> tuple[str, tuple[Any, ...]]:
    return code.co_qualname, tuple(code.co_positions())


def forget() -> None:
    """Have the package and the tests loaded anew by whoever asks for them."""
    ours = {"keyaudit", *(path.stem for path in (ROOT / "tests").glob("*.py"))}
    for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
        del sys.modules[name]


def clear() -> None:
    """Nothing is known that the package has found before."""
    for module in [module for name, module in sys.modules.items() if name.partition(".")[0] == "keyaudit"]:
        for it in vars(module).values():
            if hasattr(it, "cache_clear"):
                it.cache_clear()


def lines_of(work: Callable[[], Any]) -> set[tuple[str, int]]:
    """The lines of the core that some work runs, in any thread."""
    files = {str(path_of(name)): name for name in AREAS}
    lines: set[tuple[str, int]] = set()

    def call(frame: FrameType, _event: str, _: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    def line(frame: FrameType, _event: str, _: Any) -> Any:
        lines.add((files[frame.f_code.co_filename], frame.f_lineno))
        return line

    clear()
    threading.settrace(call)
    sys.settrace(call)
    work()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    return lines


def apart(work: Callable[[], Any], seconds: float) -> Any:
    """What some work gives, in a process of its own of which nothing remains; NO_END if it takes longer or dies."""
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    if (child := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
            sys.dont_write_bytecode = True
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.alarm(int(10 * seconds))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            (folder / "given").write_bytes(pickle.dumps(work()))
        os._exit(0)
    os.waitpid(child, 0)
    try:
        return pickle.loads((folder / "given").read_bytes())  # noqa: S301 - our own
    except OSError:
        return NO_END
    finally:
        shutil.rmtree(folder, ignore_errors=True)


NO_END = "it does not end"


class Told:
    """A plugin of pytest that begins with the tests that are likely to fail, and remembers which did."""

    def __init__(self, likely: Callable[[str], Any]) -> None:
        self.likely, self.failed = likely, ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.likely(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = report.nodeid if report.failed else self.failed


class Trial(Told):
    """A plugin of pytest: instead of one run of the tests, a run for every change."""

    def __init__(self, changes: Sequence[Changed], until: float) -> None:
        super().__init__(lambda _: 0)
        self.changes, self.until = changes, until
        self.kills, self.passes_alone = Counter[tuple[str, str]](), dict[str, bool]()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        session.config.pluginmanager.unregister(name="terminalreporter")
        self.items = {item.nodeid: item for item in session.items}
        self.see_without()
        counts: dict[str, Counter[str]] = {change.name: Counter() for change in self.changes}
        for number, change in enumerate(self.changes, start=1):
            if time.monotonic() > self.until:
                break
            kind = "equivalent" if is_equivalent(change) else "noticed" if self.is_noticed(change) else "not noticed"
            counts[change.name][kind] += 1
            if kind == "not noticed":
                say(f"{number:4} {change.name}:{change.lines[0]}: {change.what}\n     {change.line}")
        for name, count in counts.items():
            say(f"{name:20}" + "".join(f"{count[kind]:5} {kind}" for kind in ("noticed", "not noticed", "equivalent")))
        total = sum(counts.values(), Counter[str]())
        tried = total["noticed"] + total["not noticed"]
        say(f"{total['noticed']} of {tried} changes noticed, {total['equivalent']} equivalent")
        say(f"{self.kills['', NO_END]} by not coming to an end")
        return True

    def see_without(self) -> None:
        """See that all tests pass, how long each takes (seconds of the processor), and which lines of the core it runs."""
        names = [name for name in sys.modules if name.partition(".")[0] == "keyaudit"]
        self.when_loaded = apart(lambda: forget() or lines_of(lambda: [*map(importlib.import_module, names)]), 60)
        self.seconds, self.lines = dict[str, float](), dict[str, set[tuple[str, int]]]()
        for test in self.items:
            begun = time.process_time()
            self.run([test])
            self.seconds[test] = time.process_time() - begun
            if self.failed:
                sys.exit(f"{test} fails without any change")
        for files in dict.fromkeys(AREAS[change.name] for change in self.changes):
            area = ", ".join(name for name, own in AREAS.items() if own == files)
            say(f"{sum(self.seconds[test] for test in self.area(files)):5.1f} s of the processor  {area}")
        read = sys.modules["conftest"].READ
        remembered = dict(read)
        for test in self.items:
            read.clear()  # so that it is seen what the test reads
            self.lines[test] = lines_of(lambda: self.run([test]))  # noqa: B023 - called at once
        read |= remembered

    def area(self, files: Sequence[str]) -> list[str]:
        """The tests of some files."""
        return [test for file in files for test in self.items if f"tests/{file}" in test]

    def run(self, tests: Sequence[str]) -> str:
        """The first that fails."""
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            item, after = self.items[test], self.items.get(following or "")
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if self.failed:
                break
        return self.failed

    def is_noticed(self, change: Changed) -> bool:
        """Does a test fail with the change that passes without it?"""
        places = {(change.name, line) for line in change.lines}
        area = self.area(AREAS[change.name])
        limit = 10 + TIMES * sum(self.seconds[test] for test in area)
        likely = partial(self.how_likely, change.name)
        if change.is_in_function and not places & self.when_loaded:
            running = sorted((test for test in area if places & self.lines[test]), key=likely)
            test = apart(lambda: self.run_with(change, running), limit)
        else:
            test = apart(lambda: self.run_anew(change, likely), limit)
        if test in self.items and test not in self.passes_alone:
            self.passes_alone[test] = apart(lambda: self.run([test]), limit) == ""
            if not self.passes_alone[test]:
                sys.exit(f"{test} fails without any change, when it is run alone")
        self.kills[change.name, test] += 1
        self.kills["", test] += 1
        return test != ""

    def how_likely(self, name: str, test: str) -> tuple[float, ...]:
        """What noticed most changes so far, of the module, then of all; the golden texts; the quickest."""
        return -self.kills[name, test], -self.kills["", test], "test_golden" not in test, self.seconds.get(test, 0)

    def run_with(self, change: Changed, tests: Sequence[str]) -> str:
        """The first that fails with the change put in; what it may alter in reading is read again."""
        if change.name.partition(".")[0] in ("exports", "rulebook"):
            sys.modules["conftest"].READ.clear()
        change.put_in()
        return self.run(tests)

    def run_anew(self, change: Changed, likely: Callable[[str], Any]) -> str:
        """The first test of the area that fails, all loaded anew."""
        forget()
        sys.meta_path.insert(0, change)
        files = [str(ROOT / "tests" / file) for file in AREAS[change.name]]
        code = sys.modules["pytest"].main([*OPTIONS, "-x", *files], plugins=[told := Told(likely)])
        return told.failed or ("it does not load" if code else "")


def is_equivalent(change: Changed) -> bool:
    return any((change.name, change.line, what) in EQUIVALENT for what in (change.what, ""))


def main() -> None:
    """Change, test, tell."""
    parser = argparse.ArgumentParser(description="Do the tests notice random changes of the core?")
    parser.add_argument("modules", nargs="*", default=[*AREAS], help="of AREAS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # to load those of notebooks takes longer than the tests
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    for name in ("pytest", "numpy", "pandas", "pyarrow.compute", "hypothesis", "openpyxl", "rapidfuzz.distance"):
        importlib.import_module(name)
    chance, until = random.Random(given.seed), time.monotonic() + 60 * given.minutes  # noqa: S311 - repeatable
    trees = {name: ast.parse(path_of(name).read_text(encoding="utf-8")) for name in given.modules}
    every = [(name, number) for name, tree in trees.items() for number, _ in enumerate(places(tree))]
    changes = [Changed(*place, chance) for place in chance.sample(every, min(given.count, len(every)))]
    say(f"seed {given.seed}: {len(changes)} of {len(every):,} places")
    files = dict.fromkeys(str(ROOT / "tests" / file) for name in given.modules for file in AREAS[name])
    sys.modules["pytest"].main([*OPTIONS, *files], plugins=[Trial(changes, until)])


def say(text: str) -> None:
    """Say it at once."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
