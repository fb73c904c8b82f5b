"""What Connexion does at start: it checks the contract, and maps operations to flows and security schemes."""

import copy
import warnings

import pytest
from contract_operations import OPERATIONS

from accord.boot.contract import load_contract
from accord.contract import bundle
from accord.problems import CannotStart

with warnings.catch_warnings(action="ignore"):  # Connexion imports a client for tests, which warns.
    from connexion.exceptions import InvalidSpecification

    from accord.edge.resolved_operations import ResolvedOperation, resolved_operations


async def by_bearer(_request, _access) -> None:
    """Stand where the edge has its authentication; nothing calls it here."""


@pytest.fixture
def document() -> dict:
    return copy.deepcopy(bundle.load())


def resolved(document: dict) -> dict[str, ResolvedOperation]:
    flows = load_contract().flows
    return {one.id: one for one in resolved_operations(document, flows, {"bearer": by_bearer})}


def test_each_operation_has_its_flow_and_its_authentication(document):
    found = resolved(document)

    assert {name: one.flow.__name__ for name, one in found.items()} == {one.id: one.flow_name for one in OPERATIONS}
    assert {name for name, one in found.items() if one.authenticate is None} == {
        one.id for one in OPERATIONS if one.access == "public"
    }
    assert {one.authenticate for one in found.values()} == {None, by_bearer}


def test_a_security_scheme_without_a_function_keeps_the_edge_from_starting(document):
    document["components"]["securitySchemes"]["bearerAuth"] = {"type": "http", "scheme": "digest"}

    with pytest.raises(CannotStart, match="bearerAuth"):
        resolved(document)


def test_a_document_that_is_not_openapi_keeps_the_edge_from_starting(document):
    document["paths"]["/api/v1/me"]["get"]["responses"] = []

    with pytest.raises(InvalidSpecification):
        resolved(document)
