"""A broker that accepts a client, answers its SUBSCRIBE, and then ends the connection with an MQTT 5 DISCONNECT.

Usage: ending_broker.py PORT REASON; prints the number of the connection for each that was accepted.
"""

import socket
import sys


def packet(connection):
    """The first byte and the body of the next control packet."""
    first = connection.recv(1)
    length, shift = 0, 0
    while True:
        byte = connection.recv(1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return first[0], body


def serve(connection, reason):
    packet(connection)
    connection.sendall(bytes([0x20, 3, 0, 0, 0]))
    kind, body = packet(connection)
    assert kind >> 4 == 8, "the client subscribes first"
    connection.sendall(bytes([0x90, 4]) + body[:2] + bytes([0, 1]))
    connection.sendall(bytes([0xE0, 1, reason]))
    # Open until the client, which has been told, closes it; unread bytes would end it with a reset.
    while connection.recv(4096):
        pass


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
count = 0
while True:
    connection, _ = listener.accept()
    count += 1
    print(count, flush=True)
    try:
        serve(connection, int(sys.argv[2], 0))
    except (OSError, IndexError):
        pass
    connection.close()
