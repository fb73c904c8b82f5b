"""From the environment to Settings, with every problem found before any is reported."""

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from accord.settings.kinds import Period, Seconds, spoken
from accord.settings.variables import Settings

DEVELOPMENT = "development"
_SECRETS = ("metrics_token", "flow_signing_key")
_SHORTEST_SECRET = 32
_PLACEHOLDER = re.compile(
    r"change.?me|placeholder|example|replace|your.?(?:secret|key)|secret.?key|insecure|^(.)\1*$",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"[a-z0-9+.\-]+://(?:[^/@]*?:([^/@]*)@)?")
_ARGON2_FLOOR = {"argon2_memory_kib": 19_456, "argon2_time_cost": 2, "argon2_parallelism": 1}
_LATER = {
    "COOKIE_DOMAIN": "cookie sign-in is not built yet",
}


class SettingsError(Exception):
    """The environment cannot be used; `problems` has one line for each variable that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        """Join the lines, so that printing the exception shows them all."""
        self.problems = problems
        super().__init__("These settings are refused:\n" + "\n".join(f"  {line}" for line in problems))


def load(
    environ: Mapping[str, str] | None = None, places: Mapping[str, str] | None = None, **overrides: Any
) -> Settings:
    """Read the environment; `overrides`, options of the command, win over it. Raises SettingsError with every problem.

    `places` says of variables that were read from a file where they stand.
    """
    values, problems = _collected(os.environ if environ is None else environ)
    values |= overrides
    settings, refused = _validated(values)
    problems |= refused
    for name, problem in _unsafe(settings):
        problems.setdefault(name, problem)
    if problems:
        found = [name for name in Settings.model_fields if name in problems]
        raise SettingsError([_line(name, problems[name], places or {}, overrides) for name in found])
    return settings


def suspicious(environ: Mapping[str, str], places: Mapping[str, str] | None = None) -> list[str]:
    """Warn of variables that have no effect: misspelt names of ours, and features that are not built yet."""
    places = places or {}
    known = {name.upper() for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    warnings = [
        f"{_placed(name, places.get(name))} has no effect: {why}." for name, why in _LATER.items() if environ.get(name)
    ]
    for name in sorted(set(environ) - known - set(_LATER)):
        # A name in `.env` is more likely meant for this service than one of the environment.
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.7 if name in places else 0.9)
        if near:
            warnings.append(f"{_placed(name, places.get(name))} has no effect; is {near[0]} meant?")
        elif name.startswith("RATE_LIMIT_"):
            warnings.append(f"{_placed(name, places.get(name))} has no effect: there is no such limit.")
    return warnings


def _collected(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Take each variable from NAME or from the file that NAME_FILE points to; empty counts as unset."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in Settings.model_fields:
        direct, file = environ.get(name.upper()), environ.get(f"{name.upper()}_FILE")
        if direct and file:
            problems[name] = f"is set twice: unset {name.upper()} or {name.upper()}_FILE"
        elif file:
            try:
                values[name] = Path(file).read_text("utf-8").strip()
            except (OSError, ValueError):
                problems[name] = f"cannot be read: {name.upper()}_FILE must name a readable UTF-8 file"
        elif direct:
            values[name] = direct
    return values, problems


def _validated(values: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """Validate; what is wrong falls back to its default, so that checks across variables can still run."""
    try:
        return Settings(**values), {}
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
    problems = {str(one["loc"][0]): _reason(one) for one in wrong}
    unknown = problems.keys() - Settings.model_fields.keys()
    if unknown:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    return Settings(**{name: value for name, value in values.items() if name not in problems}), problems


def _reason(error: Mapping[str, Any]) -> str:
    """Return what the value must be; pydantic's own words name types of Python, and durations in seconds."""
    name, limits = str(error["loc"][0]), error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            return "must be a whole number"
        case "bool_parsing":
            return "must be true or false"
        case "literal_error":
            return f"must be {limits['expected']}"
        case "less_than_equal":
            return f"must be at most {_limit(name, limits['le'])}"
        case "greater_than_equal":
            return f"must be at least {_limit(name, limits['ge'])}"
        case _:
            return error["msg"].removeprefix("Value error, ")


def _limit(name: str, limit: int) -> str:
    annotation = Settings.__annotations__[name]
    is_duration = any(kind in (annotation, *get_args(annotation)) for kind in (Seconds, Period))
    return spoken(limit) if is_duration else str(limit)


def _unsafe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name what no variable shows by itself."""
    if settings.env != "test":
        for name, floor in _ARGON2_FLOOR.items():
            if getattr(settings, name) < floor:
                yield name, f"must be at least {floor}"
    if settings.argon2_memory_kib < 8 * settings.argon2_parallelism:
        yield "argon2_memory_kib", "must be at least 8 for each lane of ARGON2_PARALLELISM"
    if settings.refresh_grace >= settings.session_idle_ttl:
        yield "refresh_grace", "must be shorter than SESSION_IDLE_TTL"
    for name in _SECRETS:
        secret = getattr(settings, name)
        if secret is not None and len(secret.get_secret_value()) < _SHORTEST_SECRET:
            yield name, f"is too short: give at least {_SHORTEST_SECRET} random characters"
    if settings.is_production:
        yield from _unfit_for_production(settings)


def _unfit_for_production(settings: Settings) -> Iterator[tuple[str, str]]:
    required = ["database_url", "jwt_private_key", "journal_private_key", "flow_signing_key"]
    required += ["nats_url"] if settings.flow_transport == "nats" else []
    required += ["smtp_url", "public_url"]
    for name in required:
        if getattr(settings, name) is None:
            yield name, "is required in production"
    if settings.mail_from == Settings.model_fields["mail_from"].default:
        yield "mail_from", "is required in production"
    for name in (*_SECRETS, "database_url", "nats_url", "smtp_url"):
        secret = getattr(settings, name)
        if secret is not None and _PLACEHOLDER.search(_password_in(secret.get_secret_value())):
            yield name, "is a placeholder: production needs a random secret"
    if not settings.rate_limit_enabled:
        yield "rate_limit_enabled", "must be true in production"


def _password_in(secret: str) -> str:
    """Of a URL only the password is a secret; `db.example.org` is not a placeholder."""
    match = _PASSWORD_IN_URL.match(secret)
    return (match[1] or "") if match else secret


def _line(name: str, problem: str, places: Mapping[str, str], options: Collection[str]) -> str:
    variable, (example, *_) = name.upper(), Settings.model_fields[name].examples or [""]
    if name in options:
        option = f"--{name.replace('_', '-')}"
        return f"{option} {problem[0].lower()}{problem[1:]}; for example {option} {example}"
    placed = _placed(variable, places.get(variable) or places.get(f"{variable}_FILE"))
    return f"{placed} {problem[0].lower()}{problem[1:]}; for example {variable}={example}"


def _placed(name: str, place: str | None) -> str:
    """Return the name of a variable, and where it stands when a file has it."""
    return f"{name} ({place})" if place else name
