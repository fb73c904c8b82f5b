import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from accord.security.verified_tokens import WINDOW
from accord.settings import Rate, Settings, SettingsError, load, read_file, suspicious

SECRET = "5f2b9c0e7a4d4f7b8f0d6c1e3a9b2d4c"


def pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: ed25519.Ed25519PrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def production(**changes: str) -> dict[str, str]:
    return {
        "ENV": "production",
        "DATABASE_URL": f"postgresql://accord:{SECRET}@db.example.org/accord",
        "JWT_PRIVATE_KEY": pem(ed25519.Ed25519PrivateKey.generate()),
        "JOURNAL_PRIVATE_KEY": pem(ed25519.Ed25519PrivateKey.generate()),
        "FLOW_SIGNING_KEY": SECRET,
        "SMTP_URL": f"smtp://accord:{SECRET}@mail.example.org",
        "MAIL_FROM": "Accord <no-reply@example.org>",
        "PUBLIC_URL": "https://accord.example.org",
    } | changes


def problems_of(environ: dict[str, str]) -> dict[str, str]:
    """Load, and give each problem by its variable."""
    with pytest.raises(SettingsError) as refused:
        load(environ)
    return dict(line.split(" ", 1) for line in refused.value.problems)


def test_an_empty_environment_is_a_development_one():
    settings = load({})

    assert not settings.is_production
    assert settings.docs_enabled
    assert settings.rate_limit_login == Rate(5, 60)


def test_documented_defaults_are_the_defaults():
    settings = load({})

    durations = ("access_token_ttl", "refresh_token_ttl", "refresh_grace", "request_timeout", "shutdown_timeout")
    assert [getattr(settings, name) for name in durations] == [900, 604_800, 30, 30, 30]
    assert (settings.lockout_attempts, settings.lockout_window, settings.lockout_duration) == (5, 900, 900)
    assert (settings.max_sessions, settings.body_limit, settings.auth_token_storage) == (10, 1_048_576, "header")


def test_every_problem_is_reported_at_once_with_its_variable_and_an_example():
    wrong = {
        "PORT": "eighty",
        "LOG_LEVEL": "loud",
        "LOCKOUT_WINDOW": "15 parsecs",
        "RATE_LIMIT_LOGIN": "often",
        "CORS_ORIGINS": "*",
        "TRUSTED_PROXIES": "10.0.0.0/99",
        "JWT_PRIVATE_KEY": "not a key",
        "JOURNAL_PRIVATE_KEY": "not a key",
        "FLOW_SIGNING_KEY": "short",
        "DATABASE_URL_FILE": "/does/not/exist",
    }

    problems = problems_of(wrong)

    assert set(problems) == {name.removesuffix("_FILE") for name in wrong}
    assert all(f"for example {name}=" in problem for name, problem in problems.items())


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("PORT", "http", "must be a whole number; for example PORT=8080"),
        ("PORT", "99999", "must be at most 65535; for example PORT=8080"),
        ("ACCESS_TOKEN_TTL", "3d", "must be at most 1d; for example ACCESS_TOKEN_TTL=15min"),
        ("SESSION_RETENTION", "1min", "must be at least 1h; for example SESSION_RETENTION=90d"),
        ("SHUTDOWN_DELAY", "4000d", "must be at most 3650d; for example SHUTDOWN_DELAY=5s"),
        ("RATE_LIMIT_ENABLED", "maybe", "must be true or false; for example RATE_LIMIT_ENABLED=true"),
        ("FLOW_TRANSPORT", "tcp", "must be 'local' or 'nats'; for example FLOW_TRANSPORT=nats"),
    ],
)
def test_a_problem_states_what_the_value_must_be(variable, value, reason):
    assert problems_of({variable: value}) == {variable: reason}


def test_a_line_that_means_nothing_hides_no_other_problem_of_the_file(tmp_path):
    file, environ = tmp_path / ".env", {}
    file.write_text("nonsense\nPORT=http\nENV=production\n")

    with pytest.raises(SettingsError) as refused:
        read_file(environ, file)

    assert [line.partition(": ")[0].partition(" must")[0] for line in refused.value.problems] == [
        f"{file}, line 1",
        f"ENV ({file}, line 3)",
        f"PORT ({file}, line 2)",
    ]
    assert environ == {}


