"""Asks 127.0.0.1:PORT for PATH and takes 1 KiB a second of the answer, through a receive buffer as
small as the kernel allows. Prints how many bytes it has so far, a line each second."""

import socket
import sys
import time

client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
client.connect(("127.0.0.1", int(sys.argv[1])))
client.sendall(f"GET {sys.argv[2]} HTTP/1.1\r\nHost: slow\r\n\r\n".encode())
taken = 0
while piece := client.recv(1024):
    taken += len(piece)
    print(taken, flush=True)
    time.sleep(1)
