"""The place of an import error: the file and line in the flow that fails, not in the module that imports the flow."""

import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def told(error: BaseException) -> tuple[str, str] | None:
    """Return the file in the package, and the line with its error; None when no import of a flow failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return _place(error.filename, error.lineno or 1, f"{type(error).__name__}: {error.msg}")
    frames = traceback.extract_tb(error.__traceback__)
    imported = [frame for frame in frames if frame.name == "<module>" and _is_of_a_flow(frame.filename)]
    if not imported:
        return None
    # The last line in a flow: a module may fail in a function that it calls while it is imported.
    last = [frame for frame in frames if _is_of_a_flow(frame.filename)][-1]
    return _place(last.filename, last.lineno or 1, f"{type(error).__name__}: {error}")


def _is_of_a_flow(filename: str) -> bool:
    return Path(filename).is_relative_to(PACKAGE / "flows")


def _place(filename: str, line: int, what: str) -> tuple[str, str] | None:
    if not _is_of_a_flow(filename):
        return None
    return Path(filename).relative_to(PACKAGE).as_posix(), f"line {line}: {what}"
