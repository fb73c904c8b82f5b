"""RX-1: reactions in the commit write with it, or refuse all of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from contract_operations import OPERATIONS
from reacting import opened_resources

from accord.boot.contract import load_contract
from accord.calls import Calls
from accord.context import ANONYMOUS, Context, RequestInfo, Resources, SignedIn
from accord.dispatch import LocalDispatch, Result
from accord.journal.entries import Change
from accord.problems import BusinessRuleViolation, InvalidCredentials, NotFound
from accord.reactions import MOST, Reaction, Reactions

BY_ID = {operation.id: operation for operation in OPERATIONS}
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


def reaction(flow: Any, table: str = "users", kind: str = "updated", domain: str = "tests") -> Reaction:
    return Reaction(domain, f"on_{table}_{kind}", table, kind, flow)


async def renamed(resources: Resources, account: Any, *reactions: Reaction, key: str | None = None) -> Result:
    """Dispatch `updateMe` of the account, with these reactions in its commit."""
    dispatch = LocalDispatch(replace(resources, react=Reactions(reactions)), load_contract().flows)
    caller, request = SignedIn.user(account.id, "customer", None), RequestInfo(str(uuid4()), idempotency_key=key)
    return await dispatch(BY_ID["updateMe"], caller, request, {"body": RENAMED})


async def version(given, account: Any) -> int:
    return (await given.sql("SELECT version FROM accord.users WHERE id = %s", account.id))[0][0]


@pytest.mark.parametrize("key", [None, "a key"])
async def test_a_reaction_gets_the_change_and_what_it_writes_is_in_the_same_commit(given, resources, ada, key):
    got: list[Change] = []
    record = uuid4()

    async def flow(context: Context, change: Change) -> None:
        got.append(change)
        context.journal.event("users", record, {"event": "noticed"})

    result = await renamed(resources, ada, reaction(flow), key=key and str(uuid4()))

    assert result.success
    [change] = got
    assert (change.record_table, str(change.record_id), change.record_version) == ("users", ada.id, 2)
    assert (change.kind, change.operation, str(change.actor.id)) == ("updated", "updateMe", ada.id)
    assert change.fields["first_name"] == "Grace"
    entries = await given.sql(
        "SELECT operation, actor_kind FROM accord.journal WHERE transaction_id ="
        " (SELECT transaction_id FROM accord.journal WHERE record_id = %s) ORDER BY id",
        record,
    )
    assert entries == [("updateMe", "user"), ("on_users_updated", "system")]


@pytest.mark.parametrize("key", [None, "a key"])
async def test_a_reaction_refuses_with_its_422_and_everything_is_rolled_back(given, resources, ada, key):
    async def flow(_: Context, __: Change) -> None:
        raise BusinessRuleViolation("Nothing was changed. Choose another name.")

    result = await renamed(resources, ada, reaction(flow), key=key and str(uuid4()))

    assert (result.status, result.error_code) == (422, "BUSINESS_RULE_VIOLATION")
    assert result.message == "Nothing was changed. Choose another name."
    assert await version(given, ada) == 1


@pytest.mark.parametrize("problem", [NotFound, InvalidCredentials])
async def test_another_problem_of_a_reaction_is_a_mistake_of_its_author(given, resources, ada, problem):
    """The operation does not document it: its clients could not expect the response."""

    async def flow(_: Context, __: Change) -> None:
        raise problem

    result = await renamed(resources, ada, reaction(flow))

    assert (result.status, result.trace_events[-1]) == (500, "ERROR: CannotRefuse")
    assert await version(given, ada) == 1


async def test_a_reaction_may_call_an_operation_that_its_caller_may_not(resources, ada):
    found: list[str] = []

    async def flow(context: Context, change: Change) -> None:
        users = await context.call("listUsers", limit=1)
        found.append(users["items"][0]["id"] and str(change.record_id))

    result = await renamed(resources, ada, reaction(flow))

    assert (result.success, found) == (True, [ada.id])


async def test_reactions_run_in_the_order_of_entries_domains_and_names(resources, ada):
    ran: list[tuple[str, str]] = []

    def noting(domain: str, table: str = "users", kind: str = "updated", further: str | None = None) -> Reaction:
        async def flow(context: Context, change: Change) -> None:
            ran.append((domain, context.operation))
            if further is not None:
                context.journal.event(further, change.record_id, {"event": "further"})

        return reaction(flow, table, kind, domain)

    await renamed(
        resources,
        ada,
        noting("zoo"),
        noting("accounts", further="sessions"),
        noting("billing", "sessions", "event"),
        noting("billing"),
        noting("billing", "conversations"),
    )

    updated = "on_users_updated"
    assert ran == [("accounts", updated), ("billing", updated), ("zoo", updated), ("billing", "on_sessions_event")]


async def test_reactions_that_cause_each_other_end_with_an_error(given, resources, ada):
    runs: list[str] = []

    async def again(context: Context, change: Change) -> None:
        runs.append(change.kind)
        context.journal.event("users", change.record_id, {"event": "again"})

    result = await renamed(resources, ada, reaction(again), reaction(again, kind="event"))

    assert (result.status, result.trace_events[-1]) == (500, "ERROR: TooManyReactions")
    assert len(runs) == MOST
    assert await version(given, ada) == 1


async def test_a_reaction_that_waits_in_the_open_transaction_fails(given, resources, ada):
    async def flow(context: Context, _: Change) -> None:
        await context.resources.passwords.hash("some words nobody guesses 9")

    result = await renamed(resources, ada, reaction(flow))

    assert result.trace_events[-1] == "ERROR: HeldTransaction"
    assert await version(given, ada) == 1


async def test_entries_committed_with_a_problem_have_their_reactions_too(given, resources):
    class Counted(InvalidCredentials):
        commits = True

    record = uuid4()

    async def flow(context: Context) -> None:
        context.journal.event("users", record, {"event": "counted"})
        raise Counted

    async def noticed(context: Context, change: Change) -> None:
        context.journal.event("sessions", change.record_id, {"event": "noticed"})

    async def fails(_: Context, __: Change) -> None:
        raise ZeroDivisionError

    async def dispatched(react: Any) -> Result:
        parts = replace(resources, react=Reactions([reaction(react, kind="event")]))
        return await LocalDispatch(parts, {"getVersion": flow})(BY_ID["getVersion"], ANONYMOUS, RequestInfo("x"), {})

    assert (await dispatched(noticed)).error_code == "INVALID_CREDENTIALS"
    assert (await dispatched(fails)).trace_events[-1] == "ERROR: ZeroDivisionError"
    entries = await given.sql("SELECT record_table FROM accord.journal WHERE record_id = %s ORDER BY id", record)
    assert entries == [("users",), ("sessions",)]


async def test_an_event_that_may_not_be_written_has_no_reaction(resources):
    """Else the duration of a refused sign-in would tell whether the account exists."""
    ran: list[Change] = []

    async def flow(context: Context) -> None:
        for holds in (True, False):
            context.journal.event_if("users", uuid4(), {"event": "sign-in failed"}, holds=holds)

    async def noticed(_: Context, change: Change) -> None:
        ran.append(change)

    parts = replace(resources, react=Reactions([reaction(noticed, kind="event")]))
    result = await LocalDispatch(parts, {"getVersion": flow})(BY_ID["getVersion"], ANONYMOUS, RequestInfo("x"), {})

    assert (result.success, ran) == (True, [])
