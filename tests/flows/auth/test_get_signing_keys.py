import uuid

import jwt


async def test_another_service_verifies_our_tokens_with_the_published_key(given):
    me = await given.an_account()

    response = await (await given.somebody()).get("/.well-known/jwks.json")

    token, keys = me.tokens["accessToken"], jwt.PyJWKSet.from_dict(response.json())
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys[header["kid"]], ["EdDSA"], audience="accord-api", issuer="accord")
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (me.id, 900)
    assert uuid.UUID(claims["jti"]) != uuid.UUID(claims["sid"])


async def test_no_private_part_is_in_it(given):
    response = await (await given.somebody()).get("/.well-known/jwks.json")

    assert [set(key) for key in response.json()["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]
    assert response.status_code == 200
