"""What the cache shows at once is what the server makes of the same operations."""

import json
import random

from typescript_sdk import built, run

from accord.contract import record_changes

NOW = "2026-01-31T09:30:00.000000Z"
AT = {"table": "conversations", "id": "01980d5e-3333-7c3a-9f2e-3b5a6c7d8e9f"}
VALUES = ["a", "b", "c", "d"]
SCRIPT = """
import { readFileSync } from 'node:fs';
const { applied } = await import(process.argv[1]);
const cases = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const results = cases.map(({ record, operations }) =>
  operations.reduce((before, operation) => applied(before, operation, '%s'), record) ?? null);
process.stdout.write(JSON.stringify(results));
"""


def any_operation(chance: random.Random) -> dict:
    where = chance.choice(["start", "end", "before", "after"])
    anchor = {"anchor": chance.choice(VALUES)} if where in {"before", "after"} else {}
    return chance.choice(
        [
            {"op": "set", **AT, "path": "title", "value": chance.choice(VALUES)},
            {"op": "set", **AT, "path": "archivedAt", "value": None},
            {"op": "setNow", **AT, "path": "archivedAt"},
            {"op": "listInsert", **AT, "path": "tags", "value": chance.choice(VALUES), "where": where, **anchor},
            {"op": "listRemove", **AT, "path": "tags", "value": chance.choice(VALUES)},
            {"op": "delete", **AT},
        ]
    )


def as_the_server_does(record: dict, operations: list[dict]) -> dict | None:
    key = (AT["table"], AT["id"])
    for operation in operations:
        try:
            touched = record_changes.apply({key: record} if record else {}, [operation], NOW)
        except record_changes.OperationRefused:
            continue  # The server refuses all of it; until it does, the cache shows the rest.
        record = touched[key]
    return record


def test_both_make_the_same_of_the_same_operations(tmp_path):
    chance = random.Random(8)
    cases = [
        {
            "record": {
                "id": AT["id"],
                "version": 1,
                "title": "Plans",
                "archivedAt": None,
                "tags": chance.sample(VALUES, chance.randint(0, 4)),
            },
            "operations": [any_operation(chance) for _ in range(chance.randint(1, 8))],
        }
        for _ in range(2000)
    ]
    (tmp_path / "cases.json").write_text(json.dumps(cases))

    module = (built() / "dist" / "recordChanges.js").as_uri()
    printed = run("node", "--input-type=module", "--eval", SCRIPT % NOW, module, str(tmp_path / "cases.json"))

    assert json.loads(printed) == [as_the_server_does(**case) for case in cases]
