"""A finding of the doctor."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at; `advice` says what to change, and `works` whether the service can do without."""

    subject: str
    state: str
    advice: str = ""
    works: bool = True

    def __str__(self) -> str:
        """Return the line that people read: ✓ is well, ! works and could be better, ✗ does not work."""
        mark = "✗" if not self.works else "!" if self.advice else "✓"
        end = "" if self.state.endswith("?") else "."
        return f"{mark} {self.subject}: {self.state}{f'{end} {self.advice}.' if self.advice else end}"
