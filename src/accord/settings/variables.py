"""The variables: a field's variable is its name in capitals, or that name with `_FILE`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from accord.settings.kinds import (
    DatabaseUrl,
    EmailVerification,
    Mailbox,
    Names,
    NatsUrl,
    Networks,
    Origins,
    Period,
    PrivateKey,
    PublicKeys,
    Queues,
    Rate,
    RateLimit,
    Seconds,
    SmtpUrl,
    TokenStorage,
    WebUrl,
)

_A_SECRET = "(the output of `openssl rand -hex 32`)"  # noqa: S105  a description of one
_ON, _OFF = True, False

GROUPS = {
    "env": "The process",
    "database_url": "Storage and messaging",
    "journal_private_key": "The journal",
    "jwt_private_key": "Tokens and sessions",
    "argon2_memory_kib": "Passwords and lockout",
    "smtp_url": "Mail",
    "queues": "Jobs",
    "cors_origins": "The edge",
    "rate_limit_enabled": "Rate limits (requests per period)",
}
"""The reference starts a section at each of these."""


def _is(default: object, description: str, example: str, **limits: Any) -> Any:
    return Field(default, description=description, examples=[example], **limits)


class Settings(BaseModel):
    """The settings of a process, checked; printing them shows no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: Literal["development", "production", "test"] = _is(
        "development", "Production refuses generated keys and unsafe settings.", "production"
    )
    host: str = _is("127.0.0.1", "IP address or name to listen on; `::` for all.", "::")
    port: int = _is(8080, "TCP port to listen on; 0 takes a free one. Workers need `--port`.", "8080", ge=0, le=65_535)
    log_level: Literal["debug", "info", "warning", "error"] = _is("info", "Least severe line written.", "info")
    data_dir: Path = _is(Path(".accord-data"), "Folder of embedded servers and generated keys.", "/var/lib/accord")
    enable_docs: bool | None = _is(None, "Serve `/docs`; unset means everywhere but in production.", "true")
    metrics_token: SecretStr | None = _is(None, "Bearer token for `/metrics`; unset means loopback only.", _A_SECRET)

    database_url: DatabaseUrl | None = _is(
        None,
        "PostgreSQL 15 or later; unset starts the embedded one.",
        "postgresql://accord:…@db.internal:5432/accord",
    )
    database_pool_size: int = _is(10, "Most connections to PostgreSQL in one process.", "10", ge=1, le=1000)
    nats_url: NatsUrl | None = _is(
        None, "NATS server, or several by comma; unset starts the embedded one.", "nats://nats.internal:4222"
    )
    flow_transport: Literal["local", "nats"] = _is("local", "Run flows in this process, or in workers.", "nats")
    flow_signing_key: SecretStr | None = _is(None, "Secret with which gateways sign callers for workers.", _A_SECRET)

    journal_private_key: PrivateKey = _is(
        None, "Ed25519 key in PEM that signs checkpoints of the journal.", "-----BEGIN PRIVATE KEY-----\\nMC4CAQ…"
    )
    journal_previous_public_keys: PublicKeys = _is(
        (),
        "Ed25519 public keys in PEM that signed checkpoints before; the key now endorses them at start.",
        "-----BEGIN PUBLIC KEY-----\\nMCow…",
    )

    jwt_private_key: PrivateKey = _is(
        None, "Ed25519 key in PEM that signs access tokens.", "-----BEGIN PRIVATE KEY-----\\nMC4CAQ…"
    )
    jwt_previous_public_keys: PublicKeys = _is(
        (),
        "Ed25519 public keys in PEM, one after another, that still verify.",
        "-----BEGIN PUBLIC KEY-----\\nMCow…",
    )
    jwt_issuer: str = _is("accord", "`iss` of access tokens.", "https://api.example.org", min_length=1, max_length=255)
    jwt_audience: str = _is("accord-api", "`aud` of access tokens.", "accord-api", min_length=1, max_length=255)
    access_token_ttl: Period = _is(900, "Life of an access token, at most a day.", "15min", le=86_400)
    refresh_token_ttl: Period = _is(
        7 * 86_400, "Time after sign-in at which a session ends, however often it is refreshed.", "7d"
    )
    refresh_grace: Seconds = _is(
        30, "Time for which the previous refresh token stays good after its successor was used.", "30s"
    )
    session_idle_ttl: Period = _is(7 * 86_400, "Time without a refresh after which a session ends.", "2d")
    # An hour is far more than the minute in which processes hear of an ended session, whatever their clocks say.
    session_retention: Period = _is(
        30 * 86_400, "Time that an ended session is kept, at least an hour.", "90d", ge=3600
    )
    max_sessions: int = _is(10, "Sessions of one account; the oldest ends.", "10", ge=1, le=1000)
    auth_token_storage: TokenStorage = _is("header", "Where clients keep tokens; only `header` is built yet.", "header")
    require_email_verification: EmailVerification = _is(
        _OFF, "Only `false`: verifying an address is not built yet.", "false"
    )

    argon2_memory_kib: int = _is(19_456, "Memory of one argon2id hash in KiB.", "19456", ge=8, le=4_194_304)
    argon2_time_cost: int = _is(2, "Passes of one argon2id hash.", "2", ge=1, le=100)
    argon2_parallelism: int = _is(1, "Lanes of one argon2id hash.", "1", ge=1, le=64)
    argon2_threads: int = _is(
        0, "Hashes at a time in one process; 0 means one for each core but one.", "2", ge=0, le=256
    )
    argon2_queue: int = _is(512, "Hashes that may wait; past it the response is 503.", "512", ge=1, le=100_000)
    lockout_attempts: int = _is(5, "Failed logins that lock an e-mail address.", "5", ge=1, le=1000)
    lockout_window: Period = _is(900, "Time in which failed logins count together.", "15min")
    lockout_duration: Period = _is(900, "Time that an e-mail address stays locked.", "15min")

    smtp_url: SmtpUrl | None = _is(
        None,
        "SMTP server, with user and password; unset keeps mails in the inbox at `/docs/inbox`, not in production.",
        "smtp://accord:…@mail.internal:587",
    )
    mail_from: Mailbox = _is("Accord <accord@localhost>", "Sender of mails.", "Accord <no-reply@example.org>")
    smtp_timeout: Period = _is(10, "Time for the SMTP server to respond to one command.", "10s", le=60)
    public_url: WebUrl | None = _is(
        None,
        "Address that links in mails begin with; unset means the one that a process of this data folder listens on.",
        "https://accord.example.org",
    )
    welcome_follow_up: Period | None = _is(
        None,
        "Time from registration to the follow-up of the welcome mail, at most a year;"
        " unset means 2d, and 30s in development.",
        "2d",
        le=365 * 86_400,
    )

    queues: Queues | None = _is(
        None,
        "Jobs of a queue that run at the same time in all processes, and of one share: `name=20/15`, by comma."
        " Unset: mail=5, operations=10/3, webhooks=50/4, each other queue 20.",
        "default=40, mail=10",
    )
    job_queues: Names = _is((), "Queues that this process runs, by comma; unset means all.", "default, mail")
    job_lease: Period = _is(
        30, "Time after which a job of a process that died runs again; renewed each third of it.", "30s", ge=3, le=3600
    )
    job_retention: Period = _is(7 * 86_400, "Time that a completed or cancelled job is kept.", "3d")
    dead_retention: Period = _is(90 * 86_400, "Time that a dead job is kept, to be run again.", "30d")

    cors_origins: Origins = _is((), "Origins of browser clients, by comma; never `*`.", "https://app.example.org")
    trusted_proxies: Networks = _is((), "Peers whose `X-Forwarded-For` counts, by comma.", "10.0.0.0/8, 127.0.0.1")
    request_timeout: Period = _is(30, "Time after which a request is cancelled with 504.", "30s")
    body_limit: int = _is(1_048_576, "Largest request body in bytes.", "1048576", ge=1024, le=104_857_600)
    http_fast_path: bool = _is(
        _ON,
        "Run operations, and write to sockets, without ASGI; `false` sends everything through uvicorn and ASGI.",
        "false",
    )
    shutdown_delay: Seconds | None = _is(
        None, "Time to go on serving after the signal to stop; unset means 5s in production, else 0s.", "5s"
    )
    shutdown_timeout: Period = _is(30, "Time for requests in flight to finish at stop.", "30s")

    rate_limit_enabled: bool = _is(_ON, "`false` turns rate limits off for load tests; not in production.", "true")
    rate_limit_anonymous: RateLimit = _is(Rate(100, 900), "Anonymous requests of one IP address.", "100/15min")
    rate_limit_authenticated: RateLimit = _is(Rate(600, 60), "Requests of one signed-in caller.", "600/min")
    rate_limit_login: RateLimit = _is(Rate(5, 60), "Logins from one IP address.", "5/min")
    rate_limit_register: RateLimit = _is(Rate(3, 3600), "Registrations from one IP address.", "3/hour")
    rate_limit_forgot_password: RateLimit = _is(
        Rate(3, 3600), "No effect yet: password resets are not built.", "3/hour"
    )
    rate_limit_live: RateLimit = _is(Rate(10, 60), "New live connections of one IP address or account.", "10/min")
    rate_limit_refresh: RateLimit = _is(Rate(30, 60), "Token refreshes from one IP address.", "30/min")

    @property
    def is_production(self) -> bool:
        """Whether unsafe settings and generated keys are refused."""
        return self.env == "production"

    @property
    def serves_on_for(self) -> int:
        """For how many seconds a process serves on while its readiness says that it ends, so that balancers notice."""
        return (5 if self.is_production else 0) if self.shutdown_delay is None else self.shutdown_delay

    @property
    def welcome_follow_up_after(self) -> int:
        """After how many seconds an account gets the follow-up of its welcome mail."""
        default = 30 if self.env == "development" else 2 * 86_400
        return default if self.welcome_follow_up is None else self.welcome_follow_up

    @property
    def docs_enabled(self) -> bool:
        """Whether `/docs` is served."""
        return not self.is_production if self.enable_docs is None else self.enable_docs
