"""What makes the requests."""
import http.client
import json
import resource
import select
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import OTHER_CORE, Failed, Process, child_setup

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
    """With `secure`, the clients speak TLS. All but wrk's verify the server by the bench's CA."""

    def __init__(self, directory, tools, ca):
        self._script = Path(directory) / "summary.lua"
        self._script.write_text(WRK_SUMMARY)
        self._directory = Path(directory)
        self._tools = Path(tools)
        self._ca = str(ca)

    def wrk(self, port, clients, seconds, path="/", cores=OTHER_CORE, secure=False):
        """As many requests as `clients` keep-alive connections get through in `seconds`."""
        before = _children_ns()
        where = "https://localhost" if secure else "http://127.0.0.1"
        told = _run(["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s",
                     "-s", str(self._script), f"{where}:{port}{path}"], seconds + 20, cores)
        return Done(told["requests"], told["octets"], told["microseconds"] / 1e6,
                    cpu_ns=_children_ns() - before)

    def ping(self, port, requests, clients=1, path="/", secure=False, limit=60):
        """Exactly `requests` requests over `clients` keep-alive connections, each waiting for its
        answer."""
        told = _run([str(self._tools / "pinger"), str(port), str(requests), str(clients), path,
                     *self._trusting(secure)], limit)
        return Done(told["requests"], median_ns=told["median_ns"])

    def short_lived(self, port, rate, requests, secure=False):
        """`rate` clients a second, whatever the answers, each with a connection and one request."""
        told = _run([str(self._tools / "short_lived"), str(port), str(rate), str(requests),
                     *self._trusting(secure)], requests / rate + 20)
        return Done(told["requests"], median_ns=told["median_ns"], cpu_ns=told["cpu_ns"])

    def idle(self, port, count, secure=False):
        """A process that holds `count` idle keep-alive connections, each after one request. Stop it
        to close them."""
        holder = Process("idle_clients", [str(self._tools / "idle_clients"), str(port), str(count),
                                          *self._trusting(secure)],
                         OTHER_CORE, self._directory / "idle_clients.log",
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        readable, _, _ = select.select([holder.stdout], [], [], 60)
        if not readable or holder.stdout.readline() != b"ready\n":
            holder.stop()
            raise Failed(holder.output().strip() or "the idle clients do not get ready")
        return holder

    def ask(self, port, path="/", secure=False):
        """The body of one response."""
        connection = self._connection(port, secure)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"no answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise Failed(f"status {response.status}: {body[:100]}")
        return body

    def handshake(self, port):
        """The version and the cipher of one."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, \
                    self._tls().wrap_socket(plain, server_hostname="localhost") as connection:
                return [connection.version(), connection.cipher()[0]]
        except OSError as error:
            raise Failed(f"no handshake: {error}") from error

    def _connection(self, port, secure):
        if not secure:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        return http.client.HTTPSConnection("localhost", port, timeout=10, context=self._tls())

    def _tls(self):
        return ssl.create_default_context(cafile=self._ca)

    def _trusting(self, secure):
        return [self._ca] if secure else []


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
