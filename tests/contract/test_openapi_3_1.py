"""The contract as OpenAPI 3.1 says the same as the bundle."""

import copy

import jsonschema_rs
import pytest

from accord.contract import bundle
from accord.contract.openapi_3_1 import schema_3_1, to_3_1


@pytest.mark.parametrize(
    ("schema", "converted"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        (
            {"type": "string", "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"type": "string", "nullable": True, "enum": ["a", None]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            {"type": "integer", "exclusiveMinimum": 0},
        ),
        (
            {"type": "integer", "maximum": 9, "exclusiveMaximum": True},
            {"type": "integer", "exclusiveMaximum": 9},
        ),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": False}, {"type": "integer", "minimum": 0}),
        ({"type": "string", "example": "a"}, {"type": "string", "examples": ["a"]}),
        ({"$ref": "#/components/schemas/User"}, {"$ref": "#/components/schemas/User"}),
        (
            {"type": "array", "items": {"type": "string", "nullable": True}},
            {"type": "array", "items": {"type": ["string", "null"]}},
        ),
        (
            {"oneOf": [{"type": "string", "example": "a"}]},
            {"oneOf": [{"type": "string", "examples": ["a"]}]},
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
            {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        ),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
    ],
)
def test_a_schema_becomes_json_schema(schema, converted):
    assert schema_3_1(schema) == converted


def test_properties_named_like_keywords_are_left_alone():
    schema = {
        "type": "object",
        "properties": {"nullable": {"type": "boolean"}, "example": {"type": "string"}},
    }

    assert schema_3_1(schema) == schema


def test_data_is_left_alone():
    schema = {"type": "object", "default": {"nullable": True, "example": 1}, "enum": [{"nullable": True}]}

    assert schema_3_1(schema) == schema


def test_the_bundle_is_not_changed():
    before = bundle.load()
    kept = copy.deepcopy(before)

    to_3_1(before)

    assert before == kept


def test_the_document_has_a_webhook_for_each_event():
    document = to_3_1(bundle.load())

    assert document["openapi"] == "3.1.0"
    assert document["paths"].keys() == bundle.load()["paths"].keys()
    assert document["webhooks"].keys() == bundle.load()["x-events"].keys() != set()
    assert "x-events" not in document


def test_the_request_of_a_webhook_is_the_event_with_its_example():
    content = to_3_1(bundle.load())["webhooks"]["job.dead"]["post"]["requestBody"]["content"]["application/json"]

    assert content["schema"] == {"$ref": "#/components/schemas/JobDeadEvent"}
    assert content["example"]["type"] == "job.dead"
    assert content["example"]["data"].keys() >= {"id", "version", "task", "queue"}


def test_examples_of_requests_and_responses_stay_unchanged():
    me = to_3_1(bundle.load())["paths"]["/api/v1/me"]["get"]["responses"]["200"]["content"]["application/json"]

    assert me["example"]["emailVerifiedAt"] is None


def test_no_keyword_of_3_0_is_left():
    def words(node):
        if isinstance(node, dict):
            yield from (key for key in node if key == "nullable")
            for key, value in node.items():
                if key not in {"example", "examples", "properties"}:
                    yield from words(value)
                elif key == "properties":
                    yield from (word for schema in value.values() for word in words(schema))
        elif isinstance(node, list):
            yield from (word for item in node for word in words(item))

    assert list(words(to_3_1(bundle.load()))) == []


def test_every_schema_is_valid_json_schema():
    for schema in to_3_1(bundle.load())["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
