"""The hub: the subscribers of each key in this process. An entry is encoded once for each key that it changed."""

from collections.abc import Iterable

from accord.context import Caller
from accord.journal.cursors import Cursor
from accord.journal.reading import TailEntry, keys_of
from accord.journal.tail import JournalTail
from accord.live import frames, metrics
from accord.live.grants import Grants
from accord.live.subscriber import Subscriber

ACCESS_REMOVED = "access removed"
"""The event in the journal that says: the user `userId` may no longer read the record."""

REVOKED = "You may no longer read this."


class Hub:
    """Delivers entries to subscribers in the order of their positions, without waiting for a subscriber."""

    def __init__(self, tail: JournalTail) -> None:
        """Listen to the journal's tail."""
        self._tail = tail
        self._by_key: dict[str, set[Subscriber]] = {}
        self._by_session: dict[str, set[Subscriber]] = {}
        self._all: set[Subscriber] = set()
        self.grants = Grants()
        self.is_stopping = False
        tail.listeners.append(self.deliver)
        tail.when_replaced.append(self.journal_replaced)

    @property
    def cursor(self) -> Cursor:
        """The cursor of the last delivered entry."""
        return self._tail.cursor

    def join(self, subscriber: Subscriber) -> None:
        """Add a connection."""
        self._all.add(subscriber)
        if self.is_stopping:
            subscriber.close(frames.GOING_AWAY, "The service is restarting; connect again.")

    def leave(self, subscriber: Subscriber) -> None:
        """Remove a connection and its subscriptions."""
        self._all.discard(subscriber)
        for key in list(subscriber.keys):
            self.stop(subscriber, key)
        if subscriber.caller.session_id is not None:
            _discard(self._by_session, subscriber.caller.session_id, subscriber)

    def signed_in(self, subscriber: Subscriber, caller: Caller) -> None:
        """Note the caller of a connection, so that the connection ends with the session."""
        if subscriber.caller.session_id is not None:
            _discard(self._by_session, subscriber.caller.session_id, subscriber)
        subscriber.caller = caller
        if caller.session_id is not None:
            self._by_session.setdefault(caller.session_id, set()).add(subscriber)

    def start(self, subscriber: Subscriber, key: str) -> Cursor:
        """Begin to collect the changes of a key; return the cursor after which all of them are collected."""
        subscriber.keys.setdefault(key, ())
        subscriber.starting.add(key)
        self._by_key.setdefault(key, set()).add(subscriber)
        return self.cursor

    def stop(self, subscriber: Subscriber, key: str) -> None:
        """End a subscription."""
        self.grants.discard(subscriber, key)
        subscriber.stop(key)
        _discard(self._by_key, key, subscriber)

    def deliver(self, entries: list[TailEntry]) -> None:
        """Queue entries for the subscribers of the keys that they changed."""
        by_key, count = self._by_key, 0
        for entry in entries:
            if entry.kind == "event":
                self._note_event(entry)
                continue
            for key in keys_of(entry):
                subscribers = by_key.get(key)
                if subscribers:
                    text = frames.change(key, entry)
                    change, frame = (key, text), frames.as_bytes(text)
                    for subscriber in subscribers:
                        subscriber.put_change(change, frame)
                    count += len(subscribers)
            if entry.kind == "deleted":
                self._note_deletion(entry)
        if count:
            metrics.deliveries.inc(count)

    def sessions_ended(self, session_ids: Iterable[str]) -> None:
        """Close the connections of ended sessions."""
        for session_id in session_ids:
            for subscriber in self._by_session.pop(session_id, ()):
                subscriber.close(frames.UNAUTHENTICATED, "The session has ended; sign in again.")

    def sessions(self) -> list[str]:
        """Return the ids of sessions with connections."""
        return list(self._by_session)

    def shut_down(self) -> None:
        """Close every connection; clients connect again, to another process."""
        self.is_stopping = True
        for subscriber in self._all:
            subscriber.close(frames.GOING_AWAY, "The service is restarting; connect again.")

    def journal_replaced(self) -> None:
        """Close every connection: clients connect again, and their cursors show whether this journal is theirs."""
        for subscriber in self._all:
            subscriber.close(frames.GOING_AWAY, "The journal was replaced; connect again.")

    def revoke(self, subscriber: Subscriber, key: str) -> None:
        """End a subscription whose access ended, and tell the client."""
        self.stop(subscriber, key)
        subscriber.put(frames.revoked(key, REVOKED))

    def _note_event(self, entry: TailEntry) -> None:
        if entry.fields.get("event") != ACCESS_REMOVED:
            return
        record, *lists = keys_of(entry)
        lost = self.grants.lost([record, *lists], entry.fields.get("userId"))
        for subscriber, keys in lost.items():
            subscriber.drop(keys, record)
        self._end(lost)

    def _note_deletion(self, entry: TailEntry) -> None:
        """End the subscriptions that rest on a deleted record; its own followers got the change."""
        record = keys_of(entry)[0]
        lost = self.grants.lost([record], None)
        for keys in lost.values():
            keys.discard(record)
        self._end(lost)

    def _end(self, lost: dict[Subscriber, set[str]]) -> None:
        for subscriber, keys in lost.items():
            for key in keys:
                self.revoke(subscriber, key)


def _discard(index: dict[str, set[Subscriber]], name: str, subscriber: Subscriber) -> None:
    subscribers = index.get(name)
    if subscribers is not None:
        subscribers.discard(subscriber)
        if not subscribers:
            del index[name]
