"""keyaudit: which training keys still work, which do not, why, and what to do next.

import keyaudit as ka
audit = ka.open_case("data/samples/halfway").reconcile(as_of="2026-04-09")
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.2.0"

_HOME = {
    "KeyauditError": "errors",
    "Calendar": "calendar",
    "open_case": "case",
    "new_case": "new",
    "check": "checking",
    "reconcile": "reconciliation",
    "Reconciliation": "reconciliation",
    **dict.fromkeys(
        ("read_pool_exports", "read_course_keys", "read_pool_list", "read_distribution_log"), "exports.read"
    ),
    **dict.fromkeys(("read_other_keys", "read_course_assignments", "header_mapping"), "exports.read"),
    **dict.fromkeys(("from_environment", "readable_tables", "choose_pool", "reading_findings", "Files"), "notebook"),
    "migration_plan": "plan",
    **dict.fromkeys(("write_report", "write_plan"), "report"),
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pandas is heavy, `keyaudit --version` is not."""
    if name not in _HOME:
        raise AttributeError(f"keyaudit has no {name!r}; it has {', '.join(sorted(_HOME))}")
    return getattr(import_module(f"keyaudit.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
