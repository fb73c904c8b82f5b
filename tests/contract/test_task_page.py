"""docs/tasks.md: the tasks of the contract in a table."""

from accord.contract.tools.task_page import page

TASKS = {
    "sendNote": {"x-domain": "notes", "summary": "Send a note", "queue": "mail", "maxAttempts": 8},
    "cleanUp": {
        "x-domain": "meta",
        "summary": "Delete what has expired",
        "maxAttempts": 1,
        "timeoutSeconds": 600,
        "every": {"cron": "0 * * * *", "zone": "Europe/Paris"},
    },
}


def test_every_task_is_on_the_page_with_its_queue_attempts_and_schedule():
    rows = page({"x-tasks": TASKS}).splitlines()[-2:]

    assert rows == [
        "| `cleanUp` | meta | Delete what has expired | `default` | 1 | | 600 s | `0 * * * *` in Europe/Paris |",
        "| `sendNote` | notes | Send a note | `mail` | 8 | 1 s to 300 s | 60 s | |",
    ]


def test_a_contract_without_tasks_has_a_page_that_says_so():
    assert page({}).endswith("\n\nNo domain has a task.\n")
