"""Insert into a YAML file as text, so that its comments and its formatting stay.

The result is parsed and compared with what was meant, so a formatting that is not understood loses nothing.
"""

import re

from accord.contract.tools.sources import ContractInvalid, Document, parse

STEP = 2


def insert(text: str, addition: str, name: str) -> str:
    """Return the text with the mappings of `addition` added to its own, wherever each belongs.

    Raises ContractInvalid, with the lines to add by hand, when the file is formatted in another way.
    """
    added = parse(addition, "the new operation")
    lines = text.splitlines()
    existing, added = parse(text, name), parse(addition, "the new operation")
    _insert(lines, addition.splitlines(), existing, added, 0)
    result = "\n".join(lines) + "\n"
    if not _says(result, _merged(existing, added)):
        raise ContractInvalid([f"{name}: its formatting is not understood; add this by hand:\n{addition}"])
    return result


def _says(text: str, meant: Document) -> bool:
    try:
        return parse(text, "") == meant
    except ContractInvalid:
        return False


def _insert(lines: list[str], addition: list[str], existing: Document, added: Document, depth: int) -> None:
    """Insert each entry: at the end of the mapping when it is new, else go on inside of it."""
    for key, value in added.items():
        start, stop = _block(addition, key, depth)
        inside = existing.get(key)
        if isinstance(inside, dict):
            first, last = _block(lines, key, depth)
            block = lines[first + 1 : last]
            _insert(block, addition[start + 1 : stop], inside, value, depth + 1)
            lines[first + 1 : last] = block
        else:
            place = _end(lines)
            lines[place:place] = [*_blank(key, depth), *addition[start:stop]]


def _blank(key: str, depth: int) -> list[str]:
    """Return a blank line before a section and before a path, as the domain files have them."""
    return [""] if depth == 0 or key.startswith("/") else []


def _end(lines: list[str]) -> int:
    """Return where the content ends, before blank lines and comments that introduce what follows."""
    end = len(lines)
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _block(lines: list[str], key: str, depth: int) -> tuple[int, int]:
    """Return the lines of one entry of a mapping: from its key to the next entry."""
    indent = " " * (STEP * depth)
    opens = re.compile(rf"{indent}(['\"]?){re.escape(key)}\1:(?:\s|$)").match
    first = next((i for i, line in enumerate(lines) if opens(line)), len(lines))
    follows = re.compile(rf"\s{{0,{STEP * depth}}}[^\s#]").match
    last = next((i for i in range(first + 1, len(lines)) if follows(lines[i])), len(lines))
    return first, last


def _merged(document: Document, added: Document) -> Document:
    """Return the document with the additions inside."""
    inside = {
        key: _merged(document[key], value) if isinstance(document.get(key), dict) else value
        for key, value in added.items()
    }
    return document | inside
