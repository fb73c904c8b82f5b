"""The kinds of values of variables: durations, rates, lists, networks and keys."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})?(s|sec|m|min|h|hour|d|day)")
_QUEUE = re.compile(r"([a-z][a-zA-Z0-9]{0,62})=([1-9][0-9]{0,4})(?:/([1-9][0-9]{0,4}))?")
_PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_A_MAIL_SERVER = "must be the URL of an SMTP server: smtp:// or smtps://, host, and port if it is another than usual"
_TEN_YEARS = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` requests in `seconds`."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Slots:
    """How many jobs of a queue run at the same time in all processes, and how many of one share."""

    all: int
    share_limit: int


def spoken(seconds: int) -> str:
    """Return a duration in its largest whole unit: `86400` → `1d`."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([0-9]{1,9}) ?([a-z]*)", value.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError("must be a duration: whole seconds, or a number with s, min, h or d")
    return int(match[1]) * _UNITS[match[2]]


def _rate(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _RATE.fullmatch(value.replace(" ", "").lower())
    if match is None:
        raise ValueError("must be a rate: requests/period")
    return Rate(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _queues(value: object) -> object:
    queues: dict[str, Slots] = {}
    listed = _listed(value)
    if not isinstance(listed, tuple):
        return value
    for part in listed:
        match = _QUEUE.fullmatch(part.replace(" ", ""))
        if match is None:
            raise ValueError("must list queues: name=slots, or name=slots/slots of one share, by comma")
        slots = int(match[2])
        queues[match[1]] = Slots(slots, int(match[3] or max(slots * 3 // 4, 1)))
    return queues


def _origins(value: object) -> object:
    origins = _listed(value)
    for origin in origins if isinstance(origins, tuple) else ():
        if origin == "*":
            raise ValueError("must list origins: with `*` any web site could use the API in a visitor's name")
        if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", str(origin)):
            raise ValueError("must list origins: scheme and host (and port), without a path")
    return origins


def _networks(value: object) -> object:
    networks = _listed(value)
    try:
        return tuple(ipaddress.ip_network(str(n)) for n in networks) if isinstance(networks, tuple) else networks
    except ValueError:
        raise ValueError("must list IP addresses or networks in CIDR form") from None


def _database_url(value: SecretStr) -> SecretStr:
    if re.match(r"\s*[a-z_]+\s*=", value.get_secret_value()):
        return value  # The other form that libpq reads: keywords and values.
    scheme, _, rest = value.get_secret_value().partition("://")
    if not rest:
        raise ValueError("must be the URL of a PostgreSQL database")
    if scheme.startswith(("postgresql+", "postgres+")):
        raise ValueError(f"must begin with postgresql://, without a driver: write no `+{scheme.partition('+')[2]}`")
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be the URL of a PostgreSQL database, 15 or later: Accord runs on no other kind")
    return value


def _nats_url(value: SecretStr) -> SecretStr:
    servers = [one.strip() for one in value.get_secret_value().split(",")]
    if not all(re.match(r"(?:nats|tls|wss?)://[^/]", one) for one in servers):
        raise ValueError("must be the URL of a NATS server, nats:// or tls://, or several by comma")
    return value


def _smtp_url(value: SecretStr) -> SecretStr:
    try:
        url = urlsplit(value.get_secret_value())
        is_server = url.scheme in {"smtp", "smtps"} and bool(url.hostname) and url.port != 0
    except ValueError:
        raise ValueError(_A_MAIL_SERVER) from None
    if not is_server or url.path.strip("/") or url.query or url.fragment:
        raise ValueError(_A_MAIL_SERVER)
    if bool(url.username) != bool(url.password):
        raise ValueError("must have both user and password, or neither; write `%40` for an @ in them")
    return value


def _web_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~\-/]*)?", value):
        raise ValueError("must be the URL that people open: scheme and host (and port, path), without a query")
    return value.rstrip("/")


def _mailbox(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(
        r"(?:[^<>@\"\r\n,;:]*<[^\s<>@,;:]+@[^\s<>@,;:]+>|[^\s<>@,;:]+@[^\s<>@,;:]+)", value
    ):
        raise ValueError("must be one e-mail address, with or without a name before it")
    return value


def _public_keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    blocks = _PUBLIC_KEY.findall(_unfolded(value))
    if not blocks and value.strip():
        raise ValueError("must be one or more PEM blocks `-----BEGIN PUBLIC KEY-----`")
    for block in blocks:
        _must_be_ed25519(block, private=False)
    return tuple(blocks)


def _private_key(value: object) -> object:
    if not isinstance(value, str):
        return value
    pem = _unfolded(value)
    _must_be_ed25519(pem, private=True)
    return pem


def _unfolded(pem: str) -> str:
    """Environment files often carry line breaks as the two characters backslash and n."""
    return pem.replace("\\n", "\n").strip() + "\n"


def _must_be_ed25519(pem: str, *, private: bool) -> None:
    # Only a configured key needs these, and `accord --help` should not wait for them.
    from cryptography.hazmat.primitives import serialization as pems  # noqa: PLC0415  see above
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415  see above

    try:
        key = pems.load_pem_private_key(pem.encode(), None) if private else pems.load_pem_public_key(pem.encode())
    except Exception:  # noqa: BLE001  the library raises many kinds, and its messages may quote the key
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        kind = "private" if private else "public"
        raise ValueError(  # noqa: TRY004  pydantic reports a ValueError as a wrong value
            f"must be an Ed25519 {kind} key in PEM; `openssl genpkey -algorithm ed25519` makes one"
        )


def _header_only(value: str) -> str:
    if value in {"cookie", "both"}:
        raise ValueError("must be `header`: cookie sign-in is not built yet")
    if value != "header":
        raise ValueError("must be `header`")
    return value


def _unverified_only(value: bool) -> bool:  # noqa: FBT001  pydantic calls it with the value alone
    if value:
        raise ValueError("must be false: verifying an address is not built yet")
    return value


Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=_TEN_YEARS)]
Period = Annotated[int, BeforeValidator(_seconds), Field(ge=1, le=_TEN_YEARS)]
RateLimit = Annotated[Rate, BeforeValidator(_rate)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_origins)]
Queues = Annotated[dict[str, Slots], BeforeValidator(_queues)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Networks = Annotated[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], BeforeValidator(_networks)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
NatsUrl = Annotated[SecretStr, AfterValidator(_nats_url)]
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp_url)]
WebUrl = Annotated[str, BeforeValidator(_web_url)]
Mailbox = Annotated[str, BeforeValidator(_mailbox)]
PublicKeys = Annotated[tuple[str, ...], BeforeValidator(_public_keys)]
PrivateKey = Annotated[SecretStr | None, BeforeValidator(_private_key)]
TokenStorage = Annotated[str, AfterValidator(_header_only)]
EmailVerification = Annotated[bool, AfterValidator(_unverified_only)]
