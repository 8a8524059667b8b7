#!/usr/bin/env python3
"""embed_page.py PAGE HEADER

Writes a page as a C++ header: its bytes, and the Content-Security-Policy that lets it run its own
<style> and <script>, each by its SHA-256, and nothing else.
"""
import base64
import hashlib
import re
import sys


def source_of(page, tag):
    """The CSP source of the only element of that name: it must have no attributes."""
    texts = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), page, re.DOTALL)
    if len(texts) != 1 or len(re.findall(rf"<{tag}\b".encode(), page)) != 1:
        sys.exit(f"the page needs exactly one <{tag}>, without attributes")
    return "'sha256-" + base64.b64encode(hashlib.sha256(texts[0]).digest()).decode() + "'"


def policy_of(page):
    return "; ".join([
        "default-src 'none'",
        "script-src " + source_of(page, "script"),
        "style-src " + source_of(page, "style"),
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ])


def header_of(page):
    rows = [page[i:i + 16] for i in range(0, len(page), 16)]
    lines = ["    " + " ".join(f"'\\x{byte:02x}'," for byte in row) for row in rows]
    return "\n".join([
        "#pragma once",
        f'constexpr char kDashboardPolicy[] = "{policy_of(page)}";',
        "constexpr char kDashboardPage[] = {",
        *lines,
        "};",
        "",
    ])


if len(sys.argv) != 3:
    sys.exit(__doc__)
with open(sys.argv[1], "rb") as file:
    header = header_of(file.read())
with open(sys.argv[2], "w", encoding="ascii") as file:
    file.write(header)
