"""`accord new record`: write a whole domain of records that belong to their owner, with tests that pass as they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path

from accord.contract.names import camel_case, snake_case
from accord.contract.tools.record_fields import KINDS, Field, python, yaml
from accord.contract.tools.rendering import rendered
from accord.contract.tools.sources import Source

TEMPLATES = Path(__file__).parent / "record_templates"
LONGEST_NAME = 40
LONGEST_REVISION = 32
"""Alembic's own table has room for no longer one."""
# Names with another meaning in the written modules.
TAKEN = frozenset(
    {
        "any",
        "cache",
        "caller",
        "context",
        "database",
        "datetime",
        "func",
        "id_column",
        "index",
        "insert",
        "mapping",
        "metadata",
        "queries",
        "records",
        "rules",
        "select",
        "sequence",
        "serializers",
        "statement",
        "table",
        "tables",
        "test",
        "text",
        "timestamp",
        "transaction",
        "update",
        "uuid",
        "version",
    }
)
# https://www.postgresql.org/docs/current/sql-keywords-appendix.html, and tables that are made elsewhere.
RESERVED = frozenset({"references", "columns", "values", "analyses", "users", "journal"})

_snake = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*").fullmatch
_table = re.compile(r'Table\(\s*"(\w+)"')


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """The record to make: the table, what one is called, and its fields."""

    table: str
    one: str
    fields: Sequence[Field]

    @property
    def schema(self) -> str:
        """`work_item` → `WorkItem`."""
        return _pascal(self.one)

    @property
    def operations(self) -> dict[str, str]:
        """The operationIds, by the template of their flow."""
        others = {verb: f"{verb}{self.schema}" for verb in ("create", "get", "update", "delete")}
        return {"list": f"list{_pascal(self.table)}", **others}

    @property
    def path(self) -> str:
        """`work_items` → `/api/v1/work-items`."""
        return f"/api/v1/{self.table.replace('_', '-')}"


def planned(name: str, singular: str | None, fields: Sequence[Field]) -> RecordPlan:
    """Return the plan for records of this name; what cannot be right is told by `problems`."""
    table = snake_case(name)
    return RecordPlan(table, snake_case(singular) if singular else singular_of(table), fields)


def singular_of(plural: str) -> str:
    """Return what one is called by the rules of English, or nothing when they do not tell."""
    for ending, one in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("ss", "")):
        if plural.endswith(ending):
            return plural.removesuffix(ending) + one if one else ""
    return plural.removesuffix("s") if plural.endswith("s") else ""


def problems(plan: RecordPlan, sources: Sequence[Source], repository: Path) -> list[str]:
    """Say what is wrong with the names, and which of them are taken."""
    table, one = plan.table, plan.one
    if not _snake(table) or len(table) > LONGEST_NAME:
        return [f"A kind of record has a name in the plural, like tasks or workItems, of up to {LONGEST_NAME} letters."]
    if not one:
        return [f"The singular of {table} is unknown: write a plural, such as tasks, or name one with --singular."]
    if not _snake(one) or one == table or len(one) > LONGEST_NAME:
        return ["--singular is what one is called, like task; it differs from the plural."]
    taken = [word for word in (table, one) if iskeyword(word) or word in TAKEN]
    wrong = [f"{word} has another meaning; choose another name." for word in taken]
    if table in RESERVED or table.startswith("pg_"):
        wrong.append(f"{table} has a meaning in the database; choose another name.")
    if any(source.domain == table for source in sources):
        wrong.append(f"The domain {table} is there; choose another name.")
    return wrong or [*_taken(plan, sources), *_tables_taken(plan, repository)]


def _taken(plan: RecordPlan, sources: Sequence[Source]) -> list[str]:
    """Say which names the contract has already."""
    ids = {o.get("operationId"): s.name for s in sources for _, _, o in s.operations()}
    own = {f.schema_name(plan.schema) or "": f.name for f in plan.fields if KINDS[f.kind].shared is None}
    schemas = {plan.schema, f"{plan.schema}List", f"Create{plan.schema}", f"Update{plan.schema}"}
    return [
        *(f"The operationId {i} is in {ids[i]}; choose another." for i in plan.operations.values() if i in ids),
        *(
            f"The schema {name} is in {s.name}; choose another name."
            for s in sources
            for name in sorted(schemas & s.components("schemas").keys())
        ),
        *(
            f"{own[name]}: with {plan.one} it makes the schema {name}, which is in {s.name}; name the field otherwise."
            for s in sources
            for name in sorted(own.keys() & s.components("schemas").keys())
        ),
        *(
            f"The parameter {plan.schema}Id is in {s.name}; choose another name."
            for s in sources
            if f"{plan.schema}Id" in s.components("parameters")
        ),
    ]


def _tables_taken(plan: RecordPlan, repository: Path) -> list[str]:
    package = repository / "src" / "accord"
    declared = {
        name: file.relative_to(repository).as_posix()
        for file in sorted(package.rglob("tables.py"))
        for name in _table.findall(file.read_text(encoding="utf-8"))
    }
    place = declared.get(plan.table)
    return [] if place is None else [f"The table {plan.table} is in {place}; choose another name."]


