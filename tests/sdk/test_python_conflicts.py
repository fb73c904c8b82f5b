import asyncio
import os

import pytest
from accord_client import PreconditionFailed, VersionConflict
from accord_client.models import CreateConversation, CreateMessage, UpdateConversation, UpdateMe


async def test_eight_writers_at_once_all_get_their_change_made(person):
    ada = await person()
    clients = [await ada.client() for _ in range(8)]
    made = await clients[0].create_conversation(CreateConversation(title="Plans"))

    async def add(accord, tag):
        return await accord.update_with_retry(
            lambda: accord.get_conversation(made.id),
            lambda read: accord.update_conversation(
                made.id, UpdateConversation(expected_version=read.version, tags=[*read.tags, tag])
            ),
        )

    results = await asyncio.gather(*(add(accord, f"tag {n}") for n, accord in enumerate(clients)))

    after = await clients[0].get_conversation(made.id)
    assert sorted(after.tags) == [f"tag {n}" for n in range(8)]
    assert sorted(result.version for result in results) == list(range(2, 10))
    assert after.version == 9


async def test_attempts_end(person):
    ada = await person()
    accord = await ada.client()
    tried = []

    async def change(me):
        tried.append(me.version)
        return await accord.update_me(UpdateMe(expected_version=me.version + 1, first_name="Grace"))

    with pytest.raises(VersionConflict) as conflict:
        await accord.update_with_retry(accord.get_me, change, attempts=3)

    assert conflict.value.current_version == 1
    assert tried == [1, 1, 1]


async def test_other_errors_are_not_tried_again(person):
    ada = await person()
    accord = await ada.client()
    tried = []

    async def change(me):
        tried.append(me.version)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await accord.update_with_retry(accord.get_me, change)

    assert tried == [1]


async def test_a_stale_entity_tag_is_a_conflict_too(person):
    ada = await person()
    accord = await ada.client()
    await accord.update_me(UpdateMe(expected_version=1, first_name="Grace"))

    with pytest.raises(PreconditionFailed) as conflict:
        await accord.update_me(UpdateMe(expected_version=1, first_name="Ada"), if_match='"1"')

    assert isinstance(conflict.value, VersionConflict)
    assert conflict.value.current_version == 2


async def test_lists_are_iterated_page_by_page(person):
    ada = await person()
    accord = await ada.client()
    made = await accord.create_conversation(CreateConversation(title="Plans"))
    for number in range(7):
        await accord.create_message(made.id, CreateMessage(text=str(number)))

    items = accord.iterate(accord.list_messages, made.id, limit=3)
    first = await anext(items)
    rest = [message.text async for message in items]

    assert [first.text, *rest] == ["6", "5", "4", "3", "2", "1", "0"]


async def test_lists_with_numbered_pages_are_iterated_from_any_page_though_they_change(person, given):
    ada = await person()
    admin = await given.an_admin()
    ada.account = admin
    ada.sign_in()
    accord = await ada.client()
    word = f"Iterated{os.urandom(4).hex()}"
    made = [await given.an_account(last_name=word) for _ in range(5)]

    users = accord.iterate(accord.list_users, limit=2, search=word)
    seen = [await anext(users), await anext(users)]
    await given.an_account(last_name=word)
    seen += [user async for user in users]
    from_the_second = [user async for user in accord.iterate(accord.list_users, page=2, limit=2, search=word)]

    assert [str(user.id) for user in seen] == [account.id for account in reversed(made)]
    assert [str(user.id) for user in from_the_second] == [account.id for account in reversed(made[:4])]
