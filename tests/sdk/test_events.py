"""RX-4: every event of the contract is a type of both SDKs."""

import re
from pathlib import Path

import pytest
from accord_client import models

from accord.contract import bundle

TYPESCRIPT = Path(__file__).parents[2] / "clients" / "typescript" / "src" / "generated" / "types.gen.ts"
EVENTS = bundle.load()["x-events"]


def name_of(kind: str) -> str:
    return EVENTS[kind]["schema"]["$ref"].rpartition("/")[2]


@pytest.mark.parametrize("kind", EVENTS)
def test_python_reads_the_example_and_writes_it_unchanged(kind):
    example = EVENTS[kind]["example"]

    event = getattr(models, name_of(kind)).from_dict(example)

    assert (event.type_, event.position) == (kind, example["position"])
    assert event.to_dict() == example


@pytest.mark.parametrize("kind", EVENTS)
def test_typescript_tells_events_apart_by_their_type(kind):
    declared = re.search(
        rf"export type {name_of(kind)} = {{(.*?)^}};", TYPESCRIPT.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )

    assert declared is not None
    assert f"    type: '{kind}';" in declared[1]
    assert "    data: " in declared[1]
