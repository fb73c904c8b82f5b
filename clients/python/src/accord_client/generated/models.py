"""The schemas of the contract. Generated from openapi/bundle.json; never edited."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import ClassVar, Dict, Literal, TypeAlias
from uuid import UUID

from attrs import define, field

from .types import UNSET, Model, Unset

__all__ = [
    "AcceptedJob",
    "AddMember",
    "AnyRecord",
    "ApplyTransaction",
    "AuditEntry",
    "AuditEntryActorKind",
    "AuditEntryFields",
    "AuditEntryKind",
    "AuditPage",
    "AuditVerdict",
    "Change",
    "ChangedRecord",
    "ChangeJob",
    "ChangeKind",
    "Changes",
    "Conflict",
    "Conversation",
    "ConversationList",
    "CreateConversation",
    "CreateMessage",
    "CreateOperation",
    "CreateUser",
    "CreateUserRole",
    "DeadJob",
    "DeleteOperation",
    "Echo",
    "FieldError",
    "FoundRecords",
    "Health",
    "HealthCheck",
    "HealthChecks",
    "HealthStatus",
    "Inbox",
    "InboxMail",
    "Job",
    "JobAttempt",
    "JobAttemptOutcome",
    "JobCounts",
    "JobDeadEvent",
    "JobList",
    "JobProblemType0",
    "JobResultType0",
    "JobState",
    "JobStats",
    "JobValuesType0",
    "ListInsertOperation",
    "ListInsertOperationWhere",
    "ListJobsState",
    "ListRemoveOperation",
    "LiveTicket",
    "Login",
    "Logout",
    "MailValues",
    "Message",
    "MessageList",
    "Problem",
    "QueryRecords",
    "Queue",
    "QueueList",
    "QueueStats",
    "RecordFields",
    "RecordPath",
    "RecordPointer",
    "RecordsById",
    "RecordsByTable",
    "Refresh",
    "Register",
    "RetriedJobs",
    "RetryJobs",
    "Role",
    "Schedule",
    "ScheduleList",
    "ServiceVersion",
    "Session",
    "SessionState",
    "SetNowOperation",
    "SetOperation",
    "Setup",
    "SignedIn",
    "SigningKey",
    "SigningKeys",
    "TableName",
    "UpdateConversation",
    "UpdateMe",
    "UpdateMessage",
    "UpdateQueue",
    "UpdateSchedule",
    "UpdateUser",
    "User",
    "UserPage",
    "UserStats",
    "VersionsById",
    "VersionsByTable",
]

AuditEntryActorKind: TypeAlias = Literal["anonymous", "key", "system", "user"]

AuditEntryKind: TypeAlias = Literal["created", "deleted", "event", "updated"]

ChangeKind: TypeAlias = Literal["created", "deleted", "updated"]

CreateUserRole: TypeAlias = Literal["admin", "customer"]

HealthStatus: TypeAlias = Literal["degraded", "error", "ok"]
"""`ok`, `degraded` (works, with something missing) or `error`."""

JobAttemptOutcome: TypeAlias = Literal["cancelled", "failed", "lost", "ok", "timeout"]
"""`lost` is an attempt whose worker stopped renewing its lease, `cancelled` one that ran when the job was cancelled."""

JobState: TypeAlias = Literal["cancelled", "completed", "dead", "queued", "retrying", "running", "scheduled"]
"""`scheduled` (its time had not come when it was enqueued), `queued`, `retrying` (waits after a failed attempt),
`running`, and the ends `completed`, `dead` (failed for good) and `cancelled`. A `scheduled` or `retrying` job stays
so until it runs."""

ListInsertOperationWhere: TypeAlias = Literal["after", "before", "end", "start"]

ListJobsState: TypeAlias = Literal["cancelled", "completed", "dead", "queued", "retrying", "running", "scheduled"]
"""Only jobs in this state."""

RecordPath: TypeAlias = Literal["archivedAt", "pinnedMessageIds", "tags", "text", "title"]
"""A field that `x-record` lists as writable."""

Role: TypeAlias = Literal["admin", "customer", "root"]
"""`customer`, `admin` (manages customers) or `root` (has every permission)."""

TableName: TypeAlias = Literal["conversations", "jobs", "messages", "users"]
"""The table of a record, as `x-record` names it."""


@define(kw_only=True)
class AcceptedJob(Model):
    """The new job of an operation."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    task: str
    """The name of a task."""

    queue: str
    """The name of a queue."""

    state: JobState
    """`scheduled` (its time had not come when it was enqueued), `queued`, `retrying` (waits after a failed attempt),
    `running`, and the ends `completed`, `dead` (failed for good) and `cancelled`. A `scheduled` or `retrying` job
    stays so until it runs."""

    priority: int
    """Jobs of higher priority start first."""

    run_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    owner_id: None | UUID
    """A UUID, or null."""

    request_id: str
    """The X-Request-Id of the request that enqueued the job."""

    attempts: list[JobAttempt]
    """The last attempts, oldest first."""

    args: JobValuesType0 | None
    """Values of the task, by name."""

    result: JobResultType0 | None
    """The result of the task. The result of an operation has the `status` and the `body` of its response."""

    problem: JobProblemType0 | None
    """The problem that a dead job ended with, as a response would have it (RFC 9457)."""

    created_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    started_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    ended_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    queue_position: int
    """How many jobs of its queue could run before this one, counted among the 1,000 oldest. Slots go round the
    callers, so the job may start earlier."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "run_at": "runAt",
        "owner_id": "ownerId",
        "request_id": "requestId",
        "created_at": "createdAt",
        "started_at": "startedAt",
        "ended_at": "endedAt",
        "queue_position": "queuePosition",
    }


@define(kw_only=True)
class AddMember(Model):
    """The account to add."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    user_id: UUID
    """A UUID, version 7 when Accord made it."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
        "user_id": "userId",
    }


@define(kw_only=True)
class AnyRecord(Model):
    """A record of any table; the schema whose `x-record` names that table describes the record."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    additional_properties: dict[str, object] = field(factory=dict[str, object])
    """What the contract does not name."""

    def __getitem__(self, name: str) -> object:
        """Return a field that the contract does not name. Raises KeyError."""
        return self.additional_properties[name]


