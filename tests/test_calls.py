"""RX-3: a flow runs another operation in its own transaction, as its own caller, and all of it is one commit."""

import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from contract_operations import OPERATIONS
from given import details
from reacting import opened_resources

from accord.boot.contract import load_contract
from accord.calls import DEEPEST, Calls, CannotCall, WrongInputs
from accord.context import ANONYMOUS, SYSTEM, Context, RequestInfo, Resources, SignedIn, SignedInContext
from accord.database.transaction import CallFailed, HeldTransaction
from accord.dispatch import LocalDispatch, Result, run_to_commit
from accord.problems import Forbidden, InvalidCredentials, NotFound, Unauthorized

BY_ID = {operation.id: operation for operation in OPERATIONS}
Flow = Callable[..., Awaitable[Any]]
RENAMED = {"expectedVersion": 1, "firstName": "Grace"}


@pytest.fixture
async def resources(given, tmp_path: Path) -> AsyncIterator[Resources]:
    contract = load_contract()
    async with opened_resources(given.service.database_url, tmp_path) as parts:
        parts.call = Calls(contract.operations, contract.flows)
        yield parts


@pytest.fixture
async def ada(given):
    return await given.an_account()


def caller_of(account: Any) -> SignedIn:
    return SignedIn.user(account.id, account.user["role"], None)


def calls(resources: Resources, **flows: Flow) -> Resources:
    """Return the parts with these flows in the place of those of the contract."""
    contract = load_contract()
    return replace(resources, call=Calls(contract.operations, {**contract.flows, **flows}))


async def dispatched(
    resources: Resources, flow: Flow, caller: Any = ANONYMOUS, request: RequestInfo | None = None
) -> Result:
    """Dispatch the flow as that of `getVersion`, or of `getMe` for a caller who is signed in."""
    name = "getVersion" if caller is ANONYMOUS else "getMe"
    return await LocalDispatch(resources, {name: flow})(BY_ID[name], caller, request or RequestInfo("test"), {})


async def run(resources: Resources, flow: Callable[[Context], Awaitable[Any]], caller: Any = ANONYMOUS) -> Any:
    context = Context(resources, "getVersion", caller, RequestInfo("test"))
    try:
        return await run_to_commit(context, flow(context))
    finally:
        await context.rollback()


async def test_both_flows_are_one_commit_with_the_request_and_caller_of_the_first(given, resources, ada):
    request = RequestInfo(str(uuid4()))

    async def flow(context: SignedInContext) -> Any:
        user = await context.call("updateMe", body=RENAMED)
        context.journal.event("users", context.new_id(), {"event": "renamed"})
        return user

    result = await dispatched(resources, flow, caller_of(ada), request)

    assert (result.success, result.data["version"], result.data["firstName"]) == (True, 2, "Grace")
    entries = await given.sql(
        "SELECT operation, kind, actor_id::text, transaction_id::text FROM accord.journal WHERE request_id = %s"
        " ORDER BY id",
        request.id,
    )
    assert [entry[:3] for entry in entries] == [("updateMe", "updated", ada.id), ("getMe", "event", ada.id)]
    assert len({entry[3] for entry in entries}) == 1


async def test_a_flow_that_fails_after_a_call_takes_its_writes_back(given, resources, ada):
    async def flow(context: SignedInContext) -> None:
        await context.call("updateMe", body=RENAMED)
        raise NotFound

    result = await dispatched(resources, flow, caller_of(ada))

    assert result.error_code == "NOT_FOUND"
    assert await given.sql("SELECT version FROM accord.users WHERE id = %s", ada.id) == [(1,)]


async def test_the_problem_of_the_called_flow_is_that_of_the_request(resources, ada):
    async def flow(context: SignedInContext) -> None:
        await context.call("updateMe", body={**RENAMED, "expectedVersion": 7})

    result = await dispatched(resources, flow, caller_of(ada))

    assert (result.status, result.error_code, result.extensions["currentVersion"]) == (409, "VERSION_CONFLICT", 1)


