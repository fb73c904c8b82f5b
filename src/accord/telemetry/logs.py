"""Structured logs: one JSON object for each line, or a readable line in a developer's terminal.

A line is rendered by the code that logs, in a few microseconds, and written by a thread, so that a slow disk or a full
pipe never blocks the event loop. Past 8 MiB of unwritten lines new lines are dropped, and their number is logged.
"""

import atexit
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

import orjson

from accord.telemetry.secret_names import REDACTED, is_secret

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_COLOURS = {"debug": "\033[2m", "warning": "\033[33m", "error": "\033[31m"}
# Secrets that texts of libraries and clients may contain: JWTs, opaque tokens, password hashes, passwords in URLs.
_SECRET_TEXT = re.compile(
    r"eyJ[\w-]{8,}\.[\w.-]*|accord_[\w-]{16,}|(?<![\w-])[\w-]{43}(?![\w-])|\$(?:argon2|scrypt|2[aby])[^\s'\"]*"
    r"|(?<=://)[^/\s@]*:[^/\s@]*(?=@)|(?<=Bearer )\S+",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_TEXT = 16_384
_MAX_UNWRITTEN = 8 * 1024 * 1024
_MAX_AT_ONCE = 2048
"""Lines that are written at once; joining all waiting lines would take their memory twice."""
_FLUSH_INTERVAL = 0.05


class _Sink:
    """Collects rendered lines; a daemon thread writes them twenty times a second while there are any."""

    def __init__(self) -> None:
        self.write: Callable[[bytes], object] = _to_stderr
        self._lines: deque[bytes] = deque()
        self._added = 0
        self._written = 0
        self._dropped = 0
        self._idle = True
        self._wake, self._hurry, self._writing = threading.Event(), threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, line: bytes, *, urgent: bool = False) -> None:
        if self._added - self._written > _MAX_UNWRITTEN:
            self._dropped += 1
            return
        self._added += len(line)
        self._lines.append(line)
        if self._idle:
            self._idle = False
            self._start()
            self._wake.set()
        if urgent:
            self._hurry.set()

    def flush(self) -> None:
        """Write the lines that wait now; lines added meanwhile are written next time, or writing would never end."""
        with self._writing:
            left = len(self._lines)
            while left:
                lines = [self._lines.popleft() for _ in range(min(left, _MAX_AT_ONCE))]
                self.write(b"".join(lines))
                self._written += sum(map(len, lines))
                left -= len(lines)
            if not self._lines:
                # Threads that add at the same time can count a line too few.
                self._written = self._added
            dropped, self._dropped = self._dropped, 0
            if dropped:
                self.write(_rendered("warning", "Log lines were dropped.", {"count": dropped}))

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._follow, name="logs", daemon=True)
            self._thread.start()

    def _follow(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            self._hurry.wait(_FLUSH_INTERVAL)
            self._hurry.clear()
            self._idle = True
            self.flush()


class _Clock:
    """Renders RFC 3339 UTC with microseconds; the calendar part is rendered once a second."""

    def __init__(self) -> None:
        self._second = ("", "")

    def now(self) -> str:
        digits = str(time.time_ns())
        second = digits[:-9]
        known, text = self._second
        if known != second:
            text = datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            self._second = (second, text)
        return f"{text}{digits[-9:-3]}Z"


def _to_stderr(data: bytes) -> None:
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:
        pass  # The log has no reader any more, and no other place to report that exists.


class _State:
    """The choices of `configure`, for the process."""

    threshold = _LEVELS["info"]
    readable = False
    colours = False


_sink, _clock, _state = _Sink(), _Clock(), _State()
atexit.register(_sink.flush)


def configure(level: str, *, readable: bool, write: Callable[[bytes], object] | None = None) -> None:
    """Set the least level and the form of lines, and route the standard library's logging into them."""
    _sink.flush()
    _state.threshold, _state.readable = _LEVELS[level], readable
    _state.colours = readable and sys.stderr.isatty()
    _sink.write = write or _to_stderr
    root = logging.getLogger()
    root.handlers[:] = [_Libraries()]
    # Libraries log about themselves at level info; such lines are of use with LOG_LEVEL=debug only.
    root.setLevel(logging.INFO if level == "debug" else max(_state.threshold, logging.WARNING))
    logging.captureWarnings(capture=True)


def debug(message: str, **fields: object) -> None:
    """Log a detail that helps to find a fault."""
    _log("debug", message, fields)


def info(message: str, **fields: object) -> None:
    """Log an event that operators expect."""
    _log("info", message, fields)


def warning(message: str, **fields: object) -> None:
    """Log an event that operators should look at when they have time."""
    _log("warning", message, fields)


def error(message: str, **fields: object) -> None:
    """Log an event that operators should look at now."""
    _log("error", message, fields)


def exception(message: str, problem: BaseException, **fields: object) -> None:
    """Log an unexpected exception with its stack; texts that look like secrets are redacted."""
    _log("error", message, fields | {"exception": _stack(problem)})


def request_line(  # noqa: PLR0917  the fields of O-6; a dictionary for them would cost as much as the line
    request_id: str,
    operation: str | None,
    status: int,
    seconds: float,
    caller_id: str | None = None,
    trace_events: list[str] | None = None,
    method: str | None = None,
    path: str | None = None,
) -> None:
    """Log a request after its response; without an operation, `method` and `path` name the request."""
    level = "error" if status >= 500 else "info"  # noqa: PLR2004  server errors begin here
    if _LEVELS[level] < _state.threshold:
        return
    line: dict[str, object] = {
        "time": _clock.now(),
        "level": level,
        "message": "request",
        "requestId": request_id,
        "operation": operation,
        "status": status,
        "durationMs": int(seconds * 1_000_000) / 1000,
        "callerId": caller_id,
    }
    if trace_events:
        line["traceEvents"] = trace_events
    if path is not None:
        line["method"], line["path"] = method, redacted(path[:256])
    _sink.add(_readable(line) if _state.readable else _json(line))


def flush() -> None:
    """Write waiting lines now; for the end of a process and for tests."""
    _sink.flush()


def redacted(value: object, depth: int = 4) -> object:
    """Return a copy of a value for the log, without texts that look like secrets and values under names of secrets."""
    if isinstance(value, str):
        return _without_secrets(value)
    if isinstance(value, Mapping):
        items = value.items() if depth else ()
        return {str(key): _of_key(str(key), item, depth) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item, depth - 1) for item in list(value)[:100]] if depth else "…"
    return value if value is None or isinstance(value, bool | int | float) else redacted(str(value))


