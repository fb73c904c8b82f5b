async def test_only_the_mails_that_fit_are_deleted(given, a_mail):
    somebody, to, other = await given.somebody(), await a_mail("welcome"), await a_mail("welcome")
    await a_mail("test", to)

    response = await somebody.request("DELETE", "/api/v1/dev/inbox", params={"to": to, "subject": "ready"})

    assert response.status_code == 204
    left = [(await somebody.get("/api/v1/dev/inbox", params={"to": each})).json()["items"] for each in (to, other)]
    assert [[mail["template"] for mail in mails] for mails in left] == [["test"], ["welcome"]]
