"""GET /conversations/{id}/messages: one page of 20 out of many rows, by keyset."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks import load
from benchmarks.measure import Figure, Report, Run, Sample, alternate, measured_load, ratios
from benchmarks.programs import Program
from benchmarks.stage import Stage

SMALL, LARGE = "01980d5e-0000-7000-8000-000000001000", "01980d5e-0000-7000-8000-000001000000"
ROWS = {SMALL: 1_000, LARGE: 1_000_000}
QUICK = {SMALL: 100, LARGE: 10_000}


def path(conversation: str) -> str:
    return f"/api/v1/conversations/{conversation}/messages"


@dataclass(frozen=True)
class ListPage:
    id: str = "list_page"
    order: int = 10
    title: str = "One list page of 20 out of 1,000,000 rows"

    def measure(self, stage: Stage) -> Report:
        size = ROWS if stage.effort.rounds > 1 else QUICK
        _fill(stage, size)
        ours = stage.ours
        # The limit program sends what Accord sends: as many headers, and as long.
        sent = load.request("GET", path(LARGE), stage.accounts[0].token)
        head, body = load.response_to(ours.port, sent)
        headers = json.dumps([(name, value) for name, value in head if name not in {"date", "content-length"}])
        cursor = json.loads(body)["nextCursor"]
        extra = {"RESPONSE_HEADERS": headers, "ACCOUNTS": stage.accounts_file, "CURSOR": cursor}
        limit = stage.start("benchmarks.serving", __name__, "limit", **extra)
        try:
            runs = {
                "limit": self._run(stage, limit, LARGE),
                "ours": self._run(stage, ours, LARGE),
                "small": self._run(stage, ours, SMALL),
            }
            rounds = alternate(runs, stage.effort.rounds, ("limit", "ours", "small", "ours", "limit"))
        finally:
            limit.stop()
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 0.6),
            Figure(f"{size[LARGE]:,} rows ÷ {size[SMALL]:,} rows", ratios(rounds, "ours", "small"), 0.9),
        ]
        what = {
            "limit": "raw ASGI + psycopg pool, the same keyset query and answer; tokens are looked up in a dictionary",
            "ours": f"Accord, everything on but rate limits, {size[LARGE]:,} rows",
            "small": f"likewise, {size[SMALL]:,} rows",
        }
        return Report(self.id, self.title, what, rounds, figures)

    def _run(self, stage: Stage, program: Program, conversation: str) -> Run:
        effort = stage.effort
        requests = [load.request("GET", path(conversation), account.token) for account in stage.accounts]
        arguments = [
            {"request": sent.decode(), "expected": load.response_to(program.port, sent)[1].decode()}
            for sent in requests
        ]
        plan = load.Plan(program.port, arguments, seconds=effort.seconds, warm_up=effort.warm_up)
        processes = {"server": [program.pid], "postgresql": [stage.postgres_pid()]}

        def run() -> Sample:
            return measured_load(plan, processes)

        return run


def _fill(stage: Stage, size: dict[str, int]) -> None:
    """Make the conversations, of which every account is a member; messages are a second apart."""
    members = [account.id for account in stage.accounts]
    with psycopg.connect(stage.postgres.url, autocommit=True) as connection:
        for conversation, rows in size.items():
            for statement, values in _inserts(conversation, members, rows):
                connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE accord.messages")


def _inserts(conversation: str, members: list[str], rows: int) -> Iterator[tuple[str, Any]]:
    yield _CONVERSATION, (conversation, members, members[0])
    yield _MESSAGES, (conversation, members[0], rows)


_CONVERSATION = (
    "INSERT INTO accord.conversations (id, title, member_ids, created_by, created_at, updated_at)"
    " VALUES (%s, 'Plans', %s::uuid[], %s, now(), now())"
)
_MESSAGES = (
    "INSERT INTO accord.messages (id, conversation_id, author_id, text, created_at, updated_at)"
    " SELECT gen_random_uuid(), %s, %s, 'Message ' || n, now() - n * interval '1 s', now()"
    " FROM generate_series(1, %s) AS n"
)


async def limit() -> Any:
    import os  # noqa: PLC0415 - each program loads only what it runs

    import orjson  # noqa: PLC0415

    from accord.flows.conversations import queries  # noqa: PLC0415
    from benchmarks.limits import accounts_by_token, opened_pool, response_headers  # noqa: PLC0415

    statement, cursor_text = queries._FIRST_MESSAGES, os.environ["CURSOR"]
    pool, user_of, headers = await opened_pool(), accounts_by_token(), response_headers()
    names = ("id", "conversationId", "authorId", "text", "createdAt", "updatedAt", "version")
    columns = (0, 1, 2, 3, 5, 6, 7)

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        caller_id = user_of[dict(scope["headers"])[b"authorization"]]
        conversation = scope["path"].split("/")[4]
        values = statement.parameters({"caller_id": caller_id, "conversation_id": conversation, "limit": 21})
        async with pool.connection() as connection:
            rows = await (await connection.execute(statement.sql, values)).fetchall()
        items = [{name: row[column] for name, column in zip(names, columns, strict=True)} for row in rows[:20]]
        body = orjson.dumps({"items": items, "nextCursor": cursor_text}, option=orjson.OPT_UTC_Z)
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return application


ROW = ListPage()
