"""What stands between the clients and the origin: each with the configuration that a careful
operator would give it for this load. docs/benchmarks.md tells why they are set as they are."""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import tls
from origins import CONNECTIONS_LIMIT
from processes import ALL_CORES, PROXY_CORE, Failed, Process, free_port

NGINX = """
daemon off; master_process off; worker_processes 1; pid {base}.pid; error_log stderr error;
events {{ worker_connections {limit}; }}
http {{
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
  uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  upstream origin {{
    server 127.0.0.1:{origin};{pool}
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096{clients_tls};
    location / {{
      proxy_pass {scheme}://origin;{origin_tls}
      proxy_http_version 1.1;
      proxy_set_header Connection "{connection}";
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"""

NGINX_POOL = """
    keepalive {pool}; keepalive_requests 1000000000; keepalive_timeout 1h;"""

HAPROXY = """
global
  nbthread {workers}
  maxconn {clients}
defaults
  mode http
  option {option}
  http-reuse {reuse}
  timeout client 1h
  timeout http-keep-alive 1h
  timeout connect 5s
  timeout server 60s
  timeout queue 30s
frontend clients
  bind 127.0.0.1:{port} backlog 4096{clients_tls}
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin} pool-max-conn {pool} pool-purge-delay 1h{cap}{origin_tls}
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
    max_connecting: {connecting}
    queue: {{ size: 10000, timeout: 30s }}
    {origin_tls}
listeners:
  - listen: 127.0.0.1:{port}
    keepalive_timeout: 1h
    {clients_tls}
    access_log: {log}
    routes:
      - {{ location: /, proxy_pass: origin }}
"""


@dataclass(frozen=True)
class Wanted:
    """What a scenario asks of a proxy."""
    pool: int = 64        # idle connections to the origin that it keeps; 0: a new one each time
    cap: int = 0          # connections to the origin at most; 0: no cap
    connecting: int = 8   # of those, how many may be opening at once; oxbow alone has such a limit
    log: bool = False     # a JSON access log
    workers: int = 1
    everywhere: bool = False  # not pinned to a core of its own
    clients_tls: tls.Tls | None = None
    origin_tls: tls.Tls | None = None


class Peers:
    """Starts the relay and the proxies."""

    def __init__(self, directory, tools, oxbow, certificates):
        self._directory = Path(directory)
        self._certificates = certificates
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
        file = _write(f"{base}.yaml", OXBOW.format(
            port=port, origin=origin_port, pool=wanted.pool, cap=wanted.cap, log=log,
            connecting=wanted.connecting, workers=wanted.workers,
            clients_tls=self._spoken(wanted.clients_tls, tls.oxbow_listener),
            origin_tls=self._spoken(wanted.origin_tls, tls.oxbow_upstream)))
        return [self._binary, "run", "-c", file]

    def _nginx(self, base, port, origin_port, wanted):
        file = _write(f"{base}.conf", NGINX.format(
            dir=self._directory, base=base, limit=CONNECTIONS_LIMIT, port=port, origin=origin_port,
            pool=NGINX_POOL.format(pool=wanted.pool) if wanted.pool else "",
            connection="" if wanted.pool else "close",
            scheme="https" if wanted.origin_tls else "http",
            clients_tls=self._spoken(wanted.clients_tls, tls.nginx_listen),
            origin_tls=self._spoken(wanted.origin_tls, tls.nginx_proxy)))
        return ["nginx", "-p", str(self._directory), "-c", file]

    def _haproxy(self, base, port, origin_port, wanted):
        file = _write(f"{base}.cfg", HAPROXY.format(
            port=port, origin=origin_port, pool=wanted.pool, workers=wanted.workers,
            cap=f" maxconn {wanted.cap}" if wanted.cap else "",
            option="http-keep-alive" if wanted.pool else "http-server-close",
            reuse="always" if wanted.pool else "never",
            clients=CONNECTIONS_LIMIT // 2 - 1000,
            clients_tls=self._spoken(wanted.clients_tls, tls.haproxy_bind),
            origin_tls=self._spoken(wanted.origin_tls, tls.haproxy_server)))
        return ["haproxy", "-db", "-f", file]

    def _spoken(self, side, as_configured):
        return as_configured(side, self._certificates) if side else ""


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
