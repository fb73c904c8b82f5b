"""Generated from openapi/ by `accord contract generate`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Uuid: TypeAlias = str


ChangeCursor: TypeAlias = str


UuidOrNull: TypeAlias = str | None


Timestamp: TypeAlias = str


TimestampOrNull: TypeAlias = str | None


Time: TypeAlias = str


Version: TypeAlias = int


EntityTag: TypeAlias = str


EntityTagList: TypeAlias = str


CursorOrNull: TypeAlias = str | None


Email: TypeAlias = str


PersonName: TypeAlias = str


class FieldError(TypedDict):
    """One error of the request. The rejected value is never repeated."""

    field: str
    message: str


class Conflict(TypedDict):
    """A record that has moved on."""

    table: str
    id: Uuid
    expectedVersion: Version
    currentVersion: Version


class Problem(TypedDict):
    """Every error, in the shape of RFC 9457. A client decides by `code`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    requestId: str
    errors: NotRequired[list[FieldError]]
    expectedVersion: NotRequired[Version]
    currentVersion: NotRequired[Version]
    conflicts: NotRequired[list[Conflict]]
    retryAfter: NotRequired[int]


Role: TypeAlias = Literal['root', 'admin', 'customer']


NewPassword: TypeAlias = str


class User(TypedDict):
    """A person's account."""

    id: Uuid
    email: Email
    firstName: PersonName
    lastName: PersonName
    role: Role
    emailVerifiedAt: TimestampOrNull | None
    disabledAt: TimestampOrNull | None
    createdBy: UuidOrNull | None
    createdAt: Timestamp
    updatedAt: Timestamp
    version: Version


class UserOrNull(TypedDict):
    """A person's account, or null when the caller is not signed in."""

    id: Uuid
    email: Email
    firstName: PersonName
    lastName: PersonName
    role: Role
    emailVerifiedAt: TimestampOrNull | None
    disabledAt: TimestampOrNull | None
    createdBy: UuidOrNull | None
    createdAt: Timestamp
    updatedAt: Timestamp
    version: Version


class Register(TypedDict):
    """A new account."""

    email: Email
    password: NewPassword
    firstName: PersonName
    lastName: PersonName


class UpdateMe(TypedDict):
    """A field left out stays as it is; at least one is required."""

    expectedVersion: Version
    firstName: NotRequired[PersonName]
    lastName: NotRequired[PersonName]


class UpdateUser(TypedDict):
    """A field left out stays as it is; at least one is required."""

    expectedVersion: Version
    firstName: NotRequired[PersonName]
    lastName: NotRequired[PersonName]
    role: NotRequired[Role]
    disabled: NotRequired[bool]


class CreateUser(TypedDict):
    """An account for another person."""

    email: Email
    password: NewPassword
    firstName: PersonName
    lastName: PersonName
    role: NotRequired[Literal['admin', 'customer']]


class Setup(TypedDict):
    """The first account, which is root."""

    setupToken: str
    email: Email
    password: NewPassword
    firstName: PersonName
    lastName: PersonName


class UserPage(TypedDict):
    """One page of accounts."""

    items: list[User]
    page: int
    limit: int
    total: int
    totalPages: int
    nextCursor: CursorOrNull | None


class UserStats(TypedDict):
    """An account and its counts."""

    user: User
    postCount: int
    conversationCount: int
    joinedDaysAgo: int


class AuditEntry(TypedDict):
    """One change of a record, or one security event."""

    position: int
    at: Timestamp
    requestId: str
    actorKind: Literal['user', 'key', 'system', 'anonymous']
    actorId: UuidOrNull | None
    organisationId: UuidOrNull | None
    operation: str
    table: str
    recordId: Uuid
    version: int | None
    kind: Literal['created', 'updated', 'deleted', 'event']
    fields: dict[str, Any]


class AuditPage(TypedDict):
    """Some entries, newest first."""

    items: list[AuditEntry]
    nextCursor: CursorOrNull | None


class AuditVerdict(TypedDict):
    """Whether the journal is sound, and where it is not."""

    sound: bool
    verified: int
    position: int
    brokenAt: int | None
    reason: str | None


class Login(TypedDict):
    """The e-mail address and the password. Any length of the password is accepted, so that old passwords still work."""

    email: Email
    password: str