async def test_a_flow_that_swallows_the_problem_of_a_call_commits_nothing(given, resources, ada):
    async def flow(context: SignedInContext) -> str:
        await context.call("updateMe", body=RENAMED)
        try:
            await context.call("updateMe", body=RENAMED)
        except Exception:  # noqa: BLE001 - what a careless author writes
            return "all is well"
        raise AssertionError

    result = await dispatched(resources, flow, caller_of(ada))

    assert (result.status, result.trace_events[-1]) == (500, f"ERROR: {CallFailed.__name__}")
    assert await given.sql("SELECT version FROM accord.users WHERE id = %s", ada.id) == [(1,)]


async def test_a_swallowed_problem_further_down_is_noticed_too(resources):
    async def outer(context: Context) -> Any:
        return await context.call("echo", body={"message": "outer"})

    async def echo(context: Context, body: Any) -> Any:
        try:
            await context.call("getMe")
        except Unauthorized:
            return body
        raise AssertionError

    with pytest.raises(CallFailed, match="The call of getMe raised, and the flow went on"):
        await run(calls(resources, echo=echo), outer)


async def test_a_problem_that_commits_does_not_in_a_call(resources):
    class Counted(InvalidCredentials):
        commits = True

    async def echo(context: Context, body: Any) -> None:
        context.journal.event("users", uuid4(), body)
        raise Counted

    async def flow(context: Context) -> None:
        await context.call("echo", body={"message": "x"})

    result = await dispatched(calls(resources, echo=echo), flow)

    assert (result.status, result.trace_events[-1]) == (500, "ERROR: CannotCall")


async def test_a_called_flow_gets_the_context_of_its_kind_of_caller(resources, ada):
    kinds: list[tuple[type, str]] = []

    async def note(context: Context, **_: Any) -> None:
        kinds.append((type(context), context.operation))

    async def flow(context: Context) -> None:
        await context.call("getMe")
        await context.call("echo", body={"message": "x"})

    await run(calls(resources, getMe=note, echo=note), flow, caller_of(ada))

    assert kinds == [(SignedInContext, "getMe"), (Context, "echo")]


@pytest.mark.parametrize(("caller", "refusal"), [("nobody", Unauthorized), ("a customer", Forbidden)])
async def test_the_permission_of_the_called_operation_is_checked(resources, ada, caller, refusal):
    async def flow(context: Context) -> None:
        await context.call("listUsers")

    with pytest.raises(refusal):
        await run(resources, flow, ANONYMOUS if caller == "nobody" else caller_of(ada))


async def test_the_system_may_call_operations_for_every_account_that_do_not_ask_for_its_own(resources, ada):
    async def flow(context: Context) -> Any:
        return await context.call("getUser", user_id=ada.id)

    assert (await run(resources, flow, SYSTEM))["id"] == ada.id


@pytest.mark.parametrize(
    ("operation", "inputs"),
    [("getMe", {}), ("createConversation", {"body": {"title": "Welcome"}}), ("listMyJobs", {})],
)
async def test_an_operation_about_the_account_of_its_caller_is_none_for_the_system(resources, operation, inputs):
    with pytest.raises(CannotCall, match=f"{operation} is about the account of its caller"):
        await run(resources, lambda context: context.call(operation, **inputs), SYSTEM)


async def test_the_system_keeps_its_permission_in_a_call_within_a_call(resources, ada):
    async def within(context: Context, user_id: str) -> Any:  # noqa: ARG001 - a flow
        return await context.call("createUser", body=details() | {"role": "customer"})

    async def flow(context: Context) -> Any:
        return await context.call("getUser", user_id=ada.id)

    assert (await run(calls(resources, getUser=within), flow, SYSTEM))["role"] == "customer"


