"""`accord new`: write a new operation or task into its domain file, or a domain of records, with tests that pass."""

import importlib.util
import keyword
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from accord.contract import bundle, laws
from accord.contract.laws.operation_rules import is_camel_case, is_path
from accord.contract.names import NOUNS, snake_case
from accord.contract.operations import METHODS
from accord.contract.tasks import Every
from accord.contract.tools import job, record
from accord.contract.tools.generate import SourcesMissing, generate
from accord.contract.tools.insertion import insert
from accord.contract.tools.merge import merge
from accord.contract.tools.operation import Plan, flow, fragment, new_domain, sample, samples, test
from accord.contract.tools.record_fields import parse_all
from accord.contract.tools.sources import ContractInvalid, Source, read

NEEDED = {"datamodel_code_generator": "datamodel-code-generator", "ruff": "ruff"}
"""The distributions that write types and format code, by module."""


class ScaffoldRefused(Exception):
    """The operation cannot be made as asked; nothing was written."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def new(domain: str, operation_id: str, method: str, path: str, *, repository: Path = bundle.REPOSITORY) -> list[Path]:
    """Write contract, flow and test of an operation; return the files written, the generated ones too."""
    sources = _sources(repository)
    plan = Plan(domain, operation_id, method.lower(), path)
    if problems := [*_name_problems(plan), *_taken(plan, sources)]:
        raise ScaffoldRefused(problems)
    plan = _with_known_parameters(plan, sources)
    files = _python_files(plan, repository)
    _refuse_existing(files, "choose another operationId", repository)
    contract = _contract(domain, fragment(plan), repository)
    return _written({**contract, **files, **_samples(plan, sources, repository)}, repository)


def new_record(
    name: str, fields: Sequence[str], singular: str | None = None, *, repository: Path = bundle.REPOSITORY
) -> list[Path]:
    """Write a domain of records that belong to their owner; return the files written, the generated ones too."""
    sources = _sources(repository)
    parsed, wrong = parse_all(fields)
    plan = record.planned(name, singular, parsed)
    if problems := [*record.problems(plan, sources, repository), *wrong]:
        raise ScaffoldRefused(problems)
    files = record.files(plan, repository)
    _refuse_existing(files, "choose another name", repository)
    return _written(files, repository)


def new_job(domain: str, task: str, every: Every | None = None, *, repository: Path = bundle.REPOSITORY) -> list[Path]:
    """Write the task, its flow and its test; return the files written, the generated ones too."""
    sources = _sources(repository)
    plan = job.JobPlan(domain, task, every)
    if problems := [*_domain_problems(domain), *job.problems(plan, sources)]:
        raise ScaffoldRefused(problems)
    files = job.files(plan, repository)
    _refuse_existing(files, "choose another name", repository)
    contract = _contract(domain, job.fragment(plan), repository)
    return _written({**contract, **files, **_package(domain, repository)}, repository)


def next_steps(written: Sequence[Path], use: str, remake: str) -> list[str]:
    """Return what to do with what was written; its first file is the domain's. `remake` is the command for the rest."""
    domain = written[0].stem
    return [
        f"Next, edit openapi/domains/{domain}.yaml and src/accord/flows/{domain}/, then run `{remake}`.",
        use,
        f"Test it with `nox -s quick -- tests/flows/{domain}`.",
    ]


def _sources(repository: Path) -> list[Source]:
    """Return the contract as it is written; refuse where it cannot be written, or what is needed is not installed."""
    if not (repository / "openapi" / "openapi.yaml").is_file():
        raise SourcesMissing
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        need = f"`accord new` needs {' and '.join(missing)}, which the extra `dev` has"
        raise ScaffoldRefused([f"{need}: run `pip install -e '.[embedded,dev]'` in the clone."])
    return read(repository / "openapi")


def _refuse_existing(files: Mapping[Path, str], advice: str, repository: Path) -> None:
    if existing := [file.relative_to(repository).as_posix() for file in files if file.exists()]:
        raise ScaffoldRefused([f"{file} is there already; {advice}." for file in existing])


def _contract(domain: str, addition: str, repository: Path) -> dict[Path, str]:
    """Return the file of the domain with the addition."""
    source = repository / "openapi" / "domains" / f"{domain}.yaml"
    existing = source.read_text(encoding="utf-8") if source.exists() else new_domain(domain)
    return {source: insert(existing, addition, source.name)}


