"""The context of a flow: the caller, the transaction, reads, the clock, and the parts that the boot created."""

import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from accord.clock import now
from accord.database.autocommit import Autocommit
from accord.database.database import Database
from accord.database.idempotency import Idempotency
from accord.database.ids import new_id
from accord.database.pagination import Cursors, Listing
from accord.database.reader import Reader
from accord.database.transaction import CallFailed, HeldTransaction, Transaction
from accord.journal.entries import Actor, Journal
from accord.mail.mail import JobMail, Mail, Mailer
from accord.problems import DeadlineExceeded
from accord.queue.batches import STATEMENT_TIMEOUT
from accord.queue.enqueue import Jobs
from accord.queue.running import RunningJob
from accord.queue.tasks import Tasks
from accord.security.passwords import Passwords
from accord.security.permissions import allows, permissions_of
from accord.security.tokens import AccessTokens
from accord.settings import Settings


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A caller who is signed in. The id is text, as in live keys, tokens, messages and paths, to save conversions."""

    id: str
    role: str
    session_id: str | None
    permissions: frozenset[str]

    @classmethod
    def user(cls, user_id: str, role: str, session_id: str | None) -> "SignedIn":
        """Return the caller for a user, with the permissions of the role."""
        if not user_id:
            message = "A caller who is signed in has an id."
            raise ValueError(message)
        return cls(user_id, role, session_id, permissions_of(role))

    def may(self, permission: str) -> bool:
        """Return whether the caller has the permission, or one that includes it."""
        return allows(self.permissions, permission)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A caller who is not signed in, and has neither id nor permissions."""

    id: None = None
    role: None = None
    session_id: None = None
    permissions: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:  # noqa: ARG002 - SignedIn takes it
        """Return False: every permission needs a caller who is signed in."""
        return False


@dataclass(frozen=True, slots=True)
class System:
    """The caller of a job or a reaction: Accord itself, which has every permission and no account."""

    id: ClassVar[None] = None
    role: None = None
    session_id: None = None
    permissions: frozenset[str] = frozenset({"admin:all"})

    def may(self, permission: str) -> bool:  # noqa: ARG002 - SignedIn takes it
        """Return True."""
        return True


Caller = SignedIn | Anonymous | System
ANONYMOUS = Anonymous()
SYSTEM = System()


def actor_of(caller: Caller) -> Actor:
    """Return the caller as the journal names it."""
    if isinstance(caller, SignedIn):
        return Actor("user", UUID(caller.id))
    return Actor("system" if isinstance(caller, System) else "anonymous", None)


@dataclass(slots=True)
class RequestInfo:
    """The origin of a request, and its deadline; `deadline` is in seconds of the Unix epoch.

    `is_awaited` says whether the client still waits for the response: a gateway gives up a worker that was frozen.
    """

    id: str
    address: str = ""
    user_agent: str = ""
    traceparent: str | None = None
    deadline: float = float("inf")
    idempotency_key: str | None = None
    tracestate: str | None = None
    is_awaited: Callable[[], bool] = lambda: True
    prefers_async: bool = False
    """Whether a job is to run the operation, which has `x-async`."""


Probe = Callable[[], Awaitable[bool]]
"""Returns within a few seconds whether a dependency works."""


@dataclass(slots=True)
class Resources:
    """The parts of a process, created once by the boot. Tests replace the clock, not the parts."""

    settings: Settings
    database: Database
    passwords: Passwords
    tokens: AccessTokens
    cursors: Cursors
    idempotency: Idempotency
    probes: Mapping[str, Probe]
    mailer: Mailer
    tasks: Tasks = field(default_factory=Tasks)
    started: float = field(default_factory=time.monotonic)
    is_stopping: bool = False
    """Whether the process stops, so that a flow which waits for something new returns what there is."""
    clock: Callable[[], datetime] = now
    new_id: Callable[[], UUID] = new_id
    random_bytes: Callable[[int], bytes] = os.urandom
    call: Callable[["Context", str, Mapping[str, Any]], Awaitable[Any]] | None = None
    """Runs other operations for `Context.call`; None in a process without flows."""
    react: Callable[["Context"], Awaitable[None]] | None = None
    """Called before a commit that appends to the journal, for the reactions in the commit; None without reactions."""
    journal_appended: Callable[[], None] = lambda: None
    """Called after a commit that appended to the journal; the boot lets it wake the sequencer."""
    jobs_enqueued: Callable[[Collection[str]], None] = lambda _: None
    """Called after a commit that enqueued jobs, with their queues; the boot lets it wake a runner."""
    sessions_ended: Callable[[Collection[str]], None] = lambda _: None
    """Called after a commit that ended sessions; the boot lets it revoke their access tokens at once."""


