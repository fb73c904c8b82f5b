"""An HTTP client that holds every answer to the contract: status declared, body in shape, errors as problems."""

import itertools
import ssl
from functools import cache
from typing import Any

import httpx

from accord.api.router import Router
from accord.contract import bundle
from accord.contract.operations import METHODS, resolve
from accord.contract.validators import compile_validator

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


def client(url: str, **options: Any) -> httpx.AsyncClient:
    """Return a client from a network address of its own that checks every answer."""
    headers = {"X-Forwarded-For": new_address()} | options.pop("headers", {})
    hooks = {"response": [check]}
    return httpx.AsyncClient(base_url=url, headers=headers, event_hooks=hooks, timeout=60, verify=_tls(), **options)


@cache
def _tls() -> ssl.SSLContext:
    """Return one context for all clients: each makes one of its own otherwise, which costs more than a request."""
    return httpx.create_ssl_context()


async def check(response: httpx.Response) -> None:
    """Fail unless the answer is one that the contract declares for this operation."""
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
    content = resolve(bundle.load(), declared).get("content", {})
    if not content:
        assert response.content == b"", response.text
        return
    kind = response.headers["content-type"]
    assert kind in content, f"{definition['operationId']} does not declare {kind}"
    wrong = _validator(definition["operationId"], str(response.status_code), kind)(response.json())
    assert not wrong, f"{definition['operationId']} {response.status_code}: {wrong} in {response.text}"


def _check_problem(response: httpx.Response) -> None:
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["requestId"] == response.headers["x-request-id"]
    assert problem["type"] == f"/problems/{problem['code']}"


@cache
def _router() -> Router[dict[str, Any]]:
    router: Router[dict[str, Any]] = Router()
    for path, item in bundle.load()["paths"].items():
        for method in METHODS:
            if method in item:
                router.add(method.upper(), path, item[method])
    return router


@cache
def _validator(operation_id: str, status: str, kind: str) -> Any:
    document = bundle.load()
    for item in document["paths"].values():
        for method in METHODS:
            if item.get(method, {}).get("operationId") == operation_id:
                declared = resolve(document, item[method]["responses"][status])
                return compile_validator(declared["content"][kind]["schema"])
    raise AssertionError(operation_id)
