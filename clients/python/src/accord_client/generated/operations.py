"""Every operation of the contract as a method. Generated from openapi/bundle.json; never edited."""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TypeVar
from uuid import UUID

from .models import (
    AcceptedJob,
    AddMember,
    ApplyTransaction,
    AuditPage,
    AuditVerdict,
    ChangeJob,
    Changes,
    Conversation,
    ConversationList,
    CreateConversation,
    CreateMessage,
    CreateUser,
    Echo,
    FoundRecords,
    Health,
    Inbox,
    Job,
    JobList,
    JobStats,
    ListJobsState,
    LiveTicket,
    Login,
    Logout,
    Message,
    MessageList,
    QueryRecords,
    Queue,
    QueueList,
    Refresh,
    Register,
    RetriedJobs,
    RetryJobs,
    Schedule,
    ScheduleList,
    ServiceVersion,
    SessionState,
    Setup,
    SignedIn,
    SigningKeys,
    UpdateConversation,
    UpdateMe,
    UpdateMessage,
    UpdateQueue,
    UpdateSchedule,
    UpdateUser,
    User,
    UserPage,
    UserStats,
)
from .types import UNSET, Model, Request, Unset, in_path

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class AsyncOperations(ABC):
    """The operations; what sends them is the client's."""

    @abstractmethod
    async def _get(self, request: Request, model: type[M]) -> M:
        """Send the request, and return the response as this model."""

    @abstractmethod
    async def _do(self, request: Request) -> None:
        """Send the request; the response is empty."""

    @abstractmethod
    def _stream(self, request: Request) -> AsyncIterator[str]:
        """Send the request, and yield the lines of the response as they arrive."""

    async def add_member(
        self,
        conversation_id: UUID,
        body: AddMember,
        *,
        if_match: str | Unset = UNSET,
    ) -> Conversation:
        """Add a member to a conversation.

        Any member may add another. An account that is a member already is 409 `ALREADY_EXISTS`.

        Args:
            body: The account to add.
            conversation_id: The `id` of the conversation.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "add_member",
                "POST",
                f"/api/v1/conversations/{in_path(conversation_id)}/members",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Conversation,
        )

    async def apply_transaction(
        self,
        body: ApplyTransaction,
    ) -> FoundRecords:
        """Change many records, all or none.

        The operations are applied in their order; each record that they touch is one version further afterwards.
        With `expectedVersions` the response is 409 when any of these records has moved on, and `conflicts` lists
        all that have. Without, the operations are applied to the current versions of the records: concurrent
        inserts of different values into one list are all kept.  A list is a set: inserting a present value moves
        the value. The same `transactionId`, sent again, gets the first response; with other contents the response
        is 422. A record that the caller may not change is 404, like one that does not exist.
        """
        return await self._get(
            Request(
                "apply_transaction",
                "POST",
                "/api/v1/transactions",
                body=body,
            ),
            FoundRecords,
        )

    async def cancel_job(
        self,
        job_id: UUID,
        body: ChangeJob,
        *,
        if_match: str | Unset = UNSET,
    ) -> Job:
        """Cancel a job, unless it changed since it was read.

        For the owner of the job, and for callers with `jobs:write`. A waiting job never runs. A running job is
        stopped within two seconds, and what its attempt wrote is rolled back. A job that has ended is 422
        `ALREADY_ENDED`.

        Args:
            body: The version at which the job was read.
            job_id: The `id` of the job.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "cancel_job",
                "POST",
                f"/api/v1/jobs/{in_path(job_id)}/cancel",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Job,
        )

    async def create_conversation(
        self,
        body: CreateConversation,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> Conversation:
        """Create a conversation.

        The members are the caller and the accounts in `memberIds`.

        Args:
            body: A new conversation.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "create_conversation",
                "POST",
                "/api/v1/conversations",
                headers={
                    "Idempotency-Key": idempotency_key,
                },
                body=body,
            ),
            Conversation,
        )

    async def create_live_ticket(
        self,
    ) -> LiveTicket:
        """A ticket that signs a WebSocket in.

        For clients whose socket code must not see the access token. The ticket works once, for 30 seconds, as
        `token` of the frame `authenticate`; the connection then lasts as long as with an access token.
        """
        return await self._get(
            Request(
                "create_live_ticket",
                "POST",
                "/api/v1/live/tickets",
            ),
            LiveTicket,
        )

    async def create_message(
        self,
        conversation_id: UUID,
        body: CreateMessage,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> Message:
        """Write a message in a conversation.

        For its members.

        Args:
            body: A new message.
            conversation_id: The `id` of the conversation.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "create_message",
                "POST",
                f"/api/v1/conversations/{in_path(conversation_id)}/messages",
                headers={
                    "Idempotency-Key": idempotency_key,
                },
                body=body,
            ),
            Message,
        )

    async def create_user(
        self,
        body: CreateUser,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> User:
        """Create an account for another person.

        An administrator creates customers; only root creates administrators.

        Args:
            body: An account for another person.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "create_user",
                "POST",
                "/api/v1/users",
                headers={
                    "Idempotency-Key": idempotency_key,
                },
                body=body,
            ),
            User,
        )

    async def delete_conversation(
        self,
        conversation_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> None:
        """Delete a conversation, unless it changed since it was read.

        Only the creator may delete a conversation; another member gets 403. The messages are deleted, too.

        Args:
            conversation_id: The `id` of the conversation.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        await self._do(
            Request(
                "delete_conversation",
                "DELETE",
                f"/api/v1/conversations/{in_path(conversation_id)}",
                query={
                    "expectedVersion": expected_version,
                },
                headers={
                    "If-Match": if_match,
                },
            )
        )

    async def delete_inbox(
        self,
        *,
        to: str | Unset = UNSET,
        subject: str | Unset = UNSET,
    ) -> None:
        """Delete mails of development.

        Without a filter every mail is deleted. In production this is 404.

        Args:
            to: Only mails to this address, in any letter case.
            subject: Only mails whose subject contains this text, in any letter case.
        """
        await self._do(
            Request(
                "delete_inbox",
                "DELETE",
                "/api/v1/dev/inbox",
                query={
                    "to": to,
                    "subject": subject,
                },
            )
        )

    async def delete_message(
        self,
        message_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> None:
        """Delete my message, unless it changed since I read it.

        Only the author may do this; another member of the conversation gets 403.

        Args:
            message_id: The `id` of the message.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        await self._do(
            Request(
                "delete_message",
                "DELETE",
                f"/api/v1/messages/{in_path(message_id)}",
                query={
                    "expectedVersion": expected_version,
                },
                headers={
                    "If-Match": if_match,
                },
            )
        )

    async def delete_user(
        self,
        user_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> None:
        """Delete an account, unless it changed since it was read.

        The sessions of the account end at once. A second delete is 404. The last root account cannot be deleted
        (422).

        Args:
            user_id: The `id` of the account.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        await self._do(
            Request(
                "delete_user",
                "DELETE",
                f"/api/v1/users/{in_path(user_id)}",
                query={
                    "expectedVersion": expected_version,
                },
                headers={
                    "If-Match": if_match,
                },
            )
        )

    async def echo(
        self,
        body: Echo,
    ) -> Echo:
        """Return the body of the request.

        The body is checked against the contract and sent back, so that you can try a client.
        """
        return await self._get(
            Request(
                "echo",
                "POST",
                "/api/v1/meta/echo",
                body=body,
            ),
            Echo,
        )

    async def get_conversation(
        self,
        conversation_id: UUID,
    ) -> Conversation:
        """One conversation.

        For its members. `getRecord:conversations:{id}` announces its changes, `getList:{id}:messages` its messages.

        Args:
            conversation_id: The `id` of the conversation.
        """
        return await self._get(
            Request(
                "get_conversation",
                "GET",
                f"/api/v1/conversations/{in_path(conversation_id)}",
            ),
            Conversation,
        )

    async def get_job(
        self,
        job_id: UUID,
    ) -> Job:
        """One job.

        For the owner of the job, who sees no arguments, and for callers with `jobs:read`. `getRecord:jobs:{id}`
        announces the changes of a job that has an owner. The result or the problem is there for 24 hours after the
        end.

        Args:
            job_id: The `id` of the job.
        """
        return await self._get(
            Request(
                "get_job",
                "GET",
                f"/api/v1/jobs/{in_path(job_id)}",
            ),
            Job,
        )

    async def get_job_stats(
        self,
    ) -> JobStats:
        """The number of jobs of each queue in each state.

        A count is exact up to 100,000; a larger one is shown as 100,000. `oldestReadySeconds` is how long the
        oldest job that could run has waited for a slot; null when none waits.
        """
        return await self._get(
            Request(
                "get_job_stats",
                "GET",
                "/api/v1/jobs/stats",
            ),
            JobStats,
        )

    async def get_me(
        self,
    ) -> User:
        """My profile.

        The account that the access token belongs to.
        """
        return await self._get(
            Request(
                "get_me",
                "GET",
                "/api/v1/me",
            ),
            User,
        )

    async def get_message(
        self,
        message_id: UUID,
    ) -> Message:
        """One message.

        For the members of its conversation.

        Args:
            message_id: The `id` of the message.
        """
        return await self._get(
            Request(
                "get_message",
                "GET",
                f"/api/v1/messages/{in_path(message_id)}",
            ),
            Message,
        )

    async def get_session(
        self,
    ) -> SessionState:
        """The caller and the session.

        Without a valid access token `authenticated` is false, and the response is still 200.
        """
        return await self._get(
            Request(
                "get_session",
                "GET",
                "/api/v1/auth/session",
            ),
            SessionState,
        )

    async def get_signing_keys(
        self,
    ) -> SigningKeys:
        """The public keys that verify access tokens.

        A JSON Web Key Set (RFC 7517). Previous keys stay in the set while tokens that they signed are valid.
        """
        return await self._get(
            Request(
                "get_signing_keys",
                "GET",
                "/.well-known/jwks.json",
            ),
            SigningKeys,
        )

    async def get_user(
        self,
        user_id: UUID,
    ) -> User:
        """One account.

        You read your own account, an administrator any. To other callers another person's account is 404.

        Args:
            user_id: The `id` of the account.
        """
        return await self._get(
            Request(
                "get_user",
                "GET",
                f"/api/v1/users/{in_path(user_id)}",
            ),
            User,
        )

    async def get_user_by_email(
        self,
        *,
        email: str,
    ) -> User:
        """The account with an e-mail address.

        The e-mail address is compared in any letter case.

        Args:
            email: The e-mail address to look for.
        """
        return await self._get(
            Request(
                "get_user_by_email",
                "GET",
                "/api/v1/users/by-email",
                query={
                    "email": email,
                },
            ),
            User,
        )

    async def get_user_stats(
        self,
        user_id: UUID,
    ) -> UserStats:
        """The counts of an account.

        You read your own account, an administrator any. To other callers another person's account is 404.

        Args:
            user_id: The `id` of the account.
        """
        return await self._get(
            Request(
                "get_user_stats",
                "GET",
                f"/api/v1/users/{in_path(user_id)}/stats",
            ),
            UserStats,
        )

    async def get_version(
        self,
    ) -> ServiceVersion:
        """The name and version of the service.

        A client reports the release together with a problem.
        """
        return await self._get(
            Request(
                "get_version",
                "GET",
                "/api/v1/meta/version",
            ),
            ServiceVersion,
        )

    async def healthcheck(
        self,
    ) -> Health:
        """The health of the service and of its dependencies.

        Every caller sees `status`; an administrator also sees each check and its duration.
        """
        return await self._get(
            Request(
                "healthcheck",
                "GET",
                "/api/v1/healthcheck",
            ),
            Health,
        )

    async def list_audit(
        self,
        *,
        actor_id: UUID | Unset = UNSET,
        operation: str | Unset = UNSET,
        table: str | Unset = UNSET,
        record_id: UUID | Unset = UNSET,
        since: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        reason: str | Unset = UNSET,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> AuditPage:
        """The entries of the journal, newest first.

        Every committed change and security event, with the names of the changed fields. The values are shown where
        you may read the record now, else `[withheld]`; secrets are redacted. Root sees values of every record with
        a `reason`, which the journal keeps. Filters combine. An entry appears here as soon as it has its position,
        which is moments after the commit.

        Args:
            actor_id: Only entries of this user.
            operation: Only entries of this operation of the contract.
            table: Only entries about records of this table.
            record_id: Only entries about this record.
            since: Only entries of this time or later.
            until: Only entries before this time.
            reason: The reason why root reads withheld values. With a reason the values are shown, and this reading
                is an entry of the journal. From any other caller a reason is 403.
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_audit",
                "GET",
                "/api/v1/audit",
                query={
                    "actorId": actor_id,
                    "operation": operation,
                    "table": table,
                    "recordId": record_id,
                    "since": since,
                    "until": until,
                    "reason": reason,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            AuditPage,
        )

    async def list_changes(
        self,
        *,
        keys: str,
        after: str | Unset = UNSET,
        limit: int | Unset = UNSET,
    ) -> Changes:
        """The changes since a cursor.

        Without `after` the response has no items, and its `cursor` is the place to begin. Ask again with the
        `cursor` of each response, also of one without items. 410 means that the cursor is too old, or not of this
        journal, as after a restored backup: discard the versions that you hold, and read the records again.

        Args:
            keys: The keys to follow, up to 50, separated by commas.
            after: The last cursor that you saw.
            limit: The maximum number of items in the response.
        """
        return await self._get(
            Request(
                "list_changes",
                "GET",
                "/api/v1/changes",
                query={
                    "keys": keys,
                    "after": after,
                    "limit": limit,
                },
            ),
            Changes,
        )

    async def list_conversations(
        self,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> ConversationList:
        """My conversations, the last joined first.

        The conversations that the caller is a member of. `getList:{userId}:conversations` announces the changes of
        this list.

        Args:
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_conversations",
                "GET",
                "/api/v1/conversations",
                query={
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            ConversationList,
        )

    async def list_inbox(
        self,
        *,
        to: str | Unset = UNSET,
        subject: str | Unset = UNSET,
        wait: int | Unset = UNSET,
    ) -> Inbox:
        """The mails of development, newest first.

        Without an SMTP server (`SMTP_URL`) mails are kept here, at most 500 of them; the newest 100 that fit are
        returned. With `wait` the response comes once a mail fits, or when the time is over. In production this is
        404.

        Args:
            to: Only mails to this address, in any letter case.
            subject: Only mails whose subject contains this text, in any letter case.
            wait: Seconds to wait for a mail that fits; 0 returns at once.
        """
        return await self._get(
            Request(
                "list_inbox",
                "GET",
                "/api/v1/dev/inbox",
                query={
                    "to": to,
                    "subject": subject,
                    "wait": wait,
                },
            ),
            Inbox,
        )

    async def list_jobs(
        self,
        *,
        state: ListJobsState | Unset = UNSET,
        queue: str | Unset = UNSET,
        task: str | Unset = UNSET,
        since: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> JobList:
        """The jobs of all accounts and of the system, newest first.

        Filters combine. Arguments are shown with their secrets redacted.

        Args:
            state: Only jobs in this state.
            queue: Only jobs of this queue.
            task: Only jobs of this task.
            since: Only jobs that were created at this time or later.
            until: Only jobs that were created before this time.
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_jobs",
                "GET",
                "/api/v1/jobs",
                query={
                    "state": state,
                    "queue": queue,
                    "task": task,
                    "since": since,
                    "until": until,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            JobList,
        )

    async def list_messages(
        self,
        conversation_id: UUID,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> MessageList:
        """The messages of a conversation, newest first.

        For its members. `getList:{conversationId}:messages` announces the changes of this list.

        Args:
            conversation_id: The `id` of the conversation.
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_messages",
                "GET",
                f"/api/v1/conversations/{in_path(conversation_id)}/messages",
                query={
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            MessageList,
        )

    async def list_my_activity(
        self,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> AuditPage:
        """My changes and sign-ins, newest first.

        Every change that I made and every sign-in, with the fields that I changed. Values of a record that I may no
        longer read are `[withheld]`; secrets are redacted.

        Args:
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_my_activity",
                "GET",
                "/api/v1/me/activity",
                query={
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            AuditPage,
        )

    async def list_my_jobs(
        self,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> JobList:
        """My jobs, newest first.

        The jobs that the caller owns, without their arguments. `getList:{userId}:jobs` announces the changes of
        this list.

        Args:
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_my_jobs",
                "GET",
                "/api/v1/me/jobs",
                query={
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            JobList,
        )

    async def list_queues(
        self,
    ) -> QueueList:
        """The queues, with their slots.

        The queues that a task names, `QUEUES` names, or an operator changed. `slots` is how many jobs of the queue
        run at the same time in all processes.
        """
        return await self._get(
            Request(
                "list_queues",
                "GET",
                "/api/v1/queues",
            ),
            QueueList,
        )

    async def list_schedules(
        self,
    ) -> ScheduleList:
        """The schedules, with their last and next times.

        A schedule has the name of its task.
        """
        return await self._get(
            Request(
                "list_schedules",
                "GET",
                "/api/v1/schedules",
            ),
            ScheduleList,
        )

    async def list_users(
        self,
        *,
        page: int | Unset = UNSET,
        limit: int | Unset = UNSET,
        search: str | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> UserPage:
        """The accounts, a page at a time.

        Newest first. `search` looks into e-mail, first and last name. `page` shows a numbered page; `cursor`, the
        `nextCursor` of the previous response, continues after the last account that was shown, so that a list which
        changes meanwhile is walked without skips and repeats. `page` and `cursor` exclude each other.

        Args:
            page: The number of the page, counted from 1. Without a number and without a cursor the response is
                the first page. Pages move while records come and go: to walk the whole list, use the cursor
                instead.
            limit: The number of items on a page.
            search: Text that a field must contain, in any letter case. `%` and `_` mean themselves.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return await self._get(
            Request(
                "list_users",
                "GET",
                "/api/v1/users",
                query={
                    "page": page,
                    "limit": limit,
                    "search": search,
                    "cursor": cursor,
                },
            ),
            UserPage,
        )

    async def login(
        self,
        body: Login,
    ) -> SignedIn:
        """Sign in.

        An unknown e-mail address, a wrong password and a disabled account get the same 401 in the same time. After
        five failures within 15 minutes the e-mail address is locked for 15 minutes (429 ACCOUNT_LOCKED).
        """
        return await self._get(
            Request(
                "login",
                "POST",
                "/api/v1/auth/login",
                body=body,
            ),
            SignedIn,
        )

    async def logout(
        self,
        body: Logout | Unset = UNSET,
    ) -> None:
        """Sign out.

        The session of the access token, or of the refresh token in the body, ends. Without such a session the
        response is 204, too.
        """
        await self._do(
            Request(
                "logout",
                "POST",
                "/api/v1/auth/logout",
                body=body,
            )
        )

    async def logout_all(
        self,
        body: Logout | Unset = UNSET,
    ) -> None:
        """Sign out everywhere.

        Every session of the account ends. Without any session the response is 204, too.
        """
        await self._do(
            Request(
                "logout_all",
                "POST",
                "/api/v1/auth/logout-all",
                body=body,
            )
        )

    async def query_records(
        self,
        body: QueryRecords,
    ) -> FoundRecords:
        """Read many records at once.

        Records that the caller may not read are left out, exactly like records that do not exist. A client that
        follows these records after `cursor` gets every later change.
        """
        return await self._get(
            Request(
                "query_records",
                "POST",
                "/api/v1/records/query",
                body=body,
            ),
            FoundRecords,
        )

    async def refresh(
        self,
        body: Refresh,
    ) -> SignedIn:
        """Get the next access token.

        Each refresh token works once; the response has its successor. The same token, sent again, gets the same
        successor until that successor, or an access token that came with it, is used, and for 30 seconds
        (`REFRESH_GRACE`) after. An older token, or the same token sent later, ends the session.
        """
        return await self._get(
            Request(
                "refresh",
                "POST",
                "/api/v1/auth/refresh",
                body=body,
            ),
            SignedIn,
        )

    async def register(
        self,
        body: Register,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> User:
        """Sign up.

        The new account has the role customer. Sign in with `login` afterwards.

        Args:
            body: A new account.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "register",
                "POST",
                "/api/v1/auth/register",
                headers={
                    "Idempotency-Key": idempotency_key,
                },
                body=body,
            ),
            User,
        )

    async def remove_member(
        self,
        conversation_id: UUID,
        user_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> Conversation:
        """Leave a conversation, or remove a member.

        Members remove themselves, and the creator of the conversation removes any member; another member gets 403.
        An account that is no member is 404.

        Args:
            conversation_id: The `id` of the conversation.
            user_id: The `id` of the account.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "remove_member",
                "DELETE",
                f"/api/v1/conversations/{in_path(conversation_id)}/members/{in_path(user_id)}",
                query={
                    "expectedVersion": expected_version,
                },
                headers={
                    "If-Match": if_match,
                },
            ),
            Conversation,
        )

    async def retry_job(
        self,
        job_id: UUID,
        body: ChangeJob,
        *,
        if_match: str | Unset = UNSET,
    ) -> Job:
        """Run a dead or cancelled job again, unless it changed since it was read.

        The job is queued at once, with all attempts of its task before it; former attempts stay listed. Any other
        state is 422 `BUSINESS_RULE_VIOLATION`. A job whose unique key another job has by now is 409
        `ALREADY_EXISTS`.

        Args:
            body: The version at which the job was read.
            job_id: The `id` of the job.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "retry_job",
                "POST",
                f"/api/v1/jobs/{in_path(job_id)}/retry",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Job,
        )

    async def retry_jobs(
        self,
        body: RetryJobs,
    ) -> RetriedJobs:
        """Run the dead jobs of a task again.

        Up to `limit` dead jobs of the task are queued again, those that died first before others, as `retryJob`
        does it. A job whose unique key another job has by now stays dead, and the others are queued all the same.
        """
        return await self._get(
            Request(
                "retry_jobs",
                "POST",
                "/api/v1/jobs/retry",
                body=body,
            ),
            RetriedJobs,
        )

    async def run_schedule(
        self,
        schedule_name: str,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> Job:
        """Enqueue a job of a schedule now.

        The job runs at once, also beside another one and while the schedule is paused. The due times stay as they
        are.

        Args:
            schedule_name: The `name` of the schedule.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "run_schedule",
                "POST",
                f"/api/v1/schedules/{in_path(schedule_name)}/run",
                headers={
                    "Idempotency-Key": idempotency_key,
                },
            ),
            Job,
        )

    async def setup(
        self,
        body: Setup,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> User:
        """Create the root account with the one-time setup token.

        The first start prints the token, while no root account exists. The token works once.

        Args:
            body: The first account, which is root.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "setup",
                "POST",
                "/api/v1/setup",
                headers={
                    "Idempotency-Key": idempotency_key,
                },
                body=body,
            ),
            User,
        )

    async def start_verify_audit(
        self,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> AcceptedJob:
        """Verify the journal, by a job.

        The service responds at once with the job, which `wait_for_job` waits for.

        Args:
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return await self._get(
            Request(
                "start_verify_audit",
                "GET",
                "/api/v1/audit/verify",
                headers={
                    "Prefer": "respond-async",
                    "Idempotency-Key": idempotency_key,
                },
            ),
            AcceptedJob,
        )

    def stream_changes(
        self,
        *,
        keys: str,
        after: str | Unset = UNSET,
    ) -> AsyncIterator[str]:
        """Changes as they happen, as server-sent events.

        Events are `subscribed`, `change`, `revoked` and `closing`; their data are the frames of `asyncapi.yaml`.
        The id of an event is its cursor, and a client that connects again with it as `Last-Event-ID` misses
        nothing.

        Args:
            keys: The keys to follow, up to 50, separated by commas.
            after: The last cursor that you saw.
        """
        return self._stream(
            Request(
                "stream_changes",
                "GET",
                "/api/v1/changes/stream",
                query={
                    "keys": keys,
                    "after": after,
                },
            )
        )

    async def unlock_user(
        self,
        user_id: UUID,
    ) -> None:
        """Unlock an account after too many failed sign-ins.

        The failed sign-ins of the account are deleted at once. An account that is not locked is no error.

        Args:
            user_id: The `id` of the account.
        """
        await self._do(
            Request(
                "unlock_user",
                "POST",
                f"/api/v1/users/{in_path(user_id)}/unlock",
            )
        )

    async def update_conversation(
        self,
        conversation_id: UUID,
        body: UpdateConversation,
        *,
        if_match: str | Unset = UNSET,
    ) -> Conversation:
        """Change a conversation, unless it changed since it was read.

        Any member may change a conversation. A field left out stays as it is. Members are changed by `addMember`
        and `removeMember`.

        Args:
            body: A field left out stays as it is; at least one is required.
            conversation_id: The `id` of the conversation.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "update_conversation",
                "PATCH",
                f"/api/v1/conversations/{in_path(conversation_id)}",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Conversation,
        )

    async def update_me(
        self,
        body: UpdateMe,
        *,
        if_match: str | Unset = UNSET,
    ) -> User:
        """Change my profile, unless it changed since I read it.

        A field left out stays as it is. E-mail, role and id are not changed here.

        Args:
            body: A field left out stays as it is; at least one is required.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "update_me",
                "PATCH",
                "/api/v1/me",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            User,
        )

    async def update_message(
        self,
        message_id: UUID,
        body: UpdateMessage,
        *,
        if_match: str | Unset = UNSET,
    ) -> Message:
        """Change the text of my message, unless it changed since I read it.

        Only the author may do this; another member of the conversation gets 403.

        Args:
            body: The message with another text.
            message_id: The `id` of the message.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "update_message",
                "PATCH",
                f"/api/v1/messages/{in_path(message_id)}",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Message,
        )

    async def update_queue(
        self,
        queue_name: str,
        body: UpdateQueue,
        *,
        if_match: str | Unset = UNSET,
    ) -> Queue:
        """Pause a queue, or change its slots, unless it changed since it was read.

        In all processes, at once for jobs that start later; running jobs go on. A field left out stays as it is;
        `slots: null` is the number of `QUEUES` again.

        Args:
            body: A field left out stays as it is.
            queue_name: The `name` of the queue.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "update_queue",
                "PATCH",
                f"/api/v1/queues/{in_path(queue_name)}",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Queue,
        )

    async def update_schedule(
        self,
        schedule_name: str,
        body: UpdateSchedule,
        *,
        if_match: str | Unset = UNSET,
    ) -> Schedule:
        """Pause a schedule or go on, unless it changed since it was read.

        A due time that passes while the schedule is paused has no job, also later.

        Args:
            body: Pause, or go on.
            schedule_name: The `name` of the schedule.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "update_schedule",
                "PATCH",
                f"/api/v1/schedules/{in_path(schedule_name)}",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            Schedule,
        )

    async def update_user(
        self,
        user_id: UUID,
        body: UpdateUser,
        *,
        if_match: str | Unset = UNSET,
    ) -> User:
        """Change an account, unless it changed since it was read.

        A field left out stays as it is. Only root changes `role`. Disabling an account ends its sessions. The last
        root account can be neither disabled nor demoted (422).

        Args:
            body: A field left out stays as it is; at least one is required.
            user_id: The `id` of the account.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return await self._get(
            Request(
                "update_user",
                "PATCH",
                f"/api/v1/users/{in_path(user_id)}",
                headers={
                    "If-Match": if_match,
                },
                body=body,
            ),
            User,
        )

    async def verify_audit(
        self,
    ) -> AuditVerdict:
        """Verify the journal.

        Every hash of the chain is computed again and compared with the signed checkpoints. An edited, deleted,
        swapped or cut off entry is named by its position. For a journal that takes longer than a request may last
        the response is 504: let a job verify the journal with `Prefer: respond-async`.
        """
        return await self._get(
            Request(
                "verify_audit",
                "GET",
                "/api/v1/audit/verify",
            ),
            AuditVerdict,
        )


class Operations(ABC):
    """The same operations for code that waits; each runs the asynchronous one."""

    @property
    @abstractmethod
    def _asynchronous(self) -> AsyncOperations: ...

    @abstractmethod
    def _wait_for(self, call: Coroutine[object, object, T]) -> T:
        """Run it to its end."""

    @abstractmethod
    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Wait for each."""

    def add_member(
        self,
        conversation_id: UUID,
        body: AddMember,
        *,
        if_match: str | Unset = UNSET,
    ) -> Conversation:
        """Add a member to a conversation.

        Any member may add another. An account that is a member already is 409 `ALREADY_EXISTS`.

        Args:
            body: The account to add.
            conversation_id: The `id` of the conversation.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.add_member(
                conversation_id,
                body,
                if_match=if_match,
            )
        )

    def apply_transaction(
        self,
        body: ApplyTransaction,
    ) -> FoundRecords:
        """Change many records, all or none.

        The operations are applied in their order; each record that they touch is one version further afterwards.
        With `expectedVersions` the response is 409 when any of these records has moved on, and `conflicts` lists
        all that have. Without, the operations are applied to the current versions of the records: concurrent
        inserts of different values into one list are all kept.  A list is a set: inserting a present value moves
        the value. The same `transactionId`, sent again, gets the first response; with other contents the response
        is 422. A record that the caller may not change is 404, like one that does not exist.
        """
        return self._wait_for(
            self._asynchronous.apply_transaction(
                body,
            )
        )

    def cancel_job(
        self,
        job_id: UUID,
        body: ChangeJob,
        *,
        if_match: str | Unset = UNSET,
    ) -> Job:
        """Cancel a job, unless it changed since it was read.

        For the owner of the job, and for callers with `jobs:write`. A waiting job never runs. A running job is
        stopped within two seconds, and what its attempt wrote is rolled back. A job that has ended is 422
        `ALREADY_ENDED`.

        Args:
            body: The version at which the job was read.
            job_id: The `id` of the job.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.cancel_job(
                job_id,
                body,
                if_match=if_match,
            )
        )

    def create_conversation(
        self,
        body: CreateConversation,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> Conversation:
        """Create a conversation.

        The members are the caller and the accounts in `memberIds`.

        Args:
            body: A new conversation.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.create_conversation(
                body,
                idempotency_key=idempotency_key,
            )
        )

    def create_live_ticket(
        self,
    ) -> LiveTicket:
        """A ticket that signs a WebSocket in.

        For clients whose socket code must not see the access token. The ticket works once, for 30 seconds, as
        `token` of the frame `authenticate`; the connection then lasts as long as with an access token.
        """
        return self._wait_for(self._asynchronous.create_live_ticket())

    def create_message(
        self,
        conversation_id: UUID,
        body: CreateMessage,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> Message:
        """Write a message in a conversation.

        For its members.

        Args:
            body: A new message.
            conversation_id: The `id` of the conversation.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.create_message(
                conversation_id,
                body,
                idempotency_key=idempotency_key,
            )
        )

    def create_user(
        self,
        body: CreateUser,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> User:
        """Create an account for another person.

        An administrator creates customers; only root creates administrators.

        Args:
            body: An account for another person.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.create_user(
                body,
                idempotency_key=idempotency_key,
            )
        )

    def delete_conversation(
        self,
        conversation_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> None:
        """Delete a conversation, unless it changed since it was read.

        Only the creator may delete a conversation; another member gets 403. The messages are deleted, too.

        Args:
            conversation_id: The `id` of the conversation.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        self._wait_for(
            self._asynchronous.delete_conversation(
                conversation_id,
                expected_version=expected_version,
                if_match=if_match,
            )
        )

    def delete_inbox(
        self,
        *,
        to: str | Unset = UNSET,
        subject: str | Unset = UNSET,
    ) -> None:
        """Delete mails of development.

        Without a filter every mail is deleted. In production this is 404.

        Args:
            to: Only mails to this address, in any letter case.
            subject: Only mails whose subject contains this text, in any letter case.
        """
        self._wait_for(
            self._asynchronous.delete_inbox(
                to=to,
                subject=subject,
            )
        )

    def delete_message(
        self,
        message_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> None:
        """Delete my message, unless it changed since I read it.

        Only the author may do this; another member of the conversation gets 403.

        Args:
            message_id: The `id` of the message.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        self._wait_for(
            self._asynchronous.delete_message(
                message_id,
                expected_version=expected_version,
                if_match=if_match,
            )
        )

    def delete_user(
        self,
        user_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> None:
        """Delete an account, unless it changed since it was read.

        The sessions of the account end at once. A second delete is 404. The last root account cannot be deleted
        (422).

        Args:
            user_id: The `id` of the account.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        self._wait_for(
            self._asynchronous.delete_user(
                user_id,
                expected_version=expected_version,
                if_match=if_match,
            )
        )

    def echo(
        self,
        body: Echo,
    ) -> Echo:
        """Return the body of the request.

        The body is checked against the contract and sent back, so that you can try a client.
        """
        return self._wait_for(
            self._asynchronous.echo(
                body,
            )
        )

    def get_conversation(
        self,
        conversation_id: UUID,
    ) -> Conversation:
        """One conversation.

        For its members. `getRecord:conversations:{id}` announces its changes, `getList:{id}:messages` its messages.

        Args:
            conversation_id: The `id` of the conversation.
        """
        return self._wait_for(
            self._asynchronous.get_conversation(
                conversation_id,
            )
        )

    def get_job(
        self,
        job_id: UUID,
    ) -> Job:
        """One job.

        For the owner of the job, who sees no arguments, and for callers with `jobs:read`. `getRecord:jobs:{id}`
        announces the changes of a job that has an owner. The result or the problem is there for 24 hours after the
        end.

        Args:
            job_id: The `id` of the job.
        """
        return self._wait_for(
            self._asynchronous.get_job(
                job_id,
            )
        )

    def get_job_stats(
        self,
    ) -> JobStats:
        """The number of jobs of each queue in each state.

        A count is exact up to 100,000; a larger one is shown as 100,000. `oldestReadySeconds` is how long the
        oldest job that could run has waited for a slot; null when none waits.
        """
        return self._wait_for(self._asynchronous.get_job_stats())

    def get_me(
        self,
    ) -> User:
        """My profile.

        The account that the access token belongs to.
        """
        return self._wait_for(self._asynchronous.get_me())

    def get_message(
        self,
        message_id: UUID,
    ) -> Message:
        """One message.

        For the members of its conversation.

        Args:
            message_id: The `id` of the message.
        """
        return self._wait_for(
            self._asynchronous.get_message(
                message_id,
            )
        )

    def get_session(
        self,
    ) -> SessionState:
        """The caller and the session.

        Without a valid access token `authenticated` is false, and the response is still 200.
        """
        return self._wait_for(self._asynchronous.get_session())

    def get_signing_keys(
        self,
    ) -> SigningKeys:
        """The public keys that verify access tokens.

        A JSON Web Key Set (RFC 7517). Previous keys stay in the set while tokens that they signed are valid.
        """
        return self._wait_for(self._asynchronous.get_signing_keys())

    def get_user(
        self,
        user_id: UUID,
    ) -> User:
        """One account.

        You read your own account, an administrator any. To other callers another person's account is 404.

        Args:
            user_id: The `id` of the account.
        """
        return self._wait_for(
            self._asynchronous.get_user(
                user_id,
            )
        )

    def get_user_by_email(
        self,
        *,
        email: str,
    ) -> User:
        """The account with an e-mail address.

        The e-mail address is compared in any letter case.

        Args:
            email: The e-mail address to look for.
        """
        return self._wait_for(
            self._asynchronous.get_user_by_email(
                email=email,
            )
        )

    def get_user_stats(
        self,
        user_id: UUID,
    ) -> UserStats:
        """The counts of an account.

        You read your own account, an administrator any. To other callers another person's account is 404.

        Args:
            user_id: The `id` of the account.
        """
        return self._wait_for(
            self._asynchronous.get_user_stats(
                user_id,
            )
        )

    def get_version(
        self,
    ) -> ServiceVersion:
        """The name and version of the service.

        A client reports the release together with a problem.
        """
        return self._wait_for(self._asynchronous.get_version())

    def healthcheck(
        self,
    ) -> Health:
        """The health of the service and of its dependencies.

        Every caller sees `status`; an administrator also sees each check and its duration.
        """
        return self._wait_for(self._asynchronous.healthcheck())

    def list_audit(
        self,
        *,
        actor_id: UUID | Unset = UNSET,
        operation: str | Unset = UNSET,
        table: str | Unset = UNSET,
        record_id: UUID | Unset = UNSET,
        since: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        reason: str | Unset = UNSET,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> AuditPage:
        """The entries of the journal, newest first.

        Every committed change and security event, with the names of the changed fields. The values are shown where
        you may read the record now, else `[withheld]`; secrets are redacted. Root sees values of every record with
        a `reason`, which the journal keeps. Filters combine. An entry appears here as soon as it has its position,
        which is moments after the commit.

        Args:
            actor_id: Only entries of this user.
            operation: Only entries of this operation of the contract.
            table: Only entries about records of this table.
            record_id: Only entries about this record.
            since: Only entries of this time or later.
            until: Only entries before this time.
            reason: The reason why root reads withheld values. With a reason the values are shown, and this reading
                is an entry of the journal. From any other caller a reason is 403.
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_audit(
                actor_id=actor_id,
                operation=operation,
                table=table,
                record_id=record_id,
                since=since,
                until=until,
                reason=reason,
                limit=limit,
                cursor=cursor,
            )
        )

    def list_changes(
        self,
        *,
        keys: str,
        after: str | Unset = UNSET,
        limit: int | Unset = UNSET,
    ) -> Changes:
        """The changes since a cursor.

        Without `after` the response has no items, and its `cursor` is the place to begin. Ask again with the
        `cursor` of each response, also of one without items. 410 means that the cursor is too old, or not of this
        journal, as after a restored backup: discard the versions that you hold, and read the records again.

        Args:
            keys: The keys to follow, up to 50, separated by commas.
            after: The last cursor that you saw.
            limit: The maximum number of items in the response.
        """
        return self._wait_for(
            self._asynchronous.list_changes(
                keys=keys,
                after=after,
                limit=limit,
            )
        )

    def list_conversations(
        self,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> ConversationList:
        """My conversations, the last joined first.

        The conversations that the caller is a member of. `getList:{userId}:conversations` announces the changes of
        this list.

        Args:
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_conversations(
                limit=limit,
                cursor=cursor,
            )
        )

    def list_inbox(
        self,
        *,
        to: str | Unset = UNSET,
        subject: str | Unset = UNSET,
        wait: int | Unset = UNSET,
    ) -> Inbox:
        """The mails of development, newest first.

        Without an SMTP server (`SMTP_URL`) mails are kept here, at most 500 of them; the newest 100 that fit are
        returned. With `wait` the response comes once a mail fits, or when the time is over. In production this is
        404.

        Args:
            to: Only mails to this address, in any letter case.
            subject: Only mails whose subject contains this text, in any letter case.
            wait: Seconds to wait for a mail that fits; 0 returns at once.
        """
        return self._wait_for(
            self._asynchronous.list_inbox(
                to=to,
                subject=subject,
                wait=wait,
            )
        )

    def list_jobs(
        self,
        *,
        state: ListJobsState | Unset = UNSET,
        queue: str | Unset = UNSET,
        task: str | Unset = UNSET,
        since: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> JobList:
        """The jobs of all accounts and of the system, newest first.

        Filters combine. Arguments are shown with their secrets redacted.

        Args:
            state: Only jobs in this state.
            queue: Only jobs of this queue.
            task: Only jobs of this task.
            since: Only jobs that were created at this time or later.
            until: Only jobs that were created before this time.
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_jobs(
                state=state,
                queue=queue,
                task=task,
                since=since,
                until=until,
                limit=limit,
                cursor=cursor,
            )
        )

    def list_messages(
        self,
        conversation_id: UUID,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> MessageList:
        """The messages of a conversation, newest first.

        For its members. `getList:{conversationId}:messages` announces the changes of this list.

        Args:
            conversation_id: The `id` of the conversation.
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_messages(
                conversation_id,
                limit=limit,
                cursor=cursor,
            )
        )

    def list_my_activity(
        self,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> AuditPage:
        """My changes and sign-ins, newest first.

        Every change that I made and every sign-in, with the fields that I changed. Values of a record that I may no
        longer read are `[withheld]`; secrets are redacted.

        Args:
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_my_activity(
                limit=limit,
                cursor=cursor,
            )
        )

    def list_my_jobs(
        self,
        *,
        limit: int | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> JobList:
        """My jobs, newest first.

        The jobs that the caller owns, without their arguments. `getList:{userId}:jobs` announces the changes of
        this list.

        Args:
            limit: The maximum number of items in the response.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_my_jobs(
                limit=limit,
                cursor=cursor,
            )
        )

    def list_queues(
        self,
    ) -> QueueList:
        """The queues, with their slots.

        The queues that a task names, `QUEUES` names, or an operator changed. `slots` is how many jobs of the queue
        run at the same time in all processes.
        """
        return self._wait_for(self._asynchronous.list_queues())

    def list_schedules(
        self,
    ) -> ScheduleList:
        """The schedules, with their last and next times.

        A schedule has the name of its task.
        """
        return self._wait_for(self._asynchronous.list_schedules())

    def list_users(
        self,
        *,
        page: int | Unset = UNSET,
        limit: int | Unset = UNSET,
        search: str | Unset = UNSET,
        cursor: str | Unset = UNSET,
    ) -> UserPage:
        """The accounts, a page at a time.

        Newest first. `search` looks into e-mail, first and last name. `page` shows a numbered page; `cursor`, the
        `nextCursor` of the previous response, continues after the last account that was shown, so that a list which
        changes meanwhile is walked without skips and repeats. `page` and `cursor` exclude each other.

        Args:
            page: The number of the page, counted from 1. Without a number and without a cursor the response is
                the first page. Pages move while records come and go: to walk the whole list, use the cursor
                instead.
            limit: The number of items on a page.
            search: Text that a field must contain, in any letter case. `%` and `_` mean themselves.
            cursor: The `nextCursor` of the previous response. A cursor is valid for the same filters and the same
                caller. `start` is the beginning, as without a cursor.
        """
        return self._wait_for(
            self._asynchronous.list_users(
                page=page,
                limit=limit,
                search=search,
                cursor=cursor,
            )
        )

    def login(
        self,
        body: Login,
    ) -> SignedIn:
        """Sign in.

        An unknown e-mail address, a wrong password and a disabled account get the same 401 in the same time. After
        five failures within 15 minutes the e-mail address is locked for 15 minutes (429 ACCOUNT_LOCKED).
        """
        return self._wait_for(
            self._asynchronous.login(
                body,
            )
        )

    def logout(
        self,
        body: Logout | Unset = UNSET,
    ) -> None:
        """Sign out.

        The session of the access token, or of the refresh token in the body, ends. Without such a session the
        response is 204, too.
        """
        self._wait_for(
            self._asynchronous.logout(
                body,
            )
        )

    def logout_all(
        self,
        body: Logout | Unset = UNSET,
    ) -> None:
        """Sign out everywhere.

        Every session of the account ends. Without any session the response is 204, too.
        """
        self._wait_for(
            self._asynchronous.logout_all(
                body,
            )
        )

    def query_records(
        self,
        body: QueryRecords,
    ) -> FoundRecords:
        """Read many records at once.

        Records that the caller may not read are left out, exactly like records that do not exist. A client that
        follows these records after `cursor` gets every later change.
        """
        return self._wait_for(
            self._asynchronous.query_records(
                body,
            )
        )

    def refresh(
        self,
        body: Refresh,
    ) -> SignedIn:
        """Get the next access token.

        Each refresh token works once; the response has its successor. The same token, sent again, gets the same
        successor until that successor, or an access token that came with it, is used, and for 30 seconds
        (`REFRESH_GRACE`) after. An older token, or the same token sent later, ends the session.
        """
        return self._wait_for(
            self._asynchronous.refresh(
                body,
            )
        )

    def register(
        self,
        body: Register,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> User:
        """Sign up.

        The new account has the role customer. Sign in with `login` afterwards.

        Args:
            body: A new account.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.register(
                body,
                idempotency_key=idempotency_key,
            )
        )

    def remove_member(
        self,
        conversation_id: UUID,
        user_id: UUID,
        *,
        expected_version: int,
        if_match: str | Unset = UNSET,
    ) -> Conversation:
        """Leave a conversation, or remove a member.

        Members remove themselves, and the creator of the conversation removes any member; another member gets 403.
        An account that is no member is 404.

        Args:
            conversation_id: The `id` of the conversation.
            user_id: The `id` of the account.
            expected_version: The `version` that you read. When the record has moved on, the response is 409.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.remove_member(
                conversation_id,
                user_id,
                expected_version=expected_version,
                if_match=if_match,
            )
        )

    def retry_job(
        self,
        job_id: UUID,
        body: ChangeJob,
        *,
        if_match: str | Unset = UNSET,
    ) -> Job:
        """Run a dead or cancelled job again, unless it changed since it was read.

        The job is queued at once, with all attempts of its task before it; former attempts stay listed. Any other
        state is 422 `BUSINESS_RULE_VIOLATION`. A job whose unique key another job has by now is 409
        `ALREADY_EXISTS`.

        Args:
            body: The version at which the job was read.
            job_id: The `id` of the job.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.retry_job(
                job_id,
                body,
                if_match=if_match,
            )
        )

    def retry_jobs(
        self,
        body: RetryJobs,
    ) -> RetriedJobs:
        """Run the dead jobs of a task again.

        Up to `limit` dead jobs of the task are queued again, those that died first before others, as `retryJob`
        does it. A job whose unique key another job has by now stays dead, and the others are queued all the same.
        """
        return self._wait_for(
            self._asynchronous.retry_jobs(
                body,
            )
        )

    def run_schedule(
        self,
        schedule_name: str,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> Job:
        """Enqueue a job of a schedule now.

        The job runs at once, also beside another one and while the schedule is paused. The due times stay as they
        are.

        Args:
            schedule_name: The `name` of the schedule.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.run_schedule(
                schedule_name,
                idempotency_key=idempotency_key,
            )
        )

    def setup(
        self,
        body: Setup,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> User:
        """Create the root account with the one-time setup token.

        The first start prints the token, while no root account exists. The token works once.

        Args:
            body: The first account, which is root.
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.setup(
                body,
                idempotency_key=idempotency_key,
            )
        )

    def start_verify_audit(
        self,
        *,
        idempotency_key: str | Unset = UNSET,
    ) -> AcceptedJob:
        """Verify the journal, by a job.

        The service responds at once with the job, which `wait_for_job` waits for.

        Args:
            idempotency_key: A name of your own for this attempt, such as a random UUID. The same key and body, sent again
                within 24 hours, get the first response again, and nothing is made twice. The same key with
                another body is 422; while the first request is still running, the response is 409. For requests
                without an access token, the same key and body get the first response from any IP address, and
                another body is 422 only from the IP address of the first request.
        """
        return self._wait_for(
            self._asynchronous.start_verify_audit(
                idempotency_key=idempotency_key,
            )
        )

    def stream_changes(
        self,
        *,
        keys: str,
        after: str | Unset = UNSET,
    ) -> Iterator[str]:
        """Changes as they happen, as server-sent events.

        Events are `subscribed`, `change`, `revoked` and `closing`; their data are the frames of `asyncapi.yaml`.
        The id of an event is its cursor, and a client that connects again with it as `Last-Event-ID` misses
        nothing.

        Args:
            keys: The keys to follow, up to 50, separated by commas.
            after: The last cursor that you saw.
        """
        return self._iterate(
            self._asynchronous.stream_changes(
                keys=keys,
                after=after,
            )
        )

    def unlock_user(
        self,
        user_id: UUID,
    ) -> None:
        """Unlock an account after too many failed sign-ins.

        The failed sign-ins of the account are deleted at once. An account that is not locked is no error.

        Args:
            user_id: The `id` of the account.
        """
        self._wait_for(
            self._asynchronous.unlock_user(
                user_id,
            )
        )

    def update_conversation(
        self,
        conversation_id: UUID,
        body: UpdateConversation,
        *,
        if_match: str | Unset = UNSET,
    ) -> Conversation:
        """Change a conversation, unless it changed since it was read.

        Any member may change a conversation. A field left out stays as it is. Members are changed by `addMember`
        and `removeMember`.

        Args:
            body: A field left out stays as it is; at least one is required.
            conversation_id: The `id` of the conversation.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.update_conversation(
                conversation_id,
                body,
                if_match=if_match,
            )
        )

    def update_me(
        self,
        body: UpdateMe,
        *,
        if_match: str | Unset = UNSET,
    ) -> User:
        """Change my profile, unless it changed since I read it.

        A field left out stays as it is. E-mail, role and id are not changed here.

        Args:
            body: A field left out stays as it is; at least one is required.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.update_me(
                body,
                if_match=if_match,
            )
        )

    def update_message(
        self,
        message_id: UUID,
        body: UpdateMessage,
        *,
        if_match: str | Unset = UNSET,
    ) -> Message:
        """Change the text of my message, unless it changed since I read it.

        Only the author may do this; another member of the conversation gets 403.

        Args:
            body: The message with another text.
            message_id: The `id` of the message.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.update_message(
                message_id,
                body,
                if_match=if_match,
            )
        )

    def update_queue(
        self,
        queue_name: str,
        body: UpdateQueue,
        *,
        if_match: str | Unset = UNSET,
    ) -> Queue:
        """Pause a queue, or change its slots, unless it changed since it was read.

        In all processes, at once for jobs that start later; running jobs go on. A field left out stays as it is;
        `slots: null` is the number of `QUEUES` again.

        Args:
            body: A field left out stays as it is.
            queue_name: The `name` of the queue.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.update_queue(
                queue_name,
                body,
                if_match=if_match,
            )
        )

    def update_schedule(
        self,
        schedule_name: str,
        body: UpdateSchedule,
        *,
        if_match: str | Unset = UNSET,
    ) -> Schedule:
        """Pause a schedule or go on, unless it changed since it was read.

        A due time that passes while the schedule is paused has no job, also later.

        Args:
            body: Pause, or go on.
            schedule_name: The `name` of the schedule.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.update_schedule(
                schedule_name,
                body,
                if_match=if_match,
            )
        )

    def update_user(
        self,
        user_id: UUID,
        body: UpdateUser,
        *,
        if_match: str | Unset = UNSET,
    ) -> User:
        """Change an account, unless it changed since it was read.

        A field left out stays as it is. Only root changes `role`. Disabling an account ends its sessions. The last
        root account can be neither disabled nor demoted (422).

        Args:
            body: A field left out stays as it is; at least one is required.
            user_id: The `id` of the account.
            if_match: The `ETag` that you read, as a second precondition beside `expectedVersion`; `*` and a list that
                includes the tag are accepted. A stale tag is 412. A weak tag is 412, too: tags are compared
                strongly. A tag that disagrees with `expectedVersion` is 400.
        """
        return self._wait_for(
            self._asynchronous.update_user(
                user_id,
                body,
                if_match=if_match,
            )
        )

    def verify_audit(
        self,
    ) -> AuditVerdict:
        """Verify the journal.

        Every hash of the chain is computed again and compared with the signed checkpoints. An edited, deleted,
        swapped or cut off entry is named by its position. For a journal that takes longer than a request may last
        the response is 504: let a job verify the journal with `Prefer: respond-async`.
        """
        return self._wait_for(self._asynchronous.verify_audit())
