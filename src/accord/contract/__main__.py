"""The commands around the contract: `python -m accord.contract --help`."""

import argparse
import sys
from collections.abc import Callable

from accord.contract import bundle, openapi_3_1
from accord.contract.tools import breaking, external, generate, generators, lint, merge
from accord.contract.tools.sources import ContractInvalid


def _generate() -> list[str]:
    for file in generate.generate():
        sys.stdout.write(f"Wrote {file.relative_to(bundle.REPOSITORY)}.\n")
    return []


def _verify() -> list[str]:
    return [
        f"{file.relative_to(bundle.REPOSITORY)} is not current: run `python -m accord.contract generate`."
        for file in generate.stale()
    ]


def _lint() -> list[str]:
    return lint.all_problems(bundle.load())


def _rendition() -> list[str]:
    sys.stdout.write(merge.render(openapi_3_1.to_3_1(bundle.load())))
    return []


def _release() -> list[str]:
    breaking.release()
    return []


COMMANDS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "generate": ("write bundle.json and types.py from the YAML files", _generate),
    "verify": ("fail when a generated file is not current", _verify),
    "lint": ("check the bundle against the laws", _lint),
    "lint-external": ("check the bundle and its 3.1 rendition with redocly and spectral", external.lint),
    "try-generators": ("make clients with other people's generators, and compile them", generators.problems),
    "compare": ("fail on what breaks clients of the last release, unless CHANGELOG.md lists it", breaking.problems),
    "release": ("keep this contract as the last released one", _release),
    "rendition": ("print the OpenAPI 3.1 rendition", _rendition),
}


def main() -> int:
    """Run one command; print what is wrong, a line each."""
    parser = argparse.ArgumentParser(prog="python -m accord.contract")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (description, _) in COMMANDS.items():
        commands.add_parser(name, help=description, description=description)
    try:
        problems = COMMANDS[parser.parse_args().command][1]()
    except (ContractInvalid, generate.SourcesMissing, bundle.BundleUnusable) as error:
        problems = str(error).splitlines()
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
