from asyncio import gather

from given import details, new_email


async def test_20_parallel_registrations_of_one_address_have_one_winner(given):
    email = new_email()
    clients = [await given.somebody() for _ in range(20)]
    spellings = [email.upper() if number % 2 else email for number in range(20)]

    responses = await gather(
        *(
            client.post("/api/v1/auth/register", json=details(email=spelling))
            for client, spelling in zip(clients, spellings, strict=True)
        )
    )

    assert sorted(response.status_code for response in responses) == [201] + [409] * 19
    assert {response.json()["code"] for response in responses if response.status_code == 409} == {"ALREADY_EXISTS"}
    [(count,)] = await given.sql("SELECT count(*) FROM accord.users WHERE lower(email) = %s", email)
    winner = next(response for response in responses if response.status_code == 201)
    entries = await given.sql("SELECT kind FROM accord.journal WHERE record_id = %s", winner.json()["id"])
    assert (count, entries) == (1, [("created",)])


async def test_a_deleted_address_is_registered_again_by_one_of_many(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    await admin.delete(f"/api/v1/users/{somebody.id}", expectedVersion=1)
    clients = [await given.somebody() for _ in range(5)]

    responses = await gather(
        *(client.post("/api/v1/auth/register", json=details(email=somebody.email)) for client in clients)
    )

    assert sorted(response.status_code for response in responses) == [201] + [409] * 4
