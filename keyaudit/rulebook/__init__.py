"""The rule book: statuses, findings, and every word that is said of them. (CATALOGUE)"""

from types import SimpleNamespace

from keyaudit.rulebook.findings import *  # noqa: F403
from keyaudit.rulebook.findings import FINDINGS
from keyaudit.rulebook.statuses import *  # noqa: F403
from keyaudit.rulebook.statuses import STATUSES

# Their names, for those who speak of one: Code.blank_key, STATUS.missing.
Code, STATUS = (SimpleNamespace(**{code: code for code in table}) for table in (FINDINGS, STATUSES))