def files(plan: RecordPlan, repository: Path) -> dict[Path, str]:
    """Return every file of the domain with its text; the first is the contract."""
    package, tests = repository / "src" / "accord", repository / "tests" / "flows" / plan.table
    flows, versions = package / "flows" / plan.table, package / "database" / "migrations" / "versions"
    before = max(file.stem for file in versions.glob("[0-9]*.py"))
    revision = f"{int(before[:4]) + 1:04}_pre_{plan.table}"[:LONGEST_REVISION].rstrip("_")
    values = _values(plan) | {"revision": revision, "down_revision": before}
    domain = repository / "openapi" / "domains" / f"{plan.table}.yaml"
    written = {domain: rendered(TEMPLATES / "domain.yaml.tmpl", values)}
    written[flows / "__init__.py"] = f'"""{values["Plural"]}, each of one owner."""\n'
    for noun in ("tables", "queries", "records", "rules", "serializers"):
        written[flows / f"{noun}.py"] = rendered(TEMPLATES / f"{noun}.py.tmpl", values)
    for verb, operation in plan.operations.items():
        written[flows / f"{snake_case(operation)}.py"] = rendered(TEMPLATES / f"{verb}.py.tmpl", values)
        written[tests / f"test_{snake_case(operation)}.py"] = rendered(TEMPLATES / f"test_{verb}.py.tmpl", values)
    written[tests / "samples.py"] = rendered(TEMPLATES / "samples.py.tmpl", values)
    written[versions / f"{revision}.py"] = rendered(TEMPLATES / "migration.py.tmpl", values)
    return written


def _values(plan: RecordPlan) -> dict[str, str | list[str]]:
    """Return what the templates have places for; a list fills as many lines."""
    singular, plural = plan.one.replace("_", " "), plan.table.replace("_", " ")
    article = "an" if singular[0] in "aeiou" else "a"
    names = {
        "table": plan.table,
        "domain": plan.table,
        "list": camel_case(plan.table),
        "path": plan.path,
        "arg": plan.one,
        "name": camel_case(plan.one),
        "Name": plan.schema,
        "Names": _pascal(plan.table),
        "singular": singular,
        "plural": plural,
        "Plural": plural.capitalize(),
        "a_singular": f"{article} {singular}",
        "A_singular": f"{article} {singular}".capitalize(),
    }
    return {**names, **_contract_values(plan, names["a_singular"]), **_code_values(plan), **_test_values(plan)}


def _contract_values(plan: RecordPlan, words: str) -> dict[str, str | list[str]]:
    fields = plan.fields
    required = [field.name for field in fields if field.is_required]
    always = ["id", "ownerId", *(field.name for field in fields), "createdAt", "updatedAt", "version"]
    return {
        "example_lines": [f"{field.name}: {yaml(field.values[0])}" for field in fields],
        "create_example": ", ".join(f"{f.name}: {yaml(f.values[0])}" for f in _created(plan)),
        "change_example": f"{fields[0].name}: {yaml(fields[0].values[1])}",
        "field_schemas": [line for field in fields for line in field.component(plan.schema, words)],
        "writable": [f"{field.name}: set" for field in fields],
        "required_lines": [f"- {name}" for name in always],
        "properties": [field.property(plan.schema, of_request=False) for field in fields],
        "given_properties": [field.property(plan.schema, of_request=True) for field in fields],
        "required_to_create": [f"required: [{', '.join(required)}]"] if required else [],
    }


def _code_values(plan: RecordPlan) -> dict[str, str | list[str]]:
    fields = plan.fields
    types = {KINDS[field.kind].column.partition("(")[0] for field in fields}
    dates = any(KINDS[field.kind].python == "date" for field in fields)
    return {
        "sqlalchemy_names": ", ".join(sorted({"Column", "ForeignKey", "Index", "Table", "Uuid", *types})) + ", text",
        "columns": [
            f'Column("{f.column}", {KINDS[f.kind].column}{"" if f.optional else ", nullable=False"}),' for f in fields
        ],
        "migration_columns": [
            f'sa.Column("{f.column}", sa.{_called(KINDS[f.kind].column)}, nullable={f.optional}),' for f in fields
        ],
        "python_imports": [
            f"from datetime import {'date, ' if dates else ''}datetime",
            "from typing import NamedTuple",
            "from uuid import UUID",
        ],
        "row_fields": [f"{f.column}: {KINDS[f.kind].python}{' | None' if f.optional else ''}" for f in fields],
        "new_values": [f'"{field.column}": {_given(field)},' for field in fields],
    }


def _test_values(plan: RecordPlan) -> dict[str, str | list[str]]:
    fields, first = plan.fields, plan.fields[0]
    created, change = _created(plan), f"{first.name}={python(first.values[1])}"
    return {
        "create_kwargs": ", ".join(f"{f.name}={python(f.values[0])}" for f in created),
        "create_items": ", ".join(f"{python(f.name)}: {python(f.values[0])}" for f in created),
        "full_kwargs": ", ".join(f"{f.name}={python(f.values[0])}" for f in fields),
        "full_items": ", ".join(f"{python(f.name)}: {python(f.values[0])}" for f in fields),
        "change_kwargs": change,
        "change_name": python(first.name),
        "change_value": python(first.values[1]),
    }


def _created(plan: RecordPlan) -> list[Field]:
    """Return what an example creates one with: what it must have, or else something."""
    return [field for field in plan.fields if field.is_required] or list(plan.fields[:1])


def _given(field: Field) -> str:
    if field.is_required:
        return f'fields["{field.name}"]'
    return f'fields.get("{field.name}")' if field.optional else f'fields.get("{field.name}", False)'


def _called(column: str) -> str:
    return column if column.endswith(")") else f"{column}()"


def _pascal(name: str) -> str:
    text = camel_case(name)
    return text[0].upper() + text[1:]
