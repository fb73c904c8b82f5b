"""Names that a generated client cannot use as they are, and so renames."""

import keyword
from collections.abc import Iterator

from accord.contract.laws.document import Json, operations, schemas


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PYTHON = frozenset(keyword.kwlist)
_GO = _words(
    "break case chan const continue default defer else fallthrough for func go goto if import interface map package"
    " range return select struct switch type var"
)
_JAVA = _words(
    "abstract assert boolean break byte case catch char class const continue default do double else enum extends final"
    " finally float for goto if implements import instanceof int interface long native new package private protected"
    " public return short static super switch synchronized this throw throws transient try void volatile while"
)
_TYPESCRIPT = _words("delete export function in let null typeof var with yield")
_LOCAL = _PYTHON | _GO | _JAVA | _TYPESCRIPT
"""A parameter is a local name in every language; a property is a member, and reserved in Python alone."""


def names_parameters_in_every_language(bundle: Json) -> Iterator[str]:
    """A parameter is called alike in every client."""
    for operation in operations(bundle):
        for parameter in operation.parameters:
            if parameter.get("name") in _LOCAL:
                yield f"{operation.where}: the parameter {parameter['name']} is a reserved word of a client; rename it."


def names_operations_in_every_language(bundle: Json) -> Iterator[str]:
    """An operation is called alike in every client."""
    for operation in operations(bundle):
        if operation.definition.get("operationId") in _LOCAL:
            yield f"{operation.where}: its operationId is a reserved word of a client; rename it."


def names_properties_in_every_language(bundle: Json) -> Iterator[str]:
    """A property is called alike in every client."""
    for where, schema in schemas(bundle):
        for name in _PYTHON.intersection(schema.get("properties", {})):
            yield f"{where}: the property {name} is a reserved word of a client; rename it."


RULES = (
    names_parameters_in_every_language,
    names_operations_in_every_language,
    names_properties_in_every_language,
)
