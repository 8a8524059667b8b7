"""What makes the requests."""
import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import ALL_CORES, OTHER_CORE, Failed, Process, child_setup

# wrk rounds what it prints; this prints what it counted.
WRK_SUMMARY = """
done = function(summary)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %d, "octets": %d, "microseconds": %d, "errors": %d}\\n',
    summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Done:
    """What a load did. No error is in it: a load with errors has failed."""
    requests: int
    octets: int = 0
    seconds: float = 0
    median_ns: int = 0
    cpu_ns: float = 0  # of the load generator


class Loads:
    def __init__(self, directory, tools):
        self._script = Path(directory) / "summary.lua"
        self._script.write_text(WRK_SUMMARY)
        self._directory = Path(directory)
        self._tools = Path(tools)

    def wrk(self, port, clients, seconds, path="/", everywhere=False):
        """As many requests as `clients` keep-alive connections get through in `seconds`."""
        before = _children_ns()
        told = _run(["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s",
                     "-s", str(self._script), f"http://127.0.0.1:{port}{path}"], seconds + 20,
                    ALL_CORES if everywhere else OTHER_CORE)
        return Done(told["requests"], told["octets"], told["microseconds"] / 1e6,
                    cpu_ns=_children_ns() - before)

    def ping(self, port, requests, clients=1, limit=60):
        """Exactly `requests` requests over `clients` keep-alive connections, each waiting for its
        answer."""
        told = _run([str(self._tools / "pinger"), str(port), str(requests), str(clients)], limit)
        return Done(told["requests"], median_ns=told["median_ns"])

    def idle(self, port, count):
        """A process that holds `count` idle keep-alive connections, each after one request. Stop it
        to close them."""
        holder = Process("idle_clients", [str(self._tools / "idle_clients"), str(port), str(count)],
                         OTHER_CORE, self._directory / "idle_clients.log",
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if holder.stdout.readline() != b"ready\n":
            holder.stop()
            raise Failed(holder.output().strip())
        return holder


def _children_ns():
    """User and system time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e9


def _run(argv, limit, cores=OTHER_CORE):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit, check=False,
                              stdin=subprocess.DEVNULL, preexec_fn=child_setup(cores))
    except subprocess.TimeoutExpired as error:
        raise Failed(f"no end of the load after {limit} s") from error
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        said = (done.stdout + done.stderr).strip()[-200:]
        raise Failed(f"{Path(argv[0]).name}: {said}") from error
    if told["errors"] or not told["requests"]:
        raise Failed(f"{told['errors']} errors in {told['requests']} requests")
    return told
