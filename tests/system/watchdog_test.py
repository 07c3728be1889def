"""`run --watchdog`, on a file that behaves like a watchdog device: it would reset the host before
anybody else may hold the lock, and only if nothing else could end CMD."""

import mmap
import os
import signal
import struct
import subprocess
import time

from command import main
from stage import EXCLUSIVE, HOLD, Stage, children

FAKEWATCHDOG = os.environ.get("DISKPAXOS_FAKEWATCHDOG", "")
KEEPALIVEPING, SETTIMEOUT, MAGICCLOSE = 0x8000, 0x0080, 0x0100


class FakeWatchdog:
    """diskpaxos-fakewatchdog and its Board (tests/supervise/fakewatchdog.hpp)."""

    BOARD = struct.Struct("<I8i?3xq?7x")

    def __init__(self, test):
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            test.skipTest("no FUSE here: /dev/fuse cannot be opened")
        mount, board = test.path("mount"), test.path("board")
        os.mkdir(mount)
        with open(board, "w+b") as file:
            file.write(self.BOARD.pack(KEEPALIVEPING | SETTIMEOUT | MAGICCLOSE, 1 << 20, 0, 0, 0, 0,
                                       10, 0, 0, False, 0, False))
            file.flush()
            self.memory = mmap.mmap(file.fileno(), self.BOARD.size)
        self.server = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", FAKEWATCHDOG, mount,
                                        board])
        self.path = os.path.join(mount, "watchdog")
        test.addCleanup(self.close)
        test.wait_until(lambda: os.path.exists(self.path))

    def field(self, index):
        return self.BOARD.unpack(self.memory[:])[index]

    timeout = property(lambda self: self.field(6))
    pets = property(lambda self: self.field(7))
    closes = property(lambda self: self.field(8))
    armed = property(lambda self: self.field(9))
    due = property(lambda self: self.field(10) / 1e9)  # on the clock of now()
    missed = property(lambda self: self.field(11))

    def close(self):
        self.server.terminate()
        self.server.wait(timeout=30)


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Watchdog(Stage):
    TTL = 3.0

    def setUp(self):
        super().setUp()
        self.make_group()
        self.dog = FakeWatchdog(self)

    def test_petted_while_the_session_is_sound(self):
        self.assertFalse(self.dog.armed)
        holder = self.hold("--watchdog", self.dog.path, "l")
        self.assertTrue(self.dog.armed)
        self.assertEqual(self.dog.timeout, 1)
        begun, pets, least = now(), self.dog.pets, self.dog.timeout
        while now() < begun + 1.2 * self.TTL:
            least = min(least, self.dog.due - now())
            self.assertGreater(least, 0, "the host would have been reset")
            time.sleep(0.01)
        self.assertGreaterEqual(self.dog.pets - pets, 3)
        self.let_go(holder)
        self.wait_until(lambda: self.dog.closes == 1)
        self.assertFalse(self.dog.armed)  # closed with the magic letter
        self.assertFalse(self.dog.missed)

    def test_disarmed_whatever_cmd_comes_to(self):
        for script, code in (("exit 4", 4), ("kill -KILL $$", 137)):
            closes = self.dog.closes
            answer = self.lock("--watchdog", self.dog.path, "l", "--", "sh", "-c", script)
            self.assertEqual(answer.code, code, answer.err)
            self.wait_until(lambda before=closes: self.dog.closes == before + 1)
            self.assertFalse(self.dog.armed)

    def test_armed_only_under_the_lock(self):
        holder = self.hold("l")
        waiting = self.lock("-w", "0.5", "--watchdog", self.dog.path, "l", "--", "true")
        self.assertEqual(waiting.code, 75, waiting.err)
        self.assertEqual(self.dog.pets, 0)
        self.let_go(holder)

    def test_no_such_device(self):
        answer = self.lock("--watchdog", self.path("none"), "l", "--", "touch", "ran")
        self.assertNotEqual(answer.code, 0)
        self.assertIn(self.path("none"), answer.err)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)

    def test_fires_where_nobody_could_end_cmd(self):
        """`run` and its guard are stopped: the host is reset before the next holder begins."""
        holder = self.hold("--watchdog", self.dog.path, "l")
        waiter = self.begin("l", script=HOLD, host="there")
        time.sleep(0.5)
        stopped = [*children(holder.pid), holder.pid]
        self.assertEqual(len(stopped), 2)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        pets, due = self.dog.pets, self.dog.due
        self.assertLess(due, now() + self.TTL)
        self.await_word(waiter, "held")
        begun = now()
        self.assertEqual((self.dog.pets, self.dog.due), (pets, due))
        self.assertTrue(self.dog.armed)
        self.assertLess(due, begun, "the next holder began before the watchdog could fire")
        print(f"{self.id()}: it fires {begun - due:.2f} s before the next holder begins")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(holder.wait(timeout=30), 79)
        self.let_go(waiter)

    def test_a_run_that_is_killed_leaves_it_armed(self):
        holder = self.hold("--watchdog", self.dog.path, "l")
        holder.kill()
        holder.wait()
        self.wait_until(lambda: self.dog.closes == 1)
        self.assertTrue(self.dog.armed)


if __name__ == "__main__":
    main()
