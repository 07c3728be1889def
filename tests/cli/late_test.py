"""Disks that are absent when a process starts, and come while it runs."""

import fcntl
import os
import shutil
import struct
import subprocess
import time
import unittest

from agents import Agent
from command import BINARY, CommandTest, main

HOLD = 'echo held; read line'  # until its stdin ends
PATIENCE = 20  # seconds: a disk that has come is in use after two, or five


class LateTest(CommandTest):
    def environment(self, host="here"):
        return {**super().environment(host), "DISKPAXOS_LOCKS": self.folder}

    def await_words(self, log, words, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while True:
            said = self.said(log)
            if words in said:
                return said
            self.assertLess(time.monotonic(), end, said)
            time.sleep(0.05)

    def said(self, log="log"):
        return self.content(log).decode()

    def hold(self, *words, host="here", log="log"):
        """A `run` whose CMD has begun; its stderr goes to the file `log`."""
        with open(self.path(log), "wb") as errors:
            holder = subprocess.Popen(
                [BINARY, "run", *words, "--", "sh", "-c", HOLD], cwd=self.folder, stderr=errors,
                env=self.environment(host), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, holder)
        self.assertEqual(holder.stdout.readline(), b"held\n", self.said(log))
        return holder

    @staticmethod
    def end(holder):
        if holder.poll() is None:
            holder.kill()
        holder.communicate()

    def goes_on(self, holder, seconds):
        time.sleep(seconds)
        self.assertIsNone(holder.poll(), "it has ended")

    def ends_well(self, holder, log="log"):
        holder.communicate(b"go\n", timeout=30)
        self.assertEqual(holder.returncode, 0, self.said(log))

    def away(self, name):
        os.rename(self.path(name), self.path(name + ".away"))

    def back(self, name):
        os.rename(self.path(name + ".away"), self.path(name))

    def punch(self, name):
        """From now on every access to this disk of a process that has it open fails."""
        os.truncate(self.path(name), 0)


class Paths(LateTest):
    def setUp(self):
        super().setUp()
        self.make_group()

    def test_it_carries_the_lock_as_soon_as_it_is_there(self):
        self.away("c.img")
        holder = self.hold("-g", "g", "l")
        self.back("c.img")
        self.await_words("log", "c.img is there now: 3 of 3 disks of group g are in use")
        self.punch("a.img")
        self.goes_on(holder, 5)  # two TTLs and more
        self.ends_well(holder)

    def test_without_it_the_lock_would_be_lost(self):
        """The control: the same, but it stays away."""
        self.away("c.img")
        holder = self.hold("-g", "g", "l")
        self.punch("a.img")
        holder.stdout.read()
        self.assertEqual(holder.wait(timeout=30), 79)

    def test_what_it_has_missed_comes_with_the_next_change(self):
        self.ok("cell", "incr", "-g", "g", "n")
        self.away("c.img")
        holder = self.hold("-g", "g", "l")
        for _ in range(3):
            self.ok("cell", "incr", "-g", "g", "n")
        self.back("c.img")
        self.await_words("log", "c.img is there now")
        self.ends_well(holder)
        self.ok("cell", "incr", "-g", "g", "n")
        self.away("a.img")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "n").out, "5\n")
        self.assertEqual(self.run_raw("run", "-g", "g", "-n", "l", "--", "true").code, 0)

    def test_the_slot_is_locked_there_before_it_is_written(self):
        """Another process of this host has our slot's lock on that disk: not before it is gone."""
        self.away("c.img")
        holder = self.hold("-g", "g", "l")
        slot = self.ok("ls", "--json", "-g", "g").json()["locks"][0]["holders"][0]["slot"]
        with open(self.path("c.img.away"), "r+b") as other:
            lock_slot(other, slot)
            self.back("c.img")
            time.sleep(6)
            self.assertNotIn("is there now", self.said())
        self.await_words("log", "c.img is there now")
        self.ends_well(holder)

    def test_one_of_another_group_stays_out(self):
        self.ok("format", *self.GROUP, "--conf", "other.conf", "x.img", "y.img", "z.img")
        before = self.content("x.img")
        self.away("c.img")
        holder = self.hold("-g", "g", "l")
        os.rename(self.path("x.img"), self.path("c.img"))
        said = self.await_words("log", "c.img is left out: belongs to group ")
        self.goes_on(holder, 6)  # it looks on, and says it once
        self.assertEqual(self.said().count("left out"), 1, said)
        self.assertEqual(self.content("c.img"), before)
        os.rename(self.path("c.img"), self.path("x.img"))
        self.back("c.img")
        self.await_words("log", "c.img is there now")
        self.ends_well(holder)

    def test_a_copy_of_one_in_use_stays_out(self):
        self.away("c.img")
        holder = self.hold("-g", "g", "l")
        shutil.copy(self.path("a.img"), self.path("c.img"))
        self.await_words("log", "c.img is left out: a.img is disk 1 already: one of the two is a copy"
                         .replace("a.img", self.path("a.img")))
        os.unlink(self.path("c.img"))
        os.symlink(self.path("b.img"), self.path("c.img"))
        self.await_words("log", "left out: it is the same disk as another that was named")
        self.ends_well(holder)

    def test_of_two_that_say_they_are_one_neither_is_used(self):
        names = [word for name in "abcde" for word in ("-d", f"{name}5.img")]
        self.ok("format", *self.GROUP, "--conf", "five.conf", "--name", "five",
                *(f"{name}5.img" for name in "abcde"))
        for name in "de":
            self.away(f"{name}5.img")
        holder = self.hold(*names, "l")
        shutil.copy(self.path("d5.img.away"), self.path("e5.img"))
        self.back("d5.img")
        said = self.await_words("log", "two disks have said that they are disk 4")
        self.goes_on(holder, 3)
        self.assertNotIn("is there now", said)
        self.ends_well(holder)

    def test_a_blank_one_is_used_once_a_person_has_given_it_its_name_back(self):
        size = os.path.getsize(self.path("c.img"))
        self.spoil("c.img", 0, bytes(size))
        holder = self.hold("-g", "g", "l")
        time.sleep(2)
        self.run_raw("check", "--repair", "--replace", "3", "--old-is-gone", "--force", "-g", "g")
        self.await_words("log", "c.img is there now")
        self.ends_well(holder)

    def test_watch(self):
        self.away("b.img")
        self.away("c.img")
        with open(self.path("log"), "wb") as errors:
            watch = subprocess.Popen([BINARY, "watch", "-g", "g", "x"], cwd=self.folder,
                                     env=self.environment(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=errors)
        self.addCleanup(self.end, watch)
        self.await_words("log", "disks answered")
        self.back("b.img")
        self.await_words("log", "b.img is there now: 2 of 3")
        self.ok("cell", "set", "-g", "g", "x", "seen")
        while b"seen" not in watch.stdout.readline():
            pass
        watch.terminate()
        self.assertEqual(watch.wait(timeout=20), 143)

    def test_a_command_that_ends_at_once_waits_for_nothing(self):
        self.away("c.img")
        began = time.monotonic()
        self.ok("cell", "set", "-g", "g", "x", "v")
        self.assertLess(time.monotonic() - began, 1.5)


class Agents(LateTest):
    def setUp(self):
        super().setUp()
        self.agents = [Agent(self.folder, name) for name in "abc"]
        for agent in self.agents:
            self.addCleanup(agent.kill)
            agent.start()

    def test_three_agents(self):
        self.ok("format", "--cells", "16", "--ttl", "2s", "--conf", "g.conf",
                *(agent.url for agent in self.agents))
        self.agents[2].kill()
        holder = self.hold("-g", "g", "l")
        self.agents[2].start()
        self.await_words("log", "is there now: 3 of 3 disks")
        self.agents[0].kill()
        self.goes_on(holder, 5)
        self.ends_well(holder)

    def test_two_files_and_an_agent(self):
        for absent in ("agent", "file"):
            self.ok("format", *self.GROUP, "--force", "--conf", "g.conf", "a.img", "b.img",
                    self.agents[0].url)
            if absent == "agent":
                self.agents[0].kill()
            else:
                self.away("b.img")
            holder = self.hold("-g", "g", "l")
            if absent == "agent":
                self.agents[0].start()
            else:
                self.back("b.img")
            self.await_words("log", "is there now: 3 of 3 disks")
            self.punch("a.img")
            self.goes_on(holder, 5)
            self.ends_well(holder)
            os.unlink(self.path("a.img"))
            os.unlink(self.path("b.img"))
            self.agents[0].blank()


@unittest.skipUnless(os.geteuid() == 0, "only root can set a loop device up")
class LoopDevices(LateTest):
    def test_one_that_is_set_up_later(self):
        size = 8 << 20
        for name in "abc":
            with open(self.path(name), "wb") as file:
                file.truncate(size)
        devices = [self.attach(self.path(name)) for name in "abc"]
        self.ok("format", *self.GROUP, "--force", "--conf", "g.conf", *devices)
        self.detach(devices[2])
        holder = self.hold("-g", "g", "l")
        self.assertEqual(self.attach(self.path("c"), devices[2]), devices[2])
        self.await_words("log", f"{devices[2]} is there now: 3 of 3 disks")
        self.punch("a")
        self.goes_on(holder, 5)
        self.ends_well(holder)

    def attach(self, path, device=None):
        words = ["losetup", "--show", device or "-f", path]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"no loop device: {done.stderr.strip()}")
        self.addCleanup(self.detach, done.stdout.strip())
        return done.stdout.strip()

    @staticmethod
    def detach(device):
        subprocess.run(["losetup", "-d", device], capture_output=True)


def lock_slot(file, slot):
    """The lock of a slot as another process of this host would have it (src/io/open_disk.cpp)."""
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, (1 << 40) + slot, 1, 0)
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)


if __name__ == "__main__":
    main()
