import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.problems import InvalidToken, TokenExpired
from accord.security import keys
from accord.security.tokens import AccessTokens, key_id
from accord.settings import load

USER, SESSION = "0191e4f0-0000-7000-8000-000000000001", "0191e4f0-0000-7000-8000-000000000002"


@pytest.fixture
def tokens(settings) -> AccessTokens:
    return AccessTokens(settings)


@pytest.fixture
def sign(settings):
    """Sign as we do, except for what the test changes; None removes a claim."""
    key = keys.signing_key(settings)

    def sign(header: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": settings.jwt_issuer,
            "aud": settings.jwt_audience,
            "sub": USER,
            "sid": SESSION,
            "jti": "j",
            "iat": now,
            "exp": now + 60,
        } | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key, "EdDSA", {"typ": "at+jwt", "kid": key_id(key.public_key())} | (header or {}))

    return sign


def packed(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_an_issued_token_verifies(tokens):
    now = time.time()

    claims = tokens.verify(tokens.issue(USER, SESSION, now))

    assert (claims.user_id, claims.session_id, claims.expires_at) == (USER, SESSION, int(now) + 900)


def test_the_token_header_follows_rfc_9068(tokens):
    header = jwt.get_unverified_header(tokens.issue(USER, SESSION, time.time()))

    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": tokens.jwks()["keys"][0]["kid"]}


def test_two_tokens_of_one_second_differ(tokens):
    assert tokens.issue(USER, SESSION, 0) != tokens.issue(USER, SESSION, 0)


def test_an_expired_token_says_so(tokens):
    with pytest.raises(TokenExpired):
        tokens.verify(tokens.issue(USER, SESSION, time.time() - 901))


def test_a_clock_that_is_a_little_ahead_does_not_matter(tokens):
    assert tokens.verify(tokens.issue(USER, SESSION, time.time() + 3))


def test_a_foreign_program_verifies_with_the_published_keys(tokens, settings):
    keys = jwt.PyJWKSet.from_dict(tokens.jwks())
    token = tokens.issue(USER, SESSION, time.time())

    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, audience=settings.jwt_audience, issuer=settings.jwt_issuer)

    assert claims["sub"] == USER


def test_no_private_part_is_published(tokens):
    assert all(set(key) == {"kty", "crv", "x", "kid", "use", "alg"} for key in tokens.jwks()["keys"])


def test_the_key_id_is_the_thumbprint_of_rfc_8037():
    private = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")

    assert key_id(Ed25519PrivateKey.from_private_bytes(private).public_key()) == (
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


def test_a_token_of_the_previous_key_verifies_during_rotation(settings, tokens):
    previous = keys.signing_key(settings).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    rotated = load(
        {
            "JWT_PRIVATE_KEY": Ed25519PrivateKey.generate()
            .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            .decode(),
            "JWT_PREVIOUS_PUBLIC_KEYS": previous.public_bytes(serialization.Encoding.PEM, form).decode(),
        }
    )
    old = tokens.issue(USER, SESSION, time.time())

    after = AccessTokens(rotated)

    assert after.verify(old).user_id == USER
    assert [key["kid"] for key in after.jwks()["keys"]][1:] == [key_id(previous)]
    with pytest.raises(InvalidToken):
        tokens.verify(after.issue(USER, SESSION, time.time()))


def test_without_a_signature_it_is_refused(tokens, sign):
    header, claims, _ = sign().split(".")
    unsigned = jwt.get_unverified_header(sign()) | {"alg": "none"}

    for token in (f"{packed(unsigned)}.{claims}.", f"{header}.{claims}.", f"{header}.{claims}"):
        with pytest.raises(InvalidToken):
            tokens.verify(token)


@pytest.mark.parametrize("form", ["x", "pem", "raw"])
def test_hs256_with_the_public_key_is_refused(tokens, settings, sign, form):
    public = keys.signing_key(settings).public_key()
    secret = {
        "x": tokens.jwks()["keys"][0]["x"].encode(),
        "pem": public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "raw": public.public_bytes_raw(),
    }[form]
    header, claims, _ = sign().split(".")
    header = packed(jwt.get_unverified_header(sign()) | {"alg": "HS256"})
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{header}.{claims}".encode(), secret
    )

    with pytest.raises(InvalidToken):
        tokens.verify(f"{header}.{claims}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("iss", "aud", "sub", "sid", "jti", "iat", "exp")),
        {"iss": "somebody"},
        {"aud": "accord-api/ticket"},
        {"aud": ["accord-api", "accord-api/ticket"]},
        {"exp": "tomorrow"},
        {"sid": ""},
        {"sid": 7},
        {"nbf": 10**10},
    ],
    ids=str,
)
def test_other_claims_are_refused(tokens, sign, changes):
    with pytest.raises(InvalidToken):
        tokens.verify(sign(**changes))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"kid": "another"},
        {"kid": "../../dev/null"},
        {"crit": ["exp"]},
        {"crit": ["unknown"], "unknown": 1},
        {"jku": "https://attacker.example/jwks.json"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
        {"x5u": "https://attacker.example/x5c"},
        {"x5c": ["AAAA"]},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
    ids=str,
)
def test_other_headers_are_refused_although_the_signature_is_good(tokens, sign, header):
    with pytest.raises(InvalidToken):
        tokens.verify(sign(header))


@pytest.mark.parametrize(
    "header",
    [
        [],
        "EdDSA",
        {},
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "typ": "at+jwt", "kid": None},
        {"alg": "EdDSA", "typ": "at+jwt", "kid": ["a"]},
        {"alg": ["EdDSA"], "typ": "at+jwt", "kid": "a"},
        {"alg": "eddsa", "typ": "at+jwt", "kid": "a"},
    ],
    ids=str,
)
def test_malformed_headers_are_refused(tokens, sign, header):
    _, claims, signature = sign().split(".")

    with pytest.raises(InvalidToken):
        tokens.verify(f"{packed(header)}.{claims}.{signature}")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "é.è.ê", "\ud800", "\x00", "e30.e30.", "Bearer x", "[" * 4000, "A" * 1_000_000],
    ids=lambda token: f"{token[:8]!r}",
)
def test_a_malformed_token_is_refused(tokens, token):
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_a_megabyte_costs_nothing(tokens, sign):
    token = sign(padding="x" * 1_000_000)

    def seconds() -> float:
        started = time.thread_time()
        with pytest.raises(InvalidToken):
            tokens.verify(token)
        return time.thread_time() - started

    # On a core, and at best: what else the machine does costs time, too.
    assert min(seconds() for _ in range(10)) < 0.01


def test_every_changed_character_is_noticed(tokens, sign):
    token = sign()

    for place in range(0, len(token) - 1, 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(InvalidToken):
            tokens.verify(changed)
