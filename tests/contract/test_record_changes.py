"""R-6: what operations make of records, for records and operations that Hypothesis thinks of."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.contract.record_changes import NoSuchAnchor, OperationRefused, apply, check

KINDS = {"plans": {"title": "set", "doneAt": "moment", "tags": "list"}}
NOW = "2026-01-31T09:30:00.000000Z"
values = st.sampled_from("abcdef")
ids = st.sampled_from(["1", "2", "3"])
records = st.dictionaries(
    ids.map(lambda i: ("plans", i)),
    st.fixed_dictionaries({"title": values, "doneAt": st.none(), "tags": st.lists(values, unique=True)}),
)


def operation(op, **fields):
    return st.fixed_dictionaries({"op": st.just(op), "table": st.just("plans"), "id": ids, **fields})


inserts = operation("listInsert", path=st.just("tags"), value=values, where=st.sampled_from(["start", "end"]))
beside = operation(
    "listInsert", path=st.just("tags"), value=values, where=st.sampled_from(["before", "after"]), anchor=values
)
removals = operation("listRemove", path=st.just("tags"), value=values)
operations = st.lists(
    st.one_of(
        operation("set", path=st.just("title"), value=values),
        operation("set", path=st.just("doneAt"), value=st.none()),
        operation("setNow", path=st.just("doneAt")),
        inserts,
        beside,
        removals,
        operation("create", record=st.fixed_dictionaries({"title": values})),
        operation("delete"),
    ),
    max_size=12,
)
# Time is the machine's, which others share.
quiet = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


def outcome(before, changes):
    try:
        return apply(before, changes, NOW)
    except OperationRefused as refused:
        return type(refused), refused.field


@quiet
@given(records, operations)
def test_applying_changes_is_pure(before, changes):
    untouched = copy.deepcopy((before, changes))

    check(changes, KINDS)
    first, second = outcome(before, changes), outcome(before, changes)

    assert first == second
    assert (before, changes) == untouched


@quiet
@given(records, operations)
def test_changes_touch_only_the_named_records_and_lists_stay_sets(before, changes):
    after = outcome(before, changes)
    if isinstance(after, tuple):
        return

    assert set(after) == {("plans", change["id"]) for change in changes}
    for record in filter(None, after.values()):
        assert len(set(record.get("tags", []))) == len(record.get("tags", []))


@quiet
@given(records, operations, operations)
def test_two_halves_one_after_the_other_are_the_whole(before, first, second):
    half = outcome(before, first)
    if isinstance(half, tuple):
        assert outcome(before, [*first, *second]) == half
        return

    middle = {key: record for key, record in {**before, **half}.items() if record is not None}
    rest, whole = outcome(middle, second), outcome(before, [*first, *second])

    if isinstance(rest, tuple):
        assert isinstance(whole, tuple)
        assert whole[0] == rest[0]
    else:
        assert whole == {**half, **rest}


@quiet
@given(st.lists(values, unique=True), st.one_of(inserts, beside))
def test_inserting_twice_is_inserting_once(tags, insert):
    before = {("plans", insert["id"]): {"tags": tags}}

    once, twice = outcome(before, [insert]), outcome(before, [insert, insert])

    assert once == twice
    if isinstance(once, tuple):
        assert once[0] is NoSuchAnchor
        assert insert["anchor"] not in tags


@quiet
@given(st.lists(values, unique=True), st.one_of(inserts, beside))
def test_a_value_comes_to_its_place_and_the_others_keep_their_order(tags, insert):
    after = outcome({("plans", insert["id"]): {"tags": tags}}, [insert])
    if isinstance(after, tuple):
        return
    [record] = after.values()
    result, value, anchor = record["tags"], insert["value"], insert.get("anchor")

    assert [item for item in result if item != value] == [item for item in tags if item != value]
    if anchor == value:
        assert result == tags
    else:
        place = {
            "start": 0,
            "end": len(result) - 1,
            "before": result.index(anchor) - 1 if anchor else 0,
            "after": result.index(anchor) + 1 if anchor else 0,
        }
        assert result.index(value) == place[insert["where"]]


@quiet
@given(st.lists(values, unique=True), removals)
def test_a_removed_value_is_not_there(tags, removal):
    [record] = apply({("plans", removal["id"]): {"tags": tags}}, [removal], NOW).values()

    assert record["tags"] == [item for item in tags if item != removal["value"]]


@pytest.mark.parametrize(
    "change",
    [
        {"op": "set", "table": "users", "path": "title", "value": "x"},
        {"op": "set", "table": "plans", "path": "version", "value": 7},
        {"op": "set", "table": "plans", "path": "tags", "value": ["x"]},
        {"op": "setNow", "table": "plans", "path": "title"},
        {"op": "set", "table": "plans", "path": "doneAt", "value": NOW},
        {"op": "listInsert", "table": "plans", "path": "tags", "value": "x", "where": "before"},
    ],
)
def test_fields_outside_the_contract_are_refused(change):
    with pytest.raises(OperationRefused):
        check([change | {"id": "1"}], KINDS)