def _without_secrets(text: str) -> str:
    return _SECRET_TEXT.sub(REDACTED, text[:_LONGEST_TEXT])


def _of_key(key: str, value: object, depth: int) -> object:
    return REDACTED if value is not None and is_secret(key) else redacted(value, depth - 1)


def _log(level: str, message: str, fields: dict[str, object]) -> None:
    if _LEVELS[level] < _state.threshold:
        return
    named = {_camel(name): _of_key(name, value, depth=4) for name, value in fields.items()}
    _sink.add(_rendered(level, _without_secrets(message), named), urgent=level == "error")


def _rendered(level: str, message: str, fields: dict[str, object]) -> bytes:
    line = {"time": _clock.now(), "level": level, "message": message, **fields}
    return _readable(line) if _state.readable else _json(line)


def _json(line: dict[str, object]) -> bytes:
    try:
        text = orjson.dumps(line)
    except TypeError:
        # A lone surrogate, an integer beyond 64 bits, a key that is no text: with any content the line must be written.
        text = orjson.dumps(_safe(line))
    # A copy, since each value that orjson returns occupies 4 KiB, and up to 8 MiB of lines may wait.
    return text + b"\n"


def _readable(line: dict[str, object]) -> bytes:
    now, level, message = str(line.pop("time")), str(line.pop("level")), line.pop("message")
    fields, stack = line, line.pop("exception", None)
    text = f"{now[11:23]} {level:7} {message}"
    text = _shown(text + "".join(f" {k}={_plain(v)}" for k, v in fields.items() if v is not None))
    if stack:
        text += "".join(f"\n    {_shown(line)}" for line in str(stack).splitlines())
    if _state.colours and level in _COLOURS:
        text = f"{_COLOURS[level]}{text}\033[0m"
    return (text + "\n").encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shown(text: str) -> str:
    """Escape control characters, which could otherwise forge a line or drive the terminal."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _safe(value: object) -> object:
    if isinstance(value, dict):
        return {_safe(str(key)): _safe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_safe(item) for item in value]
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()


def _stack(problem: BaseException) -> str:
    text = "".join(traceback.format_exception(problem))
    # The end names the cause, so a stack past 16,384 characters loses its beginning.
    return text[-_LONGEST_TEXT:]


@lru_cache(maxsize=256)
def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


class _Libraries(logging.Handler):
    """Turns records of the standard library's logging into our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next((name for name in reversed(_LEVELS) if record.levelno >= _LEVELS[name]), "debug")
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  a wrong format string of a library must not end a request
            message = str(record.msg)
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = _stack(record.exc_info[1])
        _log(level, message, fields)
