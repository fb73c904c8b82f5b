"""The clock of a machine that is wrong: a process with this folder in PYTHONPATH is CLOCK_AHEAD seconds ahead.

Python runs this file before the program. Clocks that cannot be set, such as `time.monotonic`, stay as they are.
"""

import os
import time

_right, _ahead = time.time, float(os.environ.get("CLOCK_AHEAD", "0"))
time.time = lambda: _right() + _ahead
time.time_ns = lambda: int((_right() + _ahead) * 1e9)
