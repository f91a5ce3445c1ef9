"""Nothing speaks by itself in the first epoch after a resume.

Bytewax 0.21.1 loads the state of a step while the steps before it may already run. If one of those emits by a timer
then, the step behind it is built without its state, and the empty state is written over the real one: an outbox, or
the alerts that wait for a digest, would be gone with the next kill (seen in 9 of 22 resumes; records from a source
did not do it). So whatever a timer has to say waits for the step's own first snapshot.
"""

from datetime import UTC, datetime, timedelta

_LOOK = timedelta(milliseconds=100)


class FirstEpoch:
    """Whether a step is still in the epoch in which it was resumed. A step without state to resume never is."""

    def __init__(self, resume: object | None) -> None:
        self._goes_on = resume is not None

    def __bool__(self) -> bool:
        return self._goes_on

    def end(self) -> None:
        """To be called in `snapshot()`."""
        self._goes_on = False

    @staticmethod
    def look_again() -> datetime:
        """What `notify_at()` returns meanwhile: it also sees to it that there is a snapshot."""
        return datetime.now(UTC) + _LOOK
