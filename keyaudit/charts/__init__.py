"""Charts of an audit: what it says, as a picture, a sentence and the numbers. (DESIGN §5)

from keyaudit import charts
charts.redemptions(audit)
"""

from __future__ import annotations

from keyaudit.charts.left import keys_left
from keyaudit.charts.redeemed import redemptions
from keyaudit.charts.sheet import Chart
from keyaudit.charts.tallies import how_statuses_follow, status_by_pool, where_keys_went
from keyaudit.charts.works import outlook

__all__ = ["Chart", "how_statuses_follow", "keys_left", "outlook", "redemptions", "status_by_pool", "where_keys_went"]