@define(kw_only=True)
class ApplyTransaction(Model):
    """Changes that are committed together."""

    transaction_id: UUID
    """A UUID, version 7 when Accord made it."""

    operations: list[
        CreateOperation | DeleteOperation | ListInsertOperation | ListRemoveOperation | SetNowOperation | SetOperation
    ]

    expected_versions: VersionsByTable | Unset = UNSET
    """The versions that were read, by table, then by id."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "transaction_id": "transactionId",
        "expected_versions": "expectedVersions",
    }


@define(kw_only=True)
class AuditEntry(Model):
    """One change of a record, or one security event."""

    position: int
    """The place of the entry in the journal, which is in commit order; 1, 2, 3 … without gaps."""

    at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    request_id: str
    """The X-Request-Id of the request that made the change."""

    actor_kind: AuditEntryActorKind

    actor_id: None | UUID
    """A UUID, or null."""

    organisation_id: None | UUID
    """A UUID, or null."""

    operation: str
    """The operationId of what did it."""

    table: str
    """The table of the record."""

    record_id: UUID
    """A UUID, version 7 when Accord made it."""

    version: int | None
    """The version of the record after the change, or its last version; null for an event."""

    kind: AuditEntryKind

    fields: AuditEntryFields
    """The changed fields, or the facts of the event. Secrets are `[redacted]`; values of a record that you may not
    read now are `[withheld]` unless root gave a reason."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "request_id": "requestId",
        "actor_kind": "actorKind",
        "actor_id": "actorId",
        "organisation_id": "organisationId",
        "record_id": "recordId",
    }


AuditEntryFields: TypeAlias = Dict[str, "object"]
"""The changed fields, or the facts of the event. Secrets are `[redacted]`; values of a record that you may not read
now are `[withheld]` unless root gave a reason."""


