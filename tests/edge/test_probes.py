"""O-4 at the edge: probes for whoever runs the service, and metrics for nobody else."""

from functools import partial

import httpx
import pytest
from raw_http import exchanged, request

TOKEN = "5f1d0c7b8a964e2e9b3c6d7f80a1b2c3"


async def test_probes_need_no_token(somebody, until):
    # What does not answer for two seconds is not ready, though it may just have had no turn.
    for path in ("/livez", "/readyz"):
        response = await until(partial(somebody.get, path), lambda response: response.status_code == 200)
        assert response.json() == {"status": "ok"}


async def test_metrics_are_for_this_machine_when_there_is_no_token(service, somebody):
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as here:
        response = await here.get("/metrics")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "accord_request_seconds_bucket" in response.text
    assert (await somebody.get("/metrics")).status_code == 403


async def test_a_proxy_on_this_machine_does_not_make_its_clients_local(impatient, service):
    """It is not trusted to say who they are, so nobody knows."""
    response = await exchanged(impatient.url, request("GET", "/metrics"))

    assert (response.status, response.code) == (403, "FORBIDDEN")
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as here:
        for name in ("Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"):
            assert (await here.get("/metrics", headers={name: "anything"})).status_code == 403, name


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer nonsense",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer é",
    ],
)
async def test_with_a_token_probes_need_the_token(in_production, production, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode()}

    refused = await in_production.get("/metrics", headers=headers)
    async with httpx.AsyncClient(base_url=production.url, timeout=30) as here:
        assert (await here.get("/metrics")).status_code == 401

    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED")
    is_bearer = (authorization or "").startswith("Bearer")
    assert refused.headers["www-authenticate"] == ('Bearer error="invalid_token"' if is_bearer else "Bearer")
    assert (await in_production.get("/metrics", headers={"Authorization": f"bearer {TOKEN}"})).status_code == 200


async def test_undeclared_methods_and_paths_add_no_metric_labels(service, somebody):
    for path in ("/nowhere/cardinality-1", "/api/v1/users/cardinality-2"):
        await somebody.get(path)
        await somebody.request("PROPFIND", path)

    async with httpx.AsyncClient(base_url=service.url, timeout=30) as here:
        assert "cardinality" not in (await here.get("/metrics")).text
