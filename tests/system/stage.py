"""Where locks are put to the test: holders, a witness that tells if two held at once, and disks
that misbehave.

The witness is a file that every CMD locks as long as it, or anything it started, lives: the kernel
sees to that, and knows nothing of diskpaxos. The journal has the tokens in the order of holding.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time

from command import BINARY, CommandTest

FAULTFS = os.environ.get("DISKPAXOS_FAULTFS", "")

# Descriptor 9 goes to all children. `both` says who came while somebody else was still there.
EXCLUSIVE = ('exec 9>>witness; flock -n 9 || echo "$DISKPAXOS_TOKEN" >>both; '
             'echo "$DISKPAXOS_TOKEN" >>journal; ')
SHARED = 'exec 9>>witness; flock -sn 9 || echo "$DISKPAXOS_TOKEN" >>both; '
HOLD = "echo held; read line"  # until let_go(), or the end of its `run`

SLACK = 2.0  # seconds for processes to start and end on a busy machine


class Stage(CommandTest):
    TTL = 2.0

    def setUp(self):
        super().setUp()
        # Every slot's session has a cell, and so has every lock.
        self.GROUP = ["--cells", "64", "--slots", "32", "--ttl", f"{self.TTL}s"]
        self.disks = ["-g", "g"]

    def lock(self, *words, **more):
        return self.run_raw("run", *self.disks, *words, **more)

    def begin(self, *words, script, before=(), host="here", **more):
        """A `run` of `sh -c script`, which ends with the test at the latest."""
        words = [*before, BINARY, "run", *self.disks, *words, "--", "sh", "-c", script]
        process = subprocess.Popen(words, cwd=self.folder, env=self.environment(host),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **more)
        self.addCleanup(self.end, process)
        return process

    def hold(self, *words, script=EXCLUSIVE + HOLD, **more):
        holder = self.begin(*words, script=script, **more)
        self.await_word(holder, "held")
        return holder

    def await_word(self, process, word):
        line = process.stdout.readline().decode()
        if line != word + "\n":
            self.fail(f"not {word!r} but {line!r}: {process.communicate(timeout=60)}")

    def let_go(self, holder):
        out, err = holder.communicate(b"go\n", timeout=60)
        self.assertEqual(holder.returncode, 0, err)
        return out.decode()

    @staticmethod
    def end(process):
        for pid in [process.pid, *children(process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        if process.poll() is None:
            process.kill()
        process.communicate()

    def without_lock(self, script, token=1):
        """The planted violation: the same CMD, and no lock that keeps others out."""
        process = subprocess.Popen(["sh", "-c", script], cwd=self.folder, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**self.environment(), "DISKPAXOS_TOKEN": str(token)})
        self.addCleanup(self.end, process)
        return process

    def caught(self, what):
        """The judge, of what must not be."""
        with self.assertRaisesRegex(AssertionError, what):
            self.judge()

    def wait_until(self, what, seconds=20):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "it never came to that")
            time.sleep(0.01)

    def lines(self, name):
        path = self.path(name)
        return self.content(name).decode().splitlines() if os.path.exists(path) else []

    def judge(self):
        """Nobody held together with somebody else, and every holding had a larger token."""
        self.assertEqual(self.lines("both"), [], "two held the lock at once")
        tokens = [int(token) for token in self.lines("journal")]
        self.assertEqual(tokens, sorted(set(tokens)), "tokens must rise")
        return tokens


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class FaultDisks:
    """Disks on diskpaxos-faultfs; tests/faultfs/control.hpp has the commands."""

    def __init__(self, test, count=3, size=4 << 20):
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            test.skipTest("no FUSE here: /dev/fuse cannot be opened")
        self.count = count
        self.mount = test.path("mount")
        self.socket = test.path("control.sock")
        backing = [test.path(f"backing{disk}") for disk in range(count)]
        for path in backing:
            with open(path, "wb") as file:
                file.truncate(size)
        os.mkdir(self.mount)
        # No mount outlives a test that crashed.
        self.server = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", FAULTFS, self.mount,
                                        self.socket, *backing])
        test.addCleanup(self.close)
        test.wait_until(lambda: os.path.exists(self.path(0)) and os.path.exists(self.socket))

    def path(self, disk):
        return os.path.join(self.mount, f"d{disk}")

    def tell(self, disk, command):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.socket)
            control.sendall(f"{disk} {command}\n".encode())
            answer = control.recv(256).decode().strip()
        if answer.startswith("error"):
            raise ValueError(f"{command}: {answer}")
        return answer

    def heal(self):
        for disk in range(self.count):
            self.tell(disk, "clear")
            self.tell(disk, "release")

    def close(self):
        with contextlib.suppress(OSError):
            self.heal()
        self.server.terminate()
        self.server.wait(timeout=30)