@define(kw_only=True)
class AuditPage(Model):
    """Some entries, newest first."""

    items: list[AuditEntry]

    next_cursor: None | str
    """The place where the list continues, to be sent back as `cursor`; null at the end."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "next_cursor": "nextCursor",
    }


@define(kw_only=True)
class AuditVerdict(Model):
    """Whether the journal is sound, and where it is not."""

    sound: bool
    """Whether every entry is unaltered."""

    verified: int
    """The number of compared entries."""

    position: int
    """The newest position."""

    broken_at: int | None
    """The first position whose entry was altered, or null."""

    reason: None | str
    """The fault at that position."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "broken_at": "brokenAt",
    }


@define(kw_only=True)
class Change(Model):
    """A changed record and its new version, without data. Fetch the record as usual; the usual permissions apply."""

    key: str
    """The record, or the list in which the record moved."""

    position: int
    """A position in the journal, counted from 1 in the order of commits; 0 is before the first. Positions stay below
    2^53."""

    cursor: str
    """A place in the journal to continue from: the position, and the first 32 bits of the journal's hash there, so
    that the cursor is valid in this history only. Keep the cursor and send it back unchanged. After a restored
    backup the response to an older cursor is `RESYNC_REQUIRED`."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    kind: ChangeKind

    at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    record: ChangedRecord | Unset = UNSET
    """The record that moved in a list, and that `version` and `kind` are of; a change of a record has none."""


@define(kw_only=True)
class ChangedRecord(Model):
    """The record that moved in a list, and that `version` and `kind` are of; a change of a record has none."""

    table: str

    id: UUID
    """A UUID, version 7 when Accord made it."""


@define(kw_only=True)
class ChangeJob(Model):
    """The version at which the job was read."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
    }


@define(kw_only=True)
class Changes(Model):
    """A page of changes."""

    items: list[Change]
    """A change can appear twice, for its record and for a list; both items then have the same position."""

    position: int
    """A position in the journal, counted from 1 in the order of commits; 0 is before the first. Positions stay below
    2^53."""

    cursor: str
    """A place in the journal to continue from: the position, and the first 32 bits of the journal's hash there, so
    that the cursor is valid in this history only. Keep the cursor and send it back unchanged. After a restored
    backup the response to an older cursor is `RESYNC_REQUIRED`."""


@define(kw_only=True)
class Conflict(Model):
    """A record that has moved on."""

    table: str

    id: UUID
    """A UUID, version 7 when Accord made it."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    current_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
        "current_version": "currentVersion",
    }


@define(kw_only=True)
class Conversation(Model):
    """A conversation. `memberIds` may read and change it, `createdBy` may also delete it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    title: str
    """The title of a conversation, without control characters, not beginning with a space."""

    tags: list[str]
    """Each word once, in the order that the members gave them."""

    pinned_message_ids: list[UUID]
    """The messages that are shown first, in this order."""

    member_ids: list[UUID]
    """The members, in the order in which they joined."""

    archived_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    created_by: UUID
    """A UUID, version 7 when Accord made it."""

    created_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    updated_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "pinned_message_ids": "pinnedMessageIds",
        "member_ids": "memberIds",
        "archived_at": "archivedAt",
        "created_by": "createdBy",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
    }


@define(kw_only=True)
class ConversationList(Model):
    """A part of the caller's conversations."""

    items: list[Conversation]

    next_cursor: None | str
    """The place where the list continues, to be sent back as `cursor`; null at the end."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "next_cursor": "nextCursor",
    }


@define(kw_only=True)
class CreateConversation(Model):
    """A new conversation."""

    title: str
    """The title of a conversation, without control characters, not beginning with a space."""

    tags: list[str] | Unset = UNSET
    """Each word once, in the order that the members gave them."""

    member_ids: list[UUID] | Unset = UNSET
    """The members from the beginning, besides the caller."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "member_ids": "memberIds",
    }


@define(kw_only=True)
class CreateMessage(Model):
    """A new message."""

    text: str
    """The text of a message."""


