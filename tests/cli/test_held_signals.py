"""Signals while a command imports its modules: none interrupts an import, and none is lost."""

import signal
import subprocess
import sys

import pytest

IMPORTING = """
import signal
from accord.cli.held_signals import held_signals
try:
    with held_signals():
        signal.raise_signal({number})
        print("imported", flush=True)
    print("went on", flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_command_after_its_imports(number):
    program = IMPORTING.format(number=int(number))

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout.split()) == (0, ["imported", "stopped"])
