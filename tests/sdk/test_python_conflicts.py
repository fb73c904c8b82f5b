import asyncio

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


async def test_numbered_pages_are_iterated_too(person, given):
    ada = await person()
    admin = await given.an_admin()
    ada.account = admin
    ada.sign_in()
    accord = await ada.client()
    for _ in range(3):
        await given.an_account(last_name="Iterated")

    users = [user async for user in accord.iterate(accord.list_users, limit=2, search="Iterated")]

    assert len({user.id for user in users}) == len(users) == 3