def _domain_problems(domain: str) -> list[str]:
    is_word = domain.isidentifier() and domain.islower()
    return [] if is_word else ["The domain is one lower-case word, like accounts or work_items."]


def _name_problems(plan: Plan) -> list[str]:
    name, operation_id = plan.flow_name, plan.operation_id
    checks = (
        (
            is_camel_case(operation_id) is not None,
            f"The operationId is camelCase, like {_suggested(operation_id)}.",
        ),
        (
            name not in NOUNS and not keyword.iskeyword(name),
            f"{name}.py has another meaning; name what it does.",
        ),
        (plan.method in METHODS, f"The method is one of {', '.join(METHODS)}."),
        (plan.path.startswith("/api/v1/"), "The path starts with /api/v1/."),
        (
            not plan.path.startswith("/api/v1/") or is_path(plan.path) is not None,
            f"{plan.path}: write the path as /api/v1/words-with-hyphens/{{camelCaseParameter}}.",
        ),
    )
    return [*_domain_problems(plan.domain), *(message for passed, message in checks if not passed)]


def _suggested(operation_id: str) -> str:
    """Return what is nearest in camelCase: `Greet_somebody` → `greetSomebody`."""
    words = re.findall(r"[A-Za-z0-9]+", operation_id)
    joined = "".join([word[:1].upper() + word[1:] for word in words]).lstrip("0123456789")
    return joined[:1].lower() + joined[1:] or "updateMe"


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
            for name in (plan.schema, plan.response_schema)
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
    return {
        flows / f"{plan.flow_name}.py": flow(plan),
        repository / "tests" / "flows" / plan.domain / f"test_{plan.flow_name}.py": test(plan),
        **_package(plan.domain, repository),
    }


def _package(domain: str, repository: Path) -> dict[Path, str]:
    """Return the package of flows that a new domain begins with."""
    file = repository / "src" / "accord" / "flows" / domain / "__init__.py"
    return {} if file.exists() else {file: f'"""The domain {domain}."""\n'}


def _samples(plan: Plan, sources: Sequence[Source], repository: Path) -> dict[Path, str]:
    """Return samples for the path parameters that name no record of the contract; until then the caller is it."""
    read_by = {s.get("x-record", {}).get("read") for source in sources for s in source.components("schemas").values()}
    known = {
        name
        for source in sources
        for path, _, operation in source.operations()
        if operation.get("operationId") in read_by
        for name in Plan(plan.domain, "", "get", path).places
    }
    file = repository / "tests" / "flows" / plan.domain / "samples.py"
    text = file.read_text(encoding="utf-8") if file.exists() else samples()
    names = [snake_case(name).removesuffix("_id") for name in plan.places if name not in known]
    missing = [name for name in dict.fromkeys(names) if f"async def {name}(" not in text]
    return {file: text + "".join(map(sample, missing))} if missing else {}


def _written(files: Mapping[Path, str], repository: Path) -> list[Path]:
    """Write the files, and what is generated from the contract; when the contract is not sound, nothing was written."""
    before = {file: file.read_text(encoding="utf-8") if file.exists() else None for file in files}
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if problems := laws.problems(merge(repository / "openapi")):
            raise ContractInvalid(problems)
        _format([file for file in files if file.suffix == ".py"])
        return [*files, *generate(repository)]
    except ContractInvalid as error:
        _restore(before)
        raise ScaffoldRefused(error.problems) from error
    except BaseException:
        _restore(before)
        raise


def _format(files: Sequence[Path]) -> None:
    """Sort imports, and break lines that long names made too long."""
    for command in (("check", "--select=I", "--fix-only"), ("format",)):
        arguments = (sys.executable, "-m", "ruff", *command, "--quiet", *map(str, files))
        subprocess.run(arguments, check=False, capture_output=True)  # noqa: S603 - our own arguments


def _restore(before: Mapping[Path, str | None]) -> None:
    """Put everything back, and remove the folders that are empty now."""
    for file, text in before.items():
        if text is not None:
            file.write_text(text, encoding="utf-8")
            continue
        file.unlink(missing_ok=True)
        if file.parent.is_dir() and not any(file.parent.iterdir()):
            file.parent.rmdir()
