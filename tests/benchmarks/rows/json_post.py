"""JSON POST without a database: a body is read, validated and sent back."""

from typing import Any

from benchmarks.http_row import Aims, HttpRow
from benchmarks.load import request

PATH = "/api/v1/meta/echo"
BODY = b'{"message":"Hello, Accord","count":3,"tags":["first","second"]}'
ROW = HttpRow(
    id="json_post",
    order=2,
    title="JSON POST with validation, no database",
    module=__name__,
    limit="raw ASGI + orjson, same uvicorn, no validation",
    peer="FastAPI with request and response models",
    aims=Aims(limit=0.8, peer=2.5),
    request=lambda _: request("POST", PATH, body=BODY),
)


async def limit() -> Any:
    import orjson  # noqa: PLC0415 - each program loads only what it runs

    from benchmarks.limits import response_headers  # noqa: PLC0415

    headers = response_headers()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, response = (200, orjson.dumps(orjson.loads(body))) if scope["path"] == PATH else (404, b"{}")
        length = (b"content-length", str(len(response)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": response})

    return application


async def peer() -> Any:
    from typing import Annotated  # noqa: PLC0415

    from fastapi import FastAPI  # noqa: PLC0415
    from pydantic import BaseModel, ConfigDict, StringConstraints  # noqa: PLC0415

    tag = Annotated[str, StringConstraints(min_length=1, max_length=50)]

    class Echo(BaseModel):
        model_config = ConfigDict(extra="forbid")
        message: Annotated[str, StringConstraints(max_length=1000)]
        count: int
        tags: list[tag]

    application = FastAPI()

    @application.post(PATH)
    async def echo(body: Echo) -> Echo:
        return body

    return application
