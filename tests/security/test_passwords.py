import asyncio
import base64
import hashlib
import math
import os
import sys
import time
from collections.abc import Iterator

import bcrypt
import pytest

from accord.problems import ServiceUnavailable
from accord.security import passwords as module
from accord.security.passwords import Passwords, weakness
from accord.settings import Settings, load

PASSWORD = "correct horse battery staple"


@pytest.fixture
def passwords(settings) -> Iterator[Passwords]:
    made = Passwords(settings)
    yield made
    made.close()


def changed(settings: Settings, **changes: object) -> Passwords:
    return Passwords(settings.model_copy(update=changes))


async def test_the_right_password_matches_and_another_does_not(passwords):
    stored = await passwords.hash(PASSWORD)

    assert await passwords.verify(PASSWORD, stored)
    assert not await passwords.verify(f"{PASSWORD} ", stored)


async def test_a_hash_names_its_scheme_and_has_its_own_salt(passwords):
    one, other = await passwords.hash(PASSWORD), await passwords.hash(PASSWORD)

    assert one.startswith("$argon2id$")
    assert one != other


def test_the_default_parameters_are_the_floor():
    settings = load({})

    floor = (settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_parallelism)

    assert floor == (19_456, 2, 1)


async def test_changed_parameters_ask_for_a_rehash(settings, passwords):
    stored = await passwords.hash(PASSWORD)

    stronger = changed(settings, argon2_time_cost=2)

    assert not passwords.needs_rehash(stored)
    assert stronger.needs_rehash(stored)
    assert await stronger.verify(PASSWORD, stored)
    stronger.close()


async def test_an_imported_bcrypt_hash_verifies_and_asks_for_a_rehash(passwords):
    stored = bcrypt.hashpw("pässword".encode(), bcrypt.gensalt(4)).decode()

    assert await passwords.verify("pässword", stored)
    assert not await passwords.verify("password", stored)
    assert passwords.needs_rehash(stored)


async def test_bcrypt_never_saw_more_than_72_bytes(passwords):
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()

    assert await passwords.verify("x" * 100, stored)


async def test_an_imported_scrypt_hash_verifies_and_asks_for_a_rehash(passwords):
    def packed(data: bytes) -> str:
        return base64.b64encode(data).rstrip(b"=").decode().replace("+", ".")

    digest = hashlib.scrypt(PASSWORD.encode(), salt=b"0123456789abcdef", n=2**10, r=8, p=1, dklen=32)
    stored = f"$scrypt$ln=10,r=8,p=1${packed(b'0123456789abcdef')}${packed(digest)}"

    assert await passwords.verify(PASSWORD, stored)
    assert not await passwords.verify("another", stored)
    assert passwords.needs_rehash(stored)


@pytest.mark.parametrize("hostile", ["", "a\0b", "\ud800", "x" * 1_000_000, "🔑" * 10_000, "\u0301" * 5000])
@pytest.mark.parametrize("scheme", ["argon2", "bcrypt", "scrypt"])
async def test_no_password_is_an_error(passwords, hostile, scheme):
    stored = {
        "argon2": await passwords.hash(PASSWORD),
        "bcrypt": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
        "scrypt": "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$" + "A" * 43,
    }[scheme]

    assert await passwords.verify(hostile, stored) is False


@pytest.mark.parametrize(
    "stored",
    ["", "plain", "$2b$", "$2b$12$" + "a" * 53, "$argon2id$v=19$m=1", "$scrypt$ln=99,r=8,p=1$aaaa$aaaa", "$scrypt$"],
)
async def test_a_damaged_hash_matches_nothing(passwords, stored):
    assert await passwords.verify(PASSWORD, stored) is False


async def test_hostile_passwords_can_be_hashed(passwords):
    for password in ("a\0b\0c\0d\0e", "\ud800" * 9, "x" * 100_000):
        assert await passwords.verify(password, await passwords.hash(password))


async def test_passwords_match_in_any_unicode_composition(passwords):
    assert await passwords.verify("re\u0301sume\u0301s", await passwords.hash("r\u00e9sum\u00e9s"))


async def test_the_dummy_takes_as_long_as_a_real_verification():
    passwords = Passwords(load({}))
    stored = await passwords.hash(PASSWORD)

    async def seconds(verify) -> float:
        started = time.perf_counter()
        assert not await verify
        return time.perf_counter() - started

    # What else the machine does only lengthens some of them: the quickest ones tell, and more of them tell better.
    real = dummy = math.inf
    for turn in range(200):
        real = min(real, await seconds(passwords.verify("wrong password", stored)))
        dummy = min(dummy, await seconds(passwords.verify_dummy("wrong password")))
        if turn >= 7 and dummy == pytest.approx(real, rel=0.25):
            break

    assert dummy == pytest.approx(real, rel=0.25)
    passwords.close()


async def test_a_full_queue_refuses_at_once(settings):
    passwords = changed(settings, argon2_threads=1, argon2_queue=2, argon2_memory_kib=19_456, argon2_time_cost=2)

    responses = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(5)), return_exceptions=True)

    refused = [response for response in responses if isinstance(response, ServiceUnavailable)]
    assert len(refused) == 2
    assert refused[0].extra == {"retryAfter": 1}
    assert passwords.pending == 0
    assert await passwords.hash(PASSWORD)
    passwords.close()


async def test_a_cancelled_hash_frees_its_place_in_the_queue(settings):
    passwords = changed(settings, argon2_threads=1, argon2_queue=4, argon2_memory_kib=19_456)
    waiting = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(5)]
    await asyncio.sleep(0)

    for task in waiting[1:]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert passwords.pending == 0
    passwords.close()


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of one thread is Linux's")
async def test_hashing_yields_to_the_event_loop(passwords):
    niceness = await passwords._run(lambda: os.getpriority(os.PRIO_PROCESS, 0))

    assert niceness > os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.parametrize(
    "weak",
    [
        "short",
        "7 chars",
        "x" * 129,
        "password",
        "PassWord",
        "1234567890",
        "ada@example.org",
        "ADA@Example.Org",
        "augusta.ada",
        "Lovelace",
        "adalovelace",
        "Ada Lovelace",
        "lovelaceada",
    ],
)
def test_weak_passwords_are_named(weak):
    email = "ada@example.org" if "@" in weak else "augusta.ada@example.org"

    assert weakness(weak, email=email, names=("Ada", "Lovelace"))


@pytest.mark.parametrize("good", [PASSWORD, "x7#kQ92!", "🔑🔒🗝🔐🔓🏰🚪🧱", "ada@example.org!", "x" * 127 + "y"])
def test_other_passwords_are_good(good):
    assert weakness(good, email="ada@example.org", names=("Ada", "Lovelace")) is None


def test_length_counts_code_points_not_bytes():
    assert weakness("äöüßéèê", email="", names=()) is not None
    assert weakness("äöüßéèêë", email="", names=()) is None


def test_the_list_is_of_common_passwords():
    common = module._common_passwords()

    assert {"password", "12345678", "qwertyuiop", "trustno1"} <= common
    assert len(common) == 3395
    assert all(len(password) >= 8 and password == password.lower() for password in common)
