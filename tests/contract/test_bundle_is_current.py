"""What is generated from the contract is what the sources make."""

import json

import pytest

from accord.contract import bundle
from accord.contract.operations import operations
from accord.contract.tools import generate, lint
from accord.security.permissions import permissions_of

REPOSITORY = bundle.REPOSITORY


def test_the_generated_files_are_current():
    assert generate.stale() == [], "run `accord contract generate`"


def test_the_contract_keeps_its_laws():
    assert lint.problems(bundle.load()) == []


def test_a_loaded_bundle_is_a_copy():
    bundle.load()["paths"].clear()

    assert bundle.load()["paths"]


def test_a_missing_bundle_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setattr(bundle, "HERE", tmp_path)
    monkeypatch.setattr(bundle, "REPOSITORY", tmp_path)

    with pytest.raises(bundle.BundleMissing, match=r"accord contract generate"):
        bundle.load()


def test_a_stale_file_is_found_and_remade(tmp_path):
    (tmp_path / "openapi" / "domains").mkdir(parents=True)
    (tmp_path / "src" / "accord" / "contract").mkdir(parents=True)
    for name in ("openapi.yaml", "domains/meta.yaml"):
        (tmp_path / "openapi" / name).write_bytes((REPOSITORY / "openapi" / name).read_bytes())

    written = generate.generate(tmp_path)

    assert [file.name for file in written] == ["bundle.json", "types.py"]
    assert generate.stale(tmp_path) == []
    assert "class Echo(TypedDict)" in written[1].read_text(encoding="utf-8")
    written[0].write_text(json.dumps({}), encoding="utf-8")
    assert generate.stale(tmp_path) == [written[0]]


def test_without_sources_generating_says_where_to_do_it(tmp_path):
    with pytest.raises(generate.SourcesMissing, match="clone"):
        generate.generate(tmp_path)


@pytest.mark.parametrize("operation", list(operations(bundle.load())), ids=lambda operation: operation.id)
def test_every_operation_has_a_flow_and_a_test(operation):
    flow = f"src/accord/flows/{operation.domain}/{operation.flow_name}.py"
    test = f"tests/flows/{operation.domain}/test_{operation.flow_name}.py"

    assert [file for file in (flow, test) if not (REPOSITORY / file).is_file()] == []


@pytest.mark.parametrize("operation", list(operations(bundle.load())), ids=lambda operation: operation.id)
def test_every_permission_that_is_asked_for_can_be_had(operation):
    known = {permission for role in ("root", "admin", "customer") for permission in permissions_of(role)}
    assert operation.permission in {None, "self", *known}, "a misspelt permission would be root's alone"
