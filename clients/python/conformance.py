"""Runs clients/conformance.json with the Python SDK against ACCORD_URL; the file says what each step means."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias, cast, get_args, get_type_hints
from uuid import UUID, uuid4

import attrs

from accord_client import AccordError, AsyncAccord, Cache, Changes, MemoryTokens, Resync, errors
from accord_client.generated.types import Model
from accord_client.models import ApplyTransaction, QueryRecords

SCENARIOS = Path(__file__).resolve().parent.parent / "conformance.json"
TIMEOUT = 60.0
Step: TypeAlias = dict[str, Any]


class ScenarioFailed(Exception):
    """A step that is no check went wrong."""


class Report:
    """Prints and counts the checks of all scenarios."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, scenario: str, name: str, *, holds: bool, seen: object) -> None:
        self.passed += holds
        self.failed += not holds
        print(f"{'ok ' if holds else 'FAILED'} {scenario}: {name}", flush=True)
        if not holds:
            sys.stderr.write(f"  {scenario}: {name}: {seen!r}\n")


@attrs.define
class Collected:
    """What a follower got so far."""

    items: list[object] = attrs.field(factory=list[object])
    ended: Exception | None = None


class Scenario:
    """One scenario: its clients, and what it saved."""

    def __init__(self, url: str, stack: AsyncExitStack, report: Report, name: str) -> None:
        self._url, self._stack, self._report, self._name = url, stack, report, name
        self._saved: dict[str, Any] = {"given": json.loads(os.environ.get("ACCORD_GIVEN", "{}"))}
        self._stores: dict[str, MemoryTokens] = {}
        self._clients: dict[str, AsyncAccord] = {}
        self._caches: dict[str, Cache] = {}
        self._collected: dict[str, Collected] = {}
        self._done = 0

    async def run(self, steps: list[Step]) -> None:
        """Run all steps; when one fails, the checks that are left fail with it."""
        try:
            await asyncio.wait_for(self._steps(steps), TIMEOUT * len(steps))
        except Exception as failure:  # noqa: BLE001 - whatever it is, the next scenario shall run
            sys.stderr.write(f"  {self._name}: {type(failure).__name__}: {failure}\n")
            for name in list(_checks_of(steps))[self._done :]:
                self._report.check(self._name, name, holds=False, seen="a step before failed")

    async def _steps(self, steps: list[Step]) -> None:
        for step in steps:
            await asyncio.wait_for(self._step(step), TIMEOUT)

    async def _step(self, step: Step) -> None:
        if "together" in step:
            await asyncio.gather(*(self._step(each) for each in step["together"]))
        elif "until" in step:
            await self._until(step)
        elif "raises" in step:
            await self._raising(step)
        elif "that" in step:
            self._check(step)
        else:
            self._save(step, await self._times(step))

    async def _until(self, step: Step) -> None:
        ends = time.monotonic() + 30
        while True:
            self._save(step, await self._give(step))
            if all(self._holds(check) for check in step["until"]) or time.monotonic() > ends:
                break
            await asyncio.sleep(0.1)
        for check in step["until"]:
            self._check(check)

    async def _raising(self, step: Step) -> None:
        error: AccordError | None = None
        try:
            await self._give(step)
        except AccordError as raised:
            error = raised
        requested: type[AccordError] = getattr(errors, step["raises"])
        self._tell(_name_of(step), holds=isinstance(error, requested), seen=error)
        self._save(step, None if error is None else _error(error))

    async def _times(self, step: Step) -> object:
        if "times" not in step:
            return await self._give(step)
        calls = [self._numbered(step, number) for number in range(1, step["times"] + 1)]
        if step.get("atOnce"):
            return list(await asyncio.gather(*calls))
        return [await call for call in calls]

    async def _numbered(self, step: Step, number: int) -> object:
        numbered = json.loads(json.dumps(step).replace("${number}", str(number)))
        return await self._give(numbered)

    async def _give(self, step: Step) -> object:
        verbs: dict[str, Callable[[Step], Awaitable[object]]] = {
            "client": self._client,
            "call": self._call,
            "signIn": self._sign_in,
            "signOut": self._sign_out,
            "iterate": self._iterate,
            "updateWithRetry": self._update_with_retry,
            "waitForJob": self._wait_for_job,
            "expire": self._expire,
            "follow": self._follow,
            "disconnect": self._disconnect,
            "collected": self._collect,
            "ended": self._ended,
            "cache": self._cache,
        }
        verb = next(name for name in verbs if name in step)
        return await verbs[verb](step)

    async def _client(self, step: Step) -> None:
        store = self._stores.setdefault(step.get("tokens", f"of {step['client']}"), MemoryTokens())
        address = ".".join(["10", *(str(random.randint(1, 254)) for _ in range(3))])  # noqa: S311 - an address
        accord = AsyncAccord(self._url, tokens=store, headers={"X-Forwarded-For": address})
        self._clients[step["client"]] = await self._stack.enter_async_context(accord)

    async def _call(self, step: Step) -> object:
        return _on_the_wire(await self._bound(step)())

    def _bound(self, step: Step) -> Callable[[], Awaitable[object]]:
        """Return the operation with what the step gives it."""
        method = getattr(self._clients[step["as"]], _snake_case(step.get("call") or step["iterate"]))
        arguments, named = self._arguments(method, step)
        return lambda: method(*arguments, **named)

    def _arguments(self, method: Any, step: Step) -> tuple[list[object], dict[str, object]]:
        hints = get_type_hints(method)
        given = {_snake_case(name): value for name, value in self._value(step.get("with", {})).items()}
        if "body" in step:
            [model] = [part for part in (*get_args(hints["body"]), hints["body"]) if _is_model(part)]
            given["body"] = model.from_dict(self._value(step["body"]))
        if "idempotencyKey" in step:
            given["idempotency_key"] = self._value(step["idempotencyKey"])
        named: dict[str, object] = {
            name: UUID(str(value)) if hints[name] is UUID else value for name, value in given.items()
        }
        kinds = inspect.signature(method).parameters
        first = [name for name, parameter in kinds.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        return [named.pop(name) for name in first if name in named], named

    async def _sign_in(self, step: Step) -> object:
        accord = self._clients[step["signIn"]]
        return (await accord.sign_in(self._value(step["email"]), self._value(step["password"]))).to_dict()

    async def _sign_out(self, step: Step) -> None:
        await self._clients[step["signOut"]].sign_out()

    async def _iterate(self, step: Step) -> object:
        accord = self._clients[step["as"]]
        method = getattr(accord, _snake_case(step["iterate"]))
        arguments, named = self._arguments(method, step)
        items = [item.to_dict() async for item in accord.iterate(method, *arguments, **named)]
        requested = self._value(step.get("where", {}))
        return _each([item for item in items if requested.items() <= item.items()], step)

    async def _update_with_retry(self, step: Step) -> object:
        accord, before = self._clients[step["updateWithRetry"]], list(step.get("beforeFirstChange", []))

        async def change(read: object) -> object:
            while before:
                await self._step(before.pop(0))
            self._saved["read"] = _on_the_wire(read)
            return await self._bound({"as": step["updateWithRetry"], **step["change"]})()

        read = self._bound({"as": step["updateWithRetry"], **step["read"]})
        return _on_the_wire(await accord.update_with_retry(read, change))

    async def _wait_for_job(self, step: Step) -> object:
        job = await self._clients[step["as"]].wait_for_job(UUID(self._value(step["waitForJob"])))
        return _on_the_wire(job)

    async def _expire(self, step: Step) -> None:
        store = self._stores[step["expire"]]
        tokens = store.load()
        if tokens is None:
            raise ScenarioFailed("Nobody is signed in.")
        store.save(attrs.evolve(tokens, expires_at=time.time() - 1))

    async def _follow(self, step: Step) -> None:
        live = self._clients[step["as"]].live
        changes = await self._stack.enter_async_context(
            live.follow(*self._value(step["follow"]), after=self._value(step.get("after")))
        )
        collected = self._collected[step["into"]] = Collected()
        task = asyncio.create_task(_collect_into(collected, changes))
        self._stack.callback(task.cancel)

    async def _disconnect(self, step: Step) -> None:
        self._clients[step["disconnect"]].live.disconnect()

    async def _collect(self, step: Step) -> object:
        collected = self._collected[step["collected"]]
        await _until(lambda: len(collected.items) >= step["count"])
        await asyncio.sleep(0.5)
        return _each(collected.items, step)

    async def _ended(self, step: Step) -> None:
        collected = self._collected[step["ended"]]
        await _until(lambda: collected.ended is not None)
        raise collected.ended or ScenarioFailed

    async def _cache(self, step: Step) -> object:
        cache = self._caches.get(step["as"]) or self._caches.setdefault(step["as"], self._clients[step["as"]].cache())
        if step["cache"] == "load":
            await cache.load(QueryRecords.from_dict({"pointers": self._value(step["pointers"])}).pointers)
        elif step["cache"] == "get":
            record = cache.get(step["table"], UUID(self._value(step["id"])))
            return record and record.to_dict()
        elif step["cache"] == "followList":
            await self._stack.enter_async_context(cache.follow_list(self._value(step["key"])))
        elif step["cache"] == "transact":
            return await self._transact(cache, step)
        else:
            return await (cache.undo() if step["cache"] == "undo" else cache.redo())
        return None

    async def _transact(self, cache: Cache, step: Step) -> object:
        body = {"transactionId": str(uuid4()), "operations": self._value(step["operations"])}
        transaction = asyncio.create_task(cache.transact(ApplyTransaction.from_dict(body).operations))
        await asyncio.sleep(0)
        await self._steps(step.get("meanwhile", []))
        return await transaction

    def _check(self, step: Step) -> None:
        self._tell(step["check"], holds=self._holds(step), seen=self._value(step["that"]))

    def _holds(self, step: Step) -> bool:
        that = self._value(step["that"])
        if "equals" in step:
            return that == self._value(step["equals"])
        if "differs" in step:
            return that != self._value(step["differs"])
        return that not in (None, "", [], {})

    def _tell(self, name: str, *, holds: bool, seen: object) -> None:
        self._done += 1
        self._report.check(self._name, name, holds=holds, seen=seen)

    def _save(self, step: Step, value: object) -> None:
        if "save" in step:
            self._saved[step["save"]] = value

    def _value(self, template: Any) -> Any:
        """Return the template with its references looked up."""
        if isinstance(template, dict):
            items = cast("dict[str, Any]", template).items()
            return {self._value(name): self._value(value) for name, value in items}
        if isinstance(template, list):
            return [self._value(item) for item in cast("list[Any]", template)]
        if not isinstance(template, str):
            return template
        if whole := re.fullmatch(r"\$\{([^}]+)\}", template):
            return self._look_up(whole[1])
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._look_up(found[1])), template)

    def _look_up(self, path: str) -> Any:
        if path == "new.uuid":
            return str(uuid4())
        if path == "new.email":
            return f"conformance-{uuid4()}@example.com"
        name, *parts = path.split(".")
        value = self._saved[name]
        for part in parts:
            value = _part(value, part)
        return value


