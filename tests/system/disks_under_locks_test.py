"""Disks that are wiped, slow, hung or gone while locks are held on them."""

import json
import os
import re
import shutil
import signal
import time

from command import main
from stage import EXCLUSIVE, HOLD, SLACK, FaultDisks, Stage, alive


class Wiped(Stage):
    TTL = 2.0

    def test_a_disk_of_zeros(self):
        self.make_group()
        holder = self.hold("--json", "l")
        self.spoil("b.img", 0, bytes(os.path.getsize(self.path("b.img"))))
        wiped = time.monotonic()
        self.assertEqual(self.lock("other", "--", "true").code, 0)
        self.assertEqual(self.run_raw("check", "-g", "g").code, 1)
        # All but the slot in use, its owner's affair.
        self.run_raw("check", "--repair", "--replace", "2", "--old-is-gone", "--force", "-g", "g")
        self.assertTrue(self.only_the_holders_slot_is_left())
        while time.monotonic() < wiped + 1.5 * self.TTL:  # a lease of before would be over
            self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        shown = json.loads(self.let_go(holder))
        self.assertGreater(shown["least_margin_ms"], self.TTL * 1000 / 4, shown)
        self.ok("check", "--repair", "-g", "g")
        self.ok("check", "-g", "g")
        # What was repaired counts again: it carries the group with either of the others.
        for lost in ("a.img", "c.img"):
            os.rename(self.path(lost), self.path("away"))
            self.assertEqual(self.lock("-w", "10", "l", "--", "sh", "-c", EXCLUSIVE).code, 0)
            os.rename(self.path("away"), self.path(lost))
        self.assertEqual(len(self.judge()), 3)

    def test_its_users_make_it_whole_without_a_command(self):
        """Two hosts that own all slots, each with a holder; all but the identity of a disk is lost."""
        self.GROUP = ["--cells", "64", "--slots", "2", "--ttl", "2s"]
        self.make_group()
        holders = [self.hold("--json", lock, script="echo held; read line", host=host)
                   for host, lock in (("here", "l"), ("there", "m"))]
        self.ok("status", "-g", "g")
        size = os.path.getsize(self.path("b.img"))
        self.spoil("b.img", 4096, bytes(size - 2 * 4096))
        self.assertEqual(self.run_raw("status", "-g", "g").code, 1)
        cells = lambda: self.ok_or_one("status", "--json", "-g", "g").json()["disks"][1]["votes_for_cells"]
        self.wait_until(lambda: cells() == 64, seconds=15)  # rows: within two TTLs, on a quiet machine
        # The slot table: after the wait of R3, and two looks of the keeper.
        self.wait_until(lambda: self.run_raw("status", "-g", "g").code == 0, seconds=120)
        for holder in holders:
            self.assertIsNone(holder.poll())
            self.let_go(holder)
        self.ok("check", "-g", "g")

    def test_a_disk_without_a_superblock_waits_for_a_person(self):
        self.GROUP = ["--cells", "64", "--slots", "2", "--ttl", "2s"]
        self.make_group()
        holder = self.hold("--json", "l", script="echo held; read line")
        other = self.hold("--json", "m", script="echo held; read line", host="there")
        before = self.content("b.img")
        self.spoil("b.img", 0, bytes(len(before)))
        time.sleep(6)
        self.assertEqual(self.content("b.img")[:4096], bytes(4096))
        self.assertEqual(self.run_raw("status", "-g", "g").code, 1)
        for place in (0, len(before) - 4096):  # and nothing else
            self.spoil("b.img", place, before[place:place + 4096])
        self.wait_until(lambda: self.run_raw("status", "-g", "g").code == 0, seconds=150)
        self.let_go(holder)
        self.let_go(other)

    def ok_or_one(self, *words):
        answer = self.run_raw(*words)
        self.assertIn(answer.code, (0, 1), answer.err)
        return answer

    def only_the_holders_slot_is_left(self):
        report = self.run_raw("check", "-g", "g").out
        slots = set(re.findall(r"cell \d+ slot (\d+) block", report))
        return len(slots) <= 1 and "superblock" not in report


class Late(Stage):
    TTL = 2.0

    def test_a_path_that_hangs_while_it_is_opened_holds_up_nobody(self):
        """A disk that was absent comes on a file system that does not answer."""
        faulty = FaultDisks(self, count=1)
        self.make_group()
        shutil.copy(self.path("c.img"), self.path("backing0"))
        os.unlink(self.path("c.img"))
        holder = self.hold("--json", "--ttl", "1s", "l")
        os.kill(faulty.server.pid, signal.SIGSTOP)
        os.symlink(faulty.path(0), self.path("c.img"))
        time.sleep(5)
        self.assertIsNone(holder.poll())
        os.kill(faulty.server.pid, signal.SIGCONT)
        os.set_blocking(holder.stderr.fileno(), False)
        self.wait_until(lambda: b"c.img is there now" in (holder.stderr.read() or b""))
        shown = json.loads(self.let_go(holder))
        self.assertGreater(shown["least_margin_ms"], 250, shown)


