"""What `accord new record` refuses, in words and before anything is written."""

import pytest
from contract.test_scaffold import copy_of_this_repository, tree

from accord.contract.tools.record import singular_of
from accord.contract.tools.record_fields import Field, parse
from accord.contract.tools.scaffold import ScaffoldRefused, new_record


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return copy_of_this_repository(tmp_path_factory.mktemp("repository"))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("title:text", Field("title", "text")),
        ("dueDate:date:optional", Field("dueDate", "date", optional=True)),
        ("state:choice:open,done", Field("state", "choice", options=("open", "done"))),
        ("state:choice:open,done:optional", Field("state", "choice", optional=True, options=("open", "done"))),
    ],
)
def test_a_field_is_a_name_a_kind_and_what_belongs_to_it(text, field):
    assert parse(text) == (field, None)


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("tasks", "task"),
        ("work_items", "work_item"),
        ("entries", "entry"),
        ("boxes", "box"),
        ("branches", "branch"),
        ("addresses", "address"),
        ("houses", "house"),
        ("people", ""),
        ("progress", ""),
    ],
)
def test_the_singular_of_a_regular_plural_is_derived(plural, singular):
    assert singular_of(plural) == singular


@pytest.mark.parametrize(
    ("name", "fields", "singular", "message"),
    [
        ("task", ["title:text"], None, "The singular of task is unknown: write a plural, such as tasks"),
        ("people", ["title:text"], None, "or name one with --singular"),
        ("Tasks!", ["title:text"], None, "has a name in the plural"),
        ("tasks", ["title:text"], "tasks", "differs from the plural"),
        ("conversations", ["title:text"], None, "The domain conversations is there"),
        ("messages", ["title:text"], None, "The table messages is in src/accord/flows/conversations/tables.py"),
        ("sessions", ["title:text"], None, "The table sessions is in"),
        ("references", ["title:text"], None, "references has a meaning in the database"),
        ("tables", ["title:text"], None, "tables has another meaning"),
        ("classes", ["title:text"], "class", "class has another meaning"),
        ("texts", ["title:text"], None, "text has another meaning"),
        ("problems", ["title:text"], None, "The schema Problem is in openapi.yaml"),
        ("tasks", ["id:uuid"], None, "id has another meaning"),
        ("tasks", ["createdAt:time"], None, "createdAt has another meaning"),
        ("tasks", ["due_date:date"], None, "a field is named in camelCase"),
        ("tasks", ["from:date"], None, "a field is named in camelCase, like dueDate, and not by a word"),
        ("tasks", ["title"], None, "a field is name:kind"),
        ("tasks", ["title:string"], None, "kind one of text, longtext"),
        ("tasks", ["title:text:maybe"], None, "title:text:maybe: only a choice lists values, such as"),
        ("tasks", ["state:choice"], None, "state:choice: a choice lists values, such as"),
        ("tasks", ["state:choice:open"], None, "at least two different choices"),
        ("tasks", ["title:text", "title:date"], None, "title: a field is named once"),
        ("tasks", ["passwordHash:text"], None, "a response has the property passwordHash"),
    ],
)
def test_an_invalid_field_is_refused_with_its_reason_and_no_file_is_written(
    repository, name, fields, singular, message
):
    before = tree(repository)

    with pytest.raises(ScaffoldRefused) as refused:
        new_record(name, fields, singular, repository=repository)

    assert message in str(refused.value)
    assert tree(repository) == before


def test_a_record_that_is_there_is_refused_in_one_line(repository):
    new_record("tasks", ["title:text"], repository=repository)

    with pytest.raises(ScaffoldRefused) as refused:
        new_record("tasks", ["title:text"], repository=repository)

    assert refused.value.problems == ["The domain tasks is there; choose another name."]


def test_missing_packages_of_the_scaffold_are_named(repository, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(
        ScaffoldRefused, match=r"needs datamodel-code-generator and ruff.*pip install -e '\.\[embedded,dev\]'"
    ):
        new_record("tasks", ["title:text"], repository=repository)
