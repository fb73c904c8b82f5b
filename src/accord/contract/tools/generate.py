"""Write what is made from openapi/, and find out whether it is current."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from accord.contract import bundle
from accord.contract.tools import extensions, pages, task_page
from accord.contract.tools.merge import merge, render

HEADER = '"""Generated from openapi/ by `accord contract generate`; do not edit."""'
OPTIONS = (
    *(
        "--input-file-type",
        "openapi",
        "--output-model-type",
        "typing.TypedDict",
        "--target-python-version",
        "3.11",
    ),
    *("--strict-nullable", "--enum-field-as-literal", "all", "--no-use-closed-typed-dict"),
    *(
        "--use-schema-description",
        "--use-single-line-docstring",
        "--disable-timestamp",
        "--formatters",
        "builtin",
    ),
    *("--custom-file-header", HEADER),
)


class SourcesMissing(Exception):
    """Accord runs installed; the contract is made in a clone."""

    def __init__(self) -> None:
        super().__init__("The folder openapi/ is missing here. Run this in a clone of the repository.")


def generate(repository: Path = bundle.REPOSITORY) -> list[Path]:
    """Write the generated files that are not current; return those that changed."""
    changed = _stale(repository)
    for file, text in changed:
        file.write_text(text, encoding="utf-8")
    return [file for file, _ in changed]


def stale(repository: Path = bundle.REPOSITORY) -> list[Path]:
    """Return the generated files that differ from what the sources make."""
    return [file for file, _ in _stale(repository)]


def _stale(repository: Path) -> list[tuple[Path, str]]:
    return [
        (file, text)
        for file, text in _generated(repository)
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]


def _generated(repository: Path) -> Iterator[tuple[Path, str]]:
    folder = repository / "openapi"
    if not (folder / "openapi.yaml").is_file():
        raise SourcesMissing
    document = merge(folder)
    yield folder / "bundle.json", render(document)
    package = repository / "src" / "accord"
    yield package / "contract" / "types.py", types(document["components"]["schemas"])
    docs = repository / "docs"
    if docs.is_dir():  # A copy in which operations are tried out has none.
        yield docs / "extensions.md", pages.extensions(document, extensions.schema())
        yield docs / "permissions.md", pages.permissions(document, package / "flows")
        yield docs / "tasks.md", task_page.page(document)


def types(schemas: dict[str, object]) -> str:
    """Return a module with a TypedDict or an alias for each schema."""
    document = {
        "openapi": "3.0.3",
        "info": {"title": "types", "version": "0"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    with tempfile.TemporaryDirectory() as scratch:
        source, module = Path(scratch, "schemas.json"), Path(scratch, "types.py")
        source.write_text(json.dumps(document), encoding="utf-8")
        command = (sys.executable, "-m", "datamodel_code_generator", *OPTIONS)
        done = subprocess.run(  # noqa: S603 - our own arguments
            (*command, "--input", str(source), "--output", str(module)),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:]
            raise RuntimeError(f"datamodel-code-generator failed {reason}; install the development dependencies.")
        return module.read_text(encoding="utf-8")