class Faulty(Stage):
    TTL = 2.0

    def setUp(self):
        super().setUp()
        self.faulty = FaultDisks(self)
        paths = [self.faulty.path(disk) for disk in range(3)]
        self.ok("format", "--force", *self.GROUP, *paths)
        self.disks = [word for path in paths for word in ("-d", path)]

    def needs_a_ring(self):
        wish = os.environ.get("DISKPAXOS_IO", "uring")
        answer = self.run_raw("cell", "get", *self.disks, "x", env={"DISKPAXOS_IO": wish})
        if wish == "threads" or "using threads" in answer.err:
            self.skipTest("no io_uring: in a plain pwrite, nobody can end before the disk answers")

    def ends_well(self, holder):
        """Renewed all the time, and never close to being killed."""
        shown = json.loads(self.let_go(holder))
        self.assertGreater(shown["least_margin_ms"], self.TTL * 1000 / 4, shown)
        self.assertGreaterEqual(shown["renewals"], 3, shown)
        return shown

    def test_one_is_slow(self):
        holder = self.hold("--json", "l")
        self.faulty.tell(0, "delay rw 50000")
        begun = time.monotonic()
        for _ in range(3):
            self.assertEqual(self.lock("other", "--", "true").code, 0)
        self.assertLess(time.monotonic() - begun, 3 * SLACK)
        time.sleep(self.TTL)
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        self.ends_well(holder)

    def test_one_hangs(self):
        self.needs_a_ring()
        holder = self.hold("--json", "l")
        self.faulty.tell(1, "hang rw")
        time.sleep(1.2 * self.TTL)
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        waiter = self.begin("l", script=EXCLUSIVE + HOLD)
        time.sleep(0.5)
        self.faulty.tell(1, "clear")
        self.faulty.tell(1, "release")  # what it held lands now, late
        time.sleep(0.3)
        self.ends_well(holder)
        self.await_word(waiter, "held")
        self.let_go(waiter)
        self.assertEqual(len(self.judge()), 2)

    def test_all_are_slow(self):
        for disk in range(3):
            self.faulty.tell(disk, "delay rw 50000")
        holder = self.hold("--json", "l")
        time.sleep(1.2 * self.TTL)
        waiter = self.begin("l", script=EXCLUSIVE + HOLD)
        time.sleep(0.5)
        self.ends_well(holder)
        self.await_word(waiter, "held")
        self.let_go(waiter)
        self.assertEqual(len(self.judge()), 2)

    def test_the_majority_is_lost(self):
        """Everything freezes, CMD dies in time, and nobody guesses; then it goes on."""
        self.needs_a_ring()
        holder = self.hold("l", "--timeout", "1s", script=EXCLUSIVE +
                           "trap '' TERM; echo $$ >cmd; echo held; while :; do sleep 0.1; done")
        waiter = self.begin("l", script=EXCLUSIVE + HOLD)
        time.sleep(0.5)
        for disk in (0, 1):
            self.faulty.tell(disk, "hang rw")
        lost = time.monotonic()
        cmd = int(self.lines("cmd")[0])
        self.wait_until(lambda: not alive(cmd))
        self.assertLess(time.monotonic() - lost, self.TTL)
        refused = self.run_raw("run", *self.disks, "-n", "--timeout", "0.5", "l", "--", "true")
        self.assertEqual(refused.code, 69, refused.err)
        time.sleep(max(0.0, lost + 1.5 * self.TTL - time.monotonic()))
        self.assertEqual(len(self.lines("journal")), 1)
        self.assertIsNone(waiter.poll())
        told = waiter.stderr.readline()  # while it still waits
        self.assertIn(b"no majority of the disks can be used, and lock \"l\" is waited for", told)
        self.faulty.heal()  # the renewals of the dead land now
        healed = time.monotonic()
        self.await_word(waiter, "held")
        print(f"{self.id()}: held {time.monotonic() - healed:.2f} s after the disks came back")
        _, err = holder.communicate(timeout=60)
        self.assertEqual(holder.returncode, 79, err)
        self.assertIn(b"diskpaxos: lost: ", err)
        self.assertRegex(err, rb"not renewed in time: 1 of 3 disks answered \(.*d0 and .*d1: ")
        out, err = waiter.communicate(b"go\n", timeout=60)
        self.assertEqual(waiter.returncode, 0, (out, err))
        self.assertEqual(err, b"diskpaxos: warning: a majority of the disks can be used again\n")
        self.assertEqual(len(self.judge()), 2)


if __name__ == "__main__":
    main()
