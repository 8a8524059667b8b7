"""unix_datagrams.py PATH: serves a Unix datagram socket, which Node.js cannot, and writes each
datagram as a line of JSON. Says "ready" first."""
import json
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as served:
    served.bind(sys.argv[1])
    print("ready", flush=True)
    while True:
        print(json.dumps(served.recv(1 << 17).decode()), flush=True)
