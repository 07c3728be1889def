"""Groups whose disks are agents' stores, all or some: every verb as on ordinary disks."""

import json
import os
import signal
import time
import unittest

from agents import Agent, free_port
from command import CommandTest, main


class AgentTest(CommandTest):
    def agent(self, name, *options):
        agent = Agent(self.folder, name, options)
        self.addCleanup(agent.kill)
        return agent.start()

    def environment(self, host="here"):
        return {**super().environment(host), "DISKPAXOS_LOCKS": self.folder}

    def await_holders(self, count):
        deadline = time.monotonic() + 20
        while True:
            locks = self.ok("ls", "--json", "-g", "g").json()["locks"]
            if sum(len(lock["holders"]) for lock in locks) == count:
                return
            self.assertLess(time.monotonic(), deadline, locks)
            time.sleep(0.05)

    def format(self, *disks):
        self.ok("format", "--cells", "32", "--ttl", "2s", "--conf", "g.conf", *disks)


class Active(AgentTest):
    def setUp(self):
        super().setUp()
        self.agents = [self.agent(name) for name in "abc"]
        self.format(*(agent.url for agent in self.agents))

    def test_values(self):
        self.assertEqual(self.ok("cell", "set", "-g", "g", "x", "v").out, "1\n")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n", "5").out, "5\n")
        self.assertEqual(self.ok("propose", "-g", "g", "leader", "me").out, "me\n")
        self.assertEqual(self.ok("propose", "-g", "g", "leader", "you").out, "me\n")
        self.assertEqual(self.run_raw("cell", "cas", "-g", "g", "x", "7", "w").code, 1)

    def test_many_more_processes_than_slots_count_exactly(self):
        crowd = [self.start("cell", "incr", "-g", "g", "--timeout", "60", "n") for _ in range(60)]
        codes = [process.wait(timeout=100) for process in crowd]
        for process in crowd:
            process.stdout.close()
            process.stderr.close()
        count = int(self.ok("cell", "get", "-g", "g", "n").out)
        self.assertLessEqual(codes.count(0), count)
        self.assertLessEqual(count, codes.count(0) + codes.count(69))
        self.assertGreater(codes.count(0), 30)

    def test_a_living_group_is_not_overwritten_but_put_out(self):
        urls = [agent.url for agent in self.agents]
        holder = self.start("run", "-g", "g", "l", "--", "sleep", "60")
        self.addCleanup(holder.kill)
        self.await_holders(1)
        again = ("format", "--force", "--cells", "32", "--ttl", "2s")
        self.refused("in_use", *again, *urls, says=f'pid {holder.pid} ("sleep 60"), renews its session')
        formatting = self.start(*again, "--evict", "--conf", "n.conf", *urls)
        out, err = holder.communicate(timeout=30)
        self.assertEqual(holder.returncode, 79, err)
        out, err = formatting.communicate(timeout=90)
        self.assertEqual(formatting.returncode, 0, err)
        self.assertIn(b"sessions at a time", out)
        self.ok("check", "-g", "n")
        self.ok("run", "-n", "-g", "n", "l", "--", "true")
        self.refused("other_group", "cell", "get", "-g", "g", "x")

    def test_locks(self):
        self.assertEqual(self.ok("run", "-g", "g", "l", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out,
                         "1\n")
        holder = self.start("run", "-g", "g", "l", "--", "sleep", "60")
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.stderr.close)
        self.addCleanup(holder.kill)
        self.await_holders(1)
        self.refused("busy", "run", "-n", "-g", "g", "l", "--", "true")
        shown = self.ok("show", "--json", "-g", "g", "l").json()
        self.assertEqual(shown["token"], 2)
        self.assertIn(str(holder.pid), self.ok("explain", "-g", "g", "l").out)
        status = self.ok("status", "--json", "-g", "g").json()
        self.assertEqual(len([s for s in status["sessions"] if s["state"] == "live"]), 1)
        self.assertEqual(status["sessions_at_most"], 128)
        began = time.monotonic()
        holder.send_signal(signal.SIGTERM)
        self.assertEqual(self.ok("run", "-g", "g", "l", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out,
                         "3\n")
        self.assertLess(time.monotonic() - began, 2)

    def test_any_one_may_die_and_come_back(self):
        for index, agent in enumerate(self.agents):
            agent.kill()
            self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, f"{index + 1}\n")
            agent.start()
        self.assertEqual(self.ok("cell", "get", "-g", "g", "n").out, "3\n")
        self.ok("check", "-g", "g")

    def test_without_a_majority(self):
        self.ok("cell", "set", "-g", "g", "x", "v")
        self.agents[0].kill()
        self.agents[1].kill()
        self.refused("no_quorum", "cell", "get", "-g", "g", "x", says="a.sock")
        self.agents[1].start()
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")

    def test_a_waiter_survives_the_restart_of_all_agents(self):
        for agent in self.agents:
            agent.kill()
            agent.start()
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "1\n")
        watcher = self.start("watch", "--json", "--count", "2", "-g", "g", "n")
        first = json.loads(watcher.stdout.readline())
        self.assertEqual(first["value"], "1")
        for agent in self.agents:
            agent.kill()
            agent.start()
        self.ok("cell", "incr", "-g", "g", "n")
        self.assertEqual(json.loads(watcher.stdout.readline())["value"], "2")
        self.assertEqual(watcher.wait(timeout=30), 0)
        watcher.stdout.close()
        watcher.stderr.close()

    def test_a_blank_one_is_healed(self):
        for name in ("x", "y", "z"):
            self.ok("cell", "set", "-g", "g", name, name)
        self.agents[2].blank()
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "x\n")
        self.assertEqual(self.run_raw("check", "-g", "g").code, 1)
        healed = self.ok("check", "--repair", "--json", "-g", "g").json()
        self.assertEqual(healed["repaired"]["registers"], 32)
        self.ok("check", "-g", "g")
        self.agents[0].kill()  # now the healed one must vote
        self.assertEqual(self.ok("cell", "get", "-g", "g", "y").out, "y\n")
        self.assertEqual(self.ok("cell", "set", "-g", "g", "x", "again").out, "2\n")

    def test_one_that_hangs_holds_nobody_up(self):
        self.ok("cell", "set", "-g", "g", "x", "v")
        hanging = self.agents[2].process
        hanging.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            answer = self.ok("cell", "get", "-g", "g", "--timeout", "20", "x")
            self.assertEqual(answer.out, "v\n")
            self.assertIn("no answer in time", answer.err)
            self.assertLess(time.monotonic() - began, 10)
        finally:
            hanging.send_signal(signal.SIGCONT)

    def test_another_groups_store_is_not_healed_over(self):
        other = [self.agent(name) for name in "xyz"]
        self.ok("format", "--cells", "32", "--conf", "h.conf", *(agent.url for agent in other))
        self.ok("cell", "set", "-g", "h", "precious", "v")
        self.agents[2].kill()
        other[0].stop()
        with open(other[0].store, "r+b") as store:  # its superblocks, where they lie in the store
            content = store.read(4096 + 2048 * 512)
            for at in range(4096, len(content), 512):
                if content[at:at + 5] == b"DxPB\x01":
                    store.seek(at)
                    store.write(b"\0" * 512)
        other[0].start()
        named = [word for agent in (*self.agents[:2], other[0]) for word in ("-d", agent.url)]
        self.refused("usage", "check", "--repair", *named, says="wipe it first")
        self.assertEqual(self.ok("cell", "get", "-g", "h", "precious").out, "v\n")

    def test_dump_and_doctor(self):
        self.ok("cell", "set", "-g", "g", "x", "v")
        dumped = self.ok("dump", "--json", "--cell", "x", self.agents[0].url).json()
        self.assertEqual(dumped["blocks"][0]["record"]["value"], "v")
        self.assertIn("3 of 3", self.ok("doctor", "-g", "g").out)

    def test_what_cannot_be_opened(self):
        other = self.path("nobody.sock")
        self.refused("io", "cell", "get", "-d", "agent+unix://" + other, "x", says="nobody.sock")
        self.refused("usage", "cell", "get", "-d", "agent://192.0.2.1/s", "x", says="key")
        self.refused("usage", "cell", "get", "-d", "ftp://host/disk", "x", says="agent://")
        self.refused("usage", "cell", "get", "-d", self.agents[0].url, "-d", self.agents[0].url, "x",
                     says="same disk")
        self.refused("no", "format", "--cells", "32", self.agents[0].url, says="diskpaxos group")
        self.refused("bad_data", "format", "--force", "--cells", "4096", self.agents[0].url,
                     says="too small")


