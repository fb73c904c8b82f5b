import json
import logging
import threading
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accord.telemetry import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written() -> Iterator[list[bytes]]:
    """What was written; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    data: list[bytes] = []
    logs.configure("info", readable=False, write=data.append)
    yield data
    logs.configure("info", readable=False)
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines(written) -> Lines:
    def read() -> list[dict[str, Any]]:
        logs.flush()
        return [json.loads(line) for line in b"".join(written).splitlines()]

    return read


def test_a_request_line_has_what_operators_ask_for(lines):
    logs.request_line("r-1", "updateMe", 200, 0.0123, "u-1", ["saved", "SUCCESS"])

    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "message": "request",
        "requestId": "r-1",
        "operation": "updateMe",
        "status": 200,
        "durationMs": 12.3,
        "callerId": "u-1",
        "traceEvents": ["saved", "SUCCESS"],
    }


@pytest.mark.parametrize("hostile", ["a\nb", "a\r\nb", "\x00\x1b[2J", "\u2028", "\ud800", "🔑" * 99, '"}{"', "\x85"])
def test_each_log_entry_is_one_line_for_any_input(lines, hostile):
    logs.request_line(hostile, hostile, 404, 0.1, hostile, [hostile], method="GET", path=f"/{hostile}")
    logs.info(hostile, field=hostile, nested={hostile: [hostile]})
    logging.getLogger(hostile).warning(hostile)

    assert len(lines()) == 3


@pytest.mark.parametrize("value", [2**70, -(2**63) - 1, float("nan"), float("inf"), object(), b"\xff", {1: 2}, None])
def test_any_value_can_be_logged(lines, value):
    logs.error("odd", value=value)

    assert len(lines()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "accessToken",
        "authorization",
        "cookie",
        "apiKey",
        "signing_key",
        "password_hash",
        "secret",
        "otp",
        "pwd",
        "jwt",
    ],
)
def test_secrets_are_redacted_by_their_names(written, lines, name):
    logs.info("m", **{name: "canary", "nested": {"deep": [{name: "canary"}]}})

    assert len(lines()) == 1
    assert b"canary" not in b"".join(written)


@pytest.mark.parametrize(
    "text",
    [
        "Bearer canary-canary",
        "eyJhbGciOiJFZERTQSJ9.canary.canary",
        "postgresql://accord:canary@db/accord",
        "nats://canary:canary@nats:4222",
        "accord_canarycanarycanary",
        "$argon2id$v=19$m=1,t=1,p=1$canary$canary",
        "token=canarycanarycanarycanarycanarycanarycanary1",
    ],
)
def test_secrets_are_redacted_in_texts_of_others(written, lines, text):
    try:
        raise ValueError(text)
    except ValueError as error:
        logs.exception("It failed.", error)
    logging.getLogger("library").error("said %s", text)
    logs.warning(text, note=text)

    assert len(lines()) == 3
    assert b"canary" not in b"".join(written)


def test_an_exception_comes_with_its_stack_in_one_line(lines):
    try:
        raise ValueError("the reason")
    except ValueError as error:
        logs.exception("It failed.", error, request_id="r-1")

    (line,) = lines()
    assert (line["level"], line["message"], line["requestId"]) == ("error", "It failed.", "r-1")
    assert "ValueError: the reason" in line["exception"]
    assert __file__ in line["exception"]


def test_libraries_log_into_the_same_lines(lines):
    logging.getLogger("nats").error("lost %s", "it")
    logging.getLogger("nats").info("chatter")
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)  # others may come from the garbage of other tests
        warnings.warn("careful", stacklevel=1)

    told = [(line["level"], line["logger"], line["message"]) for line in lines()]
    assert told[0] == ("error", "nats", "lost it")
    assert told[1][1] == "py.warnings"
    assert len(told) == 2


def test_a_wrong_format_of_a_library_is_no_error(lines):
    record = logging.makeLogRecord({"name": "nats", "levelno": 40, "msg": "wrong %d", "args": ("format",)})

    logs._Libraries().handle(record)

    assert lines()[0]["message"] == "wrong %d"


def test_entries_below_the_level_are_left_out(written, lines):
    logs.configure("warning", readable=False, write=written.append)

    logs.request_line("r", "getMe", 200, 0.1)
    logs.info("no")
    logs.request_line("r", "getMe", 500, 0.1)
    logs.warning("yes")

    assert [line["level"] for line in lines()] == ["error", "warning"]


def test_lines_are_written_soon_without_being_asked(written):
    logs.info("soon")
    deadline = time.monotonic() + 30

    while not written and time.monotonic() < deadline:
        time.sleep(0.01)

    assert b"soon" in b"".join(written)


def test_a_reader_that_is_stuck_costs_lines_and_not_memory(lines, monkeypatch):
    with logs._sink._writing:  # the thread that writes must not come in between
        monkeypatch.setattr(logs._sink, "_added", logs._sink._written + logs._MAX_UNWRITTEN + 1)

        logs.info("lost")
        logs.info("lost")

    (line,) = lines()
    assert (line["message"], line["count"]) == ("Log lines were dropped.", 2)


def test_a_line_that_waits_occupies_little_more_than_its_text(monkeypatch):
    sink = logs._Sink()
    monkeypatch.setattr(logs, "_sink", sink)
    sink._idle = False  # Nothing is written meanwhile.
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(1000):
        logs.request_line(f"{number:032x}", "updateMe", 200, 0.003)
    occupied = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert occupied < 1.5 * sink._added


def test_a_line_counts_as_unwritten_until_its_write_ends(lines, monkeypatch):
    monkeypatch.setattr(logs, "_MAX_UNWRITTEN", 1_000_000)
    text = "x" * 10_000
    stuck, may_go_on = threading.Event(), threading.Event()
    written = logs._sink.write

    def wait(data: bytes) -> None:
        stuck.set()
        assert may_go_on.wait(30)
        written(data)

    monkeypatch.setattr(logs._sink, "write", wait)
    with logs._sink._writing:  # so that the first ones are written together
        for _ in range(60):
            logs.info(text)
    assert stuck.wait(30)
    for _ in range(100):
        logs.info(text)
    may_go_on.set()

    found = lines()
    (dropped,) = (line["count"] for line in found if line["message"] == "Log lines were dropped.")
    assert sum(line["message"] == text for line in found) == 160 - dropped
    assert dropped >= 60


def test_a_request_line_costs_microseconds(lines):
    def seconds() -> float:
        started = time.thread_time()
        for _ in range(500):
            logs.request_line("r-1", "updateMe", 200, 0.0123, "u-1", ["SUCCESS"])
        return time.thread_time() - started

    # On a core, and at best: what else the machine does costs time, too.
    least = min(seconds() for _ in range(10))

    assert len(lines()) == 5000
    assert least / 500 < 30e-6


def test_a_terminal_gets_readable_lines_that_cannot_drive_it(written):
    logs.configure("info", readable=True, write=written.append)

    logs.request_line("r\x1b[31m\n", "getMe", 200, 0.0015)
    try:
        raise ValueError("the reason")
    except ValueError as error:
        logs.exception("It failed.", error)
    logs.flush()

    text = b"".join(written).decode()
    first, second, *stack = text.splitlines()
    assert first.endswith("info    request requestId=r\\x1b[31m\\n operation=getMe status=200 durationMs=1.5")
    assert second.endswith("error   It failed.")
    assert stack[-1] == "    ValueError: the reason"
    assert "\x1b" not in text
