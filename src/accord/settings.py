"""Every environment variable, typed and checked at start; all that is wrong is reported at once.

Plain pydantic rather than pydantic-settings: reading names and `_FILE` variants from a mapping is a few lines, naming
every problem at once needs them anyway, and importing the other costs a tenth of a second of each start.
"""

import difflib
import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

_UNITS = {"": 1, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
_PLACEHOLDER = re.compile(r"change.?me|placeholder|example|replace|your.?(secret|key)|secret.?key|insecure|^(.)\2*$", re.I)
_MINIMUM_SECRET = 32
_LATER = {
    "COOKIE_DOMAIN": "cookie sign-in is not built yet",
    "SMTP_URL": "sending mail is not built yet",
}
_SECRETS = ("metrics_token", "flow_envelope_key")
_ARGON2_FLOOR = {"argon2_memory_kib": 19_456, "argon2_time_cost": 2, "argon2_parallelism": 1}


class Rate(NamedTuple):
    """At most `count` requests in `seconds`."""

    count: int
    seconds: int


class SettingsError(Exception):
    """The environment cannot be used; `problems` has one line for each variable that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        """Join the lines, so that printing the exception shows them all."""
        self.problems = problems
        super().__init__("Settings refused:\n" + "\n".join(f"  {line}" for line in problems))


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,9}) ?([a-z]*)", value.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError("must be a duration: whole seconds, or a number with s, min, h or d")
    return int(match[1]) * _UNITS[match[2]]


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,8})?(s|sec|min|m|h|hour|d|day)", value.replace(" ", "").lower())
    if match is None:
        raise ValueError("must be a rate: requests/period")
    return Rate(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _origins(value: object) -> object:
    origins = _listed(value)
    for origin in origins if isinstance(origins, tuple) else ():
        if origin == "*":
            raise ValueError("must list origins: `*` with credentials would open the API to every web site")
        if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", str(origin)):
            raise ValueError("must list origins: scheme and host (and port), without a path")
    return origins


def _networks(value: object) -> object:
    networks = _listed(value)
    try:
        return tuple(ipaddress.ip_network(str(n)) for n in networks) if isinstance(networks, tuple) else networks
    except ValueError:
        raise ValueError("must list IP addresses or networks in CIDR form") from None


def _pem_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    blocks = re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", _unfolded(value), re.S)
    if not blocks and value.strip():
        raise ValueError("must be one or more PEM blocks `-----BEGIN PUBLIC KEY-----`")
    for block in blocks:
        _must_be_ed25519(block, private=False)
    return tuple(blocks)


def _pem_private(value: object) -> object:
    if isinstance(value, str):
        _must_be_ed25519(_unfolded(value), private=True)
        return _unfolded(value)
    return value


def _unfolded(pem: str) -> str:
    """Environment files often carry line breaks as the two characters backslash and n."""
    return pem.replace("\\n", "\n").strip() + "\n"


def _must_be_ed25519(pem: str, *, private: bool) -> None:
    # Imported here because only a configured key needs it, and `accord --help` should not wait for it.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    try:
        data = pem.encode()
        key = serialization.load_pem_private_key(data, None) if private else serialization.load_pem_public_key(data)
    except Exception:  # noqa: BLE001  the library raises many kinds, and its messages may quote the key
        key = None
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        kind = "private" if private else "public"
        raise ValueError(f"must be an Ed25519 {kind} key in PEM; `openssl genpkey -algorithm ed25519` makes one")


def _header_only(value: str) -> str:
    if value in {"cookie", "both"}:
        raise ValueError("must be `header`: cookie sign-in is not built yet")
    if value != "header":
        raise ValueError("must be `header`")
    return value


def _unverified_only(value: bool) -> bool:  # noqa: FBT001  pydantic calls it with the value alone
    if value:
        raise ValueError("must be false: sending mail is not built yet, so nobody could verify an address")
    return value


Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=10 * 365 * 86_400)]
Period = Annotated[int, BeforeValidator(_seconds), Field(ge=1, le=10 * 365 * 86_400)]
RateLimit = Annotated[Rate, BeforeValidator(_rate)]
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def _is(default: Any, description: str, example: str, **limits: Any) -> Any:
    return Field(default, description=description, examples=[example], validate_default=False, **limits)


class Settings(BaseModel):
    """What the environment says; a field's variable is its name in capitals, or that name with `_FILE`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    # The reference starts a new section at each field that GROUPS names.
    env: Literal["development", "production", "test"] = _is(
        "development", "Production refuses generated keys and unsafe settings.", "production"
    )
    host: str = _is("127.0.0.1", "Address to listen on; `0.0.0.0` or `::` for all.", "0.0.0.0")  # noqa: S104  an example
    port: int = _is(8080, "TCP port to listen on; 0 takes a free one.", "8080", ge=0, le=65_535)
    log_level: Literal["debug", "info", "warning", "error"] = _is("info", "Least severe line written.", "info")
    data_dir: Path = _is(Path(".accord-data"), "Folder of embedded servers and generated keys.", "/var/lib/accord")
    enable_docs: bool | None = _is(None, "Serve `/docs`; unset means everywhere but in production.", "true")
    metrics_token: SecretStr | None = _is(
        None, "Bearer token for `/metrics`; unset means loopback only.", "(32 or more random characters)"
    )

    database_url: SecretStr | None = _is(
        None, "PostgreSQL 15 or later; unset starts the embedded one.", "postgresql://accord:…@db.internal:5432/accord"
    )
    database_pool_size: int = _is(10, "Most connections to PostgreSQL in one process.", "10", ge=1, le=1000)
    nats_url: SecretStr | None = _is(
        None, "NATS server, or several by comma; unset starts the embedded one.", "nats://nats.internal:4222"
    )
    flow_transport: Literal["local", "nats"] = _is("local", "Run flows in this process, or in workers.", "nats")
    flow_envelope_key: SecretStr | None = _is(
        None, "Secret with which gateways sign callers for workers.", "(32 or more random characters)"
    )

    jwt_private_key: Annotated[SecretStr | None, BeforeValidator(_pem_private)] = _is(
        None, "Ed25519 key in PEM that signs access tokens.", "-----BEGIN PRIVATE KEY-----\\nMC4CAQ…"
    )
    jwt_previous_public_keys: Annotated[tuple[str, ...], BeforeValidator(_pem_keys)] = _is(
        (), "Ed25519 public keys in PEM, one after another, that still verify.", "-----BEGIN PUBLIC KEY-----\\nMCow…"
    )
    jwt_issuer: str = _is("accord", "`iss` of access tokens.", "https://api.example.org", min_length=1, max_length=255)
    jwt_audience: str = _is("accord-api", "`aud` of access tokens.", "accord-api", min_length=1, max_length=255)
    access_token_ttl: Period = _is(900, "Life of an access token.", "15min")
    refresh_token_ttl: Period = _is(7 * 86_400, "Absolute life of a session.", "7d")
    refresh_grace: Seconds = _is(30, "Time in which the previous refresh token gives the same successor.", "30s")
    session_idle_ttl: Period = _is(7 * 86_400, "Time without a refresh after which a session ends.", "2d")
    max_sessions: int = _is(10, "Sessions of one account; the oldest ends.", "10", ge=1, le=1000)
    auth_token_storage: Annotated[str, AfterValidator(_header_only)] = _is(
        "header", "Where clients keep tokens; only `header` is built yet.", "header"
    )
    require_email_verification: Annotated[bool, AfterValidator(_unverified_only)] = _is(
        False, "Only `false`: sending mail is not built yet.", "false"
    )

    argon2_memory_kib: int = _is(19_456, "Memory of one argon2id hash in KiB.", "19456", ge=8, le=4_194_304)
    argon2_time_cost: int = _is(2, "Passes of one argon2id hash.", "2", ge=1, le=100)
    argon2_parallelism: int = _is(1, "Lanes of one argon2id hash.", "1", ge=1, le=64)
    argon2_threads: int = _is(0, "Hashes at a time in one process; 0 means one for each core.", "2", ge=0, le=256)
    argon2_queue: int = _is(512, "Hashes that may wait; past it the answer is 503.", "512", ge=1, le=100_000)
    lockout_attempts: int = _is(5, "Failed logins that lock an identifier.", "5", ge=1, le=1000)
    lockout_window: Period = _is(900, "Time in which they count together.", "15min")
    lockout_duration: Period = _is(900, "Time that an identifier stays locked.", "15min")

    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_origins)] = _is(
        (), "Origins of browser clients, by comma; never `*`.", "https://app.example.org"
    )
    trusted_proxies: Annotated[Networks, BeforeValidator(_networks)] = _is(
        (), "Peers whose `X-Forwarded-For` counts, by comma.", "10.0.0.0/8, 127.0.0.1"
    )
    request_timeout: Period = _is(30, "Time after which a request is cancelled with 504.", "30s")
    body_limit: int = _is(1_048_576, "Largest request body in bytes.", "1048576", ge=1024, le=104_857_600)
    shutdown_timeout: Period = _is(30, "Time for requests in flight to finish at stop.", "30s")

    rate_limit_enabled: bool = _is(True, "`false` turns rate limits off for load tests; not in production.", "true")
    rate_limit_anonymous: RateLimit = _is(Rate(100, 900), "Anonymous requests of one address.", "100/15min")
    rate_limit_authenticated: RateLimit = _is(Rate(600, 60), "Requests of one signed-in caller.", "600/min")
    rate_limit_login: RateLimit = _is(Rate(5, 60), "Logins from one address.", "5/min")
    rate_limit_register: RateLimit = _is(Rate(3, 3600), "Registrations from one address.", "3/hour")
    rate_limit_forgot_password: RateLimit = _is(Rate(3, 3600), "Forgotten passwords of one address.", "3/hour")
    rate_limit_refresh: RateLimit = _is(Rate(30, 60), "Token refreshes from one address.", "30/min")

    @property
    def is_production(self) -> bool:
        """Whether unsafe settings and generated keys are refused."""
        return self.env == "production"

    @property
    def docs_enabled(self) -> bool:
        """Whether `/docs` is served."""
        return not self.is_production if self.enable_docs is None else self.enable_docs


