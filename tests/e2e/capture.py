# SPDX-License-Identifier: Apache-2.0
"""What was on the wire, judged by a tool that wasn't written here: tshark's TCP analysis.

The kernel's answers are made by hand, so nothing but somebody else's reading of the capture says that a client would
call them right: checksums, sequence numbers, nothing sent twice that didn't have to be."""
import contextlib
import signal
import socket
import subprocess

from lab import PATIENCE_S, PORT, SERVER4, enter, inside, run, wait_until

# tshark's expert fields, by the name after "tcp.analysis.". A duplicate ACK or a window update is no fault.
ANOMALIES = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
             "ack_lost_segment", "zero_window", "window_full", "keep_alive", "reused_ports", "tfo_syn")
FIELDS = ("tcp.srcport", "tcp.flags.reset", "tcp.flags.fin", "tcp.checksum.status", "ip.checksum.status", "tcp.len",
          *(f"tcp.analysis.{name}" for name in ANOMALIES))
CHECKSUM_GOOD = "1"
MARK = b"the capture ends here"
DISCARD_PORT = 9


class Packet:
    """One line of tshark's output."""

    def __init__(self, line):
        fields = dict(zip(FIELDS, line.rstrip("\n").split("\t")))
        self.from_server = fields["tcp.srcport"] == str(PORT)
        self.reset = fields["tcp.flags.reset"] in ("1", "True")
        self.fin = fields["tcp.flags.fin"] in ("1", "True")
        self.payload_len = int(fields["tcp.len"] or 0)
        self.bad_checksum = (fields["tcp.checksum.status"] != CHECKSUM_GOOD
                             or fields["ip.checksum.status"] not in ("", CHECKSUM_GOOD))
        self.anomalies = {name for name in ANOMALIES if fields[f"tcp.analysis.{name}"]}
        self.line = line.strip()

    @property
    def is_bare_fin(self):
        return self.fin and not self.payload_len

    def __repr__(self):
        return f"{'server' if self.from_server else 'client'}: {self.line}"


class Capture:
    """The TCP packets on the client's end of the cable between start and stop."""

    def __init__(self, network, directory):
        self.network, self.file = network, directory / "wire.pcap"
        self.packets = []

    @contextlib.contextmanager
    def running(self):
        tcpdump = subprocess.Popen(
            [*enter(self.network.client), "tcpdump", "--immediate-mode", "-Unq", "-i", "c0", "-w", self.file,
             f"tcp port {PORT} or udp port {DISCARD_PORT}"], stderr=subprocess.PIPE, text=True)
        try:
            wait_until(lambda: "listening on" in tcpdump.stderr.readline(), "tcpdump listens")
            yield self
            self._wait_for_mark()
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.communicate(timeout=PATIENCE_S)
        self.packets = self._read()

    def _wait_for_mark(self):
        """Whoever ends a capture loses what tcpdump hasn't read yet: so a last packet is sent and waited for."""
        with inside(self.network.client), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(MARK, (SERVER4, DISCARD_PORT))
        wait_until(lambda: MARK in self.file.read_bytes(), "the last packet is in the file")

    def _read(self):
        options = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]
        for field in FIELDS:
            options += ["-e", field]
        return [Packet(line) for line in run("tshark", "-r", self.file, "-Y", "tcp", *options).splitlines()]

    def bad_checksums(self):
        return [packet for packet in self.packets if packet.bad_checksum]

    def resets_to_client(self):
        return [packet for packet in self.packets if packet.from_server and packet.reset]

    def anomalies(self):
        """[(who sent it, what tshark calls it)], in the order of the packets. Not a client's FIN that comes again: when
        its first acknowledgement of the answer carries it, one segment can't become both the server's RST and the
        client's ACK, and no client can be made never to do that."""
        return [("server" if packet.from_server else "client", name)
                for packet in self.packets for name in sorted(packet.anomalies)
                if not (name == "retransmission" and packet.is_bare_fin and not packet.from_server)]