def test_no_problem_repeats_what_was_given():
    given = {"JWT_PRIVATE_KEY": "canary-1", "PORT": "canary-2", "FLOW_SIGNING_KEY": "canary-3", "ENV": "canary-4"}

    assert "canary" not in str(problems_of(given))


def test_production_requires_what_development_generates():
    problems = problems_of({"ENV": "production", "FLOW_TRANSPORT": "nats"})

    keys = {"JOURNAL_PRIVATE_KEY", "JWT_PRIVATE_KEY", "FLOW_SIGNING_KEY"}
    assert set(problems) == {"DATABASE_URL", "NATS_URL", *keys, "SMTP_URL", "MAIL_FROM", "PUBLIC_URL"}


def test_production_problems_are_told_together_with_wrong_values():
    assert set(problems_of(production(PORT="x", RATE_LIMIT_ENABLED="false"))) == {"PORT", "RATE_LIMIT_ENABLED"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FLOW_SIGNING_KEY", "changeme-changeme-changeme-changeme"),
        ("FLOW_SIGNING_KEY", "a" * 64),
        ("FLOW_SIGNING_KEY", "too short"),
        ("METRICS_TOKEN", "replace this with a long random secret"),
        ("DATABASE_URL", "postgresql://accord:change-me@db/accord"),
        ("SMTP_URL", "smtp://accord:change-me@mail.example.org"),
        ("RATE_LIMIT_ENABLED", "false"),
        ("ARGON2_MEMORY_KIB", "1024"),
    ],
)
def test_production_refuses_placeholders_and_unsafe_values(variable, value):
    assert set(problems_of(production(**{variable: value}))) == {variable}


def test_a_complete_production_environment_is_accepted():
    settings = load(production())

    assert settings.is_production
    assert not settings.docs_enabled


def test_a_host_name_with_a_suspicious_word_is_no_placeholder():
    assert load(production(DATABASE_URL=f"postgresql://accord:{SECRET}@insecure.example.org/accord"))


def test_secrets_never_show():
    settings = load(production(METRICS_TOKEN=SECRET))

    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    assert "PRIVATE KEY" not in repr(settings)


def test_a_value_can_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text(f"{SECRET}\n")

    settings = load({"FLOW_SIGNING_KEY_FILE": str(tmp_path / "key")})

    assert settings.flow_signing_key is not None
    assert settings.flow_signing_key.get_secret_value() == SECRET


def test_every_value_can_come_from_a_file(tmp_path):
    values = production(METRICS_TOKEN=SECRET, PORT="8081", CORS_ORIGINS="https://app.example.org", HOST="::")
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n")

    settings = load({f"{name}_FILE": str(tmp_path / name) for name in values})

    assert settings == load(values)


def test_a_file_that_cannot_be_read_is_a_problem_of_its_variable(tmp_path):
    (tmp_path / "latin").write_bytes(b"\xe9")
    files = {f"{name.upper()}_FILE": str(tmp_path / "none") for name in Settings.model_fields}

    assert set(problems_of(files)) == {name.upper() for name in Settings.model_fields}
    assert set(problems_of({"METRICS_TOKEN_FILE": str(tmp_path / "latin")})) == {"METRICS_TOKEN"}


def test_an_access_token_lives_a_day_at_most():
    assert load({"ACCESS_TOKEN_TTL": "1d"}).access_token_ttl == 86_400
    assert set(problems_of({"ACCESS_TOKEN_TTL": "2d"})) == {"ACCESS_TOKEN_TTL"}


def test_an_ended_session_is_kept_until_every_process_has_heard_of_it():
    assert load({"SESSION_RETENTION": "1h"}).session_retention > WINDOW
    assert set(problems_of({"SESSION_RETENTION": "59min"})) == {"SESSION_RETENTION"}


def test_a_value_and_its_file_contradict_each_other(tmp_path):
    assert set(problems_of({"HOST": "::", "HOST_FILE": str(tmp_path)})) == {"HOST"}


def test_an_empty_value_counts_as_unset():
    assert load({"NATS_URL": "", "PORT": ""}).port == 8080


