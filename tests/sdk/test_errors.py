"""One table of errors for both SDKs: the same class and the same next step for each response."""

import json

import accord_client
import pytest
from accord_client import errors, retries
from typescript_sdk import CLIENTS, built, run

from accord.contract import bundle

TABLE = json.loads((CLIENTS / "errors.json").read_text("utf-8"))
SCRIPT = """
import { readFileSync } from 'node:fs';
const [, errors, retries, cases] = process.argv;
const { errorOf, nextStep } = await import(errors);
const { isFinal } = await import(retries);
const told = JSON.parse(readFileSync(cases, 'utf8')).map(([status, text]) => {
  const error = errorOf(status, text, new Headers());
  return [error.name, nextStep(error), isFinal(error)];
});
process.stdout.write(JSON.stringify(told));
"""


def problem(status: int, code: str, request_id: str = "r") -> str:
    told = {"type": "/", "title": code, "status": status, "detail": "", "instance": "/"}
    return json.dumps({**told, "code": code, "requestId": request_id})


def responses() -> list[tuple[int, str]]:
    """Every status with every code, one of tomorrow, one without a request id, and the words of a proxy."""
    codes = [*TABLE["codes"], "A_CODE_OF_TOMORROW"]
    return [
        (status, text)
        for status in range(400, 600)
        for text in (*(problem(status, code) for code in codes), problem(status, codes[0], ""), "<html>", "{}")
    ]


def in_python(status: int, text: str) -> list[object]:
    error = errors.error_of(status, text.encode(), "")
    return [type(error).__name__, errors.next_step(error), retries.is_final(error)]


def test_both_sdks_map_every_response_to_the_same_error(tmp_path):
    (tmp_path / "cases.json").write_text(json.dumps(responses()), "utf-8")
    modules = [(built() / "dist" / name).as_uri() for name in ("errors.js", "retries.js")]

    printed = run("node", "--input-type=module", "--eval", SCRIPT, *modules, str(tmp_path / "cases.json"))

    assert json.loads(printed) == [in_python(*response) for response in responses()]


def test_the_table_has_every_code_of_the_contract():
    said = {
        (code, status)
        for found in _problems(bundle.load())
        if isinstance(code := found["code"], str) and isinstance(status := found["status"], int)
    }

    assert {code for code, _ in said} == TABLE["codes"].keys()
    # What is newer than the SDK is taken for what its status most often means.
    assert {str(status) for _, status in said} == TABLE["statuses"].keys()


def _problems(node):
    if isinstance(node, dict):
        if {"code", "status", "requestId"} <= node.keys():
            yield node
        for value in node.values():
            yield from _problems(value)
    elif isinstance(node, list):
        for value in node:
            yield from _problems(value)


@pytest.mark.parametrize("table", ["codes", "statuses"])
def test_the_classes_are_those_of_both_packages(table):
    names = {meaning["error"] for meaning in TABLE[table].values()}
    exported = (CLIENTS / "typescript" / "src" / "index.ts").read_text("utf-8")

    assert [name for name in names if f"  {name},\n" not in exported or name not in accord_client.__all__] == []


def test_a_class_tells_what_it_alone_stands_for():
    assert (errors.Unauthorized.codes, errors.Unauthorized.statuses) == (("UNAUTHORIZED",), (401,))
    assert (errors.SignedOut.codes, errors.SignedOut.statuses) == ((), ())
