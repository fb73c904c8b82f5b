"""The fields of the records that are made: `title:text`, `due:date:optional`, `state:choice:open,done`."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword

from accord.contract.names import snake_case

LINE = r"'^[^\u0000-\u0020\u007f-\u00a0][^\u0000-\u001f\u007f-\u009f]*$'"
LARGEST = 9_007_199_254_740_991
"""2^53 - 1: JavaScript reads it exactly."""
BOUNDS = (f"minimum: {-LARGEST}", f"maximum: {LARGEST}")
# Columns of every record, arguments of its statements beside the columns, and attributes of every tuple.
TAKEN = frozenset(
    {
        "count",
        "headers",
        "id",
        "index",
        "owner_id",
        "created_at",
        "updated_at",
        "deleted_at",
        "version",
        "expected_version",
        "caller_id",
        "record_id",
        "self",
        "statement",
    }
)
MAX_FIELDS = LONGEST_NAME = 40

_name = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]+)*").fullmatch
_option = re.compile(r"[a-z][a-zA-Z0-9]{0,31}").fullmatch
_plain = re.compile(r"[A-Za-z][A-Za-z ]*").fullmatch


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of field: its schema, its column and type in Python, two values; `shared` names a schema that there is."""

    column: str
    python: str
    values: tuple[object, object]
    schema: tuple[str, ...] = ()
    shared: str | None = None


KINDS = {
    "text": Kind("Text", "str", ("", ""), ("type: string", "minLength: 1", "maxLength: 200", f"pattern: {LINE}")),
    "longtext": Kind("Text", "str", ("", ""), ("type: string", "maxLength: 10000", r"pattern: '^[^\u0000]*$'")),
    "integer": Kind("BigInteger", "int", (1, 2), ("type: integer", f"minimum: {-LARGEST}", f"maximum: {LARGEST}")),
    "number": Kind(
        "Double", "float", (1.5, 2.5), ("type: number", "format: double", f"minimum: {-LARGEST}", f"maximum: {LARGEST}")
    ),
    "boolean": Kind("Boolean", "bool", (False, True)),
    "time": Kind(
        "DateTime(timezone=True)",
        "datetime",
        ("2026-01-31T09:30:00.000000Z", "2026-02-01T18:00:00.000000Z"),
        shared="Timestamp",
    ),
    "date": Kind("Date", "date", ("2026-01-31", "2026-02-01"), shared="Date"),
    "uuid": Kind(
        "Uuid", "UUID", ("01980d5e-3333-7c3a-9f2e-3b5a6c7d8e9f", "01980d5e-4444-7c3a-9f2e-3b5a6c7d8e9f"), shared="Uuid"
    ),
    "choice": Kind("Text", "str", ("", ""), ("type: string",)),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field; an optional one is null until it is given."""

    name: str
    kind: str
    optional: bool = False
    options: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """`dueDate` → `due_date`."""
        return snake_case(self.name)

    @property
    def words(self) -> str:
        """`dueDate` → `due date`."""
        return self.column.replace("_", " ")

    @property
    def values(self) -> tuple[object, object]:
        """Two values that it may have, so that an example can change it."""
        if self.kind == "choice":
            return self.options[0], self.options[-1]
        if self.kind in {"text", "longtext"}:
            return self.words.capitalize(), f"Another {self.words}"
        return KINDS[self.kind].values

    @property
    def is_required(self) -> bool:
        """Whether a new record must be given it; what is true or false begins as false."""
        return not self.optional and self.kind != "boolean"

    def schema_name(self, record: str) -> str | None:
        """Return the name of its schema; None for one that is written where it is used."""
        shared = KINDS[self.kind].shared
        if shared is not None:
            return f"{shared}OrNull" if self.optional else shared
        return None if self.kind == "boolean" else f"{record}{self.name[0].upper()}{self.name[1:]}"

    def property(self, record: str, *, of_request: bool) -> str:
        """Return the line of the field among the properties of a schema; a request takes more forms of a time."""
        name = self.schema_name(record)
        if of_request and name is not None and self.kind == "time":
            name = name.replace("Timestamp", "Time")
        null = ", nullable: true" if self.optional else ""
        return f"{self.name}: " + (f"{{type: boolean{null}}}" if name is None else f"{{$ref: '{_SCHEMAS}{name}'}}")

    def component(self, record: str, words: str) -> list[str]:
        """Return the schema of its own that it has among the components, or nothing."""
        if self.kind == "boolean" or KINDS[self.kind].shared is not None:
            return []
        options = [f"enum: [{', '.join(self.options)}]"] if self.options else []
        null = ["nullable: true"] if self.optional else []
        described = f"description: The {self.words} of {words}{', or null when there is none' if null else ''}."
        lines = [described, *KINDS[self.kind].schema, *options, *null, f"example: {yaml(self.values[0])}"]
        return [f"{self.schema_name(record)}:", *(f"  {line}" for line in lines)]


_SCHEMAS = "#/components/schemas/"


def parse(text: str) -> tuple[Field | None, str | None]:
    """Return the field that a text such as `title:text` means, or what is wrong with it."""
    name, kind, *more = text.split(":") if ":" in text else (text, "")
    optional = more[-1:] == ["optional"]
    options = [option for part in more[: len(more) - optional] for option in part.split(",")]
    if not _name(name) or iskeyword(snake_case(name)) or len(name) > LONGEST_NAME:
        return None, f"{text}: a field is named in camelCase, like dueDate, and not by a word of Python's own."
    if snake_case(name) in TAKEN:
        return None, f"{text}: {name} has another meaning; choose another name."
    if kind not in KINDS:
        return None, f"{text}: a field is name:kind or name:kind:optional, and kind one of {', '.join(KINDS)}."
    if kind == "choice" and not options:
        return None, f"{text}: a choice lists values, such as state:choice:open,done."
    if options and kind != "choice":
        return None, f"{text}: only a choice lists values, such as state:choice:open,done."
    if options and not (len(set(options)) == len(options) > 1 and all(map(_option, options))):
        return None, f"{text}: write at least two different choices in camelCase, like open,inProgress,done."
    return Field(name, kind, optional, tuple(options)), None


def parse_all(texts: Sequence[str]) -> tuple[list[Field], list[str]]:
    """Return the fields, and everything that is wrong."""
    parsed = [parse(text) for text in texts]
    fields = [field for field, _ in parsed if field is not None]
    problems = [problem for _, problem in parsed if problem is not None]
    columns = [field.column for field in fields]
    problems += [f"{name}: a field is named once." for name in dict.fromkeys(columns) if columns.count(name) > 1]
    if not 1 <= len(texts) <= MAX_FIELDS:
        problems.append(f"A record has 1 to {MAX_FIELDS} fields, like title:text.")
    return fields, problems


def yaml(value: object) -> str:
    """Return a value as the domain files write it: words as they are, other texts in single quotes."""
    if isinstance(value, str):
        is_word = _plain(value) and value not in {"true", "false", "null"}
        return value if is_word else f"'{value}'"
    return json.dumps(value)


def python(value: object) -> str:
    """Return a value as Python writes it."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