GROUPS = {
    "env": "The process",
    "database_url": "Storage and messaging",
    "jwt_private_key": "Tokens and sessions",
    "argon2_memory_kib": "Passwords and lockout",
    "cors_origins": "The edge",
    "rate_limit_enabled": "Rate limits (requests per period)",
}


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the environment; `overrides` are field names that win over it. Raises SettingsError with every problem."""
    values, problems = _collected(os.environ if environ is None else environ)
    values |= overrides
    settings, refused = _validated(values)
    problems |= refused
    for name, problem in _unsafe(settings):
        problems.setdefault(name, problem)
    if problems:
        raise SettingsError([_line(name, problems[name]) for name in Settings.model_fields if name in problems])
    return settings


def suspicious(environ: Mapping[str, str]) -> list[str]:
    """Warn of variables that have no effect: misspelt names of ours, and features that are not built yet."""
    known = {name.upper() for name in Settings.model_fields} | {f"{name.upper()}_FILE" for name in Settings.model_fields}
    warnings = [f"{name} has no effect: {why}." for name, why in _LATER.items() if environ.get(name)]
    for name in sorted(set(environ) - known - set(_LATER)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
        if near or name.startswith("RATE_LIMIT_"):
            warnings.append(f"{name} has no effect" + (f"; is {near[0]} meant?" if near else ": there is no such limit."))
    return warnings


def _collected(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Take each variable from NAME or from the file that NAME_FILE points to; empty counts as unset."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in Settings.model_fields:
        direct, file = environ.get(name.upper()), environ.get(f"{name.upper()}_FILE")
        if direct and file:
            problems[name] = f"is set twice: unset {name.upper()} or {name.upper()}_FILE"
        elif file:
            try:
                values[name] = Path(file).read_text("utf-8").strip()
            except (OSError, ValueError):
                problems[name] = f"cannot be read: {name.upper()}_FILE must name a readable UTF-8 file"
        elif direct:
            values[name] = direct
    return values, problems


def _validated(values: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """Validate; what is wrong falls back to its default, so that the checks across variables can still run."""
    try:
        return Settings(**values), {}
    except ValidationError as error:
        problems = {str(e["loc"][0]): e["msg"].removeprefix("Value error, ") for e in error.errors(include_url=False)}
    unknown = problems.keys() - Settings.model_fields.keys()
    if unknown:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    return Settings(**{name: value for name, value in values.items() if name not in problems}), problems


def _unsafe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name what each variable alone cannot show to be wrong."""
    if settings.env != "test":
        for name, floor in _ARGON2_FLOOR.items():
            if getattr(settings, name) < floor:
                yield name, f"must be at least {floor}"
    if settings.argon2_memory_kib < 8 * settings.argon2_parallelism:
        yield "argon2_memory_kib", "must be at least 8 for each lane of ARGON2_PARALLELISM"
    if settings.refresh_grace >= settings.session_idle_ttl:
        yield "refresh_grace", "must be shorter than SESSION_IDLE_TTL"
    for name in _SECRETS:
        secret = getattr(settings, name)
        if secret is not None and len(secret.get_secret_value()) < _MINIMUM_SECRET:
            yield name, f"is too short: give at least {_MINIMUM_SECRET} random characters, as `openssl rand -hex 32` does"
    if settings.is_production:
        yield from _unfit_for_production(settings)


