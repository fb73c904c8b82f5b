"""Have other people's generators make clients of the bundle (C-13), and compile those whose compilers are here.

openapi-generator validates the bundle and makes clients for Python, Go and Java; openapi-typescript and orval (with
fetch, and with zod) make TypeScript. The Python client is imported, TypeScript is compiled under strict. The libraries
of Go and Java come from registries that checks do not use, so those clients are made and not compiled.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from accord.contract import bundle
from accord.contract.tools.external import ENVIRONMENT, SEARCH, TOOLS, install

LANGUAGES = ("python", "go", "java")
_IMPORT_ALL = (
    "import importlib, pkgutil, openapi_client as made\n"
    "for module in pkgutil.walk_packages(made.__path__, 'openapi_client.'): importlib.import_module(module.name)"
)
_ORVAL = """export default {{
  fetch: {{ input: {document}, output: {{ target: 'fetch.ts', client: 'fetch' }} }},
  zod: {{ input: {document}, output: {{ target: 'zod.ts', client: 'zod' }} }},
}};
"""
_TSC = "typescript/bin/tsc --strict --noEmit --skipLibCheck --target es2022 --module nodenext *.ts"


class Refused(Exception):
    """A generator or a compiler did not do its work; the message is what it said."""


def problems() -> list[str]:
    """Return what a generator or a compiler did not take of the bundle."""
    return problems_of(bundle.path())


def problems_of(document: Path) -> list[str]:
    """Return what a generator or a compiler did not take of a document."""
    node, java = (shutil.which(program, path=SEARCH) for program in ("node", "openapi-generator-cli"))
    if node is None or java is None:
        return ["The generators are missing: `nox -s environment` installs them."]
    install()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "bundle.json")
        shutil.copy(document, copy)
        return [*_openapi_generator(java, copy), *_typescript(node, copy)]


def _openapi_generator(program: str, document: Path) -> Iterator[str]:
    try:
        _run(document.parent, program, "validate", "-i", document.name)
        for language in LANGUAGES:
            _run(document.parent, program, "generate", "-i", document.name, "-g", language, "-o", language)
        _run(document.parent / "python", sys.executable, "-W", "ignore", "-c", _IMPORT_ALL)
    except Refused as refused:
        yield f"openapi-generator: {refused}"


def _typescript(node: str, document: Path) -> Iterator[str]:
    folder = document.parent / "typescript"
    folder.mkdir()
    # The generated code finds zod, and its compiler, where Node looks for them.
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    (folder / "orval.config.mjs").write_text(_ORVAL.format(document=json.dumps(str(document))), "utf-8")
    modules = folder / "node_modules"
    try:
        _run(folder, node, str(modules / "openapi-typescript/bin/cli.js"), str(document), "-o", "types.ts")
        _run(folder, node, str(modules / "orval/dist/bin/orval.mjs"))
        compiler, *options = _TSC.split()
        made = sorted(file.name for file in folder.glob("*.ts"))
        _run(folder, node, str(modules / compiler), *options[:-1], *made)
    except Refused as refused:
        yield f"TypeScript: {refused}"


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=folder, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-4000:]
        raise Refused(f"{Path(command[0]).name} {' '.join(command[1:])[:200]} failed:\n{said}")
