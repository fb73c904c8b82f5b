"""The laws of records and lists that clients follow and write by key."""

from collections.abc import Iterator

from accord.contract.laws.document import Json, Placed, operations
from accord.contract.references import resolve

KEPT = frozenset({"id", "version", "createdAt", "updatedAt"})
"""Fields that only the service writes."""


def _records(bundle: Json) -> Iterator[tuple[str, Json, Json]]:
    """Yield name, schema and x-record; what may be null repeats the record's schema, annotations and all."""
    for name, schema in bundle.get("components", {}).get("schemas", {}).items():
        if "x-record" in schema and not schema.get("nullable"):
            yield name, schema, schema["x-record"]


def names_a_record(bundle: Json) -> Iterator[str]:
    """A table has one schema of records, and clients need the id and the version of each."""
    tables: dict[str, str] = {}
    for name, schema, record in _records(bundle):
        table = str(record.get("table"))
        if table in tables:
            yield f"schema {name}: x-record has the table {table}, like schema {tables[table]}; change one."
        tables.setdefault(table, name)
        if not {"id", "version"} <= set(schema.get("required", ())):
            yield f"schema {name}: a record requires id and version."


def reads_a_record(bundle: Json) -> Iterator[str]:
    """A caller who may read a record may follow it: the operation that reads one decides."""
    by_id = {operation.definition.get("operationId"): operation for operation in operations(bundle)}
    for name, schema, record in _records(bundle):
        operation = by_id.get(record.get("read"))
        if operation is None or not _reads(operation, schema):
            yield f"schema {name}: x-record must read one with a GET that has its id in the path and returns it."


def _reads(operation: Placed, schema: Json) -> bool:
    has_an_id = any(parameter.get("in") == "path" for parameter in operation.parameters)
    return operation.method == "get" and has_an_id and operation.success_schema == schema


def writes_what_a_record_has(bundle: Json) -> Iterator[str]:
    """Transactions write these paths, and nothing else."""
    for name, schema, record in _records(bundle):
        writable = record.get("writable", {})
        for path, kind in writable.items():
            where, found = f"schema {name}: x-record.writable.{path}", schema.get("properties", {}).get(path)
            if found is None:
                yield f"{where}: the record has no such property; correct the path."
            elif path in KEPT:
                yield f"{where}: the service alone writes it; remove it."
            elif not _fits(kind, resolve(bundle, found)):
                yield f"{where}: a moment is a date-time that may be null, a list an array, and set is for the rest."
        if not writable and (record.get("delete") or "create" in record):
            yield f"schema {name}: x-record creates or deletes, so it needs writable, too."


def _fits(kind: str, schema: Json) -> bool:
    if kind == "moment":
        return schema.get("format") == "date-time" and schema.get("nullable") is True
    return (kind == "list") == (schema.get("type") == "array")


def names_a_list(bundle: Json) -> Iterator[str]:
    """With a misspelt owner no client could follow the list."""
    tables = {record.get("table") for _, _, record in _records(bundle)}
    for operation in operations(bundle):
        listed = operation.definition.get("x-list")
        if listed is not None and "of" in listed and listed["of"] not in tables:
            yield f"{operation.where}: x-list is of {listed['of']!r}, which is the table of no record; correct it."


def says_what_access_rests_on(bundle: Json) -> Iterator[str]:
    """A record that is found below another, or in a list of it, is read by those who may read that one.

    Dependencies that no path shows, such as of a record with a query of its own, are known to the author alone.
    """
    placed = list(operations(bundle))
    reads = {operation.definition.get("operationId"): operation.path for operation in placed}
    records = list(_records(bundle))
    for name, schema, record in records:
        if "of" in record:
            continue
        for _, owner, holder in records:
            below = f"{reads.get(holder.get('read'))}/"
            found = (o.where for o in placed if o.path.startswith(below) and schema in _returned(bundle, o))
            where = next(found, None) if owner != schema else None
            if where is not None:
                table = holder.get("table")
                yield f"schema {name}: {where} has it below {table}; say in x-record of: {{table: {table}, by: …}}."


def _returned(bundle: Json, operation: Placed) -> tuple[Json, Json]:
    """Return the schema of its success response, and of the items if that is a list."""
    returned = operation.success_schema
    items = resolve(bundle, returned.get("properties", {}).get("items", {}))
    return returned, resolve(bundle, items.get("items", {}))


RULES = (names_a_record, reads_a_record, writes_what_a_record_has, names_a_list, says_what_access_rests_on)
