"""What the README of the TypeScript SDK shows is real: it runs, prints what it says, and has the types it needs."""

import guide
import pytest
from checked_client import new_address
from given import new_email
from typescript_sdk import CLIENTS, FOLDER, installed, run

README = FOLDER / "README.md"
END = "end of block"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An empty folder with the package in it."""
    return installed(tmp_path_factory.mktemp("readme"))


def program(url: str) -> str:
    """Return the blocks as the one program that they are, each followed by a mark."""
    code = "".join(f"{block.text}console.log('{END}');\n" for block in guide.blocks(README) if block.language == "ts")
    code = code.replace("'http://localhost:8080'", f"'{url}', headers: {{ 'X-Forwarded-For': '{new_address()}' }}")
    return guide.PERSON.sub(new_email(), code)


def test_the_snippets_run_and_print_what_is_shown(place, service):
    (place / "readme.ts").write_text(program(service.url), "utf-8")

    printed = run("node", "readme.ts", folder=place).split(f"{END}\n")

    shown = [block.text for block in guide.blocks(README) if block.language == "text"]
    assert len(shown) == len(printed) - 1
    for text, expected in zip(printed, shown, strict=False):
        assert guide.pattern(expected).fullmatch(guide.canonical(text)), f"expected\n{expected}\nbut got\n{text}"


def test_the_snippets_are_typed(place):
    (place / "typed.ts").write_text(program("http://localhost:8080"), "utf-8")

    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "typed.ts"]
    run("node", str(FOLDER / "node_modules/typescript/bin/tsc"), *options, folder=place)


def test_both_readmes_say_the_same_things_in_the_same_order():
    def sections(language: str) -> list[str]:
        lines = (CLIENTS / language / "README.md").read_text("utf-8").splitlines()
        return [line for line in lines if line.startswith("## ") and line != "## Without asyncio"]

    assert sections("typescript") == sections("python")
