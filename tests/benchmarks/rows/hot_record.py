"""PATCH of one conversation by everybody at once: those who come second get 409, and nobody's change is lost."""

import json
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks import load, pgbench
from benchmarks.measure import Figure, Report, Sample, alternate, measured_load, ratios
from benchmarks.stage import Stage, ask

_SCRIPT = """BEGIN;
UPDATE hot SET title = 'Plans', version = version + 1 WHERE id = 1 RETURNING version \\gset
INSERT INTO hot_journal (record, version, fields) VALUES (1, :version, '{"title": "Plans"}');
COMMIT;
"""
_TABLES = """
CREATE TABLE hot (id int PRIMARY KEY, title text NOT NULL, version bigint NOT NULL);
CREATE TABLE hot_journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    record int NOT NULL, version bigint NOT NULL, fields jsonb NOT NULL
);
INSERT INTO hot VALUES (1, 'Plans', 1);
"""


class Competing:
    """A client that goes on from the version in the last response, whoever wrote it."""

    def __init__(self, token: str, path: str, version: int) -> None:
        self._token, self._path, self._version = token, path, version

    def request(self) -> bytes:
        return load.request("PATCH", self._path, self._token, b'{"expectedVersion":%d,"title":"Plans"}' % self._version)

    def accepts(self, status: bytes, body: bytes) -> bool:
        """A success is one version further; a conflict names a later one than was expected."""
        expected, response = self._version, json.loads(body)
        self._version = response["version" if status == b"200" else "currentVersion"]
        return self._version == expected + 1 if status == b"200" else status == b"409" and self._version > expected


@dataclass(frozen=True)
class HotRecord:
    id: str = "hot_record"
    order: int = 11
    title: str = "409 on one hot record"

    def measure(self, stage: Stage) -> Report:
        script = stage.folder / "hot.sql"
        script.write_text(_SCRIPT)
        with psycopg.connect(stage.postgres.url, autocommit=True) as connection:
            connection.execute(_TABLES)
        hot = Hot(stage)

        def limit() -> Sample:
            effort = stage.effort
            return pgbench.run(stage.postgres, stage.postgres.url, script, effort.clients, effort.seconds, {})

        rounds = alternate({"limit": limit, "ours": hot.run}, stage.effort.rounds)
        what = {
            "limit": f"pgbench (C, prepared), {stage.effort.clients} clients: UPDATE of one row and INSERT, no version",
            "ours": "Accord, everything on but rate limits; each request states a version, so most are answered 409",
        }
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 0.3),
            Figure("changes that were made", hot.changes, unit="/s"),
        ]
        return Report(self.id, self.title, what, rounds, figures, [hot.checked()])


class Hot:
    """One conversation that every account is a member of."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._responses = stage, 0.0
        self.changes: list[float] = []
        others = [account.id for account in stage.accounts[1:]]
        self._path = f"/api/v1/conversations/{self._ask('POST', '/api/v1/conversations', others)['id']}"

    def run(self) -> Sample:
        effort, before = self._stage.effort, self._version()
        arguments: list[dict[str, Any]] = [
            {"token": account.token, "path": self._path, "version": before} for account in self._stage.accounts
        ]
        plan = load.Plan(
            self._stage.ours.port,
            arguments,
            f"{__name__}:Competing",
            seconds=effort.seconds,
            warm_up=effort.warm_up,
        )
        sample = measured_load(plan, {"server": [self._stage.ours.pid], "postgresql": [self._stage.postgres_pid()]})
        self.changes.append((self._version() - before) / (effort.seconds + effort.warm_up))
        self._responses += sample.per_second
        return sample

    def checked(self) -> str:
        """Compare with the journal: every version has its entry, so no change was lost or made twice."""
        version = self._version()
        with psycopg.connect(self._stage.postgres.url) as connection:
            row = connection.execute(
                "SELECT count(DISTINCT record_version), max(record_version) FROM accord.journal WHERE record_id = %s",
                (self._path.rpartition("/")[2],),
            ).fetchone()
        assert row == (version, version), f"version {version}, journal {row}"
        share = 1 - sum(self.changes) / self._responses
        return f"0 lost updates in {version:,} versions, each with its journal entry; {share:.0%} of answers were 409."

    def _version(self) -> int:
        return self._ask("GET", self._path)["version"]

    def _ask(self, method: str, path: str, members: list[str] | None = None) -> dict[str, Any]:
        body = None if members is None else {"title": "Plans", "memberIds": members}
        status, response = ask(self._stage.ours.port, method, path, body, self._stage.accounts[0].token)
        assert status in {200, 201}, response
        return json.loads(response)


ROW = HotRecord()