def _part(value: Any, part: str) -> Any:
    if part == "length" and isinstance(value, list):
        return len(cast("list[Any]", value))
    if isinstance(value, list):
        return cast("list[Any]", value)[int(part)]
    return cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the wait is for whoever collects, and TIMEOUT ends it
        await asyncio.sleep(0.02)


async def _collect_into(collected: Collected, changes: Changes) -> None:
    try:
        async for change in changes:
            resync = isinstance(change, Resync)
            collected.items.append(
                {"resync": change.key, "position": change.position} if resync else cast("Model", change).to_dict()
            )
    except AccordError as error:
        collected.ended = error


def _checks_of(steps: list[Step]) -> list[str]:
    """Return the names of all checks in their order."""
    names: list[str] = []
    for step in steps:
        inner = [*step.get("meanwhile", []), *step.get("together", []), *step.get("beforeFirstChange", [])]
        names += _checks_of([*inner, *step.get("until", [])])
        names += [_name_of(step)] if "that" in step or "raises" in step else []
    return names


def _name_of(step: Step) -> str:
    return step.get("check") or f"raises {step['raises']}"


def _each(items: list[Any], step: Step) -> list[Any]:
    return [item.get(step["each"]) for item in items] if "each" in step else items


def _error(error: AccordError) -> dict[str, object]:
    wire = error.problem.to_dict()
    names = ("code", "status", "title", "detail", "requestId", "errors", "conflicts", "retryAfter")
    shown = {name: wire.get(name) for name in names}
    return {"class": type(error).__name__, **shown, "currentVersion": getattr(error, "current_version", None)}


def _on_the_wire(result: object) -> object:
    return result.to_dict() if isinstance(result, Model) else result


def _is_model(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, Model)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


async def main() -> int:
    """Run all scenarios, or those that the command line names."""
    report = Report()
    for scenario in json.loads(SCENARIOS.read_text("utf-8"))["scenarios"]:
        if len(sys.argv) > 1 and scenario["name"] not in sys.argv[1:]:
            continue
        async with AsyncExitStack() as stack:
            await Scenario(os.environ["ACCORD_URL"], stack, report, scenario["name"]).run(scenario["steps"])
    print(f"{report.passed + report.failed} checks, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
