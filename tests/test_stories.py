"""Stories in which a rule followed to the letter would harm somebody, each with the verdict a careful expert gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import pytest
from conftest import ROOT

import keyaudit as ka
from keyaudit.reconciliation import Reconciliation

STORIES = ROOT / "tests" / "stories"


@cache
def told(story: str, as_of: str) -> Reconciliation:
    return ka.open_case(STORIES / story).reconcile(as_of=as_of)


@dataclass(frozen=True)
class Right:
    """What must be said: how many keys of which status, which findings of which severity, which not, the verdict."""

    statuses: dict[str, int]
    findings: dict[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    verdict: str = ""
    as_of: str = "2026-04-09"


RIGHT = {
    # three keys are gone and not recreated, whatever a log says of the others
    "partial-log3": Right({"migrated": 7, "missing": 3}, {"missing": "critical"}, ("live_without_holder",)),
    # a row without a recipient sent nothing
    "log-norecip": Right({"to_migrate": 4}, {"log_incomplete": "note"}),
    # the backup holds only used keys, and other keys of its course were made
    "trulylate": Right({"redeemed": 2, "new": 8}, {"backup_looks_late": "error"}),
    # new keys of another course, made as the guide advises
    "newcourse": Right({"to_migrate": 8, "new": 5}, {}, ("backup_looks_late", "codes_regenerated"), as_of="2026-04-02"),
    "regenerated": Right({"missing": 10, "new": 10}, {"codes_regenerated": "error", "missing": "critical"}, ("altered",)),
    "sku": Right({"to_migrate": 10, "new": 10}, {"typos_not_sought": "note"}, ("altered", "stray"), as_of="2026-04-02"),
    "three-ck": Right({"migrated": 10}, {"course_key_gone": "error"}),
    "nouses": Right({"redeemed_recreated": 1, "wrong_course": 1, "altered": 1, "migrated": 3, "stray": 1}, {"redeemed_recreated": "critical"}),
    "collide": Right({"migrated": 1, "missing": 2, "to_migrate": 1}, {"collides_with_other_key": "error"}),
    "noexpiry": Right({"migrated": 3, "to_migrate": 3}, {"pool_setting_unknown": "warning"}),
    "courserename": Right({"wrong_course": 10}, {"wrong_course": "error"}, verdict="act", as_of="2026-04-02"),
    "renamed": Right({"migrated": 3, "to_migrate": 6, "missing": 1}, {"pool_renamed": "note"}, ("duplicate",)),
    "reused": Right({"migrated": 9, "to_migrate": 1}, {"same_file_twice": "warning"}, ("duplicate",)),
    "between": Right({"redeemed_recreated": 1, "migrated": 3, "redeemed": 1}, {"redeemed_recreated": "critical"}),
    "between2": Right({"migrated": 4, "to_migrate": 1}, {"redeemed_before_course_key": "warning"}, ("uses_disagree",)),
    "cancelled": Right({"redeemed": 1, "to_migrate": 2}),
    "multi": Right({"migrated": 5}, {"multi_use": "error", "double_redemption": "critical"}, verdict="blocked"),
    "signoff": Right({}, {}, as_of="2026-04-02"),
    "staleck": Right({"missing": 3, "redeemed": 1, "new": 1}, {"missing": "critical"}),
    "qd": Right({"missing": 2, "migrated": 1}, {"missing": "accepted"}, as_of="2026-04-02"),
    "notyet": Right({"to_migrate": 3}, {"to_migrate": "error"}, verdict="act", as_of="2026-04-10"),
    "exp-march": Right({"to_migrate": 3}, {"to_migrate": "critical"}, verdict="blocked", as_of="2026-04-02"),
    "sitewide2": Right({"to_migrate": 6}),
    "retention": Right({}, {"history_not_kept": "error"}, as_of="2026-05-28"),
    "single": Right({"to_migrate": 5, "redeemed": 1}),
    "undist-list": Right({}, {"pool_setting_unknown": "warning"}),
}  # fmt: skip


@pytest.mark.parametrize("story", RIGHT)
def test_the_verdict_is_what_an_expert_says(story: str) -> None:
    right = RIGHT[story]
    result = told(story, right.as_of)
    if right.statuses:
        assert {code: number for code, number in result.statuses.items() if number} == right.statuses
    worst = result.findings.astype({"severity": "str"}).drop_duplicates("code").set_index("code")["severity"].to_dict()
    assert {code: worst.get(code) for code in right.findings} == right.findings
    assert not set(right.never) & set(worst)
    if right.verdict:
        assert result.verdict == right.verdict


def test_every_story_is_told() -> None:
    assert set(RIGHT) == {folder.name for folder in STORIES.iterdir()}
