"""Access tokens: JWTs after RFC 9068, signed with Ed25519.

Tokens are verified with the current key and the previous ones. Each kind of token has its own `aud` and `typ`, so that
no kind is accepted in place of another.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from accord import clock
from accord.problems import InvalidToken, TokenExpired
from accord.security import keys
from accord.security.opaque_tokens import base64url
from accord.settings import Settings

_LONGEST_TOKEN = 4096
_REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]
_HEADER = frozenset({"alg", "typ", "kid"})


class Claims(NamedTuple):
    """The claims of a verified access token; `expires_at` is in seconds since the epoch.

    `generation` names the refresh token issued with it, if that replaced another.
    """

    user_id: str
    session_id: str
    token_id: str
    expires_at: int
    generation: str | None = None


class AccessTokens:
    """Issues and verifies access tokens, and publishes the keys that verify them."""

    def __init__(self, settings: Settings) -> None:
        """Take the signing key of the settings, or the generated one in development."""
        self._key = keys.signing_key(settings)
        self._kid = key_id(self._key.public_key())
        previous = [public_key(pem, "JWT_PREVIOUS_PUBLIC_KEYS") for pem in settings.jwt_previous_public_keys]
        self._verifying = {key_id(key): key for key in (self._key.public_key(), *previous)}
        self._issuer, self._audience = settings.jwt_issuer, settings.jwt_audience
        self._lifetime = settings.access_token_ttl

    @property
    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys that verify, by their ids: the one that signs now, and the previous ones."""
        return self._verifying

    def issue(
        self, user_id: str, session_id: str, now: float, lifetime: int | None = None, generation: str | None = None
    ) -> str:
        """Sign a token that lives so many seconds from `now` (seconds since the epoch); ACCESS_TOKEN_TTL by default."""
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "jti": str(uuid.uuid4()),
            "iat": int(now),
            "exp": int(now) + (lifetime or self._lifetime),
        }
        if generation is not None:
            claims["gen"] = generation
        return jwt.encode(claims, self._key, "EdDSA", {"typ": "at+jwt", "kid": self._kid})

    def verify(self, token: str) -> Claims:
        """Return the claims of a good token. Raises InvalidToken, or TokenExpired if only its time is over."""
        key = self._verifying[self._key_id_in(token)]
        try:
            claims = jwt.decode(
                token,
                key,
                ["EdDSA"],
                # Clocks of two machines differ slightly, and a token from the near future does no harm.
                {"require": _REQUIRED, "strict_aud": True, "verify_iat": False, "verify_exp": False},
                audience=self._audience,
                issuer=self._issuer,
            )
            found = _claims(claims)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise InvalidToken from None
        if found.expires_at <= clock.time():
            raise TokenExpired
        return found

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set (RFC 7517), the signing key first."""
        keys = self._verifying.items()
        return {"keys": [_jwk(key) | {"kid": kid, "use": "sig", "alg": "EdDSA"} for kid, key in keys]}

    def _key_id_in(self, token: str) -> str:
        """Look at the header first: nothing but `alg`, `typ` and a known `kid` may stand there."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise InvalidToken
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise InvalidToken from None
        if header.keys() != _HEADER or header["alg"] != "EdDSA" or header["typ"] != "at+jwt":
            raise InvalidToken
        if header["kid"] not in self._verifying:
            raise InvalidToken
        return header["kid"]


def key_id(key: Ed25519PublicKey) -> str:
    """Return the thumbprint of RFC 7638, so that every process derives the same id from the key alone."""
    canonical = json.dumps(_jwk(key), sort_keys=True, separators=(",", ":")).encode()
    return base64url(hashlib.sha256(canonical).digest())


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url(key.public_bytes_raw())}


def _claims(claims: dict[str, Any]) -> Claims:
    texts = (claims["sub"], claims["sid"], claims["jti"])
    if not all(isinstance(text, str) and text for text in texts):
        raise InvalidToken
    return Claims(*texts, expires_at=int(claims["exp"]), generation=claims.get("gen"))


def public_key(pem: str, setting: str) -> Ed25519PublicKey:
    """Return the key that a setting has."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError(f"{setting} must hold Ed25519 keys only.")
    return key
