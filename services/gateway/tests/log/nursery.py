"""Starts gateways within a fraction of a second: all is imported once, and each start is a fork.

What is started is what an operator starts (`python -m gateway serve`, `work`, `python -m standalone
serve`): a process with its own memory, sockets and files, that dies alone. Lines of JSON on standard
input ask; a line of JSON on standard output answers. Whatever still runs dies with the nursery.
"""

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _become(asked: dict) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(descriptor, target)
    os.environ.update(asked["environment"])
    entrance = importlib.import_module(f"{asked['package']}.__main__")
    status = 1
    with contextlib.suppress(BaseException):
        if asked["package"] == "gateway":
            status = importlib.import_module("keel.commands").main(
                entrance.SERVICE, asked["arguments"]
            )
        else:
            status = entrance.main(asked["arguments"])
    os._exit(status)


def _start(asked: dict) -> int:
    pid = os.fork()
    if pid == 0:
        _become(asked)
    return pid


def _end(asked: dict) -> int:
    _, status = os.waitpid(asked["wait"], 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    for module in ("gateway.app", "keel.migrations", *sys.argv[1:]):
        importlib.import_module(module)
    for line in sys.stdin:
        wanted = json.loads(line)
        sys.stdout.write(f"{_end(wanted) if 'wait' in wanted else _start(wanted)}\n")
        sys.stdout.flush()
    os._exit(0)  # nothing is left to close, and tearing so much down takes a while