RefreshToken: TypeAlias = str


class Refresh(TypedDict):
    """The session to continue."""

    refreshToken: RefreshToken


class Logout(TypedDict):
    """The session to end, when the request has no access token that names it."""

    refreshToken: NotRequired[RefreshToken]


class SignedIn(TypedDict):
    """The tokens of a session and the account."""

    accessToken: str
    tokenType: Literal['Bearer']
    expiresIn: int
    refreshToken: RefreshToken
    user: User


class SessionOrNull(TypedDict):
    """One sign-in, from login to logout, or null when the caller is not signed in."""

    id: Uuid
    createdAt: Timestamp
    lastActiveAt: Timestamp
    expiresAt: Timestamp


class SessionState(TypedDict):
    """The account and the session of the caller, both null without a sign-in."""

    authenticated: bool
    user: UserOrNull | None
    session: SessionOrNull | None


class SigningKey(TypedDict):
    """A public Ed25519 key (RFC 8037)."""

    kty: Literal['OKP']
    crv: Literal['Ed25519']
    x: str
    kid: str
    use: Literal['sig']
    alg: Literal['EdDSA']


ChangePosition: TypeAlias = int


class ChangedRecord(TypedDict):
    """The record that moved in a list, and that `version` and `kind` are of; a change of a record has none."""

    table: str
    id: Uuid


EventStream: TypeAlias = str


class LiveTicket(TypedDict):
    """A ticket that signs one WebSocket in."""

    ticket: str
    expiresAt: Timestamp


ConversationTitle: TypeAlias = str


ConversationTag: TypeAlias = str


ConversationTags: TypeAlias = list[ConversationTag]
"""Each word once, in the order that the members gave them."""


PinnedMessageIds: TypeAlias = list[Uuid]
"""The messages that are shown first, in this order."""


MessageText: TypeAlias = str


class Conversation(TypedDict):
    """A conversation. `memberIds` may read and change it, `createdBy` may also delete it."""

    id: Uuid
    title: ConversationTitle
    tags: ConversationTags
    pinnedMessageIds: PinnedMessageIds
    memberIds: list[Uuid]
    archivedAt: TimestampOrNull | None
    createdBy: Uuid
    createdAt: Timestamp
    updatedAt: Timestamp
    version: Version


class ConversationList(TypedDict):
    """A part of the caller's conversations."""

    items: list[Conversation]
    nextCursor: CursorOrNull | None


class CreateConversation(TypedDict):
    """A new conversation."""

    title: ConversationTitle
    tags: NotRequired[ConversationTags]
    memberIds: NotRequired[list[Uuid]]


class UpdateConversation(TypedDict):
    """A field left out stays as it is; at least one is required."""

    expectedVersion: Version
    title: NotRequired[ConversationTitle]
    tags: NotRequired[ConversationTags]
    pinnedMessageIds: NotRequired[PinnedMessageIds]
    archived: NotRequired[bool]


class AddMember(TypedDict):
    """The account to add."""

    expectedVersion: Version
    userId: Uuid


class Message(TypedDict):
    """A message. Only its author changes it, and only its text."""

    id: Uuid
    conversationId: Uuid
    authorId: Uuid
    text: MessageText
    createdAt: Timestamp
    updatedAt: Timestamp
    version: Version


class MessageList(TypedDict):
    """A part of the messages of a conversation."""

    items: list[Message]
    nextCursor: CursorOrNull | None


class CreateMessage(TypedDict):
    """A new message."""

    text: MessageText


class UpdateMessage(TypedDict):
    """The message with another text."""

    expectedVersion: Version
    text: MessageText


JobState: TypeAlias = Literal['scheduled', 'queued', 'retrying', 'running', 'completed', 'dead', 'cancelled']


QueueName: TypeAlias = str


TaskName: TypeAlias = str


class JobAttempt(TypedDict):
    """One run of the job."""

    startedAt: Timestamp
    endedAt: Timestamp
    outcome: Literal['ok', 'failed', 'timeout', 'lost', 'cancelled']
    error: str | None


class JobValues(TypedDict):
    """Values of the task, by name."""


class JobResult(TypedDict):
    """The result of the task. The result of an operation has the `status` and the `body` of its response."""


