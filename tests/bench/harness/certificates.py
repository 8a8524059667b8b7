"""A CA and a certificate of its, made for one run. Both keys are on P-256."""
import subprocess
from pathlib import Path

from processes import Failed

NAMES = ("origin.test", "localhost")  # and 127.0.0.1
DAYS = "2"

OPENSSL = f"""
[req]
distinguished_name = subject
[subject]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {", ".join(f"DNS:{name}" for name in NAMES)}, IP:127.0.0.1
"""


class Certificates:
    """Paths of the files: `ca`, `leaf` and its `key`, and `bundle`, which holds the latter two."""

    def __init__(self, directory):
        self._directory = Path(directory) / "certificates"
        self._directory.mkdir()
        self.ca, self.leaf, self.key, self.bundle = (
            self._directory / name for name in ("ca.pem", "leaf.pem", "leaf.key", "bundle.pem"))
        self._config = self._directory / "openssl.cnf"
        self._config.write_text(OPENSSL)
        self._make_ca(self._directory / "ca.key")
        self._make_leaf(self._directory / "ca.key")

    def _make_ca(self, key):
        self._make_key(key)
        _openssl("req", "-x509", "-new", "-config", self._config, "-extensions", "ca",
                 "-subj", "/CN=CA of the bench", "-key", key, "-days", DAYS, "-out", self.ca)

    def _make_leaf(self, ca_key):
        request = self._directory / "leaf.csr"
        self._make_key(self.key)
        _openssl("req", "-new", "-config", self._config, "-subj", f"/CN={NAMES[0]}",
                 "-key", self.key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key,
                 "-set_serial", "2", "-days", DAYS, "-extfile", self._config,
                 "-extensions", "leaf", "-out", self.leaf)
        self.bundle.touch(mode=0o600)
        self.bundle.write_bytes(self.leaf.read_bytes() + self.key.read_bytes())

    def _make_key(self, path):
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments):
    try:
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"openssl: {error}") from error
    if done.returncode != 0:
        raise Failed(f"openssl {arguments[0]}: {done.stderr.strip()[-200:]}")
