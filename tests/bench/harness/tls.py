"""How the origin and the proxies speak TLS: the same versions, cipher suites, certificate and CA
for all, with session tickets, and every origin's certificate verified."""
from dataclasses import dataclass

VERSIONS = ("TLSv1.3", "TLSv1.2")
CIPHERSUITE = "TLS_AES_128_GCM_SHA256"   # of TLS 1.3
CIPHER = "ECDHE-ECDSA-AES128-GCM-SHA256"  # of TLS 1.2
GROUP = "X25519"
SNI = "origin.test"


@dataclass(frozen=True)
class Tls:
    """What a scenario asks of one side."""
    version: str = "TLSv1.3"
    resume: bool = True


def agreed(version):
    """What nginx's variables say of a connection as all are to make it."""
    return [version, CIPHERSUITE if version == "TLSv1.3" else CIPHER, GROUP]


def nginx_server(files):
    """Tickets carry the sessions; a cache beside them would hold copies, at a price."""
    return f"""
    ssl_certificate {files.leaf}; ssl_certificate_key {files.key};
    ssl_ciphers {CIPHER}; ssl_conf_command Ciphersuites {CIPHERSUITE};
    ssl_ecdh_curve {GROUP}:prime256v1;
    ssl_session_tickets on; ssl_session_timeout 1h;"""


def nginx_listen(tls, files):
    return f" ssl;{nginx_server(files)}\n    ssl_protocols {tls.version}"


def nginx_proxy(tls, files):
    return f"""
      proxy_ssl_protocols {tls.version};
      proxy_ssl_ciphers {CIPHER}; proxy_ssl_conf_command Ciphersuites {CIPHERSUITE};
      proxy_ssl_server_name on; proxy_ssl_name {SNI};
      proxy_ssl_verify on; proxy_ssl_verify_depth 4; proxy_ssl_trusted_certificate {files.ca};
      proxy_ssl_session_reuse {_switch(tls.resume)};"""


def haproxy_bind(tls, files):
    return f" ssl crt {files.bundle} {_haproxy_suites(tls)} curves {GROUP}:P-256"


def haproxy_server(tls, files):
    return (f" ssl verify required ca-file {files.ca} sni str({SNI}) verifyhost {SNI}"
            f" {_haproxy_suites(tls)}{'' if tls.resume else ' no-ssl-reuse'}")


def oxbow_listener(tls, files):
    return (f"tls: {{ certificates: [ {{ cert: {files.leaf}, key: {files.key} }} ],"
            f" {_oxbow_suites(tls)} }}")


def oxbow_upstream(tls, files):
    return (f"tls: {{ sni: {SNI}, verify: on, ca: {files.ca}, {_oxbow_suites(tls)},"
            f" session_reuse: {_switch(tls.resume)} }}")


def _haproxy_suites(tls):
    return (f"ssl-min-ver {tls.version} ssl-max-ver {tls.version}"
            f" ciphers {CIPHER} ciphersuites {CIPHERSUITE}")


def _oxbow_suites(tls):
    return (f"min_version: {tls.version}, max_version: {tls.version},"
            f" ciphers: {CIPHER}, ciphersuites: {CIPHERSUITE}")


def _switch(value):
    return "on" if value else "off"
