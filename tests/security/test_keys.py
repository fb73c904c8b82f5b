import os
import stat
import subprocess
import sys

import pytest

from accord.security import keys
from accord.settings import Settings, load

PROGRAM = """
import sys
from accord.security import keys
from accord.settings import load
settings = load({}, data_dir=sys.argv[1])
sys.stdin.readline()
print(keys.flow_signing_key(settings).hex(), keys.signing_key(settings).private_bytes_raw().hex())
"""


def test_processes_that_start_together_agree(tmp_path):
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
        )
        for _ in range(4)
    ]

    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    responses = {process.communicate()[0] for process in started}

    assert len(responses) == 1
    assert responses != {b""}


def test_generated_keys_are_for_their_owner_only_and_stay(settings, tmp_path):
    def every() -> tuple[bytes, ...]:
        signing = (keys.signing_key(settings), keys.journal_key(settings))
        return keys.flow_signing_key(settings), *(key.private_bytes_raw() for key in signing)

    first = every()

    files = sorted((tmp_path / "keys").iterdir())

    assert every() == first
    assert len(set(first)) == 3
    assert [file.name for file in files] == ["flow.key", "journal.pem", "jwt.pem"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_configured_key_is_used_and_none_is_written(tmp_path):
    settings = load({"FLOW_SIGNING_KEY": "5f2b9c0e7a4d4f7b8f0d6c1e3a9b2d4c"}, data_dir=tmp_path)

    assert keys.flow_signing_key(settings) == b"5f2b9c0e7a4d4f7b8f0d6c1e3a9b2d4c"
    assert list(tmp_path.iterdir()) == []


def test_production_never_generates(tmp_path):
    settings = Settings(env="production", data_dir=tmp_path)

    with pytest.raises(RuntimeError):
        keys.signing_key(settings)
