"""What takes operations back, and what undo and redo make of ids: the table of cases, with the Python SDK."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from accord_client.generated.models import ApplyTransaction, CreateOperation
from accord_client.models import AnyRecord
from accord_client.record_changes import CannotApply, applied, inverse, with_new_ids

CASES = json.loads((Path(__file__).parents[2] / "clients" / "undo-cases.json").read_text("utf-8"))
AT = {"table": "conversations", "id": "01980d5e-3333-7c3a-9f2e-3b5a6c7d8e9f"}


def operations(steps: list[dict]) -> list:
    body = {"transactionId": AT["id"], "operations": [{**AT, **step} for step in steps]}
    return ApplyTransaction.from_dict(body).operations


@pytest.mark.parametrize("case", CASES["inverses"], ids=lambda case: case["name"])
def test_the_inverse_of_each_case_takes_it_back(case):
    given = case["before"]
    record = None if given is None else AnyRecord.from_dict({"id": AT["id"], "version": 1, **given})
    back = []

    for operation in operations(case["operations"]):
        back[:0] = inverse(record, operation)
        with suppress(CannotApply):
            record = applied(record, operation, datetime.now(UTC))

    assert [operation.to_dict() for operation in back] == [{**AT, **step} for step in case["inverse"]]


@pytest.mark.parametrize("case", CASES["renamings"], ids=lambda case: case["name"])
def test_restored_records_get_new_ids_everywhere(case):
    first, *others = [operations(steps) for steps in case["steps"]]

    with_new_ids(first, others)

    text = json.dumps([[operation.to_dict() for operation in steps] for steps in (first, *others)])
    for number, operation in enumerate([each for each in first if isinstance(each, CreateOperation)], 1):
        assert UUID(str(operation.id))
        text = text.replace(str(operation.id), f"new-{number}")
    assert json.loads(text) == case["renamed"]