class JobProblem(TypedDict):
    """The problem that a dead job ended with, as a response would have it (RFC 9457)."""


class Job(TypedDict):
    """
    One run of a task, after the commit that enqueued the job. `args` are null for the owner, and for all others shown
    with secrets redacted; those of an operation are null for all. `result` and `problem` of a job that has an owner
    are for the owner alone, and become null 24 hours after the end.

    """

    id: Uuid
    task: TaskName
    queue: QueueName
    state: JobState
    priority: int
    runAt: Timestamp
    ownerId: UuidOrNull | None
    requestId: str
    attempts: list[JobAttempt]
    args: JobValues | None
    result: JobResult | None
    problem: JobProblem | None
    createdAt: Timestamp
    startedAt: TimestampOrNull | None
    endedAt: TimestampOrNull | None
    version: Version


class AcceptedJob(TypedDict):
    """The new job of an operation."""

    id: Uuid
    task: TaskName
    queue: QueueName
    state: JobState
    priority: int
    runAt: Timestamp
    ownerId: UuidOrNull | None
    requestId: str
    attempts: list[JobAttempt]
    args: JobValues | None
    result: JobResult | None
    problem: JobProblem | None
    createdAt: Timestamp
    startedAt: TimestampOrNull | None
    endedAt: TimestampOrNull | None
    version: Version
    queuePosition: int


class DeadJob(TypedDict):
    """
    A job that has had its last attempt, or that another attempt could not help. An operator may run it again.

    """

    id: Uuid
    version: Version
    task: TaskName
    queue: QueueName
    error: str | None


class JobList(TypedDict):
    """Some jobs, newest first."""

    items: list[Job]
    nextCursor: CursorOrNull | None


class ChangeJob(TypedDict):
    """The version at which the job was read."""

    expectedVersion: Version


class RetryJobs(TypedDict):
    """The dead jobs to run again."""

    task: TaskName
    deadAfter: NotRequired[Time]
    limit: NotRequired[int]


class RetriedJobs(TypedDict):
    """How many jobs were queued again."""

    retried: int


class JobCounts(TypedDict):
    """The number of jobs in each state, 100,000 at most."""

    scheduled: int
    queued: int
    retrying: int
    running: int
    completed: int
    dead: int
    cancelled: int


class Queue(TypedDict):
    """A queue."""

    name: QueueName
    paused: bool
    slots: int
    version: Version


class QueueList(TypedDict):
    """The queues."""

    items: list[Queue]


class UpdateQueue(TypedDict):
    """A field left out stays as it is."""

    expectedVersion: Version
    paused: NotRequired[bool]
    slots: NotRequired[int | None]


class Schedule(TypedDict):
    """
    The times at which a task is enqueued by itself. Due times up to `lastAt` have passed, with a job or without; the
    first start of a release that has the schedule sets it.

    """

    name: TaskName
    cron: str
    zone: str
    paused: bool
    nextAt: TimestampOrNull | None
    lastAt: TimestampOrNull | None
    lastJobId: UuidOrNull | None
    lastState: str | None
    skipped: int
    version: Version


class ScheduleList(TypedDict):
    """The schedules."""

    items: list[Schedule]


class UpdateSchedule(TypedDict):
    """Pause, or go on."""

    expectedVersion: Version
    paused: bool


MailValues: TypeAlias = dict[str, str]
"""The values of a template by name, each as text."""


Link: TypeAlias = str


class InboxMail(TypedDict):
    """A mail as its reader would see it."""

    id: Uuid
    at: Timestamp
    to: str
    subject: str
    template: str
    text: str
    html: str
    links: list[Link]


class ServiceVersion(TypedDict):
    """A release of the service."""

    name: str
    version: str


Tag: TypeAlias = str


class Echo(TypedDict):
    """Values of several types to send back."""

    message: str
    count: NotRequired[int]
    tags: NotRequired[list[Tag]]
    sentAt: NotRequired[str]


HealthStatus: TypeAlias = Literal['ok', 'degraded', 'error']


TableName: TypeAlias = str


RecordPath: TypeAlias = str


RecordValueItem: TypeAlias = str


RecordValue: TypeAlias = str | float | bool | list[RecordValueItem] | None