@define(kw_only=True)
class CreateOperation(Model):
    """Create a record with an `id` of your own; `record` fits the schema that `x-record` names in `create`."""

    op: Literal["create"] = "create"

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    record: RecordFields
    """Fields of a record and their values."""


@define(kw_only=True)
class CreateUser(Model):
    """An account for another person."""

    email: str
    """An e-mail address, saved as sent and unique in any letter case."""

    password: str
    """8 to 128 characters, not a common password, not the person's own name or e-mail address."""

    first_name: str
    """A name without control characters that does not start with a space."""

    last_name: str
    """A name without control characters that does not start with a space."""

    role: CreateUserRole | Unset = "customer"

    wire_names: ClassVar[Mapping[str, str]] = {
        "first_name": "firstName",
        "last_name": "lastName",
    }


@define(kw_only=True)
class DeadJob(Model):
    """A job that has had its last attempt, or that another attempt could not help. An operator may run it again."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    task: str
    """The name of a task."""

    queue: str
    """The name of a queue."""

    error: None | str
    """The error of the last attempt, redacted; null when a process was killed."""


@define(kw_only=True)
class DeleteOperation(Model):
    """Delete a record."""

    op: Literal["delete"] = "delete"

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""


@define(kw_only=True)
class Echo(Model):
    """Values of several types to send back."""

    message: str

    count: int | Unset = UNSET

    tags: list[str] | Unset = UNSET

    sent_at: datetime.datetime | Unset = UNSET

    wire_names: ClassVar[Mapping[str, str]] = {
        "sent_at": "sentAt",
    }


@define(kw_only=True)
class FieldError(Model):
    """One error of the request. The rejected value is never repeated."""

    field: str
    """The path of the field, like `people[0].email`; empty for the whole body."""

    message: str


@define(kw_only=True)
class FoundRecords(Model):
    """Records by table and id, and a position in the journal that they are at least as new as."""

    records: RecordsByTable
    """Records by table, then by id."""

    position: int

    cursor: str
    """A place in the journal to continue from: the position, and the first 32 bits of the journal's hash there, so
    that the cursor is valid in this history only. Keep the cursor and send it back unchanged. After a restored
    backup the response to an older cursor is `RESYNC_REQUIRED`."""


@define(kw_only=True)
class Health(Model):
    """The state of the service."""

    status: HealthStatus
    """`ok`, `degraded` (works, with something missing) or `error`."""

    uptime: float
    """Seconds since the process started."""

    version: str

    checks: HealthChecks | Unset = UNSET
    """The dependencies of the service by name, for administrators only."""


@define(kw_only=True)
class HealthCheck(Model):
    """A dependency of the service."""

    status: HealthStatus
    """`ok`, `degraded` (works, with something missing) or `error`."""

    latency_ms: float

    wire_names: ClassVar[Mapping[str, str]] = {
        "latency_ms": "latencyMs",
    }


HealthChecks: TypeAlias = Dict[str, "HealthCheck"]
"""The dependencies of the service by name, for administrators only."""


@define(kw_only=True)
class Inbox(Model):
    """Mails of development, newest first."""

    items: list[InboxMail]


@define(kw_only=True)
class InboxMail(Model):
    """A mail as its reader would see it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    to: str

    subject: str

    template: str

    text: str

    html: str

    links: list[str]
    """The links of the text, in their order."""


