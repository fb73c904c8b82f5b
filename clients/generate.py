# noqa: INP001 - a program, and no package
"""Write the generated parts of both SDKs from openapi/bundle.json and errors.json, or find out whether they are stale.

`accord sdk generate [language …]` runs this program to write them, and `accord sdk verify` to fail when one is stale.
"""

import argparse
import copy
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import node_tools

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
BUNDLE = REPOSITORY / "openapi" / "bundle.json"
ERRORS = HERE / "errors.json"
PYTHON = HERE / "python"
TYPESCRIPT = HERE / "typescript"

START = "#start"
PREFER, KEY = "#/components/parameters/Prefer", "#/components/parameters/IdempotencyKey"
STARTED = "The service responds at once with the job, which `wait_for_job` waits for."
# openapi-python-client writes these names; what our templates put into them is called otherwise.
_PYTHON_FILES = {
    "__init__.py": "__init__.py",
    "client.py": "operations.py",
    "errors.py": "models.py",
    "types.py": "types.py",
}
_STYLE = ("--isolated", "--quiet", "--no-cache", "--line-length=120", "--target-version=py310")


def python(target: Path) -> None:
    """Write the generated package of the Python SDK into an empty folder."""
    with tempfile.TemporaryDirectory() as scratch:
        output, document = Path(scratch, "output"), Path(scratch, "bundle.json")
        bundle = _with_starts(json.loads(BUNDLE.read_text("utf-8")))
        document.write_text(json.dumps(_with_names(_with_described_parameters(bundle))), encoding="utf-8")
        _run(
            *(sys.executable, "-m", "openapi_python_client", "generate", f"--path={document}"),
            *(f"--output-path={output}", "--meta=none", f"--config={PYTHON / 'generator.yaml'}"),
            *(f"--custom-template-path={PYTHON / 'templates'}", "--fail-on-warning"),
        )
        for written, requested in _PYTHON_FILES.items():
            shutil.copy(output / written, target / requested)
    (target / "metadata.py").write_text(_metadata(bundle), encoding="utf-8")
    ruff = (sys.executable, "-m", "ruff")
    _run(*ruff, "check", "--select=F401,I", "--fix-only", *_STYLE, str(target))
    _run(*ruff, "format", *_STYLE, str(target))


def typescript(target: Path) -> None:
    """Write the generated folder of the TypeScript SDK into an empty folder."""
    node_tools.install()
    _run(node_tools.program("node"), "generate.ts", str(target), cwd=TYPESCRIPT)


LANGUAGES: dict[str, tuple[Callable[[Path], None], Path]] = {
    "python": (python, PYTHON / "src" / "accord_client" / "generated"),
    "typescript": (typescript, TYPESCRIPT / "src" / "generated"),
}


class GenerationFailed(Exception):
    """A generator did not do its work; the message is what it said."""


def _with_starts(bundle: dict[str, Any]) -> dict[str, Any]:
    """Give each operation that a job can run another one, which starts the job: `verifyAudit`, `startVerifyAudit`.

    The path of that one has START behind it, as a path has one operation of each method.
    """
    for path, method, operation in list(_placed(bundle)):
        if "x-async" not in operation:
            continue
        others = [p for p in operation["parameters"] if p.get("$ref") != PREFER]
        name = operation["operationId"]
        started = {
            **operation,
            "operationId": f"start{name[0].upper()}{name[1:]}",
            "summary": f"{operation['summary']}, by a job",
            "description": STARTED,
            "parameters": others,
            "responses": {s: r for s, r in operation["responses"].items() if s == "202" or s >= "400"},
        }
        bundle["paths"].setdefault(path + START, {})[method] = started
        # A read does nothing twice without a key.
        operation["parameters"] = [p for p in others if method != "get" or p.get("$ref") != KEY]
        del operation["responses"]["202"]
    return bundle


