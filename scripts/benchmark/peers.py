"""What people use today, beside us: sanlock, etcd, redis, each an instance of our own in a folder of
its own, listening on loopback or a UNIX socket only, and ended at the end of the block.

Their locks are measured by small clients (tests/bench/peers), which are built where the peer's client
library is there. A server is taken from the system, or from where `install` unpacked its package.
"""
import contextlib
import grp
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

from benchmark import disks, tools

UNPACKED = os.path.join(tools.ROOT, "build/peers")
APT = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Sandbox::User=root"]


class Peer:
    name = target = server = ""
    libraries = []  # what the client is built with and the server runs with
    packages = []   # what holds the server
    modes = {}      # what is measured: what it is
    facts = ""      # how its lock and ours differ, for the page

    def __init__(self, tree):
        self.tree, self.child = tree, None

    def program(self):
        """The server, or None."""
        folders = [os.environ.get("PATH", ""), "/usr/sbin", UNPACKED + "/usr/bin", UNPACKED + "/usr/sbin"]
        return shutil.which(self.server, path=":".join(folders))

    def client(self):
        """What measures it, or None."""
        return shutil.which(self.target, path=os.path.join(self.tree, "tests/bench/peers"))

    def missing(self):
        """Why it cannot be measured; None if it can."""
        if not self.program():
            return f"{self.server} is not installed"
        return None if self.client() else f"{self.target} is not built"

    def version(self):
        done = subprocess.run([self.program(), *self.version_words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        found = re.search(r"\d+\.\d+(\.\d+)*", done.stdout)
        return found.group() if found else "of a version it does not tell"

    @contextlib.contextmanager
    def started(self, folder):
        """Runs the server in a new folder, which is to be on the file system to measure."""
        os.mkdir(folder)
        try:
            with self.running(folder):
                yield self
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def measure(self, mode, clients, seconds):
        words = [self.client(), "--clients", clients, "--seconds", seconds, "--server", self.child.pid,
                 *self.client_words(mode)]
        out = tools.output(words, 2 * seconds + tools.PATIENCE, self.environment())
        return tools.checked(json.loads(out))

    def environment(self):
        return None


class Sanlock(Peer):
    name, target, server = "sanlock", "diskpaxos-peer-sanlock", "sanlock"
    version_words = ["version"]
    libraries = ["libsanlock-dev", "libaio1"]
    packages = ["sanlock"]
    # NUMBER:SECTOR:HOSTS of tests/bench/peers/sanlock_pairs.cpp. To limit the hosts of a lease is the one
    # documented knob that helps (SANLK_RES_NUM_HOSTS); 4096:8 and more worker threads were no faster.
    layouts = {"default": "0:512:0", "best tuning": "1:512:8"}
    modes = {"default": "areas of 1 MiB, sectors of 512 bytes, 2000 hosts",
             "best tuning": "the same, its leases limited to 8 hosts"}
    facts = (
        "sanlock locks through a shared disk, as we do through several: a host's own lease is always on a "
        "single disk, and so is every lease here; ours survive the loss of any minority. "
        "It needs a daemon on every host and a number for each host from the administrator; a host that "
        "dies is waited for by 8 I/O time-outs and the watchdog (140 s as shipped), and there is no queue. "
        "It can hold a lease in shared mode, ask a holder to let go, and reset the host through a watchdog, "
        "here switched off. An I/O time-out of 2 s instead of 10 was used, so that joining takes 5 s and not "
        "21 s: it does not enter into acquiring and releasing. All clients are processes of one host.")

    @contextlib.contextmanager
    def running(self, folder):
        size = len(self.layouts) * 33 << 20  # a lockspace and 32 leases each
        make = disks.file if disks.no_loops(folder) else disks.loop
        self.folder = folder
        with make(os.path.join(folder, "disk"), size) as self.disk, kept_limit(self.disk):
            user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
            words = [self.program(), "daemon", "-D", "-w", 0, "-h", 0, "-L", -1, "-S", -1, "-U", user, "-G", group]
            with tools.running(words, os.path.join(folder, "log"), self.environment()) as self.child:
                try:
                    listening = os.path.join(folder, "sanlock.sock")
                    tools.wait_for(lambda: os.path.exists(listening) and tools.reaches(listening), "sanlock")
                    with ThreadPoolExecutor() as pool:  # who joins, waits for seconds
                        list(pool.map(self.prepare, self.layouts.values()))
                    yield
                finally:
                    self.child.kill()  # it does not end for less while it is in a lockspace

    def prepare(self, layout):
        tools.output([self.client(), "prepare", layout, self.disk], environment=self.environment())

    def environment(self):
        return {**os.environ, "SANLOCK_RUN_DIR": self.folder, "SANLOCK_PRIVILEGED": "0"}

    def client_words(self, mode):
        device = [] if os.path.isfile(self.disk) else ["--device", os.path.basename(self.disk)]
        return [*device, self.layouts[mode], self.disk]


class Etcd(Peer):
    name, target, server = "etcd", "diskpaxos-peer-etcd", "etcd"
    version_words = ["--version"]
    libraries = ["libgrpc++-dev", "protobuf-compiler-grpc", "protobuf-compiler", "libprotobuf-dev"]
    packages = ["etcd-server"]
    modes = {"txn": "a key created and deleted, no expiry",
             "lease": "a key with a lease that each client keeps alive",
             "lease-each": "a lease granted and revoked for every lock, as etcdctl lock does"}
    facts = (
        "etcd here is one member: one disk, no replication, and when it dies nobody gets a lock. In earnest it "
        "is three servers and a network, and every change is durable on a majority of them, as ours is on a "
        "majority of the disks; then each write waits for a network round as well. Its revision is a fencing "
        "token as good as ours, it can queue waiters, watch keys, and holds far larger values; a lease expires "
        "by the leader's clock, and to stop its own work in time is left to the client. We need no server, it "
        "needs no shared disk. Its clients speak gRPC over a UNIX socket, each on a connection of its own; TCP on "
        "loopback was no faster.")

    @contextlib.contextmanager
    def running(self, folder):
        self.socket = os.path.join(folder, "etcd:1")  # how etcd names the socket unix://etcd:1, in its folder
        peers = "unix://etcd:2"
        words = ["env", "--chdir=" + folder, self.program(), "--data-dir", "data",
                 "--listen-client-urls", "unix://etcd:1", "--advertise-client-urls", "unix://etcd:1",
                 "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
                 "--initial-cluster", "default=" + peers]
        with tools.running(words, os.path.join(folder, "log")) as self.child:
            tools.wait_for(self.healthy, "etcd")
            yield

    def healthy(self):
        """It has elected itself."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as to:
            to.settimeout(5)
            to.connect(self.socket)
            to.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            return b'"true"' in to.recv(4096)
        return False

    def client_words(self, mode):
        return [mode, "unix:" + self.socket]


class Redis(Peer):
    name, target, server = "redis", "diskpaxos-peer-redis", "redis-server"
    version_words = ["--version"]
    libraries = ["libhiredis-dev", "libjemalloc2", "liblzf1"]
    packages = ["redis-server", "redis-tools"]
    modes = {"set-nx": "SET NX PX, and a script that compares and deletes; appendfsync always"}
    facts = (
        "redis here is one server that appends every change to one file and flushes it: one disk, no "
        "replication. It flushes once for all clients that wait, which is why many of them are cheap. A replica "
        "of it follows later, so that a lock can be lost with the server; ours is held by a majority of the "
        "disks or not at all. Its token is the holder's own and does not rise: it shows whose lock it is, but "
        "fences nothing. The lock ends by the server's clock whether or not the holder has noticed, and "
        "there is no queue. Its clients speak over a UNIX socket.")

    @contextlib.contextmanager
    def running(self, folder):
        self.socket = os.path.join(folder, "socket")
        words = [self.program(), "--port", 0, "--unixsocket", self.socket, "--dir", folder, "--appendonly", "yes",
                 "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", 0]
        with tools.running(words, os.path.join(folder, "log")) as self.child:
            tools.wait_for(lambda: os.path.exists(self.socket) and tools.reaches(self.socket), "redis")
            yield

    def client_words(self, mode):
        return [self.socket]


ALL = (Sanlock, Etcd, Redis)
TARGETS = [peer.target for peer in ALL]  # exist only where their libraries do


@contextlib.contextmanager
def kept_limit(disk):
    """sanlock changes the largest request of the device it is shown, for everybody and for good."""
    path = f"/sys/block/{os.path.basename(disk)}/queue/max_sectors_kb"
    if not os.path.exists(path):
        yield
        return
    with open(path) as file:
        before = file.read()
    try:
        yield
    finally:
        with contextlib.suppress(OSError), open(path, "w") as file:
            file.write(before)


def installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True)
    return done.stdout == "install ok installed"


def install():
    """Installs what the clients are built with. Servers are only unpacked into the build tree, so that no
    service is added to this machine. Returns what was done, in sentences."""
    libraries = [name for peer in ALL for name in peer.libraries if not installed(name)]
    packages = [name for peer in ALL if not peer("").program() for name in peer.packages]
    if not libraries and not packages:
        return []
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", *APT]
    run([*apt, "update"])
    said = []
    if libraries:
        run([*apt, "install", "-y", "--no-install-recommends", *libraries])
        said.append("installed " + ", ".join(libraries))
    if packages:
        unpack(packages)
        said.append(f"unpacked {', '.join(packages)} into build/peers: no service was added")
    return said


def unpack(packages):
    os.makedirs(UNPACKED, exist_ok=True)
    run([*APT, "download", *packages], UNPACKED)
    for name in sorted(os.listdir(UNPACKED)):
        if name.endswith(".deb"):
            run(["dpkg-deb", "-x", name, "."], UNPACKED)
            os.unlink(os.path.join(UNPACKED, name))


def run(words, folder=None):
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
        raise tools.Failed(f"{' '.join(words)}: {last[0]}")