@define(kw_only=True)
class Job(Model):
    """One run of a task, after the commit that enqueued the job. `args` are null for the owner, and for all others
    shown with secrets redacted; those of an operation are null for all. `result` and `problem` of a job that has an
    owner are for the owner alone, and become null 24 hours after the end."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    task: str
    """The name of a task."""

    queue: str
    """The name of a queue."""

    state: JobState
    """`scheduled` (its time had not come when it was enqueued), `queued`, `retrying` (waits after a failed attempt),
    `running`, and the ends `completed`, `dead` (failed for good) and `cancelled`. A `scheduled` or `retrying` job
    stays so until it runs."""

    priority: int
    """Jobs of higher priority start first."""

    run_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    owner_id: None | UUID
    """A UUID, or null."""

    request_id: str
    """The X-Request-Id of the request that enqueued the job."""

    attempts: list[JobAttempt]
    """The last attempts, oldest first."""

    args: JobValuesType0 | None
    """Values of the task, by name."""

    result: JobResultType0 | None
    """The result of the task. The result of an operation has the `status` and the `body` of its response."""

    problem: JobProblemType0 | None
    """The problem that a dead job ended with, as a response would have it (RFC 9457)."""

    created_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    started_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    ended_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "run_at": "runAt",
        "owner_id": "ownerId",
        "request_id": "requestId",
        "created_at": "createdAt",
        "started_at": "startedAt",
        "ended_at": "endedAt",
    }


@define(kw_only=True)
class JobAttempt(Model):
    """One run of the job."""

    started_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    ended_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    outcome: JobAttemptOutcome
    """`lost` is an attempt whose worker stopped renewing its lease, `cancelled` one that ran when the job was
    cancelled."""

    error: None | str
    """The class and the message of what went wrong; null for `ok`, and for callers without `jobs:read`."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "started_at": "startedAt",
        "ended_at": "endedAt",
    }


@define(kw_only=True)
class JobCounts(Model):
    """The number of jobs in each state, 100,000 at most."""

    scheduled: int

    queued: int

    retrying: int

    running: int

    completed: int

    dead: int

    cancelled: int


@define(kw_only=True)
class JobDeadEvent(Model):
    """The event job.dead, with its position in the journal. A job ended without success."""

    type_: Literal["job.dead"] = "job.dead"

    timestamp: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    position: int

    organisation_id: None | UUID
    """A UUID, or null."""

    data: DeadJob
    """A job that has had its last attempt, or that another attempt could not help. An operator may run it again."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "type_": "type",
        "organisation_id": "organisationId",
    }


@define(kw_only=True)
class JobList(Model):
    """Some jobs, newest first."""

    items: list[Job]

    next_cursor: None | str
    """The place where the list continues, to be sent back as `cursor`; null at the end."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "next_cursor": "nextCursor",
    }


JobProblemType0: TypeAlias = Dict[str, "object"]
"""The problem that a dead job ended with, as a response would have it (RFC 9457)."""


JobResultType0: TypeAlias = Dict[str, "object"]
"""The result of the task. The result of an operation has the `status` and the `body` of its response."""


@define(kw_only=True)
class JobStats(Model):
    """The jobs of each queue."""

    queues: list[QueueStats]


JobValuesType0: TypeAlias = Dict[str, "object"]
"""Values of the task, by name."""


@define(kw_only=True)
class ListInsertOperation(Model):
    """Put a value into a list, or move it there. `before` and `after` need the value `anchor`."""

    op: Literal["listInsert"] = "listInsert"

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    path: RecordPath
    """A field that `x-record` lists as writable."""

    value: str
    """A value in a list."""

    where: ListInsertOperationWhere

    anchor: str | Unset = UNSET
    """A value in a list."""


@define(kw_only=True)
class ListRemoveOperation(Model):
    """Take a value out of a list; an absent value changes nothing."""

    op: Literal["listRemove"] = "listRemove"

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    path: RecordPath
    """A field that `x-record` lists as writable."""

    value: str
    """A value in a list."""


@define(kw_only=True)
class LiveTicket(Model):
    """A ticket that signs one WebSocket in."""

    ticket: str

    expires_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expires_at": "expiresAt",
    }


@define(kw_only=True)
class Login(Model):
    """The e-mail address and the password. Any length of the password is accepted, so that old passwords still work."""

    email: str
    """An e-mail address, saved as sent and unique in any letter case."""

    password: str


