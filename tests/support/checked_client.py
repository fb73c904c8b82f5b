"""An HTTP client that holds every response to the contract: status declared, body in shape, errors as problems."""

import itertools
import ssl
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import documented_responses
import httpx
import psycopg
from contract_operations import DOCUMENT

from accord.contract.operations import METHODS
from accord.contract.references import resolve
from accord.contract.validators import compile_validator
from accord.database.schema import tables_by_name
from accord.edge.pipeline.router import Router

_addresses = (f"10.{a}.{b}.{c}" for a, b, c in itertools.product(range(1, 255), range(255), range(1, 255)))
EVERYWHERE = {
    "x-request-id",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "content-security-policy",
}


def new_address() -> str:
    """Return a client address that no test has used, so that each has rate limits of its own."""
    return next(_addresses)


def client(url: str, database_url: str | None = None, **options: Any) -> httpx.AsyncClient:
    """Return a client from an IP address of its own that checks every response, and the journal where it is told."""
    headers = {"X-Forwarded-For": new_address()} | options.pop("headers", {})
    journal = [] if database_url is None else [partial(check_journal, database_url)]
    hooks = {"response": [check, *journal]}
    return httpx.AsyncClient(base_url=url, headers=headers, event_hooks=hooks, timeout=60, verify=_tls(), **options)


@cache
def _tls() -> ssl.SSLContext:
    """Return one context for all clients: each makes one of its own otherwise, which costs more than a request."""
    return httpx.create_ssl_context()


async def check(response: httpx.Response) -> None:
    """Fail unless the response is one that the contract declares for this operation."""
    await response.aread()
    assert set(response.headers) >= EVERYWHERE, response.headers
    if response.request.method == "HEAD":
        assert response.content == b""
        return
    found = _router().find(response.request.url.raw_path.decode().partition("?")[0])
    if response.status_code >= 400:
        _check_problem(response)
    if found is None or response.request.method not in found[0]:
        return
    definition = found[0][response.request.method]
    declared = definition["responses"].get(str(response.status_code))
    assert declared is not None, f"{definition['operationId']} does not declare {response.status_code}: {response.text}"
    code = response.json()["code"] if response.status_code >= 400 else ""
    declared_response = definition["operationId"], str(response.status_code)
    documented_responses.SEEN.add((*declared_response, code))
    codes = documented_responses.codes_of(*declared_response)
    assert codes is None or code in codes, (
        f"{' '.join(declared_response)} has the code {code}, the contract shows {sorted(codes)}"
    )
    content = resolve(DOCUMENT, declared).get("content", {})
    if not content:
        assert response.content == b"", response.text
        return
    kind = response.headers["content-type"]
    assert kind in content, f"{definition['operationId']} does not declare {kind}"
    wrong = _validator(definition["operationId"], str(response.status_code), kind)(response.json())
    assert not wrong, f"{definition['operationId']} {response.status_code}: {wrong} in {response.text}"


async def check_journal(database_url: str, response: httpx.Response) -> None:
    """Fail when the response tells of a new version of a record, and the journal does not."""
    request = response.request
    found = _router().find(request.url.raw_path.decode().partition("?")[0])
    if found is None or not response.is_success or request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    definition = found[0][request.method]
    if definition.get("x-unjournaled") or definition.get("x-repeatable"):
        return
    ids = list(found[1].values())
    for record_id, version in _changed(response, ids[-1] if ids else ""):
        entries = _journal_entries(database_url, record_id, version)
        assert entries != 0, f"{definition['operationId']} wrote version {version}, and no entry of it to the journal"


def _changed(response: httpx.Response, named: str) -> Iterator[tuple[str, int | None]]:
    """Yield id and version of each record in a response; a record that is gone has no version any more."""
    if response.request.method == "DELETE" and response.status_code == 204:
        yield named, None
    body = response.json() if response.content else {}
    yield from ((r["id"], r["version"]) for r in [body] if {"id", "version"} <= r.keys())
    yield from ((r["id"], r["version"]) for table in body.get("records", {}).values() for r in table.values())


def _journal_entries(database_url: str, record_id: str, version: int | None) -> int | None:
    """Return how many entries there are of a version, or of the end of a record; None where the database is away."""
    what = "kind = 'deleted'" if version is None else f"kind <> 'event' AND record_version = {version:d}"
    # With the tables, the index of the journal finds them.
    statement = f"SELECT count(*) FROM accord.journal WHERE record_table = ANY(%s) AND record_id = %s AND {what}"  # noqa: S608
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
            row = connection.execute(statement, (_tables(), record_id)).fetchone()
    except psycopg.OperationalError:
        return None
    return row[0] if row else 0


@cache
def _tables() -> list[str]:
    return [name for name, table in tables_by_name().items() if "version" in table.c]


def _check_problem(response: httpx.Response) -> None:
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["requestId"] == response.headers["x-request-id"]
    assert problem["type"] == f"/problems/{problem['code']}"


@cache
def _router() -> Router[dict[str, Any]]:
    router: Router[dict[str, Any]] = Router()
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                router.add(method.upper(), path, item[method])
    return router


@cache
def _validator(operation_id: str, status: str, kind: str) -> Any:
    for item in DOCUMENT["paths"].values():
        for method in METHODS:
            if item.get(method, {}).get("operationId") == operation_id:
                declared = resolve(DOCUMENT, item[method]["responses"][status])
                return compile_validator(declared["content"][kind]["schema"])
    raise AssertionError(operation_id)
