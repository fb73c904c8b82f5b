"""`accord new`: write a new operation into its domain file, with a flow and a test that pass as they are."""

import keyword
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from accord.contract import bundle, lint
from accord.contract.generate import SourcesMissing, generate
from accord.contract.insertion import insert
from accord.contract.merge import merge
from accord.contract.sources import METHODS, ContractInvalid, Source, read
from accord.contract.templates import Plan, flow, fragment, new_domain, test

NOUNS = frozenset({"tables", "queries", "shapes", "rules", "events", "problems"})


class ScaffoldRefused(Exception):
    """The operation cannot be made as asked; nothing was written."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def new(domain: str, operation_id: str, method: str, path: str, *, repository: Path = bundle.REPOSITORY) -> list[Path]:
    """Write contract, flow and test of an operation; return the files written, the generated ones too."""
    folder = repository / "openapi"
    if not (folder / "openapi.yaml").is_file():
        raise SourcesMissing
    plan, sources = Plan(domain, operation_id, method.lower(), path), read(folder)
    if problems := [*_name_problems(plan), *_taken(plan, sources)]:
        raise ScaffoldRefused(problems)
    plan = _with_known_parameters(plan, sources)
    source, files = folder / "domains" / f"{domain}.yaml", _python_files(plan, repository)
    if existing := [file.relative_to(repository) for file in files if file.exists()]:
        raise ScaffoldRefused([f"{file} is there already; choose another operationId." for file in existing])
    before = {file: file.read_text(encoding="utf-8") if file.exists() else None for file in (source, *files)}
    try:
        return _write(plan, source, files, repository)
    except ContractInvalid as error:
        _restore(before)
        raise ScaffoldRefused(error.problems) from error
    except BaseException:
        _restore(before)
        raise


def _name_problems(plan: Plan) -> list[str]:
    name, domain, operation_id = plan.flow_name, plan.domain, plan.operation_id
    checks = (
        (domain.isidentifier() and domain.islower(), "The domain is one lower-case word, like accounts."),
        (
            operation_id.isidentifier() and operation_id[0].islower(),
            "The operationId is camelCase, like updateMe.",
        ),
        (
            name not in NOUNS and not keyword.iskeyword(name),
            f"{name}.py has another meaning; name what it does.",
        ),
        (not name.startswith("on_"), "Files on_….py are reactions to events; name the operation otherwise."),
        (plan.method in METHODS, f"The method is one of {', '.join(METHODS)}."),
        (plan.path.startswith("/api/v1/"), "The path starts with /api/v1/."),
    )
    return [message for passed, message in checks if not passed]


def _taken(plan: Plan, sources: list[Source]) -> list[str]:
    """Say which of its names the contract has already."""
    placed = [(s.domain, path, method, o.get("operationId")) for s in sources for path, method, o in s.operations()]
    return [
        *(f"The operationId {i} is in {d}; choose another." for d, _, _, i in placed if i == plan.operation_id),
        *(
            f"{method.upper()} {path} is {i} in {d}; choose another path or method."
            for d, path, method, i in placed
            if (path, method) == (plan.path, plan.method)
        ),
        *(
            f"The schema {name} is in {s.name}; choose another operationId."
            for s in sources
            for name in (plan.schema, f"{plan.schema}Answer")
            if name in s.components("schemas")
        ),
    ]


def _with_known_parameters(plan: Plan, sources: list[Source]) -> Plan:
    """Return the plan with what the sources already say about its path parameters."""
    references = {
        parameter["name"]: f"#/components/parameters/{name}"
        for source in sources
        for name, parameter in source.components("parameters").items()
        if parameter.get("in") == "path"
    }
    names = {reference: name for name, reference in references.items()}
    shared = [p for s in sources for p in s.document.get("paths", {}).get(plan.path, {}).get("parameters", [])]
    declared = frozenset(p.get("name") or names.get(p.get("$ref", ""), "") for p in shared)
    return replace(plan, declared=declared, references=references)


def _python_files(plan: Plan, repository: Path) -> dict[Path, str]:
    """Return the flow, the test, and the package that a new domain begins with."""
    flows = repository / "src" / "accord" / "flows" / plan.domain
    package = {} if (flows / "__init__.py").exists() else {flows / "__init__.py": f'"""The domain {plan.domain}."""\n'}
    return {
        flows / f"{plan.flow_name}.py": flow(plan),
        repository / "tests" / "flows" / plan.domain / f"test_{plan.flow_name}.py": test(plan),
        **package,
    }


def _write(plan: Plan, source: Path, files: dict[Path, str], repository: Path) -> list[Path]:
    existing = source.read_text(encoding="utf-8") if source.exists() else new_domain(plan)
    source.write_text(insert(existing, fragment(plan), source.name), encoding="utf-8")
    if problems := lint.problems(merge(repository / "openapi")):
        raise ContractInvalid(problems)
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    _format(list(files))
    return [source, *files, *generate(repository)]


def _format(files: list[Path]) -> None:
    """Break lines that long names made too long; without ruff they stay so."""
    command = (sys.executable, "-m", "ruff", "format", "--quiet", *map(str, files))
    subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - our own arguments


def _restore(before: dict[Path, str | None]) -> None:
    for file, text in before.items():
        if text is not None:
            file.write_text(text, encoding="utf-8")
        else:
            file.unlink(missing_ok=True)
