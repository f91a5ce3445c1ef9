"""When a count is out of the ordinary for its fault: the modified z-score over the fault's own past windows. Pure.

Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (ASQ, 1993): |0.6745 (x - median) / MAD| > 3.5 is an
outlier, where MAD is the median of the absolute deviations from the median. Median and MAD, not mean and deviation: one
earlier storm must not hide the next.
"""

from collections.abc import Sequence
from statistics import median

MIN_WINDOWS = 3
"""Past windows without which nothing is usual. Our choice: the least that have a median of their own."""
MAX_WINDOWS = 24
"""Past windows that count: two hours of five minutes."""
SCORE = 3.5
_CONSISTENT = 0.6745
"""MAD times this estimates the deviation of a normal distribution (same source)."""
MIN_COUNT = 10
"""A window with no more records is none. Our choice: four where there was none are not worth a second message."""
LEAST_FACTOR = 2.0
"""And at least so many times the usual count, and twice what was last told as an escalation. Our choice: nobody gets
up for a third more of a steady fault."""


def limit(history: Sequence[int], last_escalated: int) -> int:
    """Count above which a window is an escalation; 0 if there are too few past windows to say.

    Counts of rare events scatter like their square root (Poisson), so the deviation is taken as that at least.
    """
    if len(history) < MIN_WINDOWS:
        return 0
    usual = median(history)
    deviation = max(median(abs(count - usual) for count in history) / _CONSISTENT, usual**0.5, 1.0)
    return int(max(MIN_COUNT, usual + SCORE * deviation, LEAST_FACTOR * usual, LEAST_FACTOR * last_escalated))
