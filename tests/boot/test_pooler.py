"""A pooler between the service and PostgreSQL is refused in words: the real PgBouncer, in both of its modes."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from processes import once, wait_until

from accord.database.migrations import runner
from accord.problems import CannotStart

pytestmark = once
PORT = 6432


@pytest.fixture(params=["session", "transaction"])
def pooler(request, service) -> Iterator[str]:
    """The address of a PgBouncer before the shared PostgreSQL."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer); poolers were not tested.")
    target = psycopg.conninfo.conninfo_to_dict(service.database_url)
    folder = Path(tempfile.mkdtemp(prefix="accord-pooler-"))
    settings = {"unix_socket_dir": folder, "listen_port": PORT, "auth_type": "any", "pool_mode": request.param}
    lines = [f"{name} = {value}" for name, value in settings.items()]
    place = f"host={target['host']} port={target['port']} dbname=accord user=accord"
    (folder / "ini").write_text(f"[databases]\naccord = {place}\n[pgbouncer]\n" + "\n".join(lines))
    # Whom PostgreSQL's private socket lets in; PgBouncer refuses to be root.
    owner = pwd.getpwuid(Path(target["host"]).stat().st_uid)
    for path in (folder, folder / "ini"):
        shutil.chown(path, owner.pw_uid, owner.pw_gid)
    account = {} if owner.pw_uid == os.getuid() else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    process = subprocess.Popen([program, "-q", folder / "ini"], **account)
    url = f"postgresql://accord@/accord?host={folder}&port={PORT}"
    try:
        wait_until(lambda: responds(url))
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def responds(url: str) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(url).close()
        return True
    return False


def test_a_start_through_a_pooler_is_refused_and_says_what_to_do(pooler):
    with pytest.raises(CannotStart, match="leads to a connection pooler"):
        runner.upgrade(pooler)


def test_a_start_without_one_is_not(service):
    assert runner.upgrade(service.database_url) is False
