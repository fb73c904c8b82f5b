"""O-10: what the doctor finds, also where nothing runs."""

import asyncio
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from processes import alive_in, once

from accord import settings
from accord.cli.doctor import database, messaging
from accord.journal.backlog import Backlog
from accord.journal.readers import Standing

SIGNING_KEY = secrets.token_hex(32)
NOW = datetime.now(UTC)
HEALTHY = database.About("18.1", 18, standby=False, read_only=False, max_connections=100, used=5, durable=True)


def marks(output: str) -> dict[str, str]:
    """Return the mark of each subject."""
    return {subject: mark for mark, subject in re.findall(r"^([✓!✗]) ([\w ]+):", output, re.MULTILINE)}


async def examine(service, **environment: str):
    return await asyncio.to_thread(service.command, "doctor", **environment)


async def examine_until(is_said: Callable[[str], bool], service, **environment: str):
    """Examine some times if need be: what does not answer for two seconds may just have had no turn."""
    done = await examine(service, **environment)
    for _ in range(9):
        if is_said(done.stdout):
            break
        done = await examine(service, **environment)
    return done


async def test_the_doctor_reports_a_healthy_service(given):
    done = await examine_until(lambda said: set(marks(said).values()) == {"✓"}, given.service)

    assert done.returncode == 0, done.stdout + done.stderr
    expected = {"settings", "contract", "keys", "proxy", "cookies", "traces"}
    expected |= {"database", "writing", "migrations", "tables", "clock", "journal", "jobs", "messaging"}
    found = marks(done.stdout)
    assert expected <= set(found)
    assert {found[subject] for subject in expected} == {"✓"}
    assert ("workers" in found) == (given.service.transport == "nats")


@once
async def test_without_a_service_the_doctor_starts_and_creates_nothing(alone):
    service = alone()

    done = await examine(service)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "database: the embedded PostgreSQL is not running; `accord serve` starts it" in done.stdout
    assert "messaging: the embedded NATS is not running; `accord serve` starts it" in done.stdout
    assert not (service.folder / "data").exists()
    assert alive_in(service.folder) == []


@once
async def test_an_unreachable_server_is_a_finding_among_others(alone):
    url = "postgresql://accord:hidden-word@127.0.0.1:9/accord"

    done = await examine(alone(), DATABASE_URL=url, NATS_URL="nats://127.0.0.1:9", FLOW_TRANSPORT="nats")

    found = marks(done.stdout)
    assert done.returncode == 1
    assert (found["database"], found["messaging"], found["contract"]) == ("✗", "✗", "✓")
    assert "PostgreSQL cannot be reached" in done.stdout
    assert "Check DATABASE_URL, and that the server runs." in done.stdout
    assert "NATS does not respond. Check NATS_URL, and that the server runs." in done.stdout
    assert "hidden-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@once
async def test_without_nats_a_service_that_runs_flows_itself_still_works(service):
    done = await examine(service, NATS_URL="nats://127.0.0.1:9")

    assert done.returncode == 0
    assert marks(done.stdout)["messaging"] == "!"


@once
async def test_a_gateway_without_workers_and_one_with_another_key_are_told_apart(service, another):
    none = await examine(service, FLOW_TRANSPORT="nats")
    await asyncio.to_thread(another().run("worker", "worker").wait_for, "(worker is ready)")
    one = await examine_until(lambda said: "✓ workers" in said, service, FLOW_TRANSPORT="nats")
    other_key = {"FLOW_TRANSPORT": "nats", "FLOW_SIGNING_KEY": SIGNING_KEY}
    stranger = await examine_until(lambda said: "the same FLOW_SIGNING_KEY" in said, service, **other_key)

    assert "✗ workers: none responds. Start `accord worker`." in none.stdout
    assert re.search(r"^✓ workers: at least one responds, of release \d", one.stdout, re.MULTILINE)
    assert "Give gateways and workers the same FLOW_SIGNING_KEY" in stranger.stdout
    assert [none.returncode, one.returncode, stranger.returncode] == [1, 0, 1]
    assert SIGNING_KEY not in stranger.stdout + stranger.stderr


