"""Python loads this first, in each process of a run under libfaketime (tests/conftest.py puts its folder on PYTHONPATH).

libfaketime 0.9.10, which Debian 12 has, breaks `time.sleep` where it leaves the monotonic clock alone: it takes a moment
of that clock for one of the faked clock (https://github.com/wolfcw/libfaketime/issues/426), and the kernel refuses it.

It also reads its variables at each timed wait, for Python's own lock as well, while another thread may change the environment:
what the C library has of it is then freed, and the process dies of a segmentation fault. Here it gets a new copy at each change,
and all of them stay, also after Python's own end.
"""

import ctypes
import os
import time

try:
    time.sleep(1e-9)
except OSError:
    import select

    def sleep(seconds: float) -> None:
        """As time.sleep, by a call that takes a span."""
        select.select([], [], [], seconds)

    time.sleep = sleep


_variables = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
_environ = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ")


def _publish() -> None:
    copy = (ctypes.c_char_p * (len(_variables) + 1))(*(b"%s=%s" % one for one in _variables.items()), None)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(copy))
    _environ.value = ctypes.addressof(copy)


def putenv(name: bytes, value: bytes) -> None:
    _variables[os.fsencode(name)] = os.fsencode(value)
    _publish()


def unsetenv(name: bytes) -> None:
    _variables.pop(os.fsencode(name), None)
    _publish()


if "faketime" in os.environ.get("LD_PRELOAD", ""):
    os.putenv, os.unsetenv = putenv, unsetenv
