"""A flow of an operation with `x-permission` has a caller who is signed in, whichever way the request came."""

from pathlib import Path

import pytest

from accord.context import ANONYMOUS, Context, RequestInfo, Resources, SignedIn, SignedInContext
from accord.contract import bundle
from accord.contract.operations import operations
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.pagination import Cursors
from accord.dispatch import LocalDispatch
from accord.mail.mail import Mailer
from accord.messaging.flow_message import decode, encode
from accord.security.passwords import Passwords
from accord.security.tokens import AccessTokens
from accord.settings import Settings

OPERATIONS = {operation.id: operation for operation in operations(bundle.load())}
ADA = SignedIn.user("0191e4f0-0000-7000-8000-000000000001", "admin", "0191e4f0-0000-7000-8000-000000000002")


@pytest.fixture
def resources(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    database, passwords = Database("postgresql://", 1), Passwords(settings)
    idempotency = Idempotency(database, b"k")
    yield Resources(
        settings,
        database,
        passwords,
        AccessTokens(settings),
        Cursors(b"k"),
        idempotency,
        probes={},
        mailer=Mailer(settings),
    )
    passwords.close()


async def test_an_anonymous_caller_does_not_reach_a_flow_with_a_permission(resources):
    contexts = []

    async def flow(context: Context) -> None:
        contexts.append(context)

    dispatch = LocalDispatch(resources, {"getMe": flow, "getVersion": flow})

    refused = await dispatch(OPERATIONS["getMe"], ANONYMOUS, RequestInfo("1"), {})
    signed_in = await dispatch(OPERATIONS["getMe"], ADA, RequestInfo("2"), {})
    public = await dispatch(OPERATIONS["getVersion"], ANONYMOUS, RequestInfo("3"), {})

    assert (refused.status, refused.error_code) == (401, "UNAUTHORIZED")
    assert signed_in.success
    assert public.success
    assert [(type(context), context.caller) for context in contexts] == [(SignedInContext, ADA), (Context, ANONYMOUS)]


def test_a_caller_who_is_signed_in_has_an_id():
    with pytest.raises(ValueError, match="has an id"):
        SignedIn.user("", "admin", None)


@pytest.mark.parametrize("caller", [ADA, ANONYMOUS], ids=["signed in", "anonymous"])
def test_a_message_carries_the_caller(caller):
    message = encode(caller, RequestInfo("1"), {"body": None})

    assert decode(message, 0.0, lambda: True)[0] == caller


def test_an_anonymous_caller_has_no_permission():
    assert not ANONYMOUS.may("self")
    assert ADA.may("self")
