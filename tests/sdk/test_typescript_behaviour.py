"""What the TypeScript SDK does against the running service; the tests are in clients/typescript/tests."""

import re

import pytest
from typescript_sdk import FOLDER, attempt, built


@pytest.mark.parametrize("file", sorted((FOLDER / "tests").glob("*.test.ts")), ids=lambda file: file.name.split(".")[0])
def test_the_sdk_keeps_its_promises_in(file, service):
    reporting = ("--test-timeout=180000", "--test-force-exit", "--test-reporter=tap")

    done = attempt("node", "--test", *reporting, str(file), folder=built(), ACCORD_URL=service.url)

    assert done.returncode == 0, done.stdout
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE)


@pytest.mark.fuzz
def test_the_cache_loses_and_overwrites_nothing_in_a_long_run():
    model = FOLDER / "tests" / "cacheModel.test.ts"

    done = attempt("node", "--test", "--test-force-exit", str(model), folder=built(), MODEL_RUNS="5000")

    assert done.returncode == 0, done.stdout
