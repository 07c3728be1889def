"""Nobody bricks a group with a rank: a stranger with limited rights asks agents for the highest ranks
that there are (docs/protocol.md, ceiling-C1 to ceiling-C6)."""

import os
import struct
import threading
import time
import unittest

from agents import Agent, free_port
from command import CommandTest, main
from stranger import ABOVE, FAILED, HIGHEST, LAST_PROMISE, OK, Stranger, Warp, crc32c, promised

CELLS = 32
DAY = 86_400 << 17     # rounds
ACCESS = """
[client loopback]
read = web/
write = web/
create = web/
read = @session/
write = @session/
create = @session/

[client uid:{uid}]
read = *
write = *
create = *
format = yes
"""


class Ceiling(CommandTest):
    def setUp(self):
        super().setUp()
        access = os.path.join(self.folder, "access")
        with open(access, "w", encoding="utf-8") as out:
            out.write(ACCESS.format(uid=os.getuid()))
        self.agents, self.ports = [], []
        for name in "abc":
            self.ports.append(free_port())
            options = ("--listen", f"127.0.0.1:{self.ports[-1]}", "--allow-loopback", "--access", access)
            self.agents.append(Agent(self.folder, name, options))
            self.addCleanup(self.agents[-1].kill)
            self.agents[-1].start()
        self.ok("format", "--cells", str(CELLS), "--ttl", "2s", "--conf", "g.conf",
                *(agent.url for agent in self.agents))
        admin = Stranger(self.agents[0].socket)
        _, area = admin.ask(2, struct.pack("<QII", 0, 1, 0))
        admin.close()
        slots = struct.unpack("<I", area[128 + 40:128 + 44])[0]
        self.first = (8 + 2 * slots + 7) // 8 * 8  # block of the first register

    def environment(self, host="here"):
        return {**super().environment(host), "DISKPAXOS_LOCKS": self.folder}

    def stranger(self, agent, **options):
        stranger = Stranger(("127.0.0.1", self.ports[agent]), **options)
        self.addCleanup(stranger.close)
        return stranger

    def registers(self):
        return range(self.first, self.first + CELLS)

    def grab_all(self, agents=(0, 1, 2)):
        """What he gets of every register that he may touch."""
        got = []
        for agent in agents:
            stranger = self.stranger(agent)
            got += [stranger.grab(block) for block in self.registers()]
        return [rank for rank in got if rank]

    def work(self, seconds):
        done, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            self.ok("cell", "incr", "-g", "g", "admin/n")
            done += 1
        return done

    def age(self, agent, seconds):
        """As if that agent's clock were so far ahead: the group is so much older to it."""
        admin = Stranger(self.agents[agent].socket)
        status, area = admin.ask(2, struct.pack("<QII", 0, 8, 0))
        self.assertEqual(status, OK)
        formatted = struct.unpack("<Q", area[128 + 64:128 + 72])[0]
        block = bytearray(area[:512])
        block[128 + 64:128 + 72] = struct.pack("<Q", max(0, formatted - 1000 * seconds))
        block[124:128] = bytes(4)
        block[124:128] = struct.pack("<I", crc32c(bytes(block)))
        status, _ = admin.ask(3, struct.pack("<Q", 0) + bytes(block))
        self.assertEqual(status, OK)
        admin.close()

    def test_the_highest_ranks_of_all_registers(self):
        self.ok("cell", "set", "-g", "g", "admin/x", "before")
        got = self.grab_all()
        self.assertGreater(len(got), 2 * CELLS)
        self.assertLess(max(got), 2 * DAY)
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "admin/new").out, "1\n")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "admin/x").out, "before\n")
        self.assertEqual(self.ok("run", "-g", "g", "admin/lock", "--", "echo", "held").out, "held\n")
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "web/y").out, "1\n")
        self.assertEqual(self.ok("check", "-g", "g").code, 0)

    def test_on_two_unevenly_while_others_work(self):
        quiet = self.work(3)
        hits, stop = [], threading.Event()

        def attack():
            strangers = [self.stranger(agent) for agent in (0, 0, 1)]
            while not stop.wait(0.05):
                for stranger in strangers:
                    hits.append(max(stranger.grab(block) for block in self.registers()[:4]))

        attacker = threading.Thread(target=attack)
        attacker.start()
        try:
            loud = self.work(3)
        finally:
            stop.set()
            attacker.join()
        self.assertGreater(len(hits), 10)
        self.assertGreaterEqual(2 * loud, quiet)

    def test_an_agent_that_is_in_2099(self):
        self.age(2, 73 * 365 * 86_400)
        got = self.grab_all(agents=(2,))
        self.assertGreater(max(got), 1 << 47)
        self.assertGreater(self.work(2), 5)
        told = self.ok("check", "-g", "g")
        self.assertIn("above the ceiling: ", told.out + told.err)
        self.assertIn("has promised round ", self.ok("doctor", "-g", "g").out)
        # check --repair lifts the others, and lowers nothing.
        before = [promised(self.stranger(2).read(self.first + at)) for at in range(4)]
        self.ok("check", "--repair", "-g", "g")
        for at in range(4):
            ranks = [promised(self.stranger(agent).read(self.first + at)) for agent in range(3)]
            self.assertGreaterEqual(ranks[2], before[at])
            self.assertGreaterEqual(min(ranks) + 64, before[at])
        self.assertGreater(self.work(1), 1)

    def test_an_agent_that_is_behind_is_walked_up_when_it_is_needed(self):
        self.age(0, 600)  # ten minutes
        self.grab_all(agents=(0,))
        self.agents[2].kill()
        started = time.monotonic()
        self.ok("cell", "incr", "-g", "g", "--timeout", "60", "admin/n")
        print(f"\n{600 << 11} steps of 64 rounds in {time.monotonic() - started:.1f} s")
        again = time.monotonic()
        self.ok("cell", "incr", "-g", "g", "admin/n")
        self.assertLess(time.monotonic() - again, 2)

    def test_who_may_format_has_no_ceiling(self):
        admin = Stranger(self.agents[0].socket)
        self.addCleanup(admin.close)
        present = admin.read(self.first)
        self.assertEqual(admin.promise(self.first, 1 << 50, present), (OK, 0))
        self.assertEqual(self.stranger(0).promise(self.first, (1 << 50) + 65, present), (ABOVE, (1 << 50) + 64))
        self.assertEqual(self.stranger(0).promise(self.first, (1 << 50) + 64, present), (OK, 0))

    def test_an_older_client_is_told_of_a_failure(self):
        old = self.stranger(0, features=0)
        self.assertEqual(len(old.welcome), 64)
        present = old.read(self.first)
        self.assertEqual(old.promise(self.first, LAST_PROMISE, present), (FAILED, 0))
        self.assertEqual(old.promise(self.first, 5, present), (OK, 0))
        new = self.stranger(0)
        self.assertEqual(len(new.welcome), 72)
        told = struct.unpack("<Q", new.welcome[64:])[0]
        self.assertLess(abs(told / 1000 - time.time()), 60)

    def test_a_promise_without_room_is_no_request(self):
        stranger = self.stranger(0)
        present = stranger.read(self.first)
        status, _ = stranger.promise(self.first, HIGHEST, present)
        self.assertEqual(status, 6)
        with self.assertRaises((ConnectionError, OSError)):
            stranger.read(self.first)
            stranger.read(self.first)

    def test_doctor_compares_the_clocks(self):
        self.assertIn("clocks       the agents' are ", self.ok("doctor", "-g", "g").out)
        warp = Warp(self.agents[1].socket, os.path.join(self.folder, "warp.sock"), -90)
        urls = [self.agents[0].url, "agent+unix://" + warp.path, self.agents[2].url]
        told = self.ok("doctor", *(word for url in urls for word in ("-d", url))).out
        self.assertIn(f"clocks       {urls[1]}: its clock is ", told)
        self.assertRegex(told, r"its clock is (89|90) s behind the others'")
        self.assertEqual(told.count("its clock is "), 1)

    def test_of_two_clocks_none_is_blamed_alone(self):
        late = Warp(self.agents[1].socket, os.path.join(self.folder, "late.sock"), -90)
        early = Warp(self.agents[2].socket, os.path.join(self.folder, "early.sock"), 600)
        self.agents[0].kill()
        late, early, right = "agent+unix://" + late.path, "agent+unix://" + early.path, self.agents[2].url
        told = self.ok("doctor", "-d", late, "-d", early).out
        self.assertRegex(told, r"clocks +the agents' differ, by (689|69\d) s; which is wrong cannot be told")
        self.assertNotIn("its clock is ", told)
        told = self.ok("doctor", "-d", late, "-d", right).out
        self.assertRegex(told, r"its clock is (89|90) s behind the other agent's, with which this host's agrees")


if __name__ == "__main__":
    main()
