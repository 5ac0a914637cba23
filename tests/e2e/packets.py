# SPDX-License-Identifier: Apache-2.0
"""TCP segments made by hand, with any source: what an attacker who sees no answers can send. And a sniffer that
sees what went back to the address in whose name he sent."""
import contextlib
import select
import socket
import struct
import time

from lab import PORT, SERVER4, inside, run

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETH_P_ALL = 3


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source, source_port, seq, ack, flags, payload=b""):
    """An IPv4 packet with a TCP segment to the daemon, checksums right."""
    addresses = socket.inet_aton(source) + socket.inet_aton(SERVER4)
    tcp = struct.pack("!HHIIBBHHH", source_port, PORT, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 64240, 0, 0)
    pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + payload)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(payload), 1, 0, 64, socket.IPPROTO_TCP, 0) + addresses
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp + payload


class Attacker:
    """Sends from the client's namespace in the name of an address that isn't there."""

    victim = "10.77.0.99"

    def __init__(self, network):
        self.network = network
        with inside(network.client):
            self.out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.sniffer.bind(("c0", 0))
        # Nobody answers ARP for the victim; what is sent to it must still leave, or no answer proves nothing.
        mac = run("ip", "netns", "exec", network.client, "cat", "/sys/class/net/c0/address").strip()
        run("ip", "-n", network.server, "neigh", "replace", self.victim, "lladdr", mac, "dev", "s0")

    def send(self, *parts, source=None):
        self.out.sendto(segment(source or self.victim, *parts), (SERVER4, 0))

    def sees(self, wanted, limit_s):
        """The first TCP packet from the daemon that came by and is wanted: (to, port, seq, ack, flags, payload)."""
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.sniffer], [], [], left)[0]:
                break
            packet = parse(self.sniffer.recv(65535))
            if packet and wanted(*packet):
                return packet
        return None

    def close(self):
        self.out.close()
        self.sniffer.close()


def parse(frame):
    """Of a packet that the daemon's port sent over IPv4; None for anything else."""
    with contextlib.suppress(struct.error):
        if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
            return None
        ip = frame[14:]
        total, = struct.unpack("!H", ip[2:4])
        tcp = ip[(ip[0] & 15) * 4:total]
        port, to_port, seq, ack, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
        if port == PORT:
            return socket.inet_ntoa(ip[16:20]), to_port, seq, ack, flags, tcp[(offset >> 4) * 4:]
    return None
