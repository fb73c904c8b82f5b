"""JSON GET without a database: what the edge itself costs."""

from typing import Any

from benchmarks.http_row import Aims, HttpRow
from benchmarks.load import request

PATH = "/api/v1/meta/version"
ROW = HttpRow(
    id="json_get",
    order=1,
    title="JSON GET, no database",
    module=__name__,
    limit="raw ASGI + orjson, same uvicorn",
    peer="FastAPI with a response model",
    aims=Aims(limit=0.8, peer=2.5),
    request=lambda _: request("GET", PATH),
)


async def limit() -> Any:
    import orjson  # noqa: PLC0415 - each program loads only what it runs

    from accord import __version__  # noqa: PLC0415
    from benchmarks.limits import response_headers  # noqa: PLC0415

    headers = response_headers()
    response = {"name": "accord", "version": __version__}

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        status, body = (200, orjson.dumps(response)) if scope["path"] == PATH else (404, b"{}")
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return application


async def peer() -> Any:
    from fastapi import FastAPI  # noqa: PLC0415
    from pydantic import BaseModel  # noqa: PLC0415

    from accord import __version__  # noqa: PLC0415

    class ServiceVersion(BaseModel):
        name: str
        version: str

    application = FastAPI()

    @application.get(PATH)
    async def get_version() -> ServiceVersion:
        return ServiceVersion(name="accord", version=__version__)

    return application
