"""Where the answers come from: nginx, answering out of memory."""
from collections import namedtuple
from pathlib import Path

import tls
from processes import OTHER_CORE, Failed, Process, free_ports

SMALL_BODY = "An oxbow is a pool beside a stream, and this is sixty-six octets.\n"
FILES = {"/16k": 16 << 10, "/1m": 1 << 20}
CONNECTIONS_LIMIT = 20_000  # connections that a server is set up for

BASE = """
daemon off; master_process off; pid {dir}/{name}.pid; error_log stderr error;
events {{ worker_connections {limit}; }}
http {{
  client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
  uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
  keepalive_requests 1000000000; keepalive_timeout 1h;
  access_log off;
{servers}
}}
"""

ORIGIN = """
  sendfile on; tcp_nopush on;
  open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;
  log_format connection $connection;
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
"""

TLS_ORIGIN = """
  log_format tls "$connection $ssl_session_reused $ssl_protocol $ssl_cipher $ssl_curve";
  {tls}
  server {{ listen 127.0.0.1:{status}; location = / {{ stub_status; }} }}
"""

# /slow takes more than a second: the part of the response that goes out in the first is too small.
TLS_SERVER = """
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096;
    ssl_protocols {version};
    access_log {log};
    location = / {{ return 200 "{body}"; }}
    location = /slow {{ limit_rate 150; return 200 "{body}"; }}
    location = /tls {{ return 200 "$ssl_protocol $ssl_cipher $ssl_curve"; }}
  }}
"""

# A request that an origin has answered, and how its connection came to be; of nginx's variables.
Answered = namedtuple("Answered", "connection reused protocol cipher curve")


class NginxOrigin(Process):
    """nginx with these servers; it is there when `port` listens."""

    def __init__(self, title, directory, name, servers, port):
        self.directory = Path(directory)
        config = self.directory / f"{name}.conf"
        config.write_text(BASE.format(dir=directory, name=name, limit=CONNECTIONS_LIMIT,
                                      servers=servers))
        super().__init__(title, ["nginx", "-p", str(directory), "-c", str(config)],
                         OTHER_CORE, self.directory / f"{name}.log")
        try:
            self.wait_for_port(port, 10)
        except Failed:
            self.stop()
            raise


class Origin(NginxOrigin):
    """66 bytes at /, files at their paths."""

    def __init__(self, directory):
        self.port, self.counted_port = free_ports(2)
        files = Path(directory) / "files"
        files.mkdir()
        for path, size in FILES.items():
            (files / path[1:]).write_bytes(b"x" * size)
        servers = ORIGIN.format(dir=directory, port=self.port, counted=self.counted_port,
                                body=_quoted(SMALL_BODY))
        super().__init__("the origin", directory, "origin", servers, self.port)

    def connections_log(self):
        """The serial numbers of the connections of all requests to the counted port, in order."""
        return (self.directory / "connections.log").read_text().split()


class TlsOrigin(NginxOrigin):
    """66 bytes over TLS: `ports` by version, and `logged_ports`, whose requests are in answered().
    /tls tells how its connection is encrypted."""

    def __init__(self, directory, certificates):
        self.status_port, *ports = free_ports(1 + 2 * len(tls.VERSIONS))
        self.ports = dict(zip(tls.VERSIONS, ports))
        self.logged_ports = dict(zip(tls.VERSIONS, ports[len(tls.VERSIONS):]))
        self._answered = Path(directory) / "answered.log"
        log = f"{self._answered} tls"
        servers = [TLS_ORIGIN.format(status=self.status_port, tls=tls.nginx_server(certificates))]
        servers += [TLS_SERVER.format(port=port, version=version, log=to, body=_quoted(SMALL_BODY))
                    for ports, to in ((self.ports, "off"), (self.logged_ports, log))
                    for version, port in ports.items()]
        super().__init__("the TLS origin", directory, "tls-origin", "".join(servers),
                         self.status_port)

    def answered(self):
        """All since forget(), in the order of their ends."""
        return [Answered(*line.split()) for line in self._answered.read_text().splitlines()]

    def forget(self):
        """The log lies in memory, and would outgrow it."""
        with open(self._answered, "r+b") as log:
            log.truncate()


def _quoted(body):
    return body.replace("\n", r"\n")