def _unfit_for_production(settings: Settings) -> Iterator[tuple[str, str]]:
    required = ["database_url", "jwt_private_key", "flow_envelope_key"]
    required += ["nats_url"] if settings.flow_transport == "nats" else []
    for name in required:
        if getattr(settings, name) is None:
            yield name, "is required in production"
    for name in (*_SECRETS, "database_url", "nats_url"):
        secret = getattr(settings, name)
        if secret is not None and _PLACEHOLDER.search(_password_in(secret.get_secret_value())):
            yield name, "is a placeholder: production needs a random secret, as `openssl rand -hex 32` gives"
    if not settings.rate_limit_enabled:
        yield "rate_limit_enabled", "must be true in production"


def _password_in(secret: str) -> str:
    """Of a URL only the password is a secret; `db.example.org` is not a placeholder."""
    match = re.match(r"[a-z0-9+.\-]+://(?:[^/@]*?:([^/@]*)@)?", secret)
    return (match[1] or "") if match else secret


def _line(name: str, problem: str) -> str:
    example = Settings.model_fields[name].examples or [""]
    return f"{name.upper()} {problem}; for example {name.upper()}={example[0]}"


def reference() -> str:
    """Render docs/settings.md: every variable with its default, meaning and an example."""
    lines = ["# Settings", "", "Every variable can also be given as `NAME_FILE`, the path of a file that holds the value.", ""]
    lines += ["Durations are seconds, or a number with `s`, `min`, `h` or `d`. An empty value counts as unset.", ""]
    lines += ["This file is generated: `python -m accord.settings generate`."]
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            lines += ["", f"## {GROUPS[name]}", "", "| variable | default | meaning | example |", "|---|---|---|---|"]
        example = (field.examples or [""])[0]
        lines.append(f"| `{name.upper()}` | {_shown(name, field.default)} | {field.description} | `{example}` |")
    return "\n".join(lines) + "\n"


def _shown(name: str, default: object) -> str:
    annotation = Settings.__annotations__[name]
    if default is None or default == ():
        return "unset"
    if isinstance(default, Rate):
        period = _spoken(default.seconds)
        return f"`{default.count}/{period[1:] if period in {'1s', '1min', '1h', '1d'} else period}`"
    if annotation in (Seconds, Period) and isinstance(default, int):
        return f"`{_spoken(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _spoken(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % length == 0 and seconds:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def main(arguments: list[str]) -> int:
    """`generate` writes the reference, `verify` fails when it is out of date."""
    file = Path("docs/settings.md")
    if arguments == ["generate"]:
        file.parent.mkdir(exist_ok=True)
        file.write_text(reference(), "utf-8")
        return 0
    if arguments == ["verify"] and file.exists() and file.read_text("utf-8") == reference():
        return 0
    sys.stderr.write("docs/settings.md is out of date; run `python -m accord.settings generate`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