ListValue: TypeAlias = str


class RecordPointer(TypedDict):
    """The table and the id of a record."""

    table: TableName
    id: Uuid


class QueryRecords(TypedDict):
    """The records to read."""

    pointers: list[RecordPointer]


class AnyRecord(TypedDict):
    """A record of any table; the schema whose `x-record` names that table describes the record."""

    id: Uuid
    version: Version


RecordsById: TypeAlias = dict[str, AnyRecord]
"""Records of one table by id."""


RecordsByTable: TypeAlias = dict[str, RecordsById]
"""Records by table, then by id."""


class FoundRecords(TypedDict):
    """Records by table and id, and a position in the journal that they are at least as new as."""

    records: RecordsByTable
    position: int
    cursor: ChangeCursor


class SetOperation(TypedDict):
    """Give a field this value."""

    op: Literal['set']
    table: TableName
    id: Uuid
    path: RecordPath
    value: RecordValue


class SetNowOperation(TypedDict):
    """Give a field the time of the server."""

    op: Literal['setNow']
    table: TableName
    id: Uuid
    path: RecordPath


class ListInsertOperation(TypedDict):
    """Put a value into a list, or move it there. `before` and `after` need the value `anchor`."""

    op: Literal['listInsert']
    table: TableName
    id: Uuid
    path: RecordPath
    value: ListValue
    where: Literal['start', 'end', 'before', 'after']
    anchor: NotRequired[ListValue]


class ListRemoveOperation(TypedDict):
    """Take a value out of a list; an absent value changes nothing."""

    op: Literal['listRemove']
    table: TableName
    id: Uuid
    path: RecordPath
    value: ListValue


RecordFields: TypeAlias = dict[str, RecordValue]
"""Fields of a record and their values."""


class CreateOperation(TypedDict):
    """Create a record with an `id` of your own; `record` fits the schema that `x-record` names in `create`."""

    op: Literal['create']
    table: TableName
    id: Uuid
    record: RecordFields


class DeleteOperation(TypedDict):
    """Delete a record."""

    op: Literal['delete']
    table: TableName
    id: Uuid


RecordOperation: TypeAlias = SetOperation | SetNowOperation | ListInsertOperation | ListRemoveOperation | CreateOperation | DeleteOperation


VersionsById: TypeAlias = dict[str, Version]
"""The versions that were read, by id."""


VersionsByTable: TypeAlias = dict[str, VersionsById]
"""The versions that were read, by table, then by id."""


class ApplyTransaction(TypedDict):
    """Changes that are committed together."""

    transactionId: Uuid
    operations: list[RecordOperation]
    expectedVersions: NotRequired[VersionsByTable]


class JobDeadEvent(TypedDict):
    """The event job.dead, with its position in the journal. A job ended without success."""

    type: Literal['job.dead']
    timestamp: Timestamp
    id: Uuid
    position: int
    organisationId: UuidOrNull | None
    data: DeadJob


class SigningKeys(TypedDict):
    """A JSON Web Key Set."""

    keys: list[SigningKey]


class Change(TypedDict):
    """A changed record and its new version, without data. Fetch the record as usual; the usual permissions apply."""

    key: str
    position: ChangePosition
    cursor: ChangeCursor
    version: Version
    kind: Literal['created', 'updated', 'deleted']
    at: Timestamp
    record: NotRequired[ChangedRecord]


class Changes(TypedDict):
    """A page of changes."""

    items: list[Change]
    position: ChangePosition
    cursor: ChangeCursor


class QueueStats(TypedDict):
    """The jobs of one queue."""

    queue: QueueName
    oldestReadySeconds: float | None
    counts: JobCounts


class Inbox(TypedDict):
    """Mails of development, newest first."""

    items: list[InboxMail]


class HealthCheck(TypedDict):
    """A dependency of the service."""

    status: HealthStatus
    latencyMs: float


class JobStats(TypedDict):
    """The jobs of each queue."""

    queues: list[QueueStats]


HealthChecks: TypeAlias = dict[str, HealthCheck]
"""The dependencies of the service by name, for administrators only."""


class Health(TypedDict):
    """The state of the service."""

    status: HealthStatus
    checks: NotRequired[HealthChecks]
    uptime: float
    version: str
