"""What is measured: sections of rows, as data. One axis at a time around the usual setting: three
loop devices of 512-byte blocks, 32 slots, one process, one operation at a time.

A row of a section is compared with the bare loop of the same section, place, clients and operations
at once, measured in the same round.
"""
import dataclasses

from benchmark import peers as strangers

SECTIONS = {
    "floor": "The floor: fio, and the bare loop, without any protocol",
    "ours": "Our operations: one axis at a time",
    "faults": "One disk of three is slow, or hangs",
    "agents": "Active disks, beside strangers that answer one request at a time as they do",
    "peers": "Locks: pairs of acquire and release, beside what people use today",
    "locks": "Sessions: joining, renewing, taking over",
}


@dataclasses.dataclass(frozen=True)
class Place:
    """Disks, and how they are made a group."""
    label: str
    kind: str = "loop"  # file, loop, fuse; agent, mixed, lun: by URLs
    count: int = 3
    block: int = 512
    slots: int = 32
    cells: int = 1024
    ttl_ms: int = 10000
    emptied: bool = False  # before each measurement
    tier: int = None  # slots of the first tier: as format makes it unless told; 0: rows are read whole


PLACES = {
    "loops": Place("three loop devices"),
    "many": Place("three loop devices, a group that 32 processes use"),
    "empty": Place("three loop devices, 4096 cells, no names yet", cells=4096, emptied=True),
    "loops-4096": Place("three loop devices, blocks of 4096", block=4096, cells=256),
    "files": Place("three files", "file"),
    "five": Place("five loop devices", count=5),
    "one": Place("one loop device", count=1),
    "one-file": Place("one file", "file", count=1),
    "slots-8": Place("three loop devices, 8 slots", slots=8),
    "slots-128": Place("three loop devices, 128 slots", slots=128, cells=512),
    "whole": Place("three loop devices, 32 slots, rows read whole", tier=0),
    "whole-128": Place("three loop devices, 128 slots, rows read whole", slots=128, cells=512, tier=0),
    "fuse": Place("three FUSE disks", "fuse"),
    "held": Place("three loop devices, 8 slots, 32768 cells", slots=8, cells=1 << 15, ttl_ms=2000),
    "brisk": Place("three loop devices, TTL 1 s", ttl_ms=1000),
    "agent": Place("one agent", "agent", 1),
    "agents": Place("three agents", "agent"),
    "mixed": Place("two files and an agent", "mixed"),
    "luns": Place("three istgt LUNs (COMPARE AND WRITE)", "lun"),
}
USUAL = "loops"

# What tables say: what the yardstick is told.
OPERATIONS = {
    "bare loop": "bare", "propose": "propose", "change cold": "change-cold", "change again": "change",
    "read": "read", "read another's": "read-other", "lock again": "lock", "lock cold": "lock-cold",
    "one lock for all": "lock-one", "renew": "renew", "join": "join", "take over": "takeover",
}
WAITING = ("renew", "take over")  # most of their time, by the clock
BARE, CHANGE, COLD, LOCK = "bare loop", "change again", "change cold", "lock again"


@dataclasses.dataclass(frozen=True)
class Row:
    section: str
    place: str  # of PLACES, or what a peer is called
    operation: str
    clients: int = 1  # processes or connections
    at_once: int = 1  # operations, in each of them
    by: str = "yardstick"
    words: tuple = ()
    fault: str = ""  # of one disk
    held: int = 0
    floor: str = ""  # the place whose bare loop it is compared with; its own unless told
    longer: float = 1  # times the usual length

    @property
    def name(self):
        parts = [self.operation]
        if self.clients > 1:
            unit = "connections" if self.by == "load" else "processes"
            parts.append(f"{self.clients} {unit}")
        if self.at_once > 1:
            parts.append(f"{self.at_once} at once")
        if self.held:
            parts.append(f"{self.held:,} held".replace(",", " "))
        if self.fault:
            parts.append("one disk " + FAULTS[self.fault][0])
        return ", ".join(parts)

    @property
    def group(self):
        return PLACES[self.place].label if self.place in PLACES else self.place

    @property
    def key(self):
        """Names the row in the JSON."""
        return f"{self.section}/{self.group}/{self.name}"


FAULTS = {"delayed": ("delayed by 50 ms", "delay rw 50000"), "hung": ("hung", "hang rw")}


def floor_of(row, rows):
    """The bare loop that `row` is divided by: as many at a time where that was measured, else one."""
    if row.operation == BARE or row.by in ("fio", "peer"):
        return None
    bares = [one for one in rows if one.operation == BARE and one.section == row.section
             and one.place == (row.floor or row.place)]
    same = [one for one in bares if (one.clients, one.at_once) == (row.clients, row.at_once)]
    alone = [one for one in bares if one.clients == one.at_once == 1]
    return (same or alone or [None])[0]


def block_of(row, rows):
    """Rows that are compared with each other are of one block, and are measured close together."""
    return row.clients if row.section == "peers" else floor_of(row, rows) or row


def floor():
    for kind in ("files", "loops"):
        for verb, size in (("write", "512"), ("write", "4k"), ("read", "9k"), ("read", "32k")):
            for depth in (1, 8):
                what = "durable write" if verb == "write" else "read"
                yield Row("floor", kind, f"fio: {what} of {size}", at_once=depth, by="fio", words=(verb, size))
        for depth in (1, 8, 64):
            yield Row("floor", kind, BARE, at_once=depth)