class Mixed(AgentTest):
    def setUp(self):
        super().setUp()
        self.agents = [self.agent("a")]
        self.format(self.agents[0].url, "b.img", "c.img")

    def test_any_one_may_be_lost(self):
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "1\n")
        self.agents[0].kill()
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "2\n")
        self.agents[0].start()
        os.rename(self.path("b.img"), self.path("b.away"))
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "3\n")
        os.rename(self.path("b.away"), self.path("b.img"))
        os.rename(self.path("c.img"), self.path("c.away"))
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "4\n")
        os.rename(self.path("c.away"), self.path("c.img"))
        self.ok("check", "-g", "g")

    def test_locks_between_two_hosts(self):
        for host in ("here", "there", "here"):
            self.ok("run", "-g", "g", "l", "--", "true", host=host)
        self.assertEqual(self.ok("show", "--json", "-g", "g", "l").json()["token"], 3)

    def test_both_kinds_are_healed(self):
        self.ok("cell", "set", "-g", "g", "x", "v")
        self.agents[0].blank()
        self.ok("check", "--repair", "-g", "g")
        size = os.path.getsize(self.path("b.img"))
        self.spoil("b.img", 0, b"\0" * size)
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")
        self.ok("check", "--repair", "-g", "g")
        os.rename(self.path("c.img"), self.path("c.away"))
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")

    def test_slots_of_one_host_are_not_lent_twice(self):
        holders = [self.start("run", "-g", "g", f"l{i}", "--", "sleep", "30") for i in range(4)]
        try:
            self.await_holders(4)
            sessions = self.ok("status", "--json", "-g", "g").json()["sessions"]
            live = [s["slot"] for s in sessions if s["state"] == "live"]
            self.assertEqual(len(live), 4)
            self.assertEqual(len(set(live)), 4)
        finally:
            for holder in holders:
                holder.send_signal(signal.SIGTERM)
                holder.communicate()


