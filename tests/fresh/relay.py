# SPDX-License-Identifier: Apache-2.0
"""A namespace's way to one server: relay.py NAMESPACE HOST PORT listens on the namespace's loopback and passes on
what comes to the server, from the network this program was started in."""
import pathlib
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lab import inside  # noqa: E402


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()  # the other side has gone: so does this one


def serve(client, host, port):
    with client, socket.create_connection((host, port)) as server:
        back = threading.Thread(target=pump, args=(server, client))
        back.start()
        pump(client, server)
        back.join()


def main(namespace, host, port):
    with inside(namespace):
        listener = socket.create_server(("127.0.0.1", port))
    print("relaying", flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], host, port), daemon=True).start()


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
