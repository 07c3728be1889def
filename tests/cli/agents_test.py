"""Groups whose disks are agents' stores, all or some: every verb as on ordinary disks."""

import json
import os
import resource
import signal
import socket
import subprocess
import time
import unittest

from agents import AGENT, Agent, free_port
from command import CODES, CommandTest, main


def replaced(number):
    return ["--replace", str(number), "--old-is-gone", "--force"]


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


class Stores(AgentTest):
    def test_a_store_that_is_served_is_no_disk_to_format(self):
        agent = self.agent("a")
        before = self.content("a.store")
        for options in ((), ("--force",), ("--force", "--evict"), ("--force", "--dry-run")):
            self.refused("in_use", "format", *options, "--slots", "4", "--cells", "16", "a.store",
                         says="a.store: an agent serves this store")
        self.assertEqual(self.content("a.store"), before)
        agent.stop()
        self.refused("no", "format", "--slots", "4", "--cells", "16", "a.store", says="a store of diskpaxos-agent")
        self.ok("format", "--force", "--slots", "4", "--cells", "16", "a.store")

    def test_a_disk_in_use_is_no_file_for_a_store(self):
        self.ok("format", "--cells", "512", "--slots", "128", "--ttl", "2s", "--conf", "g.conf", "a.img")
        # Ours is not the first slot: any may be the one that is in use.
        first = self.start("run", "-g", "g", "--slot", "5", "l", "--", "sh", "-c", "touch held; exec sleep 60")
        self.addCleanup(first.kill)
        deadline = time.monotonic() + 20
        while not os.path.exists(self.path("held")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        done = subprocess.run([AGENT, "create", "--force", self.path("a.img"), "--blocks", "64"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, CODES["in_use"], done.stderr)
        self.assertIn("a process of this host has it open", done.stderr)
        self.assertIsNone(first.poll())
        first.terminate()
        first.wait(30)
        self.ok("check", "-g", "g")


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
        self.assertIn("--replace 3", self.run_raw("check", "--repair", "-g", "g").err)
        healed = self.ok("check", "--repair", "--json", *replaced(3), "-g", "g").json()
        self.assertEqual(healed["repaired"]["registers"], 32)
        self.ok("check", "-g", "g")
        self.agents[0].kill()  # now the healed one must vote
        self.assertEqual(self.ok("cell", "get", "-g", "g", "y").out, "y\n")
        self.assertEqual(self.ok("cell", "set", "-g", "g", "x", "again").out, "2\n")

    def test_hosts_own_nothing(self):
        self.ok("run", "-g", "g", "l", "--", "true")
        answer = self.ok("hosts", "-g", "g").out
        self.assertEqual(answer.splitlines()[0].split(), ["HOST", "LAST", "SEEN", "PROCESSES"])
        hosts = self.ok("hosts", "--json", "-g", "g").json()
        self.assertEqual((hosts["slots"], [host["slots"] for host in hosts["hosts"]]), (None, [[]]))

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

    def wait_until_all_have(self, name):
        end = time.monotonic() + 30
        for agent in self.agents:
            while not self.ok("dump", "--json", "--cell", name, agent.url).json()["blocks"]:
                self.assertLess(time.monotonic(), end, f"{agent.url} never has {name}")
                time.sleep(0.05)

    def test_a_name_that_is_lost_can_be_given_up(self):
        self.ok("cell", "set", "-g", "g", "x", "lost-value")
        self.wait_until_all_have("x")  # so that the copy that is left is the newest
        spoilt = 0
        for agent in self.agents:
            if spoilt < 2 and agent.spoil(b"lost-value"):
                spoilt += 1
        self.assertEqual(spoilt, 2)
        self.refused("no_quorum", "cell", "get", "-g", "g", "x")
        given = self.ok("check", "--repair", "--give-up", "x", "--force", "--json", "-g", "g").json()
        self.assertEqual(given["given_up"]["version"], (1 << 32) + 1)
        self.assertEqual(given["repaired"]["registers"], 2)
        self.assertIn("giving up a name (--give-up) goes that high", self.ok("check", "-g", "g").out)
        self.assertIn("giving up a name (--give-up) goes that high", self.ok("doctor", "-g", "g").out)
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "")
        self.ok("check", "-g", "g")

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
        self.assertEqual(self.run_raw("check", "--repair", *named).code, 1)
        self.refused("usage", "check", "--repair", *replaced(3), *named, says="wipe it first")
        self.assertEqual(self.ok("cell", "get", "-g", "h", "precious").out, "v\n")

    def test_dump_and_doctor(self):
        self.ok("cell", "set", "-g", "g", "x", "v")
        dumped = self.ok("dump", "--json", "--cell", "x", self.agents[0].url).json()
        self.assertEqual(dumped["blocks"][0]["record"]["value"], "v")
        self.assertEqual(dumped["format"], "1.4")
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
        self.ok("check", "--repair", *replaced(1), "-g", "g")
        size = os.path.getsize(self.path("b.img"))
        self.spoil("b.img", 0, b"\0" * size)
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")
        self.ok("check", "--repair", *replaced(2), "-g", "g")
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
        self.ok("agent", "key", "carol", "--file", "agent.keys")
        with open(self.path("agent.keys")) as keys:
            lines = keys.read().splitlines()
        self.key_file("alice.key", lines[0])
        self.key_file("bob.key", lines[1])
        self.key_file("carol.key", lines[2])
        self.ok("agent", "key", "mallory", "--file", "mallory.key")
        with open(self.path("access.ini"), "w") as rules:
            rules.write("[client alice]\nread = *\nwrite = *\ncreate = *\nformat = yes\n"
                        "[client bob]\nread = bob/\nwrite = bob/\ncreate = bob/\n"
                        "[client carol]\nread = *\nwrite = *\ncreate = *\n")
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

    def test_what_is_not_for_us_to_see_is_neither_damaged_nor_unset(self):
        self.ok("cell", "set", *self.disks("alice"), "secret", "v")
        self.ok("run", *self.disks("alice"), "db/real", "--", "true")
        self.ok("cell", "set", *self.disks("bob"), "bob/x", "mine")
        for verb in ("explain", "show"):
            for name in ("db/real", "nothing"):
                self.refused("permission", verb, *self.disks("bob"), name, says="not for us to see")
            self.refused("permission", verb, *self.disks("bob"), "secret")
        watched = self.run_raw("watch", "--count", "1", *self.disks("bob"), "db/real")
        self.assertEqual((watched.code, watched.out), (CODES["permission"], ""), watched.err)
        self.refused("no", "show", *self.disks("bob"), "bob/nothing")
        status = self.ok("status", "--json", *self.disks("bob")).json()
        self.assertEqual({disk["state"] for disk in status["disks"]} - {"sound", "behind"}, set())
        self.assertTrue(all(disk["cells_unseen"] > 0 for disk in status["disks"]))
        doctor = self.ok("doctor", "--json", *self.disks("bob")).json()
        self.assertNotIn("fail", [check["verdict"] for check in doctor["checks"]])
        check = self.run_raw("check", "--json", *self.disks("bob"))
        self.assertEqual(check.code, CODES["permission"], check.out)
        self.assertEqual([disk["damaged"] for disk in check.json()["disks"]], [0, 0, 0])
        self.assertEqual(check.json()["cells_without_quorum"], 0)
        self.assertEqual(self.ok("ls", "--json", *self.disks("bob")).json()["locks"], [])

    def test_a_damaged_name_is_not_made_anew_elsewhere(self):
        self.ok("cell", "set", *self.disks("bob"), "bob/x", "mine")
        spoilt = 0
        for agent in self.agents:  # one of them may have missed it
            if spoilt < 2 and agent.spoil(b"bob/x"):
                spoilt += 1
        self.assertEqual(spoilt, 2)
        self.refused("no_quorum", "cell", "get", *self.disks("bob"), "bob/x")
        self.refused("no_quorum", "cell", "set", *self.disks("bob"), "bob/x", "again")

    def test_a_refusal_is_no_fault_of_the_disk(self):
        """Of what is damaged an agent tells only who may read every name."""
        self.ok("cell", "set", *self.disks("alice"), "bob/x", "mine-value")
        spoilt = 0
        for agent in self.agents:
            if spoilt < 2 and agent.spoil(b"mine-value"):
                spoilt += 1
        self.assertEqual(spoilt, 2)
        got = self.refused("no_quorum", "cell", "get", *self.disks("bob"), "bob/x")
        self.assertIn("the agent tells only who may read every name", got.err)
        give_up = ("check", "--repair", "--give-up", "bob/x", "--force")
        for who, right in (("bob", "read = *"), ("carol", "format = yes")):
            answer = self.refused("permission", *give_up, *self.disks(who), says=right)
            self.assertNotIn("--replace", answer.err)
            self.assertNotIn("Input/output", answer.err)
        for verb in ("status", "doctor", "check"):
            answer = self.run_raw(verb, *self.disks("bob"))
            self.assertNotIn("Input/output", answer.out)
            self.assertNotIn("replace the disk", answer.out)
        self.assertEqual(self.run_raw("check", *self.disks("bob")).code, CODES["permission"])
        self.ok(*give_up, *self.disks("alice"))

    def test_what_may_not_be_restored_is_told(self):
        self.ok("cell", "set", *self.disks("alice"), "x", "spoilt-value")
        self.assertTrue(any(agent.spoil(b"spoilt-value") for agent in self.agents))
        repair = self.run_raw("check", "--repair", *self.disks("carol"))
        self.assertEqual(repair.code, CODES["permission"], repair.out)
        self.assertIn('takes the right "format = yes"', repair.out)
        done = self.ok("check", "--repair", *self.disks("alice"))
        self.assertIn("repaired: 1 register", done.out)

    def test_who_shows_no_key_is_told(self):
        url = f"agent://127.0.0.1:{self.ports[0]}/s"
        self.refused("permission", "cell", "get", "-d", url, "x", says="without a key")

    def test_a_key_that_is_withdrawn_counts_no_more(self):
        self.ok("cell", "set", *self.disks("bob"), "bob/x", "mine")
        watcher = self.start("watch", "--json", *self.disks("bob"), "bob/x")
        try:
            self.assertEqual(json.loads(watcher.stdout.readline())["value"], "mine")
            with open(self.path("agent.keys")) as keys:
                alice = keys.readline()
            self.key_file("agent.keys.new", alice.strip())
            os.rename(self.path("agent.keys.new"), self.path("agent.keys"))
            for agent in self.agents:
                agent.process.send_signal(signal.SIGHUP)
                agent.await_log("client bob at")
            self.refused("permission", "cell", "get", *self.disks("bob"), "bob/x", says="identity \"bob\"")
            self.ok("cell", "set", *self.disks("alice"), "bob/x", "hers")
            time.sleep(1.5)
            os.set_blocking(watcher.stdout.fileno(), False)
            self.assertFalse(watcher.stdout.read(), "it was told of what it may not read any more")
        finally:
            watcher.kill()
            watcher.communicate()

    def test_strangers_neither_end_nor_flood_nor_crowd_out(self):
        agent = self.agents[0]
        agent.stop()
        open(agent.log, "w").close()
        agent.start()
        crowd = []
        try:
            for _ in range(3):
                for _ in range(200):
                    crowd.append(socket.create_connection(("127.0.0.1", self.ports[0])))
                    crowd[-1].sendall(client_hello(b"x\ndiskpaxos-agent: forged\x1b" * 200))
                with socket.socket(socket.AF_UNIX) as newcomer:
                    newcomer.settimeout(5)
                    newcomer.connect(agent.socket)
                    newcomer.sendall(b"\0" * 24)
                    newcomer.recv(1)  # an answer, or its end
            self.ok("cell", "get", *self.disks("alice"), "x")
            deadline = time.monotonic() + 30  # until a slow agent has read the first of them
            while b"has the identity" not in self.content(agent.log) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            for each in crowd:
                each.close()
        with open(agent.log, "rb") as log:
            lines = log.read().split(b"\n")
        self.assertFalse([line for line in lines if line.startswith(b"diskpaxos-agent: forged")])
        self.assertTrue(all(byte >= 32 for line in lines for byte in line))
        self.assertLess(len(lines), 60)
        self.assertLessEqual(max(map(len, lines)), 512)
        self.assertTrue([line for line in lines if b"nobody here has the identity" in line])

    def test_who_has_no_key_stays_outside(self):
        self.refused("permission", "cell", "get", *self.disks("mallory"), "x")
        self.refused("permission", "format", "--force", "--cells", "32", *self.urls("bob"))
        os.chmod(self.path("bob.key"), 0o644)
        answer = self.run_raw("cell", "get", *self.disks("bob"), "bob/x")
        self.assertIn("bob.key", answer.err)
        self.assertNotEqual(answer.code, 0)


def client_hello(identity):
    """A TLS 1.3 ClientHello that names this key, of somebody who does not have it."""
    def sized(data, size):
        return len(data).to_bytes(size, "big") + data

    def extension(number, data):
        return number.to_bytes(2, "big") + sized(data, 2)

    extensions = (extension(43, b"\x02\x03\x04") + extension(13, b"\x00\x02\x04\x03") +
                  extension(10, b"\x00\x02\x00\x1d") +
                  extension(51, sized(b"\x00\x1d" + sized(bytes(range(32)), 2), 2)) +
                  extension(45, b"\x01\x01") +
                  extension(41, sized(sized(identity, 2) + bytes(4), 2) + sized(sized(bytes(32), 1), 2)))
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\x00\x02\x13\x01" + b"\x01\x00" + sized(extensions, 2)
    message = b"\x01" + sized(body, 3)
    return b"".join(b"\x16\x03\x01" + sized(message[at:at + 16000], 2) for at in range(0, len(message), 16000))


class Stderr(CommandTest):
    """Whatever becomes of the log, the agent serves, and stops with 0."""

    def serve(self, **options):
        agent = Agent(self.folder, "a")
        self.addCleanup(agent.kill)
        agent.start(**options)
        return agent

    def serves(self, agent):
        self.ok("format", "--cells", "32", "--force", "--conf", "g.conf", agent.url)
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "1\n")
        agent.process.send_signal(signal.SIGTERM)
        self.assertEqual(agent.process.wait(timeout=30), 0)

    def test_full(self):
        with open("/dev/full", "wb") as full:
            self.serves(self.serve(stderr=full))

    def test_closed(self):
        agent = self.serve(preexec_fn=lambda: os.close(2))
        with open(agent.store, "rb") as store:
            self.assertNotIn(b"diskpaxos-agent: ", store.read())
        self.serves(agent)

    def test_a_reader_that_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            self.serves(self.serve(stderr=writer))
        finally:
            os.close(writer)

    def test_a_reader_that_hangs(self):
        reader, writer = os.pipe()
        try:
            os.set_blocking(writer, False)
            try:
                while True:
                    os.write(writer, b"x" * 4096)
            except BlockingIOError:
                os.set_blocking(writer, True)
            self.serves(self.serve(stderr=writer))
        finally:
            os.close(reader)
            os.close(writer)

    def test_few_descriptors(self):
        agent = self.serve(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        agent.await_log("the limit of open files")
        silent = []
        try:
            for _ in range(80):
                silent.append(socket.socket(socket.AF_UNIX))
                silent[-1].connect(agent.socket)
            self.ok("format", "--cells", "32", "--conf", "g.conf", agent.url)
            agent.await_log("too many connections say nothing")
        finally:
            for each in silent:
                each.close()
        self.serves(agent)
        few = subprocess.run([AGENT, "serve", "--store", "s=" + agent.store, "--unix", agent.socket],
                             capture_output=True, text=True, check=False,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))
        self.assertEqual(few.returncode, 69)
        self.assertIn("that leaves none for connections", few.stderr)