@define(kw_only=True)
class Logout(Model):
    """The session to end, when the request has no access token that names it."""

    refresh_token: str | Unset = UNSET
    """An opaque token. A holder of the token is signed in, so keep it secret."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "refresh_token": "refreshToken",
    }


MailValues: TypeAlias = Dict[str, "str"]
"""The values of a template by name, each as text."""


@define(kw_only=True)
class Message(Model):
    """A message. Only its author changes it, and only its text."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    conversation_id: UUID
    """A UUID, version 7 when Accord made it."""

    author_id: UUID
    """A UUID, version 7 when Accord made it."""

    text: str
    """The text of a message."""

    created_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    updated_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "conversation_id": "conversationId",
        "author_id": "authorId",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
    }


@define(kw_only=True)
class MessageList(Model):
    """A part of the messages of a conversation."""

    items: list[Message]

    next_cursor: None | str
    """The place where the list continues, to be sent back as `cursor`; null at the end."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "next_cursor": "nextCursor",
    }


@define(kw_only=True)
class Problem(Model):
    """Every error, in the shape of RFC 9457. A client decides by `code`."""

    type_: str
    """The address of a page about this code."""

    title: str

    status: int

    detail: str
    """An explanation for people, with the next step."""

    instance: str
    """The path of the request."""

    code: str
    """The stable name of the error."""

    request_id: str
    """The name of this request in the logs, equal to the `X-Request-Id` header."""

    errors: list[FieldError] | Unset = UNSET
    """The error of each field."""

    expected_version: int | Unset = UNSET
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    current_version: int | Unset = UNSET
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    conflicts: list[Conflict] | Unset = UNSET
    """Every record that has moved on."""

    retry_after: int | Unset = UNSET
    """The number of seconds to wait before the next try."""

    additional_properties: dict[str, object] = field(factory=dict[str, object])
    """What the contract does not name."""
    wire_names: ClassVar[Mapping[str, str]] = {
        "type_": "type",
        "request_id": "requestId",
        "expected_version": "expectedVersion",
        "current_version": "currentVersion",
        "retry_after": "retryAfter",
    }

    def __getitem__(self, name: str) -> object:
        """Return a field that the contract does not name. Raises KeyError."""
        return self.additional_properties[name]


@define(kw_only=True)
class QueryRecords(Model):
    """The records to read."""

    pointers: list[RecordPointer]


@define(kw_only=True)
class Queue(Model):
    """A queue."""

    name: str
    """The name of a queue."""

    paused: bool
    """Whether no job of the queue starts."""

    slots: int
    """How many jobs run at the same time in all processes."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""


@define(kw_only=True)
class QueueList(Model):
    """The queues."""

    items: list[Queue]


@define(kw_only=True)
class QueueStats(Model):
    """The jobs of one queue."""

    queue: str
    """The name of a queue."""

    oldest_ready_seconds: float | None
    """How long the oldest job that could run waits; null when none waits."""

    counts: JobCounts
    """The number of jobs in each state, 100,000 at most."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "oldest_ready_seconds": "oldestReadySeconds",
    }


RecordFields: TypeAlias = Dict[str, "bool | float | list[str] | None | str"]
"""Fields of a record and their values."""


@define(kw_only=True)
class RecordPointer(Model):
    """The table and the id of a record."""

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""


RecordsById: TypeAlias = Dict[str, "AnyRecord"]
"""Records of one table by id."""


RecordsByTable: TypeAlias = Dict[str, "RecordsById"]
"""Records by table, then by id."""


@define(kw_only=True)
class Refresh(Model):
    """The session to continue."""

    refresh_token: str
    """An opaque token. A holder of the token is signed in, so keep it secret."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "refresh_token": "refreshToken",
    }


@define(kw_only=True)
class Register(Model):
    """A new account."""

    email: str
    """An e-mail address, saved as sent and unique in any letter case."""

    password: str
    """8 to 128 characters, not a common password, not the person's own name or e-mail address."""

    first_name: str
    """A name without control characters that does not start with a space."""

    last_name: str
    """A name without control characters that does not start with a space."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "first_name": "firstName",
        "last_name": "lastName",
    }


@define(kw_only=True)
class RetriedJobs(Model):
    """How many jobs were queued again."""

    retried: int
    """The number of jobs."""


@define(kw_only=True)
class RetryJobs(Model):
    """The dead jobs to run again."""

    task: str
    """The name of a task."""

    dead_after: datetime.datetime | Unset = UNSET
    """RFC 3339 with 0 to 9 decimals and any offset; digits finer than microseconds are cut off."""

    limit: int | Unset = 1000
    """The most jobs to run again."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "dead_after": "deadAfter",
    }


