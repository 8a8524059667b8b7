"""The socket of a service manager under NAME, a path or "@" and an abstract name. Prints each datagram
as a line of JSON, the first line when the socket is there. Node has no datagrams over Unix sockets."""

import json
import socket
import sys

name = sys.argv[1]
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.bind("\0" + name[1:] if name.startswith("@") else name)
    print(json.dumps("bound"), flush=True)
    while True:
        print(json.dumps(manager.recv(4096).decode()), flush=True)