@pytest.mark.parametrize(
    ("operation", "inputs", "message"),
    [
        ("echo", {"body": {"message": 7}}, "echo: message must be"),
        ("echo", {"body": {"message": "x", "secret": "abc"}}, "echo: secret is not"),
        ("echo", {}, "echo: body is required"),
        ("echo", {"body": {"message": "x"}, "colour": "red"}, "echo: colour is not an input"),
        ("getUser", {}, "getUser: user_id is required"),
        ("getUser", {"user_id": "somebody"}, "getUser: user_id must"),
        ("getUser", {"user_id": uuid4()}, "getUser: user_id must"),
        ("listUsers", {"limit": "many"}, "listUsers: limit must be"),
    ],
)
async def test_inputs_that_do_not_fit_the_contract_are_refused_without_their_values(
    resources, operation, inputs, message
):
    async def flow(context: Context) -> None:
        await context.call(operation, **inputs)

    with pytest.raises(WrongInputs) as refused:
        await run(resources, flow, SYSTEM)

    assert str(refused.value).startswith(message)
    assert "somebody" not in str(refused.value)


async def test_ids_and_defaults_come_in_the_form_that_requests_give_them(resources, ada):
    taken: dict[str, Any] = {}

    async def note(context: Context, **inputs: Any) -> None:  # noqa: ARG001 - a flow
        taken.update(inputs)

    async def flow(context: Context) -> None:
        await context.call("getUser", user_id=ada.id.upper())
        await context.call("listUsers")

    await run(calls(resources, getUser=note, listUsers=note), flow, SYSTEM)

    [limit] = [parameter.default for parameter in BY_ID["listUsers"].parameters if parameter.name == "limit"]
    assert (taken["user_id"], taken["limit"]) == (ada.id, limit)
    assert limit is not None


async def test_an_unknown_operation_cannot_be_called(resources):
    with pytest.raises(CannotCall, match="renameEverybody is no operation"):
        await run(resources, lambda context: context.call("renameEverybody"))


async def test_calls_that_do_not_end_are_ended(resources):
    depths: list[int] = []

    async def echo(context: Context, body: Any) -> Any:
        depths.append(context.depth)
        return await context.call("echo", body=body)

    with pytest.raises(CannotCall, match=f"at most {DEEPEST} calls"):
        await run(calls(resources, echo=echo), lambda context: context.call("echo", body={"message": "again"}))

    assert depths == list(range(1, DEEPEST + 1))


async def test_a_called_flow_must_not_wait_in_the_transaction_either(resources, ada):
    async def flow(context: SignedInContext) -> None:
        await context.call("updateMe", body=RENAMED)
        await context.call("register", body=details())

    result = await dispatched(resources, flow, caller_of(ada))

    assert result.trace_events[-1] == f"ERROR: {HeldTransaction.__name__}"


async def test_jobs_sessions_and_notes_of_a_called_flow_go_with_the_commit_of_the_first(resources):
    ended: list[list[str]] = []
    session = uuid4()

    async def echo(context: Context, body: Any) -> Any:
        context.sessions_ended([session])
        context.trace_event("called")
        return body

    async def flow(context: Context) -> Any:
        return await context.call("echo", body={"message": "x"})

    result = await dispatched(replace(calls(resources, echo=echo), sessions_ended=ended.append), flow)

    assert result.trace_events == ["called", "SUCCESS"]
    assert result.ended_sessions == [str(session)]
    assert ended == [[str(session)]]


async def test_a_context_is_freed_with_its_request_and_not_by_the_garbage_collector(resources):
    freed: list[str] = []

    class Watched(Context):
        __slots__ = ("__weakref__",)

    context = Watched(resources, "getVersion", ANONYMOUS, RequestInfo("test"))
    weakref.finalize(context, freed.append, "freed")
    gc.disable()
    try:
        await run_to_commit(context, context.call("echo", body={"message": "x"}))
        del context
        assert freed == ["freed"]
    finally:
        gc.enable()