def test_a_key_may_have_its_line_breaks_written_out():
    key = pem(ed25519.Ed25519PrivateKey.generate())

    settings = load({"JWT_PRIVATE_KEY": key.replace("\n", "\\n")})

    assert settings.jwt_private_key is not None
    assert settings.jwt_private_key.get_secret_value() == key


def test_a_key_of_another_kind_is_refused():
    assert set(problems_of({"JWT_PRIVATE_KEY": pem(ec.generate_private_key(ec.SECP256R1()))})) == {"JWT_PRIVATE_KEY"}


def test_several_previous_keys_follow_one_another():
    keys = [public_pem(ed25519.Ed25519PrivateKey.generate()) for _ in range(2)]

    assert len(load({"JWT_PREVIOUS_PUBLIC_KEYS": "".join(keys)}).jwt_previous_public_keys) == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("900", 900), ("15min", 900), ("15 m", 900), ("1h", 3600), ("7d", 604_800)]
)
def test_durations_have_units(text, seconds):
    assert load({"REFRESH_TOKEN_TTL": text}).refresh_token_ttl == seconds


@pytest.mark.parametrize("text", ["0", "-1", "1.5h", "1e3", "\u0661\u0665", "15y", "99999999999d"])
def test_other_durations_are_refused(text):
    assert set(problems_of({"ACCESS_TOKEN_TTL": text})) == {"ACCESS_TOKEN_TTL"}


@pytest.mark.parametrize(
    ("text", "rate"), [("100/15min", Rate(100, 900)), ("3/hour", Rate(3, 3600)), ("7 / 2 s", Rate(7, 2))]
)
def test_rates_have_a_period(text, rate):
    assert load({"RATE_LIMIT_LOGIN": text}).rate_limit_login == rate


@pytest.mark.parametrize("text", ["5", "0/min", "5/0min", "-5/min", "5/fortnight", "/min"])
def test_other_rates_are_refused(text):
    assert set(problems_of({"RATE_LIMIT_LOGIN": text})) == {"RATE_LIMIT_LOGIN"}


@pytest.mark.parametrize("origin", ["*", "https://a.example,*", "app.example.org", "https://a.example/path", "null"])
def test_an_origin_is_a_scheme_and_a_host(origin):
    assert set(problems_of({"CORS_ORIGINS": origin})) == {"CORS_ORIGINS"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AUTH_TOKEN_STORAGE", "cookie"), ("AUTH_TOKEN_STORAGE", "both"), ("REQUIRE_EMAIL_VERIFICATION", "true")],
)
def test_settings_of_features_not_built_are_refused(variable, value):
    assert "not built yet" in problems_of({variable: value})[variable]


def test_variables_without_effect_are_pointed_out():
    warnings = suspicious(
        {"RATE_LIMIT_LOGINS": "1", "RATE_LIMIT_TEA": "1", "COOKIE_DOMAIN": "x", "PATH": "/bin", "HOME": "/"}
    )

    assert len(warnings) == 3
    assert any("is RATE_LIMIT_LOGIN meant?" in warning for warning in warnings)


def test_an_override_wins_over_the_environment():
    assert load({"PORT": "1"}, port=2).port == 2


def test_the_reference_is_current():
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    subprocess.run([sys.executable, "-m", "accord", "settings", "verify"], check=True, env=environ)


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DATABASE_URL", f"mysql://accord:{SECRET}@db/accord", "Accord runs on no other kind"),
        ("DATABASE_URL", "sqlite:///accord.db", "Accord runs on no other kind"),
        ("DATABASE_URL", "postgresql+psycopg://accord@db/accord", "write no `+psycopg`"),
        ("DATABASE_URL", "db.example.org", "must be the URL of a PostgreSQL database"),
        ("DATABASE_URL", "postgresql://", "must be the URL of a PostgreSQL database"),
        ("NATS_URL", "amqp://rabbit:5672", "must be the URL of a NATS server"),
        ("NATS_URL", "nats://one:4222, two:4222", "must be the URL of a NATS server"),
        ("NATS_URL", "localhost:4222", "must be the URL of a NATS server"),
    ],
)
def test_an_address_of_another_kind_of_server_is_refused_in_words(variable, value, reason):
    [(name, problem)] = problems_of({variable: value}).items()

    assert name == variable
    assert reason in problem
    assert SECRET not in problem