def _with_described_parameters(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bundle with the description of each parameter where the generator looks for it: on its schema."""
    document: dict[str, Any] = copy.deepcopy(dict(bundle))
    schemas = document["components"]["schemas"]
    inline = (p for operation in _operations(document) for p in operation.get("parameters", ()) if "$ref" not in p)
    for parameter in (*document["components"]["parameters"].values(), *inline):
        schema = parameter["schema"]
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        parameter["schema"] = {**schema, "description": parameter["description"]}
    return document


def _with_names(document: dict[str, Any]) -> dict[str, Any]:
    """Say in the types which tables and paths there are; what the service says of newer ones is read all the same."""
    schemas = document["components"]["schemas"]
    kinds = [schema["x-record"] for schema in schemas.values() if "x-record" in schema]
    schemas["TableName"]["enum"] = sorted({kind["table"] for kind in kinds})
    schemas["RecordPath"]["enum"] = sorted({path for kind in kinds for path in kind.get("writable", {})})
    return document


def _metadata(bundle: Mapping[str, Any]) -> str:
    """Return the module with the facts of the contract beyond types."""
    operations = {_snake_case(operation["operationId"]): operation for operation in _operations(bundle)}
    anonymous = [name for name, operation in operations.items() if operation.get("security") == []]
    for_anybody = [name for name, operation in operations.items() if {} in operation.get("security", ())]
    repeatable = [name for name, operation in operations.items() if _is_repeatable(operation)]
    keyed = [name for name, operation in operations.items() if "Idempotency-Key" in _headers(operation, bundle)]
    lists = sorted(operation["x-list"]["type"] for operation in operations.values() if "x-list" in operation)
    schemas = bundle["components"]["schemas"]
    aliases = {name: _alias(schema) for name, schema in schemas.items() if "oneOf" in schema}
    return "\n".join(
        [
            '"""Facts of the contract beyond types. Generated from the bundle and errors.json; never edited."""',
            "from __future__ import annotations",
            "from collections.abc import Mapping",
            "from typing import Final, Literal, TypeAlias, Union",
            f"from .models import {', '.join(sorted(schemas.keys() - aliases.keys()))}",
            f"ANONYMOUS: Final = frozenset({sorted(anonymous)})",
            '"""Operations without a sign-in."""',
            f"FOR_ANYBODY: Final = frozenset({sorted(for_anybody)})",
            '"""Operations for every caller, with more in the response to a signed-in one."""',
            f"KEYED: Final = frozenset({sorted(keyed)})",
            '"""Operations that take an Idempotency-Key."""',
            f"REPEATABLE: Final = frozenset({sorted(repeatable)})",
            '"""Operations that do nothing twice when the same request is sent twice, with or without a key."""',
            f"CREATABLE: Final[Mapping[str, frozenset[str]]] = {_creatable(bundle)}",
            '"""For each table the fields of a request that creates a record."""',
            f"MOMENTS: Final[Mapping[str, frozenset[str]]] = {_moments(bundle)}",
            '"""For each table the fields that hold a time of the service, or null."""',
            f"ListType: TypeAlias = Literal[{', '.join(map(repr, lists))}]",
            '"""The types of the lists that clients follow."""',
            *(f"{name}: TypeAlias = {alias}" for name, alias in sorted(aliases.items())),
            *_meanings(),
            "",
        ]
    )


def _meanings() -> Iterator[str]:
    """Yield the table of errors that both SDKs have."""
    table = json.loads(ERRORS.read_text("utf-8"))
    codes = {code: (each["error"], each["step"]) for code, each in table["codes"].items()}
    statuses = {int(status): (each["error"], each["step"]) for status, each in table["statuses"].items()}
    yield 'Step: TypeAlias = Literal["final", "again", "repeat", "wait"]'
    yield '"""The next step after an error: `final`, the service would respond the same another time;'
    yield "`again`, nothing was done; `repeat`, sent again where twice is once; `wait`, not until something changes."
    yield '"""'
    yield f"CODES: Final[Mapping[str, tuple[str, Step]]] = {codes}"
    yield '"""The class of the error of each code, and the next step."""'
    yield f"STATUSES: Final[Mapping[int, tuple[str, Step]]] = {statuses}"
    yield '"""The same by status, for codes newer than this package. A 409 has several meanings and no class."""'
    yield f"OF_A_PROXY: Final = frozenset({table['statusesOfProxies']})"
    yield '"""Statuses of a proxy in the place of the service, with the meaning that the service gives them."""'


def _operations(bundle: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for _, method, operation in _placed(bundle):
        yield {**operation, "method": method}


def _placed(bundle: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in bundle["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


def _snake_case(operation: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def _is_repeatable(operation: Mapping[str, Any]) -> bool:
    return operation["method"] == "get" or bool(operation.get("x-repeatable") or operation.get("x-idempotent-by"))


def _headers(operation: Mapping[str, Any], bundle: Mapping[str, Any]) -> set[str]:
    shared = bundle["components"]["parameters"]
    parameters = (shared[p["$ref"].rpartition("/")[2]] if "$ref" in p else p for p in operation.get("parameters", ()))
    return {parameter["name"] for parameter in parameters if parameter["in"] == "header"}


def _creatable(bundle: Mapping[str, Any]) -> str:
    schemas = bundle["components"]["schemas"]
    kinds = (schema["x-record"] for schema in schemas.values() if "x-record" in schema)
    created = {kind["table"]: kind["create"] for kind in kinds if "create" in kind}
    fields = {
        table: sorted((schemas[create["$ref"].rpartition("/")[2]] if "$ref" in create else create)["properties"])
        for table, create in sorted(created.items())
    }
    return "{" + ", ".join(f"{table!r}: frozenset({names})" for table, names in fields.items()) + "}"


def _moments(bundle: Mapping[str, Any]) -> str:
    kinds = (schema["x-record"] for schema in bundle["components"]["schemas"].values() if "x-record" in schema)
    paths = {
        kind["table"]: sorted(path for path, what in kind.get("writable", {}).items() if what == "moment")
        for kind in kinds
    }
    return "{" + ", ".join(f"{table!r}: frozenset({names})" for table, names in sorted(paths.items()) if names) + "}"


def _alias(schema: Mapping[str, Any]) -> str:
    parts = [_type(part) for part in schema["oneOf"]]
    nullable = ["None"] if any(part.get("nullable") for part in schema["oneOf"]) else []
    return f"Union[{', '.join([*parts, *nullable])}]"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if schema["type"] == "array":
        return f"list[{_type(schema['items'])}]"
    return {"string": "str", "number": "float", "integer": "int", "boolean": "bool"}[schema["type"]]


def _run(*command: str, cwd: Path = REPOSITORY) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise GenerationFailed(f"{done.stdout}{done.stderr}Install the development dependencies if one is missing.")


def generate(language: str) -> list[Path]:
    """Write the files that are not current, and return them."""
    make, folder = LANGUAGES[language]
    changed = stale(language)
    if changed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
    return changed


def stale(language: str) -> list[Path]:
    """Return the generated files that differ from what the bundle makes, or should not be there."""
    make, folder = LANGUAGES[language]
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        make(fresh)
        requested, found = _contents(fresh), _contents(folder)
    return [folder / name for name in sorted(requested.keys() | found.keys()) if requested.get(name) != found.get(name)]


def _contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="accord sdk", description=__doc__)
    parser.add_argument("command", choices=("generate", "verify"))
    parser.add_argument("languages", nargs="*", metavar="language", help=" or ".join(LANGUAGES))
    arguments = parser.parse_args()
    try:
        return _generate_or_verify(arguments.command, arguments.languages or list(LANGUAGES))
    except (GenerationFailed, node_tools.NodeMissing) as failed:
        sys.stderr.write(f"accord: {failed}\n")
        return 1


def _generate_or_verify(command: str, languages: list[str]) -> int:
    if command == "generate":
        for file in [file for language in languages for file in generate(language)]:
            sys.stdout.write(f"Wrote {file.relative_to(REPOSITORY)}.\n")
        return 0
    old = [file for language in languages for file in stale(language)]
    for file in old:
        name = file.relative_to(REPOSITORY)
        sys.stderr.write(f"accord: {name} is not current: run `accord sdk generate`.\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
