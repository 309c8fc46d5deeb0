"""Charts of an audit: what it says, as a picture, a sentence and the numbers. (DESIGN §5)

from keyaudit import charts
charts.redemptions(audit)
"""

from keyaudit.charts.overtime import keys_left, outlook, redemptions
from keyaudit.charts.paint import dark_css
from keyaudit.charts.sheet import Chart
from keyaudit.charts.tallies import how_statuses_follow, status_by_pool, where_keys_went

DRAWN = (redemptions, keys_left, outlook, status_by_pool, where_keys_went, how_statuses_follow)
__all__ = ["DRAWN", "Chart", "dark_css", *(draw.__name__ for draw in DRAWN)]
