"""Every finding once: severity by period, rule, message, meaning and remedy. (CATALOGUE §5)

`rule` is a predicate over facts and comparisons of them, true for the keys (or pools) it is about; without one a function
of the same name in `keyaudit.findings` looks for it, or the reader notes it. Messages take named fields from the key's (or
pool's) row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keyaudit.rulebook.statuses import (
    ADD,
    ASK_SUPPORT,
    ASSIGNMENTS,
    DIFFERENCE,
    ENTRY,
    KEYS,
    POOL,
    SAME_COURSE,
    STATUSES,
    by_period,
    in_settings,
)


@dataclass(frozen=True)
class Finding:
    """One row of CATALOGUE §5. `severity` and `remedy` by period (calendar.PERIODS); `raised`: rules that change the severity.

    `of`: what a rule is about, a key or a pool. `setting`: about a setting of a migrated key, which makes it work to do.
    """

    code: str
    severity: tuple[str, ...]
    what: str
    remedy: tuple[str, ...]
    rule: str = ""
    message: str = ""
    of: str = "key"
    raised: tuple[tuple[str, str], ...] = ()
    setting: bool = False


def _row(
    code: str, severity: str, what: str, remedy: str | Sequence[str], rule: str = "", message: str = "", **more: Any
) -> Finding:
    """A finding; without a message of its own it says what it is."""
    return Finding(code, by_period(severity.split()), what, by_period(remedy), rule, message or what, **more)


_EDIT = f"{ENTRY} → Edit"
_LATER = "Look for an export made before the removal; if there is none, record the gap."
_OF_A_POOL = f"Of a pool: {_LATER[0].lower()}{_LATER[1:]}"
_AGAIN = (f"Export the pool ({POOL} → Export) into pools-now, and run the audit again.",) * 3 + (_LATER,)
_BACKUP = f"Look for an older export of the pool (downloads, mails, colleagues), put that into pools-before, and run the audit again; {ASK_SUPPORT} if there is none."
_FILE = ("columns", "day_first", "rows", "pool")
_COLUMN, _DAY_FIRST, _ROWS, _APART = (in_settings(f'[files."…"] {name}') for name in _FILE)
_POOL, _ACCEPT = in_settings('[pools."…"]'), in_settings("[[accepted]]")
_FRESH = (f"Export the file again ({POOL} → Export, or {KEYS} → Export), and run the audit again.",) * 3 + (
    f"Of course keys: export {KEYS} again, and run the audit again. {_OF_A_POOL}",
)

_PAIRS = {"wrong_course": '{reason} Its pool is for "{course}", its course key for "{course_key_course}".'}

FINDINGS = {
    finding.code: finding
    for finding in (
        *(Finding(row.code, row.severity, row.reasons[-1][1], ("",) * 4, f"status_{row.code}", _PAIRS.get(row.code, ""), raised=row.raised) for row in STATUSES.values() if row.severity[0]),
        # settings of migrated keys
        _row("expired_unused", "critical", "The course key expired, and nobody is known to have used it.", f"Extend the course key's expiration ({_EDIT} → Unredeemed Key Expiration), or issue a new key to the learner: never both.", "status_migrated & works_no & ~used & ~(uses_unknown & (paid_live > 0))", setting=True),
        _row("organization_differs", "error", "Pool and course key belong to different organizations.", f"If the two names mean one organization, tell keyaudit so {in_settings('[same_organization]')}. If not: {_EDIT} → Organization: choose the pool's. An assignment made already stays with the other: {ASK_SUPPORT}.", "status_migrated & organization_differs", 'Its pool belongs to "{organization}", its course key to "{course_key_organization}".', setting=True),
        _row("scope_narrowed", "error", "A sitewide pool's key is bound to one organization.", f"If its learners belong to other organizations too: {_EDIT} → tick Redeemable by any student regardless of organization. That opens the key to students of every organization, so ask first; else accept this finding {_ACCEPT}.", "status_migrated & (pool_sitewide == 1) & (key_open == 0)", "Its pool was available to everyone using the organization; its course key is bound to one organization.", setting=True),
        _row("multi_use", "error", "One use has become many.", f"{_EDIT} → Max Uses Per Key: empty the field (blank is one use). If a code was used more than once, review the invoices ({ASSIGNMENTS}).", "status_migrated & (max_uses > 1)", "One use has become many; uses left: {uses_left}.", setting=True),
        _row("availability_shorter", "error", "The learner gets access for fewer days than promised.", f"{_EDIT} → Content Availability: set the pool's. Whoever has redeemed already keeps the shorter access: {ASK_SUPPORT}.", "status_migrated & both_days & (key_days < pool_days)", "Its course key gives access for fewer days than its pool.", setting=True),
        _row("expires_earlier", "error", "The course key expires before its pool would have.", f"{_EDIT} → Unredeemed Key Expiration: set the pool's expiry or a later day.", "status_migrated & (key_expires < pool_expires_on)", setting=True),
        _row("pool_in_two_courses", "error", "Keys of one pool stand under several courses.", f"A pool has one course: ask which is right, then treat the keys of the other as recreated under the wrong course ({KEYS}); if the names mean one course, {SAME_COURSE}.", "pool_has_two_courses", "{courses}", of="pool"),
        _row("scope_widened", "warning", "A pool's key is now open to every organization.", f"{_EDIT} → untick Redeemable by any student regardless of organization, unless that is meant.", "status_migrated & (pool_sitewide == 0) & (key_open == 1)", "Its pool was for one organization; its course key can be redeemed by any student."),
        _row("availability_longer", "warning", "The learner gets access for more days than promised.", f"{_EDIT} → Content Availability: set the pool's, unless that is meant.", "status_migrated & both_days & (key_days > pool_days)", "Its course key gives access for more days than its pool."),
        _row("start_lost", "warning", "The pool had not started when the course key was made, and course keys have no start.", "Tell whoever sends the keys from which day they were meant to work.", "status_migrated & (starts_on > made)"),
        _row("pool_revived", "warning", "The pool had expired before the course key was made: a dead key lives again.", f"Ask whether that was meant; if not, and the course key is unused: delete the course key ({ENTRY} → the code → Delete).", "status_migrated & (pool_expires_on <= made)"),
        _row("created_late", "warning", "The course key was created after the migrate-by date.", f"Ask the learner, or whoever sent the key, whether the code failed meanwhile. If not, nothing is left to do: accept this finding {_ACCEPT}.", "status_migrated & made_late", raised=(("made_when_read_only", "error"),), setting=True),
        _row("expires_soon", "warning", "The course key expires within 30 days, and nobody is known to have used it.", f"Extend the expiration ({_EDIT} → Unredeemed Key Expiration), or remind the learner.", "status_migrated & ~works_no & ~used & key_ends_in_a_month & ~(uses_unknown & (paid_live > 0))"),
        _row("expiration_blank", "warning", "The course key has no expiration.", f"{_EDIT} → Unredeemed Key Expiration: set one. What a blank one means is not published.", "status_migrated & key_expiry_blank"),
        # redemption
        _row("redemption_not_shown", "error", "A pool export does not show who has redeemed.", (f"Tell keyaudit {_COLUMN} which column it is, or export the pool ({POOL} → Export) with the redemption shown, and run the audit again.",) * 3 + (f"Tell keyaudit {_COLUMN} which column it is; else look for an export that shows it, or look the keys up in {ASSIGNMENTS}.",), of="file"),
        _row("redemption_unreadable", "error", "A redemption cell is filled and was not understood.", f"Tell keyaudit {in_settings('redeemed_when, open_when')} what the word means, or mend the cell, and run the audit again."),
        _row("double_redemption", "critical", "It was redeemed more often than allowed.", f"Review the invoices: {ASSIGNMENTS} shows the assignments. Within 24 hours and if no lab was launched, cancel the one that was not meant; later {ASK_SUPPORT}.", "used_in_both | used_too_often", "{how_often}"),
        _row("record_lost", "error", "A redeemed key is no longer in its pool's export.", "Keep the backup: it is the only record of the redemption. Ask who deleted the key.", "redeemed_in_backup & gone", "It was redeemed, and the later export does not show it any more."),
        _row("learner_without_date", "error", "A learner stands beside an empty redemption date: that is no proof of redemption.", f"Look the learner's assignment up in {ASSIGNMENTS}: if there is one, the key is redeemed.", "learner_without_date & ~redeemed"),
        _row("uses_disagree", "warning", "The uses of a course key and its assignments differ in number.", f"Compare both ({KEYS} and {ASSIGNMENTS}): one export may be filtered, or older. What a cancelled assignment does to its key is not published.", "uses_known & ~redeemed_in_pool & ~paid_before & (paid_live != uses)", "Uses counted by the course-key export: {uses}; assignments that are not cancelled: {assignments}."),
        _row("redeemed_by_other", "warning", "Somebody else redeemed it than the learner it was sent to.", "Ask whether the key was passed on; the learner whom it was sent to may still wait for one.", "redeemed_by_another"),
        _row("redeemed_before_course_key", "warning", "An assignment it paid for is older than its course key.", f"Its learner redeemed it in the pool before it was recreated: look at the assignment ({ASSIGNMENTS}). If so, and the course key is unused, delete the course key ({ENTRY} → the code → Delete).", "paid_before & ~redeemed_in_pool"),
        _row("assignment_after_removal", "warning", "An assignment was created with a pool's key after the pools were removed.", f"Check the date of the assignment; if it is right, the pools were removed later: tell keyaudit so {in_settings('[calendar] removed')}.", "paid_after_removal"),
        _row("redemption_in_future", "warning", "It is said to be redeemed after the day of the audit.", f"Check whether the file writes the day or the month first, and say so {_DAY_FIRST}; and the day of the audit (--as-of).", "redeemed_later"),
        _row("redemption_before_creation", "warning", "It is said to be redeemed before it was created.", f"Check whether the file writes the day or the month first, and say so {_DAY_FIRST}.", "redeemed_before_created"),
        _row("redeemed_without_learner", "note", "It stands in a list of redeemed keys, without a date and a learner.", "Nothing, unless you need the learner's name.", "redeemed_by_list"),
        # keys
        _row("course_key_gone", "error", "A later course-key export no longer shows it: it may have been deleted.", f"Export {KEYS} anew, without a filter, and run the audit again: a code that is absent there too, and of which {ASSIGNMENTS} shows no redemption, is to be pasted into the entry of its pool again ({ADD}).", "course_key_gone"),
        _row("conflicting_rows", "error", "Its rows in the course-key exports disagree in a setting.", f"Export {KEYS} again, keep only the latest file, and run the audit again.", "conflicting"),
        _row("excel_damage", "error", "A key cell is not text.", (f"Export again ({POOL} → Export, or {KEYS}) and do not open the file in Excel; else compare the code with the learner's e-mail.",) * 3 + (f"Export {KEYS} again and do not open the file in Excel; of a pool, compare the code with the learner's e-mail.",)),
        _row("several_keys_in_cell", "error", "Several codes stand in one cell.", "Put each code into a row of its own in the file, and run the audit again."),
        _row("ambiguous_lookalike", "error", "A code resembles several others.", f"Ask the learner which code they hold, and compare the codes character by character ({DIFFERENCE}); delete nothing before."),
        _row("collides_with_other_key", "error", "Another kind of key (subscription or class) has the same code.", "A code can exist only once: look the code up in Find Subscription Keys and Find Class Keys. The pool's key cannot be recreated: its learner needs a new course key.", "taken"),
        _row("repeated_row", "warning", "One file lists a key more than once.", "Check whether the export was edited by hand.", "repeated", "One file lists it more than once."),
        _row("blank_key", "warning", "A row without a code.", (f"Look the row up in the TMS ({POOL}, or {KEYS}): a key may be lost there.",) * 3 + (f"A key may be lost there. Of course keys: look the row up in {KEYS}. {_OF_A_POOL}",)),
        _row("padded_key", "warning", "Blanks or invisible characters around a code.", "Nothing in the pool; take care when pasting the code."),
        _row("uniform_padding", "note", "Every code of a file carries the same padding.", "Open one code in the TMS and compare: if the padding shows there too, no learner's code matches it."),
        _row("case_twin", "warning", "Another key differs from it only in upper and lower case: the TMS takes them as two.", "Check which of the two the learner holds before you touch either.", "case_twin"),
        _row("header_as_key", "warning", "The text of a header stands as a key.", f"If the text stands as a course key in the TMS: delete that course key ({ENTRY} → the code → Delete). If it is only a row of the file: take the row out."),
        _row("fragile_key", "note", "Excel would change these codes.", ("Paste these codes from the text list only; never open the list in Excel.",) * 2 + ("Paste those that stand on a list of the plan from that text list only; never open it in Excel. The others are not to be pasted any more.",) * 2, "pool_fragile > 0", "{fragile} of this pool would be changed by Excel.", of="pool"),
        _row("key_added_late", "note", "It was created after the creation of new pools was disabled.", ("Nothing: the key is to be migrated like the others.",) * 2 + ("Nothing: with this key is to be done what is to be done with the others.",) * 2, "added_late"),
        # people
        _row("log_key_unknown", "error", "The log says a learner was sent a code that no export knows.", f"Compare the code with the key suggested, or look the code up ({KEYS}, Find Subscription Keys, Find Class Keys).", of="file"),
        _row("live_without_holder", "warning", "It can be redeemed, and the complete log does not name it.", f"If nobody is to have the key: delete it ({ENTRY} → the code → Delete); or keep it in reserve knowingly: whoever finds the code can redeem it.", "status_migrated & not_distributed & works_yes"),
        _row("log_incomplete", "note", "The log names some keys of a pool, and not others.", f"Ask whether the log is complete. If so, tell keyaudit {in_settings('[distribution] complete = true')}: then keys it does not name were sent to nobody.", "(pool_logged > 0) & (pool_logged < pool_keys) & ~log_is_complete", "The log names {logged} of its {keys} keys: is it complete?", of="pool"),
        # pools
        _row("pool_expired_too_soon", "critical", "A pool has expired, and keys in it are still to be migrated.", (f"Set a later expiry ({POOL} → Edit → Expires), or migrate its keys today.",) * 2 + ("Issue new course keys to its learners: the pool can no longer be extended.",) * 2, "pool_is_over & pool_has_to_migrate", of="pool"),
        _row("no_backup", "error", "A pool has later exports and no backup: what was deleted is not known.", _BACKUP, "pool_has_now & ~pool_has_before", of="pool"),
        _row("backup_looks_late", "error", "A pool's backup seems to be made after its keys were deleted.", f"{_BACKUP} If the pool was used up: accept this finding {_ACCEPT}.", "pool_has_before & pool_was_used_up & pool_has_new_course_keys & ~pool_log_clears", "Its backup holds no unredeemed key, and {new_keys}: it was made after the deletion, and codes deleted before it are not in this audit; or the pool was used up.", of="pool"),
        _row("codes_regenerated", "error", "New codes were generated instead of pasting a pool's old ones.", f"Either send every learner a new code ({KEYS} lists them) and leave the old ones alone, or delete the new codes that nobody was sent or has used ({ENTRY} → the code → Delete) and paste the old ones ({ADD}): the plan lists the old ones. Never both.", "pool_lost_keys & ~pool_arrived & pool_has_new_course_keys", "Its unredeemed keys are gone, none of them is a course key, and {new_keys}: it seems that new codes were generated instead of pasting the old.", of="pool"),
        _row("pool_never_exported", "error", "A pool of the pool list is in no export.", (f"Export the pool ({POOL} → Export) into pools-before, and run the audit again.",) * 3 + (_LATER,), "pool_listed & ~pool_has_before & ~pool_has_now", of="pool"),
        _row("history_not_kept", "error error error warning", "A pool was not exported since the migration began: its record of redemptions ends with the pools.", (f"Export its history before the removal ({POOL} → Export) into pools-now.",) * 3 + ("Record the gap: what was redeemed in it after the backup is shown by " + ASSIGNMENTS + " alone.",), "is_read_only & pool_has_before & ~pool_has_now", of="pool"),
        _row("pool_not_reexported", "note note error error", "A pool was not exported again: keys may be missing that the audit cannot see.", _AGAIN, "pool_has_before & ~pool_has_now & pool_needs", of="pool", raised=(("pool_begun", "warning"),)),
        _row("not_in_backup", "warning", "Its pool has a backup, and the backup does not show it.", "Check whether the key was added to its pool later, or whether the backup was filtered.", "in_pool & ~in_before & pool_backed"),
        _row("pool_not_expired", "warning", "A pool with nothing left to do is still open.", f"Expire the pool ({POOL} → Edit → Expires): whoever has an old list can still try its codes.", "~is_read_only & pool_begun & ~pool_needs & ~pool_is_over & ~pool_in_use", of="pool"),
        _row("pool_setting_unknown", "note", "What no export and no list says of a pool.", (f"Look at the pool's page in the TMS ({POOL}), and tell keyaudit {_POOL} what it shows.",) * 3 + (f"The pool's page is gone: tell keyaudit {_POOL} what an older export, a list or a mail says of it; else leave it open.",), "pool_settings_lacking", "{lacking}", of="pool", raised=(("pool_course_or_expiry_lacking", "warning"),)),
        _row("pool_renamed", "note", "A later export shows a pool under a new name.", f"Check that the two names mean one pool; otherwise name the pools apart {_APART}.", of="pool"),
        _row("parts_of_one_pool", "note", "Several later exports of one pool share no key.", "Check that these exports together hold the whole pool.", of="pool"),
        _row("typos_not_sought", "note", "Typing slips were not sought in a pool.", "If a learner of this pool cannot redeem, compare their code with the course keys by eye.", "pool_typos_off", "{typos_off}", of="pool"),
        _row("same_pool_twice", "note", "Two exports are of one pool.", f"Check that both exports are of one pool; otherwise name the pools apart {_APART}.", of="pool"),
        # coverage
        _row("file_unreadable", "error", "A file could not be read.", "Mend or replace the file, and run the audit again: what it holds is not in this audit.", of="file"),
        _row("damaged_row", "error", "A row is damaged and was set aside: its key is not in this audit.", tuple(f"{told} Or mend the row." for told in _FRESH), of="file"),
        _row("ambiguous_dates", "error", "Dates could be read in two orders.", f"Tell keyaudit {_DAY_FIRST} whether the day or the month comes first.", of="file"),
        _row("rows_unaccounted", "error", "A file has not the declared number of rows.", tuple(f"{told} Then compare the number in the TMS with the one {_ROWS}." for told in _FRESH), of="file"),
        _row("input_missing", "note", "An export that would tell more was not given.", (f"Into course-keys: {KEYS} → Export. Into pools-now: {POOL} → Export. Into distribution: your own list of who was sent which key. Then run the audit again.",) * 3 + (f"Into course-keys: {KEYS} → Export. Into pools-now: pool exports made before the removal. Into distribution: your own list of who was sent which key. Then run the audit again.",), of="file"),
        _row("export_cut", "warning", "An export ends at a round number of rows: it may have been cut.", (f"Compare the number of keys with the TMS ({POOL}, or {KEYS}); if there are more, export in parts.",) * 3 + (f"Of course keys: compare the number with {KEYS}, and if there are more, export in parts. {_OF_A_POOL}",), of="file"),
        _row("files_passed_over", "warning", "Files in a folder of exports were not read.", "If one is an export: save it as .xlsx or CSV under a name of its own; else take it out of the folder.", of="file"),
        _row("same_file_twice", "warning", "The same file twice; read once.", "Take one copy out; a copy of the backup is no later export.", of="file"),
        _row("sheet_not_read", "warning", "A sheet, or a second column, that seems to hold keys was not read.", f"Give its header a name keyaudit knows, or map it {_COLUMN}.", of="file"),
        _row("unreadable_date", "warning", "A date cannot be read.", tuple(f"{told} Do not open it in Excel; or mend the cell." for told in _FRESH), of="file"),
        _row("column_not_understood", "note", "A column was not understood.", f"If keyaudit needs the column, say so {_COLUMN}; where it has a guess, the finding gives the line.", of="file"),
        _row("column_missing", "note", "A column was not shown, so something could not be checked.", f"If the finding names columns: export {KEYS} again with all columns. If it names the form of the file: nothing, the file was read.", of="file"),
        _row("hidden_rows", "note", "Hidden content was read.", "Check that the hidden rows, columns or sheets belong to the export.", of="file"),
        _row("pool_list_filtered", "note", "The pool list shows no expired pool: the search hides them unless asked.", ("Export the pool list again with expired pools shown (Find Training Key Pools → Export).",) * 3 + ("Nothing: the list of pools can no longer be exported.",), of="file"),
        _row("notes_set_aside", "note", "Rows of a file that hold no key were set aside.", "Look at the rows named: they should hold notes, page lines or ruled lines, and no key.", of="file"),
    )
}  # fmt: skip

BY_PAIR = ("wrong_course", "organization_differs")  # grouped by pool value → key value, which their message names
DOUBLED = ("repeated_row", "conflicting_rows", "collides_with_other_key")  # count as duplicates, beside the status
