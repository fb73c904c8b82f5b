"""GET /me: check the token, read one record."""

from typing import Any

from benchmarks.http_row import Aims, HttpRow
from benchmarks.load import request

PATH = "/api/v1/me"
ROW = HttpRow(
    id="get_me",
    order=3,
    title="GET /me: token check and one record",
    module=__name__,
    limit="raw ASGI + psycopg pool, same SQL and answer; the token is looked up in a dictionary",
    peer="FastAPI + SQLAlchemy async ORM on psycopg; PyJWT checks the token (HS256)",
    aims=Aims(limit=0.7, peer=4),
    request=lambda token: request("GET", PATH, token),
    has_accounts=True,
)


async def limit() -> Any:
    import orjson  # noqa: PLC0415 - each program loads only what it runs

    from accord.flows.accounts import queries  # noqa: PLC0415
    from benchmarks.limits import accounts_by_token, opened_pool, response_headers, user  # noqa: PLC0415

    statement = queries._FIND.sql
    pool, user_of, headers = await opened_pool(), accounts_by_token(), response_headers()

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        authorization = dict(scope["headers"])[b"authorization"]
        async with pool.connection() as connection:
            cursor = await connection.execute(statement, (user_of[authorization],))
            row = await cursor.fetchone()
        body = orjson.dumps(user(row), option=orjson.OPT_UTC_Z)
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return application


async def peer() -> Any:
    from benchmarks.peer import application  # noqa: PLC0415

    return application()