def ours():
    for operation in (BARE, COLD, CHANGE, "read", "read another's", LOCK, "lock cold"):
        yield Row("ours", USUAL, operation)
    for at_once in (8, 64):
        for operation in (BARE, COLD, CHANGE, "read", LOCK):
            yield Row("ours", USUAL, operation, at_once=at_once)
    for at_once in (1, 8, 64):
        yield Row("ours", "empty", "propose", at_once=at_once, floor=USUAL)
    for clients in (1, 8, 32):
        for operation in (BARE, CHANGE, "read", LOCK):
            yield Row("ours", "many", operation, clients=clients)
    yield Row("ours", "many", COLD)
    for place in ("files", "loops-4096", "five", "one", "slots-8", "slots-128", "whole", "whole-128"):
        for operation in (BARE, COLD, CHANGE, "read", LOCK):
            yield Row("ours", place, operation)
    for place in ("slots-128", "whole"):
        for operation in (BARE, CHANGE):
            yield Row("ours", place, operation, at_once=64)


def faults():
    for fault in ("", "delayed", "hung"):
        for operation in (CHANGE, COLD, "read", LOCK):
            yield Row("faults", "fuse", operation, fault=fault)
    yield Row("faults", "fuse", BARE)


def agents():
    yield Row("agents", "the floor", "ping-pong, UNIX socket", by="load", words=("echo", "unix"))
    yield Row("agents", "the floor", "ping-pong, TCP", by="load", words=("echo", "tcp"))
    yield Row("agents", "files", BARE)
    yield Row("agents", "files", "fio: durable write of 4k", by="fio", words=("write", "4k"))
    for place in ("files", "agent", "agents", "mixed", "luns"):
        for operation in (COLD, CHANGE, "read", LOCK):
            yield Row("agents", place, operation, floor="files")
    for place in ("files", "agents", "mixed"):
        yield Row("agents", place, LOCK, clients=8, floor="files")
    for at_once in (8, 64):
        for place in ("agent", "agents"):
            yield Row("agents", place, CHANGE, at_once=at_once, floor="files")
    for group, connections, words in (
            ("steps of one agent, durable", (1, 64, 1024), ("steps", "durable")),
            ("steps of one agent, store in memory", (1, 64, 1024), ("steps", "memory")),
            ("redis, appendfsync always: compare and set", (1, 64, 1024), ("redis",)),
            ("etcd, one member, its JSON gateway: compare and put", (1, 64), ("etcd",))):
        for clients in connections:
            yield Row("agents", group, "step", clients=clients, by="load", words=words)
    yield Row("agents", "luns", "bare COMPARE AND WRITE, no flush", by="caw")


def stranger(peer, mode):
    """What a mode of a peer is called."""
    return f"{peer.name}, {mode}: {peer.modes[mode]}"


def peers():
    for place in (USUAL, "files", "one", "one-file", "agents"):
        for clients in (1, 8, 32):
            if place != "agents":
                yield Row("peers", place, BARE, clients=clients)
            yield Row("peers", place, LOCK, clients=clients, floor=USUAL if place == "agents" else "")
    yield Row("peers", USUAL, "lock cold")
    for peer in strangers.ALL:
        for mode in peer.modes:
            for clients in (1, 8, 32):
                yield Row("peers", stranger(peer, mode), LOCK, clients=clients, by="peer", words=(peer.name, mode))


def locks():
    yield Row("locks", USUAL, BARE)
    yield Row("locks", USUAL, "join")
    for clients in (1, 8):
        yield Row("locks", USUAL, "one lock for all", clients=clients)
    for held in (1, 100, 1000, 10000):
        yield Row("locks", "held", "renew", held=held, longer=4)
    yield Row("locks", "held", BARE)
    yield Row("locks", "brisk", "take over", longer=6)


def quick():
    """The shape of it all in half a minute: for the tests."""
    for operation in (BARE, COLD, CHANGE, "read", LOCK, "lock cold"):
        yield Row("ours", USUAL, operation)
    yield Row("ours", "empty", "propose", floor=USUAL)
    for operation in (BARE, CHANGE):
        yield Row("ours", USUAL, operation, at_once=64)
    yield Row("ours", USUAL, LOCK, clients=4)
    for operation in (BARE, CHANGE):
        yield Row("ours", "slots-8", operation)
    for fault in ("", "delayed", "hung"):
        yield Row("faults", "fuse", CHANGE, fault=fault)
    for operation in (BARE, CHANGE, LOCK):
        yield Row("agents", "files", operation)
        if operation != BARE:
            yield Row("agents", "agents", operation, floor="files")
    yield Row("agents", "steps of one agent, durable", "step", by="load", words=("steps", "durable"))
    yield Row("locks", USUAL, "join")
    yield Row("locks", "brisk", "renew", held=100, longer=4)


def rows(sections, is_quick=False):
    """Every row of these sections, in the order in which tables show them."""
    makers = (floor, ours, faults, agents, peers, locks)
    plan = list(quick()) if is_quick else [row for maker in makers for row in maker()]
    return [row for row in plan if row.section in sections]