@define(kw_only=True)
class Schedule(Model):
    """The times at which a task is enqueued by itself. Due times up to `lastAt` have passed, with a job or without;
    the first start of a release that has the schedule sets it."""

    name: str
    """The name of a task."""

    cron: str
    """The cron expression."""

    zone: str
    """The time zone of the expression."""

    paused: bool
    """Whether due times pass without a job."""

    next_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    last_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    last_job_id: None | UUID
    """A UUID, or null."""

    last_state: None | str
    """The state of the last job; null before the first one, and when it is no longer kept."""

    skipped: int
    """Due times without a job because the one before had not ended."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "next_at": "nextAt",
        "last_at": "lastAt",
        "last_job_id": "lastJobId",
        "last_state": "lastState",
    }


@define(kw_only=True)
class ScheduleList(Model):
    """The schedules."""

    items: list[Schedule]


@define(kw_only=True)
class ServiceVersion(Model):
    """A release of the service."""

    name: str

    version: str


@define(kw_only=True)
class Session(Model):
    """One sign-in, from login to logout, or null when the caller is not signed in."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    created_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    last_active_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    expires_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "created_at": "createdAt",
        "last_active_at": "lastActiveAt",
        "expires_at": "expiresAt",
    }


@define(kw_only=True)
class SessionState(Model):
    """The account and the session of the caller, both null without a sign-in."""

    authenticated: bool

    user: None | User
    """A person's account, or null when the caller is not signed in."""

    session: None | Session
    """One sign-in, from login to logout, or null when the caller is not signed in."""


@define(kw_only=True)
class SetNowOperation(Model):
    """Give a field the time of the server."""

    op: Literal["setNow"] = "setNow"

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    path: RecordPath
    """A field that `x-record` lists as writable."""


@define(kw_only=True)
class SetOperation(Model):
    """Give a field this value."""

    op: Literal["set"] = "set"

    table: TableName
    """The table of a record, as `x-record` names it."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    path: RecordPath
    """A field that `x-record` lists as writable."""

    value: bool | float | list[str] | None | str
    """A value of a field; the schema of the record says which values are valid."""


@define(kw_only=True)
class Setup(Model):
    """The first account, which is root."""

    setup_token: str

    email: str
    """An e-mail address, saved as sent and unique in any letter case."""

    password: str
    """8 to 128 characters, not a common password, not the person's own name or e-mail address."""

    first_name: str
    """A name without control characters that does not start with a space."""

    last_name: str
    """A name without control characters that does not start with a space."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "setup_token": "setupToken",
        "first_name": "firstName",
        "last_name": "lastName",
    }


@define(kw_only=True)
class SignedIn(Model):
    """The tokens of a session and the account."""

    access_token: str

    token_type: Literal["Bearer"] = "Bearer"

    expires_in: int
    """Seconds until the access token expires."""

    refresh_token: str
    """An opaque token. A holder of the token is signed in, so keep it secret."""

    user: User
    """A person's account."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "access_token": "accessToken",
        "token_type": "tokenType",
        "expires_in": "expiresIn",
        "refresh_token": "refreshToken",
    }