@once
async def test_weak_settings_are_warnings(alone):
    service = alone()
    key = service.folder / "data" / "keys" / "flow.key"
    key.parent.mkdir(parents=True)
    key.write_text(SIGNING_KEY)
    key.chmod(0o644)

    done = await examine(service, HOST="0.0.0.0", TRUSTED_PROXIES="", DATABASE_URI="x")  # noqa: S104 - it is looked at, not used

    assert done.returncode == 0
    assert "! proxy: listens on 0.0.0.0. Behind a reverse proxy, list it in TRUSTED_PROXIES" in done.stdout
    assert "! settings: DATABASE_URI has no effect; is DATABASE_URL meant? Correct its name" in done.stdout
    assert f"! keys: {key} can be read by other users. Run `chmod 600 {key}`." in done.stdout
    assert SIGNING_KEY not in done.stdout + done.stderr


@once
async def test_settings_that_prevent_a_start_are_findings(alone):
    done = await examine(alone(), OTEL_TRACES_EXPORTER="nonsense", TRUSTED_PROXIES="0.0.0.0/0")

    assert done.returncode == 1
    assert "✗ traces: OTEL_TRACES_EXPORTER=nonsense is not known" in done.stdout
    assert "! proxy: TRUSTED_PROXIES has 0.0.0.0/0, which is every address. List only the proxies'" in done.stdout


@once
async def test_the_doctor_prints_no_secret(service):
    given = {"FLOW_SIGNING_KEY": SIGNING_KEY, "METRICS_TOKEN": SIGNING_KEY[::-1], "LOG_LEVEL": "debug"}

    done = await examine(service, **given)

    assert done.returncode == 0, done.stderr
    assert not [name for name in ("FLOW_SIGNING_KEY", "METRICS_TOKEN") if given[name] in done.stdout + done.stderr]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({}, [("database", True, "")]),
        ({"major": 14}, [("database", False, "Upgrade it to 15 or later")]),
        ({"standby": True}, [("database", False, "Name the primary in DATABASE_URL")]),
        ({"durable": False}, [("durability", True, "Turn fsync, full_page_writes and synchronous_commit on")]),
        ({"used": 95}, [("connections", True, "Raise max_connections, or lower DATABASE_POOL_SIZE")]),
    ],
)
def test_a_server_is_judged_by_what_it_says_of_itself(what, said):
    found = list(database.server(HEALTHY._replace(**what), 0.001, settings.load({})))

    assert [(one.subject, one.works, one.advice) for one in found][-len(said) :] == said


def test_clocks_that_differ_and_entries_that_wait_are_told():
    late = Backlog(entries=3, overdue=3, seconds=60.0)

    assert database.skew(0.5).advice == ""
    assert "Synchronise the clocks" in database.skew(-3).advice
    assert database.journal(late._replace(seconds=0.1), has_leader=False).advice == ""
    assert "Let `accord serve` or `accord worker` run" in database.journal(late, has_leader=False).advice
    assert "pg_stat_activity" in database.journal(late, has_leader=True).advice


def test_a_reaction_that_stands_still_and_one_that_this_release_does_not_have_are_told():
    well, still = Standing("a.after_b_event", 7, 2, 0.5), Standing("a.after_b_event", 7, 2, 61.0)

    assert str(database.reader(well, is_known=True)).startswith("✓ reaction: a.after_b_event has passed all but 2")
    assert "has passed every entry" in str(database.reader(well._replace(behind=0), is_known=True))
    assert str(database.reader(still, is_known=True)).startswith("! reaction: ")
    assert "stands still for 61 s" in str(database.reader(still, is_known=True))
    assert "`accord journal drop-reader a.after_b_event`" in str(database.reader(well, is_known=False))


def test_jobs_that_wait_and_queues_that_are_paused_are_told():
    assert str(database.jobs([], [])).startswith("✓ jobs: none")
    assert str(database.jobs(["mail"], ["default"])).startswith("! jobs: some wait for over 60 s in mail")
    assert str(database.jobs([], ["default", "mail"])).startswith("! jobs: these queues are paused: default, mail")


def test_in_production_missing_migrations_keep_it_from_working_and_in_development_the_next_start_migrates():
    development = settings.load({})
    production = development.model_copy(update={"env": "production"})

    assert database.migrations(None, development).works
    assert not database.migrations(None, production).works
    assert database.migrations("9999_post_of_a_later_release", production).works


def test_a_refused_caller_points_at_the_key():
    assert "FLOW_SIGNING_KEY" in messaging.workers(None, strangers=1).advice
