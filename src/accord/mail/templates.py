"""Templates of mails: a folder each, with `subject.j2`, `text.j2`, `html.j2`, and the values that they take.

`values.json` has an example of each value: a mail is enqueued with exactly these names. A value that a person may have
chosen, such as a name, is hostile: HTML escapes it, a subject takes no line break, and the filter `name` leaves out a
name that a mail program would turn into a link. A value whose name ends with `Link` is a path of this service.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson

from accord.telemetry.secret_names import is_secret

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDERS: list[str] = ["accord.mail"]
"""Packages whose folder `templates` is searched, in this order: a package of a team's own comes behind."""
PARTS = ("subject", "text", "html")
MAX_VALUE = 4_000
"""The most characters of one value."""
_PATH = re.compile(r"/(?!/)[!-~]*")
_CODE = re.compile(r"(?:^|_)(?:code|pin)s?(?![a-z])|(?<=[a-z0-9])(?:Code|Pin)s?(?![a-z])").search
"""A code that a person types in is a secret in a mail, though not in every log line."""
_LIKE_A_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}").search
"""Longer than a UUID, and as long as the tokens of this service."""
# A dot before a letter, a scheme or an @ is enough for some mail program to make a link.
_LIKE_A_LINK = re.compile(r"://|[./\\@:]\s*\w|www|[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", re.IGNORECASE)


class UnknownTemplate(LookupError):
    """No package has a template of this name."""


class WrongValues(ValueError):
    """The values are not those that the template takes; the message has their names, not their contents."""


class StoredSecret(ValueError):
    """A value that looks like a secret would be stored with a job; the message has its name, not its content."""


class UnsafeHeader(ValueError):
    """A header would have a line break, or an address would be several."""


class Rendered(NamedTuple):
    """A mail as its reader sees it."""

    subject: str
    text: str
    html: str


def names() -> list[str]:
    """Return the name of every template."""
    folders = [folder for package in FOLDERS for folder in (files(package) / "templates").iterdir()]
    return sorted(folder.name for folder in folders if folder.is_dir())


@cache
def examples(template: str) -> Mapping[str, str]:
    """Return an example of each value that the template takes; raise UnknownTemplate."""
    return orjson.loads((_folder(template) / "values.json").read_bytes())


def check(template: str, values: Mapping[str, Any]) -> None:
    """Raise UnknownTemplate or WrongValues."""
    wanted = examples(template).keys()
    if wanted != values.keys():
        differing = ", ".join(sorted(wanted ^ values.keys()))
        raise WrongValues(f"The mail {template} takes exactly {sorted(wanted)}; these differ: {differing}.")
    for name, value in values.items():
        if not isinstance(value, str) or len(value) > MAX_VALUE or "\0" in value:
            raise WrongValues(f"The value {name} of the mail {template} is no text of at most {MAX_VALUE} characters.")
        if name.endswith("Link") and not _PATH.fullmatch(value):
            raise WrongValues(f"The value {name} of the mail {template} is no path of this service.")


def refuse_secrets(values: Mapping[str, str]) -> None:
    """Raise StoredSecret for values that must not be stored, by their names or by the tokens in their links."""
    for name, value in values.items():
        if _is_secret(name) or (name.endswith("Link") and _has_secret(value)):
            raise StoredSecret(
                f"The value {name} of a mail looks like a secret, and the values of a mail that is enqueued are stored:"
                " enqueue a task that makes the secret, and sends the mail by context.mail.deliver."
            )


def _is_secret(name: str) -> bool:
    return is_secret(name) or _CODE(name) is not None


def _has_secret(link: str) -> bool:
    parts = urlsplit(link)
    names = [name for part in (parts.query, parts.fragment) for name, _ in parse_qsl(part, keep_blank_values=True)]
    return any(map(_is_secret, names)) or _LIKE_A_TOKEN(link) is not None


def render(template: str, values: Mapping[str, str], public_url: str) -> Rendered:
    """Return the mail; its links begin with `public_url`. Raises UnknownTemplate, WrongValues, UnsafeHeader."""
    check(template, values)
    given = {name: f"{public_url}{value}" if name.endswith("Link") else value for name, value in values.items()}
    folder = _folder(template)
    subject, text, html = (
        _environment(escapes=part == "html").from_string((folder / f"{part}.j2").read_text("utf-8")).render(given)
        for part in PARTS
    )
    return Rendered(one_line(subject, "subject"), text, html)


def variables(template: str, part: str) -> set[str]:
    """Return the names that a part of a template uses."""
    from jinja2 import meta  # noqa: PLC0415 - as below

    source = (_folder(template) / f"{part}.j2").read_text("utf-8")
    return meta.find_undeclared_variables(_environment(escapes=False).parse(source))


def one_line(value: str, header: str) -> str:
    """Return the value of a header; raise UnsafeHeader for one with a line break."""
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", value):
        raise UnsafeHeader(f"The {header} of a mail must be one line.")
    return value


def harmless_name(name: str) -> str:
    """Return the name, or nothing when a mail program could make a link of it: strangers choose names, too."""
    return "" if _LIKE_A_LINK.search(name) else name


def _folder(template: str) -> Traversable:
    if re.fullmatch(r"[a-z][a-z0-9_]*", template):
        for package in FOLDERS:
            folder = files(package) / "templates" / template
            if folder.is_dir():
                return folder
    raise UnknownTemplate(
        f"No package has the mail {template}: add templates/{template}/ with {', '.join(PARTS)} and values."
    )


@cache
def _environment(*, escapes: bool) -> "Environment":
    # Only a process that renders a mail needs Jinja, and a start should not wait for it.
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    options: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(autoescape=escapes, **options)  # noqa: S701 - text and subjects are no HTML
    environment.filters["name"] = harmless_name
    return environment
