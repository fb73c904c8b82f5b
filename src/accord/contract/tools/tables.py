"""Tables of generated Markdown pages."""

from collections.abc import Iterable


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table with these heads."""
    return "".join([_line(heads), "|" + "---|" * len(heads) + "\n", *map(_line, rows)])


def _line(cells: list[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"
