"""The origin, and what stands between it and the clients: each with the configuration that a
careful operator would give it for this load. docs/benchmarks.md tells why they are set as they are."""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import ALL_CORES, OTHER_CORE, PROXY_CORE, Failed, Process, free_port

SMALL_BODY = "An oxbow is a pool beside a stream, and this is sixty-six octets.\\n"
FILES = {"/16k": 16 << 10, "/1m": 1 << 20}
CONNECTIONS_LIMIT = 20_000  # connections that a server is set up for

ORIGIN = """
daemon off; master_process off; pid {dir}/origin.pid; error_log stderr error;
events {{ worker_connections {limit}; }}
http {{
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
  uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  keepalive_requests 1000000000; keepalive_timeout 1h; sendfile on; tcp_nopush on;
  open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;
  log_format connection $connection;
  access_log off;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {dir}/files;
    location = / {{ return 200 "{body}"; }}
  }}
  server {{
    listen 127.0.0.1:{counted} backlog=4096;
    access_log {dir}/connections.log connection;
    location = / {{ return 200 "{body}"; }}
  }}
}}
"""

NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log stderr error;
events {{ worker_connections {limit}; }}
http {{
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
  uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  upstream origin {{
    server 127.0.0.1:{origin};
    keepalive {pool}; keepalive_requests 1000000000; keepalive_timeout 1h;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn {clients}
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout client 1h
  timeout http-keep-alive 1h
  timeout connect 5s
  timeout server 60s
  timeout queue 30s
frontend clients
  bind 127.0.0.1:{port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin} pool-max-conn {pool} pool-purge-delay 1h {cap}
"""

OXBOW = """
workers: {workers}
upstreams:
  origin:
    servers: [ "127.0.0.1:{origin}" ]
    keepalive: {pool}
    keepalive_requests: 1000000
    keepalive_timeout: 1h
    max_conns: {cap}
    queue: {{ size: 10000, timeout: 30s }}
listeners:
  - listen: 127.0.0.1:{port}
    keepalive_timeout: 1h
    access_log: {log}
    routes:
      - {{ location: /, proxy_pass: origin }}
"""


@dataclass(frozen=True)
class Wanted:
    """What a scenario asks of a proxy."""
    pool: int = 64     # idle connections to the origin that it keeps
    cap: int = 0       # connections to the origin at most; 0: no cap
    log: bool = False  # a JSON access log
    workers: int = 1
    everywhere: bool = False  # not pinned to a core of its own


class Origin(Process):
    """nginx, answering out of memory: 66 bytes at /, files at their paths."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.port, self.counted_port = free_port(), free_port()
        files = self.directory / "files"
        files.mkdir()
        for path, size in FILES.items():
            (files / path[1:]).write_bytes(b"x" * size)
        config = self.directory / "origin.conf"
        config.write_text(ORIGIN.format(dir=directory, port=self.port, counted=self.counted_port,
                                        body=SMALL_BODY, limit=CONNECTIONS_LIMIT))
        super().__init__("the origin", ["nginx", "-p", str(directory), "-c", str(config)],
                         OTHER_CORE, self.directory / "origin.log")
        try:
            self.wait_for_port(self.port, 10)
        except Failed:
            self.stop()
            raise

    def connections_log(self):
        """The serial numbers of the connections of all requests to the counted port, in order."""
        return (self.directory / "connections.log").read_text().split()


class Peers:
    """Starts the relay and the proxies."""

    def __init__(self, directory, tools, oxbow):
        self._directory = Path(directory)
        self._tools = Path(tools)
        self._binary = oxbow
        self._started = 0

    def start(self, name, origin_port, wanted=Wanted(), prefix=(), patience=10):
        """A Process, listening on its `port`. `prefix` is a command to run it under. Its
        `access_log` is a file if one was wanted."""
        for _ in range(2):
            try:
                return self._start(name, free_port(), origin_port, wanted, prefix, patience)
            except Failed as error:
                if "in use" not in str(error):
                    raise
        return self._start(name, free_port(), origin_port, wanted, prefix, patience)

    def versions(self):
        """In words, for above the table."""
        commands = {"oxbow": [self._binary, "version"], "nginx": ["nginx", "-v"],
                    "HAProxy": ["haproxy", "-v"]}
        return ", ".join(f"{name} {_version(argv)}" for name, argv in commands.items())

    def _start(self, name, port, origin_port, wanted, prefix, patience):
        self._started += 1
        base = self._directory / f"{self._started}-{name}"
        argv = getattr(self, f"_{name.lower()}")(base, port, origin_port, wanted)
        cores = ALL_CORES if wanted.everywhere else PROXY_CORE
        process = Process(name, [*prefix, *argv], cores, f"{base}.log")
        process.port = port
        process.access_log = Path(f"{base}.access.log")
        try:
            process.wait_for_port(port, patience)
        except Failed:
            process.stop()
            raise
        return process

    def _relay(self, _base, port, origin_port, _wanted):
        return [str(self._tools / "relay"), str(port), str(origin_port)]

    def _oxbow(self, base, port, origin_port, wanted):
        log = f"{{ path: {base}.access.log, format: json }}" if wanted.log else "off"
        file = _write(f"{base}.yaml", OXBOW.format(port=port, origin=origin_port, pool=wanted.pool,
                                                   cap=wanted.cap, log=log,
                                                   workers=wanted.workers))
        return [self._binary, "run", "-c", file]

    def _nginx(self, base, port, origin_port, wanted):
        file = _write(f"{base}.conf", NGINX.format(dir=self._directory, limit=CONNECTIONS_LIMIT,
                                                   port=port, origin=origin_port,
                                                   pool=wanted.pool))
        return ["nginx", "-p", str(self._directory), "-c", file]

    def _haproxy(self, base, port, origin_port, wanted):
        cap = f"maxconn {wanted.cap}" if wanted.cap else ""
        file = _write(f"{base}.cfg", HAPROXY.format(port=port, origin=origin_port, cap=cap,
                                                    pool=wanted.pool,
                                                    clients=CONNECTIONS_LIMIT // 2 - 1000))
        return ["haproxy", "-db", "-f", file]


def _write(file, text):
    Path(file).write_text(text)
    return file


def _version(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "(missing)"
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return number[0] if number else "(unknown)"