PartOf = TypeVar("PartOf", bound="Context")


class Context:
    """One run of one flow. Returning commits what it wrote through `tx`; raising rolls it back."""

    __slots__ = (
        "_failed_call",
        "_jobs",
        "_journal",
        "_tx",
        "_whole",
        "caller",
        "depth",
        "ended_sessions",
        "operation",
        "request",
        "resources",
        "trace_events",
    )

    def __init__(self, resources: Resources, operation: str, caller: Caller, request: RequestInfo) -> None:
        """Take the parts; the transaction begins with the first write."""
        self.resources = resources
        self.operation = operation
        self.caller = caller
        self.request = request
        self.trace_events: list[str] = []
        self.ended_sessions: list[str] = []
        self.depth = 0
        """How many calls and reactions this flow is within."""
        self._tx: Transaction | None = None
        self._journal: Journal | None = None
        self._jobs: Jobs | None = None
        self._whole: Context | None = None  # This one would be a cycle, which only the garbage collector frees.
        self._failed_call: str | None = None

    def part(self, kind: type[PartOf], operation: str, caller: Caller, request: RequestInfo) -> PartOf:
        """Return the context of a flow that runs within this one, in its transaction: what it writes is one commit.

        Entries and jobs of the part name its own operation, caller and request.
        """
        part = kind(self.resources, operation, caller, request)
        part.depth = self.depth + 1
        part._whole = self._whole or self  # noqa: SLF001 - of the same class
        part._tx = self.tx  # noqa: SLF001 - likewise
        part._journal = self.journal.part(actor_of(caller), operation, request.id)  # noqa: SLF001 - likewise
        part.trace_events, part.ended_sessions = self.trace_events, self.ended_sessions
        return part

    async def call(self, operation_id: str, **inputs: Any) -> Any:
        """Run another operation in this transaction, as this caller; return what its flow returns.

        The inputs are those of its flow: path and query parameters, and `body`. The inputs and the permission are
        checked; rate limits and idempotency keys are for requests. An exception of the flow must pass through, as
        nothing can be committed after it. `accord.calls.Calls` has the errors.
        """
        assert self.resources.call is not None
        return await self.resources.call(self, operation_id, inputs)

    def call_failed(self, operation: str) -> None:
        """Forbid the commit: the call raised, and may have written before."""
        (self._whole or self)._failed_call = operation  # noqa: SLF001 - of the same class

    @property
    def tx(self) -> Transaction:
        """The transaction of this flow; functions that write take it as their first argument."""
        if self._tx is None:
            self._tx = Transaction(self.resources.database)
        return self._tx

    @property
    def read(self) -> Reader:
        """The reader: each read acquires a connection and releases it, or runs in the transaction once that has begun.

        A flow that holds a connection and waits for a second one can wait for a flow that does the same (I-10).
        """
        tx = self._tx
        return self.resources.database if tx is None or not tx.is_open else tx

    @property
    def waits_in_transaction(self) -> bool:
        """Whether the transaction is open while the flow awaits anything but a statement of that transaction."""
        return self._tx is not None and self._tx.is_open and not self._tx.is_running

    @property
    def journal(self) -> Journal:
        """The journal of this flow: entries are written with the commit."""
        if self._journal is None:
            self._journal = Journal(actor_of(self.caller), self.operation, self.request.id)
        return self._journal

    @property
    def jobs(self) -> Jobs:
        """The jobs of this flow: they are enqueued with the commit."""
        if self._jobs is None:
            self._jobs = Jobs(
                self.resources.tasks,
                self.tx,
                self.journal,
                self.request.id,
                self.request.traceparent,
                new_id=self.resources.new_id,
                now=self.resources.clock,
            )
            if self._whole is not None:
                self._jobs.queues = self._whole.jobs.queues
        return self._jobs

    @property
    def mail(self) -> Mail:
        """The mails of this flow: jobs send them after the commit."""
        return Mail(self.jobs)

    @property
    def passwords(self) -> Passwords:
        """Hashing and checking of passwords, off the event loop, before the transaction begins."""
        if self._tx is not None and self._tx.is_open:
            raise HeldTransaction
        return self.resources.passwords

    @property
    def tokens(self) -> AccessTokens:
        """Signing of access tokens."""
        return self.resources.tokens

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self.resources.settings

    def listing(self, **filters: Any) -> Listing:
        """Return the page cursors of the list that this operation returns to this caller with these filters."""
        return self.resources.cursors.listing(self.operation, self.caller.id or "", filters)

    def uptime(self) -> float:
        """Return the seconds since the parts of this process were created."""
        return round(time.monotonic() - self.resources.started, 3)

    def now(self) -> datetime:
        """Return the time, from the clock that tests control."""
        return self.resources.clock()

    def new_id(self) -> UUID:
        """Return a new UUIDv7."""
        return self.resources.new_id()

    def random_bytes(self, count: int) -> bytes:
        """Return random bytes fit for secrets."""
        return self.resources.random_bytes(count)

    def trace_event(self, text: str) -> None:
        """Add an event to the request's log line (C-12); never a value from the request."""
        self.trace_events.append(text)

    def sessions_ended(self, session_ids: Iterable[UUID]) -> None:
        """Note sessions that the transaction ends: from the commit on their access tokens are invalid."""
        self.ended_sessions += map(str, session_ids)

    @property
    def has_begun(self) -> bool:
        """Whether a commit is needed; most flows that only read need none."""
        return self._tx is not None or self._journal is not None

    async def commit(self) -> None:
        """Commit what the flow wrote, with its journal entries; dispatch calls this, flows never do.

        Raises DeadlineExceeded, and commits nothing, when the client was told already that the outcome is unknown.
        """
        if not self.request.is_awaited():
            await self.rollback()
            raise DeadlineExceeded
        appends = self._journal is not None and not self._journal.is_empty
        if appends and self.resources.react is not None:
            await self._reacted(self.resources.react)
        if self._failed_call is not None:
            await self.rollback()
            raise CallFailed(self._failed_call)
        if self._journal is not None and appends:
            self._journal.append(self.tx)
        if self._tx is not None:
            await self._tx.commit()
        if appends:
            self.resources.journal_appended()
        if self._jobs is not None and self._jobs.queues:
            self.resources.jobs_enqueued(self._jobs.queues)
        if self.ended_sessions:
            self.resources.sessions_ended(self.ended_sessions)

    async def _reacted(self, react: Callable[["Context"], Awaitable[None]]) -> None:
        try:
            await react(self)
        except BaseException:
            await self.rollback()
            raise

    async def rollback(self) -> None:
        """Undo what the flow wrote; dispatch calls this, flows never do."""
        if self._tx is not None:
            await self._tx.rollback()


