"""C-7: what breaks clients of the last release is found, and may stay only when the changelog lists it."""

import copy

import pytest

from accord.contract import bundle
from accord.contract.tools import breaking

CONTRACT = bundle.load()
ME = "/api/v1/me"


def schema(contract, name):
    return contract["components"]["schemas"][name]


def remove_operation(contract):
    del contract["paths"][ME]["get"]


def rename_operation(contract):
    contract["paths"][ME]["get"]["operationId"] = "readMe"


def move_operation(contract):
    contract["paths"]["/api/v1/myself"] = {"get": contract["paths"][ME].pop("get")}


def remove_field_of_response(contract):
    stats = schema(contract, "UserStats")
    del stats["properties"]["postCount"]
    stats["required"].remove("postCount")


def remove_field_of_request(contract):
    del schema(contract, "UpdateMe")["properties"]["lastName"]


def require_field(contract):
    schema(contract, "UpdateMe")["required"].append("lastName")


def require_new_field(contract):
    schema(contract, "Login")["properties"]["device"] = {"type": "string"}
    schema(contract, "Login")["required"].append("device")


def remove_role(contract):
    schema(contract, "Role")["enum"].remove("admin")


def shorten_text(contract):
    schema(contract, "MessageText")["maxLength"] = 10


def change_type(contract):
    schema(contract, "Version")["type"] = "string"


def allow_null_in_response(contract):
    schema(contract, "Message")["properties"]["authorId"] = {"$ref": "#/components/schemas/UuidOrNull"}


def remove_parameter(contract):
    listed = contract["paths"]["/api/v1/audit"]["get"]
    listed["parameters"] = [one for one in listed["parameters"] if one.get("name") != "table"]


def require_parameter(contract):
    contract["components"]["parameters"]["Search"]["required"] = True


def add_required_parameter(contract):
    new = {"name": "region", "in": "query", "required": True, "schema": {"type": "string"}}
    contract["paths"][ME]["get"]["parameters"].append(new)


def ask_for_more_rights(contract):
    contract["paths"]["/api/v1/conversations"]["get"]["x-permission"] = "users:read"


def close_a_public_operation(contract):
    contract["paths"]["/api/v1/meta/version"]["get"]["x-permission"] = "self"


def respond_with_another_status(contract):
    responses = contract["paths"]["/api/v1/conversations"]["post"]["responses"]
    responses["200"] = responses.pop("201")


def respond_with_another_type(contract):
    content = contract["paths"]["/api/v1/meta/version"]["get"]["responses"]["200"]["content"]
    content["text/plain"] = content.pop("application/json")


def remove_kind_of_transaction(contract):
    kinds = schema(contract, "RecordOperation")["oneOf"]
    kinds.remove({"$ref": "#/components/schemas/ListRemoveOperation"})


def remove_event(contract):
    del contract["x-events"]["job.dead"]


def remove_field_of_event(contract):
    dead = schema(contract, "DeadJob")
    del dead["properties"]["queue"]
    dead["required"].remove("queue")


BREAKING = {
    remove_event: "job.dead: is not there",
    remove_field_of_event: "job.dead: event.data.queue is not there",
    remove_operation: "getMe: is not there",
    rename_operation: "getMe: is not there",
    move_operation: "getMe: is GET /api/v1/myself, was GET /api/v1/me",
    remove_field_of_response: "getUserStats: response 200.postCount is not there",
    remove_field_of_request: "updateMe: request.lastName is not there",
    require_field: "updateMe: request.lastName is required",
    require_new_field: "login: request.device is required",
    remove_role: "getMe: response 200.role is never admin",
    shorten_text: "createMessage: request.text has the maxLength 10",
    change_type: "updateMe: request.expectedVersion is of type string, was integer",
    allow_null_in_response: "getMessage: response 200.authorId may be null",
    remove_parameter: "listAudit: parameter table in query is not taken",
    require_parameter: "listUsers: parameter search in query is required",
    add_required_parameter: "getMe: parameter region in query is required",
    ask_for_more_rights: "listConversations: needs the permission users:read",
    close_a_public_operation: "getVersion: needs the permission self",
    respond_with_another_status: "createConversation: response 201 is not given",
    respond_with_another_type: "getVersion: response 200 is not given as application/json",
    remove_kind_of_transaction: (
        "applyTransaction: request.operations[] is never ListRemoveOperation, or that is less than it was"
    ),
}


@pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__)
def test_breaking_changes_are_found(change):
    changed = copy.deepcopy(CONTRACT)
    change(changed)

    assert BREAKING[change] in breaking.changes(CONTRACT, changed)


def add_operation(contract):
    contract["paths"]["/api/v1/new"] = {"get": {**contract["paths"][ME]["get"], "operationId": "getNew"}}


def add_event(contract):
    contract["x-events"]["job.lost"] = contract["x-events"]["job.dead"]


def add_optional_field(contract):
    schema(contract, "UpdateMe")["properties"]["nickname"] = {"type": "string"}


def add_field_to_response(contract):
    schema(contract, "UserStats")["properties"]["logins"] = {"type": "integer"}


def take_longer_text(contract):
    schema(contract, "MessageText")["maxLength"] *= 2


def take_any_text(contract):
    schema(contract, "ConversationTitle")["pattern"] = breaking.ANY_TEXT


def add_role(contract):
    schema(contract, "Role")["enum"].append("auditor")


def add_optional_parameter(contract):
    new = {"name": "region", "in": "query", "schema": {"type": "string"}}
    contract["paths"][ME]["get"]["parameters"].append(new)


def open_an_operation(contract):
    del contract["paths"][ME]["get"]["x-permission"]


def describe_better(contract):
    contract["paths"][ME]["get"]["summary"] = "Me, in other words"
    schema(contract, "User")["description"] = "Somebody, in other words"


def widen_a_number(contract):
    schema(contract, "RecordValue")["oneOf"][1]["format"] = "int32"


@pytest.mark.parametrize(
    "change",
    [
        add_operation,
        add_event,
        widen_a_number,
        add_optional_field,
        add_field_to_response,
        take_longer_text,
        take_any_text,
        add_role,
        add_optional_parameter,
        open_an_operation,
        describe_better,
    ],
    ids=lambda change: change.__name__,
)
def test_compatible_changes_are_accepted(change):
    changed = copy.deepcopy(CONTRACT)
    change(changed)

    assert changed != CONTRACT
    assert breaking.changes(CONTRACT, changed) == []


def test_a_change_may_stay_when_the_changelog_lists_it_as_unreleased():
    found = ["getMe: is not there", "login: request.device is required"]
    changelog = "## [Unreleased]\n\n- Ask `getUser` instead: `getMe: is not there`.\n\n## [0.1.0]\n\n`login: {}`\n"

    assert breaking.unlisted(found, changelog) == ["login: request.device is required"]
    assert breaking.unlisted(found[:1], changelog.replace("[Unreleased]", "[0.2.0]")) == found[:1]


def test_every_breaking_change_of_this_contract_is_in_the_changelog():
    assert breaking.problems() == []
