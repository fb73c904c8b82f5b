"""The exceptions of a job's flow that are no problems."""


class Later(Exception):
    """The job cannot go on now, through no fault of its own: run it again after so many seconds.

    The attempt does not count, and what it wrote is rolled back.
    """

    def __init__(self, seconds: float) -> None:
        """Take the seconds to wait."""
        super().__init__(f"later: {seconds:g} s")
        self.seconds = seconds


class Dead(Exception):
    """The job can never succeed: it is dead after this attempt, and what it wrote is committed, such as an event.

    A declared problem makes a job dead, too, and rolls back what it wrote.
    """