@pytest.mark.parametrize(
    "url", ["postgres://db/accord", "postgresql:///accord?host=/run/postgresql", "host=db dbname=a"]
)
def test_every_form_that_libpq_reads_is_taken(url):
    assert load({"DATABASE_URL": url}).database_url


def test_in_development_settings_of_a_file_count_and_the_environment_wins(tmp_path):
    file = tmp_path / ".env"
    file.write_text('# Mine\nPORT=9000\nexport LOG_LEVEL="debug"\nHOST=::1\nMETRICS_TOKEN=\n')
    environ = {"HOST": "127.0.0.1"}

    names = read_file(environ, file)

    assert names == {"LOG_LEVEL": f"{file}, line 3", "PORT": f"{file}, line 2"}
    assert environ == {"HOST": "127.0.0.1", "PORT": "9000", "LOG_LEVEL": "debug"}


@pytest.mark.parametrize("environment", ["production", "test"])
def test_elsewhere_a_file_does_not_count(environment, tmp_path):
    file = tmp_path / ".env"
    file.write_text("PORT=9000\n")
    environ = {"ENV": environment}

    assert read_file(environ, file) == {}
    assert environ == {"ENV": environment}


def test_a_file_cannot_make_it_production(tmp_path):
    file = tmp_path / ".env"
    file.write_text("ENV=production\n")

    with pytest.raises(SettingsError, match="read in development only"):
        read_file({}, file)


def test_without_a_file_nothing_is_read(tmp_path):
    assert read_file({}, tmp_path / ".env") == {}


def test_a_bad_value_of_a_file_is_told_with_file_and_line(tmp_path):
    file, environ = tmp_path / ".env", {"BODY_LIMIT": "1"}
    file.write_text("# Mine\n\nPORT=eighty\n\n\nLOG_LEVEL=loud\nJWT_PRIVATE_KEY_FILE=/nowhere\n")

    with pytest.raises(SettingsError) as refused:
        load(environ, read_file(environ, file))

    places = {"PORT": f" ({file}, line 3)", "LOG_LEVEL": f" ({file}, line 6)", "JWT_PRIVATE_KEY": f" ({file}, line 7)"}
    told = {line.split()[0]: line for line in refused.value.problems}
    assert told.keys() == {*places, "BODY_LIMIT"}
    assert [name for name, place in places.items() if not told[name].startswith(f"{name}{place} ")] == []
    assert str(file) not in told["BODY_LIMIT"]


@pytest.mark.parametrize("line", ["PORT", "PORT: 9000", "PORT 9000", f'METRICS_TOKEN="{SECRET}', "=9000"])
def test_a_line_that_means_nothing_is_told_with_file_and_line_and_without_its_text(line, tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"HOST=::1\n\n# Mine\n{line}\n")
    environ: dict[str, str] = {}

    with pytest.raises(SettingsError) as refused:
        read_file(environ, file)

    [problem] = refused.value.problems
    assert problem.startswith(f"{file}, line 4: write NAME=value")
    assert SECRET not in problem
    assert environ == {}


def test_a_file_that_is_no_text_is_named(tmp_path):
    file = tmp_path / ".env"
    file.write_bytes(b"PORT=\xff\n")

    with pytest.raises(SettingsError, match="cannot be read: it must be UTF-8 text"):
        read_file({}, file)


def test_a_name_of_a_file_that_means_nothing_is_told_with_file_and_line(tmp_path):
    file, environ = tmp_path / ".env", {"PROT": "1"}
    file.write_text("prot=9000\nport=9000\nMETRIC_TOKEN=x\nOTHER_PROGRAM=1\n")

    warnings = suspicious(environ, read_file(environ, file))

    assert warnings == [
        f"METRIC_TOKEN ({file}, line 3) has no effect; is METRICS_TOKEN meant?",
        f"port ({file}, line 2) has no effect; is PORT meant?",
        f"prot ({file}, line 1) has no effect; is PORT meant?",
    ]
