"""What is shipped: strict types without `any`, a small core, and a package that works where nothing else is."""

import gzip
import json
import subprocess
import sys
import tarfile

import pytest
from checked_client import new_address
from given import PASSWORD, new_email
from typescript_sdk import FOLDER, built, installed, node_tools, run, tarball

CORE = 25 * 1024
_use = """
import {{ Accord, VersionConflict }} from '@accord/client';

const accord = new Accord({{ baseUrl: '{url}', headers: {{ 'X-Forwarded-For': '{address}' }} }});
await accord.register({{ email: '{email}', password: '{password}', firstName: 'Ada', lastName: 'Lovelace' }});
await accord.signIn({{ email: '{email}', password: '{password}' }});
const saved = await accord.updateMe({{ expectedVersion: 1, firstName: 'Augusta' }});
const conflict = await accord.updateMe({{ expectedVersion: 1, firstName: 'Late' }}).catch((error) => error);
console.log(saved.firstName, saved.version, conflict instanceof VersionConflict, conflict.currentVersion);
"""
_typed = """
import {{ Accord, listKey, recordKey, type User }} from '@accord/client';

const accord = new Accord({{ baseUrl: 'https://accord.example.com' }});
const user: User = await accord.updateMe({{ expectedVersion: 1, firstName: 'Ada' }});
for await (const message of accord.iterate(accord.listMessages, {{ conversationId: user.id }})) message.text.trim();
{wrong}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An empty folder with the package in it."""
    return installed(tmp_path_factory.mktemp("npm"))


def test_generated_files_are_current():
    command = [sys.executable, "-m", "accord", "sdk", "verify", "typescript"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_sources_and_the_tests_are_strictly_typed():
    run("node", "node_modules/typescript/bin/tsc", "--project", "tsconfig.tests.json", folder=built())
    options = json.loads((FOLDER / "tsconfig.json").read_text())["compilerOptions"]
    assert options["strict"] is True
    assert not options.get("skipLibCheck")


def test_no_declaration_that_is_public_says_any():
    run("node", "tests/noAny.ts", folder=built())


def test_the_core_is_small(tmp_path):
    bundle = tmp_path / "core.js"
    arguments = ["--bundle", "--minify", "--format=esm", "--platform=browser", f"--outfile={bundle}"]
    run("node", "node_modules/esbuild/bin/esbuild", "dist/index.js", *arguments, folder=built())

    size = len(gzip.compress(bundle.read_bytes(), 9))
    assert size <= CORE, size


def test_the_names_of_errors_outlive_a_bundler_that_renames_classes(tmp_path):
    (tmp_path / "some.ts").write_text(
        "import { Accord, UnexpectedResponse } from '@accord/client';"
        "const fetch = async () => new Response('<html>', { status: 502 });"
        "const error = await new Accord({ baseUrl: 'http://accord', fetch, retries: 0 }).getVersion().catch((e) => e);"
        "console.log(error.name, error instanceof UnexpectedResponse);"
    )
    alias = f"--alias:@accord/client={built() / 'dist' / 'index.js'}"
    arguments = ["--bundle", "--minify", "--format=esm", "--platform=node", alias, f"--outfile={tmp_path / 'some.mjs'}"]
    run("node", "node_modules/esbuild/bin/esbuild", str(tmp_path / "some.ts"), *arguments, folder=FOLDER)

    assert run("node", str(tmp_path / "some.mjs"), folder=FOLDER) == "UnexpectedResponse true\n"


def test_unused_code_is_not_bundled(tmp_path):
    (tmp_path / "some.ts").write_text("import { NotFound } from '@accord/client'; console.log(NotFound);")
    alias = f"--alias:@accord/client={built() / 'dist' / 'index.js'}"
    arguments = ["--bundle", "--minify", "--format=esm", alias, f"--outfile={tmp_path / 'some.js'}"]
    run("node", "node_modules/esbuild/bin/esbuild", str(tmp_path / "some.ts"), *arguments, folder=FOLDER)

    assert len((tmp_path / "some.js").read_bytes()) < 6000


def test_the_package_has_what_it_needs_and_nothing_else():
    with tarfile.open(tarball()) as package:
        names = {name.removeprefix("package/") for name in package.getnames()}
        manifest = json.load(package.extractfile("package/package.json"))

    assert {name for name in names if not name.startswith("dist/")} == {"package.json", "README.md", "LICENSE"}
    assert {"dist/index.js", "dist/index.d.ts"} <= names
    assert "dependencies" not in manifest
    assert manifest["sideEffects"] is False
    assert manifest["type"] == "module"


def test_the_package_works_where_nothing_else_is(place, service):
    script = place / "use.mjs"
    details = {"url": service.url, "address": new_address(), "email": new_email(), "password": PASSWORD}
    script.write_text(_use.format(**details))

    assert run("node", "use.mjs", folder=place) == "Augusta 2 true 2\n"
    assert [folder.name for folder in (place / "node_modules").iterdir() if not folder.name.startswith(".")] == [
        "@accord"
    ]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("", None),
        ("await accord.updateMe({ firstName: 'Ada' });", "expectedVersion"),
        ("await accord.updateMe({ expectedVersion: 1, nickname: 'Ada' });", "nickname"),
        ("user.nickname;", "nickname"),
        ("accord.cache().get('nothing', user.id);", "nothing"),
        ("accord.cache().follow('nothing', user.id);", "nothing"),
        ("accord.live.follow([recordKey('users', user.id), listKey(user.id, 'conversations')]);", None),
        ("recordKey('nothing', user.id);", "nothing"),
        ("listKey(user.id, 'nothing');", "nothing"),
        ("accord.iterate(accord.listMessages, { conversationId: user.id, limmit: 2 });", "limmit"),
    ],
)
def test_the_types_hold_callers_to_the_contract(place, wrong, complaint):
    (place / "typed.ts").write_text(_typed.format(wrong=wrong))
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "typed.ts"]

    done = node_tools.run("node", str(FOLDER / "node_modules/typescript/bin/tsc"), *options, folder=place)

    assert (done.returncode == 0) is (complaint is None), done.stdout
    assert complaint is None or complaint in done.stdout


def test_the_lock_names_no_registry():
    lock = json.loads((FOLDER / "package-lock.json").read_text())

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
