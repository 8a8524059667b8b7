"""Processes under measurement: each on one core, read through /proc, stopped in any case."""
import ctypes
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE = {CORES[0]}
OTHER_CORE = {CORES[1 % len(CORES)]}  # the load generator's and the origin's
ALL_CORES = set(CORES)

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """What was to be measured did not work; the text says how. The bench goes on without it."""


def free_ports(count):
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def free_port():
    return free_ports(1)[0]


def child_setup(cores):
    """Pins the child, and lets it end with the bench even if that is killed."""
    def setup():
        os.sched_setaffinity(0, cores)
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return setup


class Process:
    """One child. Its output goes to a file, whose end explains a failure."""

    def __init__(self, name, argv, cores, log, **streams):
        self.name = name
        self._log = Path(log)
        streams.setdefault("stdin", subprocess.DEVNULL)
        with open(self._log, "wb") as output:
            streams.setdefault("stdout", output)
            try:
                self._child = subprocess.Popen(argv, stderr=output, preexec_fn=child_setup(cores),
                                               **streams)
            except OSError as error:
                raise Failed(f"{name}: {error.strerror}: {argv[0]}") from error
        self.pid = self._child.pid
        self.stdin, self.stdout = self._child.stdin, self._child.stdout

    def output(self):
        return self._log.read_text(errors="replace")

    def wait_for_port(self, port, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                raise Failed(f"{self.name} ended at once: {' '.join(self.output().split())[-300:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise Failed(f"{self.name} does not listen")

    def stop(self, how=signal.SIGTERM):
        for step in (how, signal.SIGKILL):
            if self._child.poll() is None:
                self._child.send_signal(step)
                try:
                    self._child.wait(10)
                except subprocess.TimeoutExpired:
                    continue
        for stream in (self.stdin, self.stdout):
            if stream is not None:
                stream.close()

    def cpu_ns(self):
        """User and system time of all threads, in the scheduler's nanoseconds."""
        return sum(int(text.split()[0]) for text in self._of_threads("schedstat"))

    def wake_ups(self):
        """How often a thread gave up its core by itself, so far."""
        return sum(int(_field(text, "voluntary_ctxt_switches"))
                   for text in self._of_threads("status"))

    def traced(self):
        return all(_field(text, "TracerPid") != "0" for text in self._of_threads("status"))

    def memory(self):
        """Bytes of user memory, pages shared with other processes in proportion."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(_field(rollup, "Pss").split()[0]) * 1024

    def _of_threads(self, file):
        if self._child.poll() is not None:
            raise Failed(f"{self.name} is gone: {' '.join(self.output().split())[-300:]}")
        return [path.read_text() for path in Path(f"/proc/{self.pid}/task").glob(f"*/{file}")]


def _field(text, name):
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    raise Failed(f"the kernel does not report {name}")
