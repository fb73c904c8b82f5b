"""Every operation is a method of the TypeScript client, under its operationId and with the words of the contract."""

import re

from typescript_sdk import FOLDER

from accord.contract import bundle
from accord.contract.operations import asynchronous, operations

GENERATED = (FOLDER / "src" / "generated" / "operations.gen.ts").read_text("utf-8")
METHOD = re.compile(r"  /\*\*\n((?:   \*.*\n)+?)   \*/\n  (\w+)\(")


def plain(text: str) -> str:
    """Return a comment or a description as one line of words."""
    return " ".join(re.sub(r"^ *\*", "", text, flags=re.MULTILINE).split())


def test_the_words_of_the_contract_are_those_of_the_methods():
    said = {name: plain(comment) for comment, name in METHOD.findall(GENERATED.split("class Operations")[1])}

    started = {f"start{one.id[0].upper()}{one.id[1:]}" for one in asynchronous(bundle.load())}
    assert started <= said.keys()
    requested = {
        operation.id: plain(f"{operation.definition['summary']}\n{operation.definition['description']}")
        for operation in operations(bundle.load())
    }

    assert {name: text for name, text in said.items() if name not in started} == requested
