"""A client of agents that keeps to the protocol's bytes, and to nothing else: it asks for the highest
ranks there are (disk-agent/PROTOCOL.md)."""

import socket
import struct
import threading

POLYNOMIAL = 0x82F63B78
TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ (POLYNOMIAL if number & 1 else 0)
    TABLE.append(number)

HELLO, READ, STEP = 1, 2, 4
OK, REFUSED, DAMAGED, FORBIDDEN, FAILED, ABOVE = 0, 1, 3, 4, 8, 12
HIGHEST = (1 << 64) - 1
LAST_PROMISE = HIGHEST - (1 << 40)


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Stranger:
    def __init__(self, address, features=1, name=0x5A5A):
        self.name = name
        self.seq = 0
        self.id = 0
        if isinstance(address, str):
            self.end = socket.socket(socket.AF_UNIX)
        else:
            self.end = socket.socket()
        self.end.settimeout(10)
        self.end.connect(address)
        body = struct.pack("<QHHIQB", 0x746E656741507844, 1, 1, 0, features, 0)
        status, self.welcome = self.ask(HELLO, body)
        assert status == OK, status

    def close(self):
        self.end.close()

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = self.end.recv(count - len(data))
            if not more:
                raise ConnectionError("the agent has closed the connection")
            data += more
        return data

    def ask(self, kind, body):
        self.id += 1
        head = struct.pack("<IBBHQII", len(body), kind, 0, 0, self.id, 0, 0)
        seal = crc32c(head + body)
        self.end.sendall(head[:16] + struct.pack("<I", seal) + head[20:] + body)
        length, _, status = struct.unpack("<IBB", self.receive(24)[:6])
        return status, self.receive(length)

    def read(self, block):
        status, image = self.ask(READ, struct.pack("<QII", block, 1, 0))
        return image if status == OK else None

    def image(self, present, promised, accepted=None, value=b""):
        """A request for the register that lies there, by its address."""
        self.seq += 1
        rank = struct.pack("<QQ", promised, self.name)
        old = struct.pack("<QQ", accepted, self.name) if accepted else bytes(16)
        fixed = (present[:5] + b"\0" + struct.pack("<H", len(value)) + present[8:40] +
                 struct.pack("<QQ", self.name, self.seq) + rank + old + bytes(36))
        block = fixed + struct.pack("<I", 0) + value
        whole = block + bytes(512 - len(block))
        return block[:124] + struct.pack("<I", crc32c(whole)) + value

    def promise(self, block, round_, present):
        """The status, and the limit if it is above the ceiling."""
        request = self.image(present, round_)
        head = struct.pack("<QQQ", block, round_, self.name)
        status, body = self.ask(STEP, head + request)
        limit = struct.unpack("<Q", body[:8])[0] if status == ABOVE else 0
        return status, limit

    def grab(self, block, present=None):
        """The highest rank that it can get there; 0: none."""
        present = present or self.read(block)
        if present is None:
            return 0
        status, limit = self.promise(block, LAST_PROMISE, present)
        if status == ABOVE:
            status, _ = self.promise(block, limit, present)
            return limit if status == OK else 0
        return LAST_PROMISE if status == OK else 0


def promised(image):
    return struct.unpack("<Q", image[56:64])[0]


class Warp(threading.Thread):
    """Stands before an agent, and changes one thing: the time that it tells with its welcome."""

    def __init__(self, agent, path, seconds):
        super().__init__(daemon=True)
        self.agent, self.path, self.seconds = agent, path, seconds
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen()
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.agent)
            threading.Thread(target=self.forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self.welcome, args=(server, client), daemon=True).start()

    def welcome(self, server, client):
        frame = b""
        while len(frame) < 24 + 72:
            frame += server.recv(24 + 72 - len(frame))
        time_ms = struct.unpack("<Q", frame[88:96])[0] + 1000 * self.seconds
        frame = frame[:16] + bytes(4) + frame[20:88] + struct.pack("<Q", time_ms)
        client.sendall(frame[:16] + struct.pack("<I", crc32c(frame)) + frame[20:])
        self.forward(server, client)

    @staticmethod
    def forward(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
