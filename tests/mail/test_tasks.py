"""The tasks and flows that send mail: a server may be away for a day, and a template exists with its values."""

import ast
from pathlib import Path

import pytest

import accord.flows
from accord.contract import bundle
from accord.contract.tasks import tasks
from accord.mail.templates import examples

MAIL_TASKS = [task for task in tasks(bundle.load()) if task.queue == "mail"]
FLOWS = sorted(Path(accord.flows.__path__[0]).rglob("*.py"))


@pytest.mark.parametrize("task", MAIL_TASKS, ids=lambda task: task.name)
def test_the_attempts_of_a_mail_go_on_for_more_than_a_day(task):
    assert sum(map(task.backoff, range(1, task.max_attempts))) > 24 * 3600


def test_each_mail_that_a_flow_names_has_a_template():
    calls = [
        node
        for file in FLOWS
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"context.mail.send", "context.mail.deliver"}
    ]
    named = [(call.args[0].value, call.args[2]) for call in calls if isinstance(call.args[0], ast.Constant)]

    assert {"welcome", "welcome_follow_up", "security_alert"} <= {template for template, _ in named}
    for template, values in named:
        if isinstance(values, ast.Dict):
            assert {ast.literal_eval(key) for key in values.keys if key} == set(examples(template)), template
