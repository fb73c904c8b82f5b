"""`accord contract …`: make, check and compare the contract, in a checkout of the repository."""

import argparse
from collections.abc import Callable

from accord.cli.checkout import path_in_checkout
from accord.cli.failures import write_failure
from accord.cli.parser import Parser, subcommands
from accord.contract import bundle, openapi_3_1
from accord.contract.tools import breaking, external, generate, generators, lint, merge
from accord.contract.tools.sources import ContractInvalid


def define(command: Parser) -> None:
    """Add the commands."""
    commands = subcommands(command)
    for name, (explanation, work) in COMMANDS.items():
        added = commands.add_parser(name, help=explanation, description=explanation)
        added.set_defaults(run=_run, work=work)


def _run(chosen: argparse.Namespace) -> int:
    """Run one command; print the problems, a line each, and return 1 when there are any."""
    try:
        problems = chosen.work()
    except (ContractInvalid, generate.SourcesMissing, bundle.BundleUnusable) as error:
        problems = str(error).splitlines()
    write_failure(*problems)
    if not problems and chosen.work in SUCCESS:
        print(SUCCESS[chosen.work])
    return 1 if problems else 0


def _generate() -> list[str]:
    for file in generate.generate():
        print(f"Wrote {file.relative_to(bundle.REPOSITORY)}.")
    return []


def _verify() -> list[str]:
    return [
        f"{file.relative_to(bundle.REPOSITORY)} is not current: run `accord contract generate`."
        for file in generate.stale()
    ]


def _lint() -> list[str]:
    return lint.problems(bundle.load())


def _openapi_3_1() -> list[str]:
    print(merge.render(openapi_3_1.to_3_1(bundle.load())), end="")
    return []


def _compare() -> list[str]:
    path_in_checkout("openapi")
    return breaking.problems()


def _release() -> list[str]:
    path_in_checkout("openapi")
    breaking.release()
    return []


def _lint_external() -> list[str]:
    path_in_checkout("openapi")
    return external.lint()


def _try_generators() -> list[str]:
    path_in_checkout("openapi")
    return list(generators.problems())


COMMANDS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "generate": ("write bundle.json and types.py from the YAML files", _generate),
    "verify": ("fail when a generated file is not current", _verify),
    "lint": ("check the bundle against the laws", _lint),
    "lint-external": ("check the bundle, as OpenAPI 3.0 and 3.1, with redocly and spectral", _lint_external),
    "try-generators": ("make clients with public generators, and compile them", _try_generators),
    "compare": ("fail on what breaks clients of the last release and is not in CHANGELOG.md", _compare),
    "release": ("record this contract as the last released one", _release),
    "openapi-3.1": ("print the contract as OpenAPI 3.1", _openapi_3_1),
}
SUCCESS: dict[Callable[[], list[str]], str] = {
    _verify: "The generated files are current.",
    _lint: "The contract keeps the laws.",
    _compare: "Each change that breaks clients of the last release is in CHANGELOG.md, or there is none.",
}
"""The line of a check that found no problem."""
