"""Tables and code spans of Markdown documents."""

import re
from pathlib import Path


def section(document: Path, heading: str) -> str:
    """Return what stands between a heading of the document and the next one of its level."""
    text = document.read_text("utf-8").split(f"\n{heading}\n", 1)[1]
    level = heading.partition(" ")[0]
    return re.split(rf"^{level} ", text, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """Return the cells of each row of all tables in a text, without heads."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    ruled = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-: ") and "".join(row)]
    heads = {number for rule in ruled for number in (rule - 1, rule)}
    return [row for number, row in enumerate(cells) if number not in heads]


def codes(text: str) -> list[str]:
    """Return the code spans of a text."""
    return re.findall(r"`([^`\n]+)`", text)