class Store(CommandTest):
    def create(self, *words, **options):
        return subprocess.run([AGENT, "create", *words], stderr=subprocess.PIPE, text=True, check=False,
                              **{"stdout": subprocess.PIPE, **options})

    def test_what_cannot_be_printed(self):
        with open("/dev/full", "wb") as full:
            made = self.create(self.path("a"), "--blocks", "64", stdout=full)
            self.assertEqual(made.returncode, 83, made.stderr)
            self.assertIn("is a store now", made.stderr)
            for words in ("--help", "--version", "check"):
                done = subprocess.run([AGENT, words] + [self.path("a")] * (words == "check"), stdout=full,
                                      stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual(done.returncode, 69, words)

    def test_no_space(self):
        limit = 4 << 20
        small = self.create(
            self.path("a"), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual(small.returncode, 69)
        self.assertIn("File too large", small.stderr)
        self.assertFalse(os.path.exists(self.path("a")))


class Keys(CommandTest):
    def key_lines(self, name, *lines):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("".join(line + "\n" for line in lines))

    def test_keys(self):
        line = self.ok("agent", "key", "alice").out.strip()
        self.assertRegex(line, r"^alice:[0-9a-f]{64}$")
        self.assertNotEqual(self.ok("agent", "key", "alice").out.strip(), line)
        self.ok("agent", "key", "alice", "--file", "k")
        self.assertEqual(os.stat(self.path("k")).st_mode & 0o777, 0o600)
        self.refused("no", "agent", "key", "alice", "--file", "k", says="alice")
        self.refused("usage", "agent", "key", "a:b", says="name of a key")
        self.refused("usage", "agent", "key", "loopback", says="no key may be for")
        self.key_lines("r", "uid:0:" + 64 * "0")
        self.refused("usage", "agent", "key", "bob", "--file", "r", says="begins with uid:")
        self.refused("usage", "agent", "key")


if __name__ == "__main__":
    main()
