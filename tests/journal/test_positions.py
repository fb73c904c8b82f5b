async def test_every_change_gets_a_position_soon_after_its_commit(given, until):
    me = await given.an_account()

    changed = await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert changed.status_code == 200
    sequenced = (
        "SELECT position FROM accord.journal_positions"
        " JOIN accord.journal ON journal.id = entry_id WHERE record_id = %s"
    )
    # Its creation and the change.
    await until(lambda: given.sql(sequenced, me.id), lambda rows: len(rows) == 2)


async def test_positions_are_dense(given):
    me = await given.an_account()
    for version in range(1, 6):
        await me.patch("/api/v1/me", expectedVersion=version, firstName=f"Name {version}")

    ((count, last),) = await given.sql("SELECT count(*), max(position) FROM accord.journal_positions")

    assert count == last
