"""Do the tests notice? Random changes of the core, one at a time, each against the fast tests of its area.

    python tests/mutants.py --seed 1 --count 200 --minutes 10 [module ...]

No part of the normal run: it takes minutes. Prints every change that no test noticed. Needs `fork`.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
FIRST = ("test_golden.py", "test_facts.py")  # of every area; each list is run in its order, to the first failure
CASES = (*FIRST, "test_statuses.py", "test_findings.py")
AREAS = {
    **dict.fromkeys(("facts", "verdicts", "settings", "links", "pools", "reconciliation", "rulebook.statuses"), CASES),
    **dict.fromkeys(("findings", "checks", "rulebook.findings"), (*FIRST, "test_findings.py", "test_statuses.py")),
    **dict.fromkeys(("pooltable", "keytable"), (*CASES, "test_plan.py")),
    "plan": (*FIRST, "test_plan.py"),
    "lookalikes": (*FIRST, "test_lookalikes.py"),
    "exports.codes": ("test_golden.py", "test_cells.py", "test_lookalikes.py", "test_facts.py", "test_evidence.py"),
    "exports.dates": ("test_golden.py", "test_cells.py", "test_facts.py", "test_evidence.py"),
}
SLOW = "not the_samples_show and not one_action and not any_number_of_pools and not who_follows"
SECONDS = 60  # of the processor, for the tests of one change; more is noticed too
MEMORY = 4 << 30
# Changes that change nothing anybody could see: the module, the line, the change (blank: any of the line), and why.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("settings", "yield rows, np.where(at(rows, first, False), first, -1)", "1  ->  2"): "asked only whether it is negative",
    ("settings", "first = own.get(role, np.full(len(f.place_key), -1))", "1  ->  2"): "asked only whether it is negative",
    ("exports.dates", 'text = WEEKDAY.sub("", text, count=1) if text[:1].isalpha() else text', "1  ->  2"): "two letters as good as one (the other 1, of the count, a test notices)",
    ("pools", "if size > 4 * len(numbers) + 1000:", "1000  ->  1001"): "both ways give the same, one is quicker",
    ("lookalikes", "ends = [[pc.utf8_slice_codeunits(texts, *end) for texts in (ones, others)] for end in ((0, half), (-half, None))]", "0  ->  1"): "more codes are compared, and told apart later",
    ("lookalikes", "MANY = 20_000  # codes that begin or end like a typed text beyond which only one mistyped sign is sought", ""): "as many as are soon looked at",
    ("lookalikes", "return zip(rows.tolist(), texts.take(rows).to_pylist(), strict=True)", "True  ->  False"): "one is taken by the other",
    ("lookalikes", "yield rest + (one + other) * weights[-1] + one * other * weights[-2]", ""): "any symmetric sum will do",
    ("links", 'hyphen = np.append(pc.match_substring(f.coded.dictionary, "-"), np.zeros(f.keys - len(f.coded.dictionary), bool))', "f.keys - len(f.coded.dictionary)  ->  f.keys + len(f.coded.dictionary)"): "nobody asks behind the last key",
}  # fmt: skip
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add,
}  # fmt: skip
RULE = re.compile(
    r"[a-z_ ()&|~]*(?:[&|~][a-z_ ()&|~]+|works_[a-z]+)"
)  # a rule over facts, as the rule book writes them


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Where something can be changed, and how; annotations, docstrings and what only a type checker reads are left alone."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    if isinstance(tree, (ast.Compare, ast.BoolOp, ast.BinOp)):
        ops = tree.ops if isinstance(tree, ast.Compare) else [tree.op]
        yield from ((tree, "operator") for op in ops[:1] if type(op) in SWAPS)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.Not, ast.Invert)):
        yield tree, "not"
    elif isinstance(tree, (ast.If, ast.IfExp)):
        yield tree, "condition"
    elif isinstance(tree, ast.Call) and ast.unparse(tree.func) == "np.where" and len(tree.args) == 3:
        yield tree, "where"
    elif isinstance(tree, ast.Constant) and isinstance(tree.value, (bool, int)):
        yield tree, "constant"
    elif isinstance(tree, ast.Constant) and isinstance(tree.value, str) and RULE.fullmatch(tree.value):
        yield tree, "rule"
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from places(child)


def change(node: ast.AST, how: str, chance: random.Random) -> str:
    """Change a place; returns what stood there and what does now."""
    before = ast.unparse(node.test if how == "condition" else node)  # type: ignore[attr-defined]
    if how == "operator" and isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    elif how == "operator":
        node.op = SWAPS[type(node.op)]()  # type: ignore[attr-defined]
    elif how == "condition":
        node.test = ast.UnaryOp(ast.Not(), node.test)  # type: ignore[attr-defined]
    elif how == "where":
        node.args[1], node.args[2] = node.args[2], node.args[1]  # type: ignore[attr-defined]
    elif how == "not":
        node.operand = ast.UnaryOp(node.op, node.operand)  # type: ignore[attr-defined]
    elif how == "constant":
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1  # type: ignore[attr-defined]
    else:
        node.value = changed_rule(node.value, chance)  # type: ignore[attr-defined]
    return f"{before}  ->  {ast.unparse(node.test if how == 'condition' else node)}"  # type: ignore[attr-defined]


def changed_rule(rule: str, chance: random.Random) -> str:
    """A rule with one & for |, or one ~ more or less."""
    signs = list(re.finditer(r"[&|]|~|(?<![~a-z_])[a-z_]+", rule))
    sign = chance.choice(signs)
    new = {"&": "|", "|": "&", "~": ""}.get(sign[0], f"~{sign[0]}")
    return rule[: sign.start()] + new + rule[sign.end() :]


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module as it was changed."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self, origin=str(self.path)) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)  # noqa: S102 - our own code


def is_noticed(tests: Sequence[str], finder: Changed | None) -> bool:
    """Does any test fail with the change? In a process of its own, which has loaded the libraries already.

    Nothing is written that another change could read: no bytecode, no cache.
    """
    folder = tempfile.mkdtemp(prefix="mutant-")
    if (child := os.fork()) == 0:
        code = 1
        with contextlib.suppress(BaseException):
            import pytest

            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(10 * SECONDS)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            if finder:
                sys.meta_path.insert(0, finder)
                sys.dont_write_bytecode = True
            options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/t", "-k", SLOW]
            code = next((1 for name in tests if pytest.main([*options, str(ROOT / "tests" / name)])), 0)
        os._exit(code)
    status = os.waitpid(child, 0)[1]
    shutil.rmtree(folder, ignore_errors=True)
    return status != 0


def main() -> None:
    """Change, test, tell."""
    parser = argparse.ArgumentParser(description="Do the tests notice random changes of the core?")
    parser.add_argument("modules", nargs="*", default=[*AREAS], help="of AREAS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--at-once", action="store_true", help="do not see first that all tests pass, and how long they take"
    )
    given = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # to load those of notebooks takes longer than the tests
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    for name in ("pytest", "numpy", "pandas", "pyarrow.compute", "hypothesis", "openpyxl", "rapidfuzz.distance"):
        importlib.import_module(name)
    chance, until = random.Random(given.seed), time.monotonic() + 60 * given.minutes  # noqa: S311 - repeatable
    for test in dict.fromkeys(test for name in given.modules if not given.at_once for test in AREAS[name]):
        begun = time.monotonic()
        if is_noticed([test], None):
            sys.exit(f"{test} fails without any change")
        say(f"{time.monotonic() - begun:4.0f} s  {test}")
    paths = {name: ROOT / "keyaudit" / f"{name.replace('.', '/')}.py" for name in given.modules}
    texts = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    every = [(name, number) for name, tree in trees.items() for number, _ in enumerate(places(tree))]
    counts = {name: Counter[str]() for name in given.modules}
    for name, number in chance.sample(every, min(given.count, len(every))):
        if time.monotonic() > until:
            break
        tree = copy.deepcopy(trees[name])
        node, how = list(places(tree))[number]
        what = change(node, how, chance)
        place = node.lineno  # type: ignore[attr-defined]
        line = texts[name].splitlines()[place - 1].strip()
        if (name, line, what) in EQUIVALENT or (name, line, "") in EQUIVALENT:
            counts[name]["equivalent"] += 1
            continue
        is_seen = is_noticed(AREAS[name], Changed(f"keyaudit.{name}", paths[name], ast.fix_missing_locations(tree)))
        counts[name]["noticed" if is_seen else "not noticed"] += 1
        if not is_seen:
            say(f"{name}:{place}: {what}\n    {line}")
    for name, count in counts.items():
        say(f"{name:20}" + "".join(f"{count[kind]:5} {kind}" for kind in ("noticed", "not noticed", "equivalent")))
    total = sum(counts.values(), Counter())
    say(
        f"{total['noticed']} of {total['noticed'] + total['not noticed']} changes noticed, {total['equivalent']} equivalent ({len(every):,} places; seed {given.seed})"
    )


def say(text: str) -> None:
    """Say it at once."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