@define(kw_only=True)
class SigningKey(Model):
    """A public Ed25519 key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"

    crv: Literal["Ed25519"] = "Ed25519"

    x: str

    kid: str

    use: Literal["sig"] = "sig"

    alg: Literal["EdDSA"] = "EdDSA"


@define(kw_only=True)
class SigningKeys(Model):
    """A JSON Web Key Set."""

    keys: list[SigningKey]


@define(kw_only=True)
class UpdateConversation(Model):
    """A field left out stays as it is; at least one is required."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    title: str | Unset = UNSET
    """The title of a conversation, without control characters, not beginning with a space."""

    tags: list[str] | Unset = UNSET
    """Each word once, in the order that the members gave them."""

    pinned_message_ids: list[UUID] | Unset = UNSET
    """The messages that are shown first, in this order."""

    archived: bool | Unset = UNSET
    """true notes the time as archivedAt; false clears it."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
        "pinned_message_ids": "pinnedMessageIds",
    }


@define(kw_only=True)
class UpdateMe(Model):
    """A field left out stays as it is; at least one is required."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    first_name: str | Unset = UNSET
    """A name without control characters that does not start with a space."""

    last_name: str | Unset = UNSET
    """A name without control characters that does not start with a space."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
        "first_name": "firstName",
        "last_name": "lastName",
    }


@define(kw_only=True)
class UpdateMessage(Model):
    """The message with another text."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    text: str
    """The text of a message."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
    }


@define(kw_only=True)
class UpdateQueue(Model):
    """A field left out stays as it is."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    paused: bool | Unset = UNSET
    """Whether no job of the queue starts."""

    slots: int | None | Unset = UNSET
    """Null is the number of QUEUES."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
    }


@define(kw_only=True)
class UpdateSchedule(Model):
    """Pause, or go on."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    paused: bool
    """Whether due times pass without a job."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
    }


@define(kw_only=True)
class UpdateUser(Model):
    """A field left out stays as it is; at least one is required."""

    expected_version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    first_name: str | Unset = UNSET
    """A name without control characters that does not start with a space."""

    last_name: str | Unset = UNSET
    """A name without control characters that does not start with a space."""

    role: Role | Unset = UNSET
    """`customer`, `admin` (manages customers) or `root` (has every permission)."""

    disabled: bool | Unset = UNSET
    """true stops the account from signing in; false lets it again."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "expected_version": "expectedVersion",
        "first_name": "firstName",
        "last_name": "lastName",
    }


@define(kw_only=True)
class User(Model):
    """A person's account."""

    id: UUID
    """A UUID, version 7 when Accord made it."""

    email: str
    """An e-mail address, saved as sent and unique in any letter case."""

    first_name: str
    """A name without control characters that does not start with a space."""

    last_name: str
    """A name without control characters that does not start with a space."""

    role: Role
    """`customer`, `admin` (manages customers) or `root` (has every permission)."""

    email_verified_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    disabled_at: datetime.datetime | None
    """RFC 3339, UTC, with microseconds; null until the event happens."""

    created_by: None | UUID
    """A UUID, or null."""

    created_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    updated_at: datetime.datetime
    """RFC 3339, UTC, with microseconds."""

    version: int
    """The record begins at 1, and each committed change adds 1. A version stays below 2^53, so that JavaScript reads
    it exactly."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "first_name": "firstName",
        "last_name": "lastName",
        "email_verified_at": "emailVerifiedAt",
        "disabled_at": "disabledAt",
        "created_by": "createdBy",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
    }


@define(kw_only=True)
class UserPage(Model):
    """One page of accounts."""

    items: list[User]

    page: int

    limit: int

    total: int

    total_pages: int

    next_cursor: None | str
    """The place where the list continues, to be sent back as `cursor`; null at the end."""

    wire_names: ClassVar[Mapping[str, str]] = {
        "total_pages": "totalPages",
        "next_cursor": "nextCursor",
    }


@define(kw_only=True)
class UserStats(Model):
    """An account and its counts."""

    user: User
    """A person's account."""

    post_count: int

    conversation_count: int

    joined_days_ago: int

    wire_names: ClassVar[Mapping[str, str]] = {
        "post_count": "postCount",
        "conversation_count": "conversationCount",
        "joined_days_ago": "joinedDaysAgo",
    }


VersionsById: TypeAlias = Dict[str, "int"]
"""The versions that were read, by id."""


VersionsByTable: TypeAlias = Dict[str, "VersionsById"]
"""The versions that were read, by table, then by id."""