class Guarded(AgentTest):
    """Keys, rights and refusals."""

    def setUp(self):
        super().setUp()
        self.ok("agent", "key", "alice", "--file", "agent.keys")
        self.ok("agent", "key", "bob", "--file", "agent.keys")
        with open(self.path("agent.keys")) as keys:
            lines = keys.read().splitlines()
        self.key_file("alice.key", lines[0])
        self.key_file("bob.key", lines[1])
        self.ok("agent", "key", "mallory", "--file", "mallory.key")
        with open(self.path("access.ini"), "w") as rules:
            rules.write("[client alice]\nread = *\nwrite = *\ncreate = *\nformat = yes\n"
                        "[client bob]\nread = bob/\nwrite = bob/\ncreate = bob/\n")
        self.ports = [free_port() for _ in range(3)]
        self.agents = []
        for name, port in zip("abc", self.ports):
            self.agents.append(self.agent(name, "--listen", f"127.0.0.1:{port}", "--keys", self.path("agent.keys"),
                       "--access", self.path("access.ini")))
        self.format(*self.urls("alice"))

    def key_file(self, name, line):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(line + "\n")

    def urls(self, who):
        return [f"agent://127.0.0.1:{port}/s?key={self.path(who)}.key" for port in self.ports]

    def disks(self, who):
        return [word for url in self.urls(who) for word in ("-d", url)]

    def test_rights_by_name(self):
        self.ok("cell", "set", *self.disks("alice"), "secret", "v")
        self.assertEqual(self.ok("cell", "set", *self.disks("bob"), "bob/x", "mine").out, "1\n")
        self.assertEqual(self.ok("cell", "get", *self.disks("bob"), "bob/x").out, "mine\n")
        self.refused("permission", "cell", "get", *self.disks("bob"), "secret", says="secret")
        self.refused("permission", "cell", "set", *self.disks("bob"), "other", "v", says="other")
        self.assertEqual(self.ok("cell", "get", *self.disks("alice"), "bob/x").out, "mine\n")

    def test_a_damaged_name_is_not_made_anew_elsewhere(self):
        self.ok("cell", "set", *self.disks("bob"), "bob/x", "mine")
        spoilt = 0
        for agent in self.agents:  # one of them may have missed it
            if spoilt < 2 and agent.spoil(b"bob/x"):
                spoilt += 1
        self.assertEqual(spoilt, 2)
        self.refused("no_quorum", "cell", "get", *self.disks("bob"), "bob/x")
        self.refused("no_quorum", "cell", "set", *self.disks("bob"), "bob/x", "again")

    def test_who_has_no_key_stays_outside(self):
        self.refused("permission", "cell", "get", *self.disks("mallory"), "x")
        self.refused("permission", "format", "--force", "--cells", "32", *self.urls("bob"))
        os.chmod(self.path("bob.key"), 0o644)
        answer = self.run_raw("cell", "get", *self.disks("bob"), "bob/x")
        self.assertIn("bob.key", answer.err)
        self.assertNotEqual(answer.code, 0)


class Keys(CommandTest):
    def test_keys(self):
        line = self.ok("agent", "key", "alice").out.strip()
        self.assertRegex(line, r"^alice:[0-9a-f]{64}$")
        self.assertNotEqual(self.ok("agent", "key", "alice").out.strip(), line)
        self.ok("agent", "key", "alice", "--file", "k")
        self.assertEqual(os.stat(self.path("k")).st_mode & 0o777, 0o600)
        self.refused("no", "agent", "key", "alice", "--file", "k", says="alice")
        self.refused("usage", "agent", "key", "a:b", says="name of a key")
        self.refused("usage", "agent", "key")


if __name__ == "__main__":
    main()
