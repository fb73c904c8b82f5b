"""Operations with their flows and security schemes, as Connexion resolves them from the contract once, at start.

No request passes through Connexion (decision 1). This module uses Connexion's public interface only.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from connexion.operations import AbstractOperation
from connexion.resolver import Resolution, Resolver
from connexion.security import AbstractSecurityHandler, SecurityHandlerFactory
from connexion.spec import Specification

from accord.contract.operations import METHODS
from accord.dispatch import Flow
from accord.edge.pipeline.authentication import Authenticate
from accord.problems import CannotStart


class ResolvedOperation(NamedTuple):
    """An operation, its flow, and the function that authenticates its caller: None for public operations."""

    id: str
    flow: Flow
    authenticate: Authenticate | None


class FlowResolver(Resolver):
    """Maps operations to flows: Connexion's own resolver would import a function by the operationId."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        """Take the flows by operationId."""
        super().__init__()
        self._flows = flows

    def resolve(self, operation: AbstractOperation) -> Resolution:
        """Return the flow of the operation; the boot has checked that the flow exists."""
        return Resolution(self._flows[operation.operation_id], operation.operation_id)


class _Scheme(AbstractSecurityHandler):
    """Gives a security scheme its function: Connexion's own handlers import one by a name in the contract."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate

    def get_fn(self, security_scheme: Any, required_scopes: Any) -> Any:  # noqa: ARG002  # as Connexion calls it
        """Return the function unwrapped: its argument is a `Request` of the edge, not of Connexion."""
        return self._authenticate


def resolved_operations(
    document: dict[str, Any], flows: Mapping[str, Flow], schemes: Mapping[str, Authenticate]
) -> Iterator[ResolvedOperation]:
    """Yield all operations; `schemes` has the function of each kind of security scheme, such as `bearer`.

    Raises Connexion's InvalidSpecification for a document that is not OpenAPI, and CannotStart for a scheme without a
    function.
    """
    specification = Specification.load(document)
    resolver = FlowResolver(flows)
    security = SecurityHandlerFactory({kind: partial(_Scheme, function) for kind, function in schemes.items()})
    for path, item in specification["paths"].items():
        for method in METHODS:
            if method in item:
                operation: Any = specification.operation_cls.from_spec(
                    specification, path=path, method=method, resolver=resolver
                )
                yield ResolvedOperation(operation.operation_id, operation.function, _authenticator(operation, security))


def _authenticator(operation: Any, security: SecurityHandlerFactory) -> Authenticate | None:
    """Return the function of the operation's one security scheme."""
    required = [scheme for requirement in operation.security or () for scheme in requirement.items()]
    found = {security.parse_security_scheme(operation.security_schemes[name], scopes) for name, scopes in required}
    if None in found or len(found) > 1:
        named = ", ".join(name for name, _ in required)
        raise CannotStart(f"{operation.operation_id} needs the security schemes {named}: the edge has no function.")
    return found.pop() if found else None
