"""The records that the access of each subscription rests on, by record and account."""

from collections.abc import Iterable, Iterator

from accord.live.subscriber import Subscriber


class Grants:
    """Finds the subscriptions that end with access to a record; the cost does not grow with other subscriptions."""

    def __init__(self) -> None:
        """Begin without subscriptions."""
        self._on: dict[str, dict[str | None, set[tuple[Subscriber, str]]]] = {}
        self._checks: dict[Subscriber, set[str]] = {}

    def check(self, subscriber: Subscriber) -> set[str]:
        """Begin an access check; records that the account loses meanwhile are added to the returned set."""
        lost = self._checks[subscriber] = set()
        return lost

    def checked(self, subscriber: Subscriber) -> None:
        """End the access check."""
        self._checks.pop(subscriber, None)

    def add(self, subscriber: Subscriber, key: str, rests_on: Iterable[str]) -> None:
        """Note the records that a subscription rests on."""
        self.discard(subscriber, key)
        subscriber.keys[key] = tuple(rests_on)
        for name in subscriber.keys[key]:
            self._on.setdefault(name, {}).setdefault(subscriber.caller.id, set()).add((subscriber, key))

    def discard(self, subscriber: Subscriber, key: str) -> None:
        """Delete the notes about a subscription."""
        for name in subscriber.keys.get(key, ()):
            accounts = self._on.get(name, {})
            of_account = accounts.get(subscriber.caller.id, set())
            of_account.discard((subscriber, key))
            if not of_account:
                accounts.pop(subscriber.caller.id, None)
            if not accounts:
                self._on.pop(name, None)

    def lost(self, names: Iterable[str], account_id: str | None) -> dict[Subscriber, set[str]]:
        """Return the subscriptions that end because an account may no longer read these; None means every account."""
        found: dict[Subscriber, set[str]] = {}
        for name in names:
            for subscriber, lost in self._checks.items():
                if account_id in {None, subscriber.caller.id}:
                    lost.add(name)
            for subscriber, key in self._of(name, account_id):
                found.setdefault(subscriber, set()).add(key)
        return found

    def _of(self, name: str, account_id: str | None) -> Iterator[tuple[Subscriber, str]]:
        accounts = self._on.get(name, {})
        for each in accounts if account_id is None else [account_id]:
            yield from accounts.get(each, ())
