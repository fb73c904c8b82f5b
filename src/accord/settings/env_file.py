"""`.env` in the working folder: settings of development, each known by the line that it stands in."""

import io
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from accord.settings.loading import DEVELOPMENT, SettingsError, load


def read_file(environ: MutableMapping[str, str], file: Path = Path(".env")) -> dict[str, str]:
    """Add what `.env` says to the environment, which wins over it; return the place of each name, in development only.

    Elsewhere a file that happens to lie in the working folder must not decide how the service runs.
    """
    if environ.get("ENV", DEVELOPMENT) != DEVELOPMENT or not file.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most starts have no such file

    text = _text(file)
    places, wrong, sound = _places(text, file)
    values = dotenv_values(stream=io.StringIO(sound)).items()
    found = {name: value for name, value in values if value and name not in environ}
    if found.get("ENV", DEVELOPMENT) != DEVELOPMENT:
        wrong.append(f"ENV ({places['ENV']}) must not be set in a file that is read in development only")
        del found["ENV"]
    if wrong:
        raise SettingsError([*wrong, *_problems({**environ, **found}, places)])
    environ.update(found)
    return {name: places[name] for name in sorted(found)}


def _problems(environ: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """Return what else is wrong, so that one start tells all."""
    try:
        load(environ, places)
    except SettingsError as error:
        return error.problems
    return []


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError([f"{file} cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise SettingsError([f"{file} cannot be read: it must be UTF-8 text"]) from error


def _places(text: str, file: Path) -> tuple[dict[str, str], list[str], str]:
    """Return file and line of each name, the problems, and the text of the sound lines.

    The problem of a line that means nothing does not repeat it: it may be a secret.
    """
    from dotenv.parser import parse_stream  # noqa: PLC0415

    places: dict[str, str] = {}
    wrong: list[str] = []
    sound = ""
    for binding in parse_stream(io.StringIO(text)):
        read = binding.original.string
        blank = read[: len(read) - len(read.lstrip())].count("\n")
        place = f"{file}, line {binding.original.line + blank}"
        if binding.error or (binding.key is not None and binding.value is None):
            wrong.append(f"{place}: write NAME=value, for example PORT=8080; a quote that begins also ends")
        elif binding.key is not None:
            places[binding.key] = place
            sound += read
    return places, wrong, sound
