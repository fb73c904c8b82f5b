"""The description of the socket is valid, and its examples fit their schemas (L-9)."""

import jsonschema_rs
import pytest

from accord.contract import asyncapi

MESSAGES = asyncapi.load()["components"]["messages"]


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_has_examples_that_fit_its_schema(name):
    schema = {**MESSAGES[name]["payload"], "components": asyncapi.load()["components"]}

    examples = [example["payload"] for example in MESSAGES[name]["examples"]]

    assert examples
    for example in examples:
        jsonschema_rs.validator_for(schema).validate(example)


def test_every_message_is_sent_in_one_direction():
    sent, taken = set(asyncapi.payloads("send")), set(asyncapi.payloads("receive"))

    assert sent | taken == {message["name"] for message in MESSAGES.values()}
    assert sent & taken == set()


@pytest.mark.parametrize("schema", [*asyncapi.payloads("send").values(), *asyncapi.payloads("receive").values()])
def test_no_message_takes_unknown_fields(schema):
    assert schema["additionalProperties"] is False
