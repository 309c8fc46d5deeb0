"""keyaudit: which training keys still work, which do not, why, and what to do next.

import keyaudit as ka
audit = ka.open_case("data/samples/halfway").reconcile(as_of="2026-04-09")
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "KeyauditError": "errors",
    "Calendar": "deadlines",
    "open_case": "case",
    "new_case": "case",
    "reconcile": "reconciliation",
    "Reconciliation": "reconciliation",
    "read_pool_exports": "exports.read",
    "read_course_keys": "exports.read",
    "read_pool_list": "exports.read",
    "read_distribution_log": "exports.read",
    "read_other_keys": "exports.read",
    "read_course_assignments": "exports.read",
    "header_mapping": "exports.read",
    "from_environment": "notebooks",
    "readable_tables": "notebooks",
    "migration_plan": "plan",
    "write_report": "report",
    "write_plan": "report",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pandas is heavy, `keyaudit --version` is not."""
    if name not in _HOME:
        raise AttributeError(f"keyaudit has no {name!r}; it has {', '.join(sorted(_HOME))}")
    return getattr(import_module(f"keyaudit.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
