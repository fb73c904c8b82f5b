from asyncio import gather

import pytest
from running import ROOT_EMAIL


@pytest.fixture
async def only_two_roots(given):
    """Two root accounts of this test; every other one is set aside until it is over."""
    roots = [await given.another_root() for _ in range(2)]
    ids = [account.id for account in roots]
    await given.sql("UPDATE accord.users SET disabled_at = now() WHERE role = 'root' AND NOT id = ANY(%s)", ids)
    yield roots
    await given.sql("UPDATE accord.users SET disabled_at = NULL WHERE email = %s", ROOT_EMAIL)
    await given.sql("UPDATE accord.users SET deleted_at = now() WHERE id = ANY(%s)", ids)


@pytest.mark.parametrize("_round", range(3))
@pytest.mark.parametrize("change", [{"role": "customer"}, {"disabled": True}, None])
async def test_two_roots_removing_each_other_leave_one(given, only_two_roots, change, _round):
    one, other = only_two_roots

    def removal(by, of):
        path = f"/api/v1/users/{of.id}"
        return by.delete(path, expectedVersion=2) if change is None else by.patch(path, expectedVersion=2, **change)

    responses = await gather(removal(one, other), removal(other, one))

    won, lost = sorted(response.status_code for response in responses)
    assert won in {200, 204}
    assert lost in {401, 403, 422}
    left = await given.sql(
        "SELECT count(*) FROM accord.users WHERE role = 'root' AND disabled_at IS NULL AND deleted_at IS NULL"
    )
    assert left == [(1,)]
