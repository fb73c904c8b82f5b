"""`.env` in the working folder: settings of development, each known by the line that it stands in."""

import io
from collections.abc import MutableMapping
from pathlib import Path

from accord.settings.loading import DEVELOPMENT, SettingsError


def read_file(environ: MutableMapping[str, str], file: Path = Path(".env")) -> dict[str, str]:
    """Add what `.env` says to the environment, which wins over it; return the place of each name, in development only.

    Elsewhere a file that happens to lie in the working folder must not decide how the service runs.
    """
    if environ.get("ENV", DEVELOPMENT) != DEVELOPMENT or not file.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most starts have no such file

    text = _text(file)
    places = _places(text, file)
    values = dotenv_values(stream=io.StringIO(text)).items()
    found = {name: value for name, value in values if value and name not in environ}
    if found.get("ENV", DEVELOPMENT) != DEVELOPMENT:
        raise SettingsError([f"ENV ({places['ENV']}) must not be set in a file that is read in development only"])
    environ.update(found)
    return {name: places[name] for name in sorted(found)}


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError([f"{file} cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise SettingsError([f"{file} cannot be read: it must be UTF-8 text"]) from error


def _places(text: str, file: Path) -> dict[str, str]:
    """Return file and line of each name; a line that means nothing is refused, without its text: it may be a secret."""
    from dotenv.parser import parse_stream  # noqa: PLC0415

    places: dict[str, str] = {}
    wrong: list[str] = []
    for binding in parse_stream(io.StringIO(text)):
        read = binding.original.string
        blank = read[: len(read) - len(read.lstrip())].count("\n")
        place = f"{file}, line {binding.original.line + blank}"
        if binding.error or (binding.key is not None and binding.value is None):
            wrong.append(f"{place}: write NAME=value, for example PORT=8080; a quote that begins also ends")
        elif binding.key is not None:
            places[binding.key] = place
    if wrong:
        raise SettingsError(wrong)
    return places
