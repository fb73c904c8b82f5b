"""The exceptions of a job's flow that are no problems."""

MIN_LATER = 1.0
"""The fewest seconds until a job runs again that asks for it: nothing else limits how often it asks."""


class Later(Exception):
    """The job cannot go on now, through no fault of its own: run it again after so many seconds, 1 at least.

    The attempt does not count, and what it wrote is rolled back.
    """

    def __init__(self, seconds: float = MIN_LATER) -> None:
        """Take the seconds to wait."""
        self.seconds = max(seconds, MIN_LATER)
        super().__init__(f"later: {self.seconds:g} s")


class Dead(Exception):
    """The job can never succeed: it is dead after this attempt, and what it wrote is committed, such as an event.

    A declared problem makes a job dead, too, and rolls back what it wrote.
    """
