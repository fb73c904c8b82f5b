"""Template files: `%{name}` in a line is a value; alone on a line it is as many lines as its list has."""

import re
from collections.abc import Mapping
from pathlib import Path

Values = Mapping[str, str | list[str]]

_alone = re.compile(r"( *)%\{(\w+)\}")
_inside = re.compile(r"%\{(\w+)\}")


def rendered(template: Path, values: Values) -> str:
    """Return the text of a template with the values in their places."""
    lines = template.read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for source in lines for line in _lines(source, values))


def _lines(source: str, values: Values) -> list[str]:
    alone = _alone.fullmatch(source)
    if alone is not None:
        value = values[alone[2]]
        return [f"{alone[1]}{line}" for line in ([value] if isinstance(value, str) else value)]
    return [_inside.sub(lambda found: str(values[found[1]]), source)]