class SignedInContext(Context):
    """The context of an operation with `x-permission`: its caller is signed in."""

    __slots__ = ()

    caller: SignedIn  # pyright: ignore[reportIncompatibleVariableOverride] - flows only read it


class JobContext(Context):
    """The context of a job: the caller is Accord itself, and the end of the job is in the commit of its work."""

    __slots__ = ("_mail", "job")

    caller: System  # pyright: ignore[reportIncompatibleVariableOverride] - flows only read it

    def __init__(self, resources: Resources, job: RunningJob, request: RequestInfo) -> None:
        """Take the parts and the job."""
        super().__init__(resources, job.task, SYSTEM, request)
        self.job = job
        self._mail: JobMail | None = None

    async def call_as(self, caller: SignedIn, operation_id: str, inputs: Mapping[str, Any]) -> Any:
        """Run an operation in the transaction of this job as this caller; return what its flow returns, as `call`."""
        return await self.part(SignedInContext, self.operation, caller, self.request).call(operation_id, **inputs)

    @property
    def mail(self) -> JobMail:
        """The mails of this job: it may send one itself, before its transaction begins."""
        if self._mail is None:
            mailer = self.resources.mailer
            self._mail = JobMail(self.jobs, mailer, self.job.id, lambda: self.tx, lambda: self.journal, self.now)
        return self._mail

    @property
    def autocommit(self) -> Autocommit:
        """Statements that commit by themselves, before the transaction begins: for work in batches."""
        if self._tx is not None and self._tx.is_open:
            raise HeldTransaction
        return self.resources.database.bounded(STATEMENT_TIMEOUT)
