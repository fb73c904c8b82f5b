"""The description of the socket is valid, and its examples fit their schemas (L-9)."""

import jsonschema_rs
import pytest
import yaml

from accord.contract import asyncapi, bundle

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


def test_the_served_document_has_each_event_with_an_example_that_fits_and_all_else_unchanged():
    document = yaml.safe_load(asyncapi.with_events(bundle.load()))

    events = document["channels"].pop("events")["messages"]
    assert events.keys() == bundle.load()["x-events"].keys()
    assert document["operations"].pop("sendEvents")["action"] == "send"
    for kind, reference in events.items():
        message = document["components"]["messages"].pop(reference["$ref"].rpartition("/")[2])
        assert message["name"] == kind
        [example] = message["examples"]
        jsonschema_rs.validator_for(message["payload"]).validate(example["payload"])
    assert document == asyncapi.load()


async def test_the_document_is_served_with_the_events(given):
    http = await given.somebody()

    response = await http.get("/asyncapi.yaml")

    assert response.text == asyncapi.with_events(bundle.load())
