"""PATCH /me: check the version, change the record, append to the journal, in one durable commit."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from accord.flows.accounts import queries
from accord.journal import entries
from benchmarks import load, pgbench
from benchmarks.measure import Figure, Report, Sample, alternate, measured_load, ratios
from benchmarks.programs import Program
from benchmarks.stage import Stage, ask

PATH = "/api/v1/me"
NAMES = ("Ada", "Grace")


class Patching:
    """A client that changes its own account, each time from the version that the last response gave."""

    def __init__(self, token: str, version: int) -> None:
        self._token = token
        self._version = version

    def request(self) -> bytes:
        body = b'{"expectedVersion":%d,"firstName":"%s"}' % (self._version, NAMES[self._version % 2].encode())
        return load.request("PATCH", PATH, self._token, body)

    def accepts(self, status: bytes, body: bytes) -> bool:
        """The name is the one that was sent, and the version is the next."""
        name = NAMES[self._version % 2].encode()
        self._version += 1
        return status == b"200" and b'"firstName":"%s"' % name in body and b'"version":%d' % self._version in body


@dataclass(frozen=True)
class PatchMe:
    id: str = "patch_me"
    order: int = 4
    title: str = "PATCH /me: version check and journal, one durable commit"

    def measure(self, stage: Stage) -> Report:
        changes = Changes(stage)
        programs = {"ours": stage.ours, "peer": stage.start("benchmarks.serving", __name__, "peer")}
        script, variables = _script(stage), _variables()
        database = pgbench.separate_database(stage.postgres.url)

        def limit() -> Sample:
            effort = stage.effort
            return pgbench.run(stage.postgres, database, script, effort.clients, effort.seconds, variables)

        def ours() -> Sample:
            with changes.counted():
                return _run(stage, programs["ours"], "ours", changes.versions())

        def peer() -> Sample:
            return _run(stage, programs["peer"], "peer", changes.versions())

        try:
            rounds = alternate({"limit": limit, "ours": ours, "peer": peer}, stage.effort.rounds)
        finally:
            programs["peer"].stop()
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 0.4),
            Figure("ours ÷ peer", ratios(rounds, "ours", "peer"), 3),
        ]
        what = {
            "limit": f"pgbench (C, prepared), {stage.effort.clients} clients, the same statements in one transaction",
            "ours": "Accord, everything on but rate limits",
            "peer": "FastAPI + SQLAlchemy async ORM on psycopg, plain update: no version check, no journal",
        }
        return Report(self.id, self.title, what, rounds, figures, [changes.checked()])


ROW = PatchMe()


async def peer() -> Any:
    from benchmarks.peer import application  # noqa: PLC0415

    return application()


class Changes:
    """What the service itself says of its accounts between the runs, and its journal after them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._count = 0
        self.versions()

    def versions(self) -> list[int]:
        port = self._stage.ours.port
        found = [ask(port, "GET", PATH, token=account.token)[1] for account in self._stage.accounts]
        return [json.loads(body)["version"] for body in found]

    @contextmanager
    def counted(self) -> Iterator[None]:
        before = sum(self.versions())
        yield
        self._count += sum(self.versions()) - before

    def checked(self) -> str:
        """Compare with the journal: a change without an entry, or an entry without a change, is a broken promise."""
        with psycopg.connect(self._stage.postgres.url) as connection:
            row = connection.execute("SELECT count(*) FROM accord.journal WHERE operation = 'updateMe'").fetchone()
        assert row == (self._count,), f"{self._count} changes, {row} journal entries"
        return (
            f"Each of Accord's {self._count:,} changes raised its version by one, and has its journal entry: checked."
        )


def _run(stage: Stage, program: Program, name: str, versions: list[int]) -> Sample:
    tokens = [account.peer_token if name == "peer" else account.token for account in stage.accounts]
    arguments = [{"token": token, "version": version} for token, version in zip(tokens, versions, strict=True)]
    plan = load.Plan(
        program.port,
        arguments,
        f"{__name__}:Patching",
        seconds=stage.effort.seconds,
        warm_up=stage.effort.warm_up,
    )
    return measured_load(plan, {"server": [program.pid], "postgresql": [stage.postgres_pid()]})


def _script(stage: Stage) -> Path:
    """Write the transaction that Accord sends; each client first looks up its own account, once."""
    names = {"first_name": "first_name", "updated_at": "updated_at", "user_id": "user_id"}
    save = pgbench.as_script(
        queries._save_if_version_is(("first_name",)), {**names, "expected_version": "version", "version_1": "step"}
    )
    append = pgbench.as_script(
        entries._APPEND,
        {name: name for name in JOURNAL}
        | {"actor_id": "user_id", "record_id": "user_id", "record_version": "version", "list_keys": "list_keys"},
    )
    lines = [
        r"\if :known = 0",
        "SELECT id AS user_id, version FROM accord.users WHERE email = 'bench-' || :client_id || '@example.com' \\gset",
        r"\set known 1",
        r"\endif",
        "BEGIN;",
        f"{save} \\gset",
        f"{append};",
        "COMMIT;",
    ]
    file = stage.folder / "patch_me.sql"
    file.write_text("\n".join(lines) + "\n")
    return file


JOURNAL = {
    "request_id": "0" * 32,
    "actor_kind": "user",
    "operation": "updateMe",
    "record_table": "users",
    "kind": "updated",
    "fields": '{"first_name":"Grace"}',
    "list_keys": "{}",
}


def _variables() -> dict[str, str]:
    own = {"known": "0", "user_id": "0", "version": "0", "step": "1"}
    return own | {"first_name": "Grace", "updated_at": "2026-01-01 00:00:00+00"} | JOURNAL
