"""docs/settings.md, generated from the variables."""

from accord.settings.kinds import Period, Rate, Seconds, spoken
from accord.settings.variables import GROUPS, Settings

_PREAMBLE = """# Settings

Every variable can also be given as `NAME_FILE`, the path of a file that holds the value. An empty value
counts as unset. Durations are seconds, or a number with `s`, `min`, `h` or `d`.

This file is generated: `accord settings generate`.
"""
_TABLE = "| variable | default | meaning | example |\n|---|---|---|---|\n"


def reference() -> str:
    """Render every variable with its default, its meaning and an example."""
    text = _PREAMBLE
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            text += f"\n## {GROUPS[name]}\n\n{_TABLE}"
        example = (field.examples or [""])[0]
        text += f"| `{name.upper()}` | {_shown(name, field.default)} | {field.description} | {_code(example)} |\n"
    return text


def _shown(name: str, default: object) -> str:
    if default is None or default == ():
        return "unset"
    if isinstance(default, Rate):
        period = spoken(default.seconds)
        return _code(f"{default.count}/{period.removeprefix('1') if period[1:].isalpha() else period}")
    if Settings.__annotations__[name] in (Seconds, Period) and isinstance(default, int):
        return _code(spoken(default))
    return _code(str(default).lower() if isinstance(default, bool) else str(default))


def _code(text: str) -> str:
    """Mark as code, except what describes a value in words."""
    return text if text.startswith("(") else f"`{text}`"
