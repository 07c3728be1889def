"""hosts, hosts forget, and groups with as many hosts as they have slots: real processes, and hosts that
differ by DISKPAXOS_MACHINE_ID."""

import os
import pty
import signal
import subprocess
import time

from command import CommandTest, main

NO_SLOT, IN_USE = 80, 81


class HostsTest(CommandTest):
    GROUP = ["--cells", "32", "--slots", "4", "--ttl", "1s"]

    def hold(self, name, host):
        """A process that holds a lock until the test is over, and dies with its guard."""
        process = self.start("run", "-g", "g", name, "--", "sleep", "300", host=host,
                             start_new_session=True)
        self.addCleanup(process.communicate)
        self.addCleanup(self.switch_off, process)
        return process

    @staticmethod
    def switch_off(process):
        """As if its host lost power: nobody is left to end its session. The guard has a process group of
        its own, but the session of all of them is ours; each is stopped before the first one dies."""
        pids = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.getsid(int(name)) == process.pid:
                    os.kill(int(name), signal.SIGSTOP)
                    pids.append(int(name))
            except (ProcessLookupError, PermissionError):
                pass
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def hosts(self):
        return self.ok("hosts", "--json", "-g", "g").json()

    def wait_for(self, happened, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = self.hosts()
            if happened(answer):
                return answer
            time.sleep(0.1)
        return self.fail(f"not within {seconds} s: {answer}")

    def owner(self, host):
        """The id of this host."""
        before = {each["id"] for each in self.hosts()["hosts"]}
        self.ok("cell", "get", "-g", "g", "x", host=host)
        return ({each["id"] for each in self.hosts()["hosts"]} - before).pop()


class Looking(HostsTest):
    def test_who_owns_what(self):
        self.make_group()
        answer = self.hosts()
        self.assertEqual(list(answer), ["time", "majority", "slots", "free", "claimed", "unknown",
                                        "hosts", "warnings"])
        self.assertEqual((answer["slots"], answer["free"], len(answer["hosts"])), (4, 3, 1))
        process = self.hold("x", "there")
        answer = self.wait_for(lambda seen: sum(len(h["processes"]) for h in seen["hosts"]) == 1)
        there = [host for host in answer["hosts"] if host["processes"]][0]
        self.assertEqual((there["this_host"], len(there["slots"])), (False, 1))
        self.assertEqual(there["processes"][0]["pid"], process.pid)
        self.assertFalse(there["processes"][0]["silent"])
        self.assertLess(there["last_seen_ago_ms"], 1500)
        text = self.ok("hosts", "-g", "g").out
        self.assertIn("(this one)", text)
        self.assertIn("sleep 300", text)
        self.assertIn("4 slots, 2 free", text)
        # It goes on being seen; and once it is off it is not.
        time.sleep(2)
        self.assertLess([h for h in self.hosts()["hosts"] if h["processes"]][0]["last_seen_ago_ms"], 1500)
        self.switch_off(process)
        time.sleep(2.5)
        there = [host for host in self.hosts()["hosts"] if host["processes"]][0]
        self.assertGreater(there["last_seen_ago_ms"], 2000)
        self.assertTrue(there["processes"][0]["silent"])

    def test_a_minority_can_be_looked_at(self):
        self.make_group()
        answer = self.run_raw("hosts", "-d", "a.img")
        self.assertEqual(answer.code, 69)
        self.assertIn("2 are needed", answer.err)
        self.assertIn("which hosts there are cannot be known: 1 of 3 disks answers, and it takes 2", answer.out)
        self.assertNotIn("no host has", answer.out)
        self.assertIn("4 slots, 0 free, 4 not known", answer.out)
        self.assertEqual(self.run_raw("hosts", "--json", "-d", "a.img").json()["unknown"], 4)

    def test_hosts_of_one_name_are_told_apart(self):
        self.make_group()
        there = self.owner("there")
        self.hold("x", "there")
        self.wait_for(lambda seen: sum(len(h["processes"]) for h in seen["hosts"]) == 1)
        lines = self.ok("hosts", "-g", "g").out.splitlines()
        process = [line for line in lines if "sleep 300" in line]
        self.assertIn(f"({there[:8]})", process[0])
        self.assertIn(f"({there[:8]})", self.ok("status", "-g", "g").out)
        answer = self.run_raw("hosts", "forget", "-g", "g", there, "--is-off", "--force")
        self.assertEqual(answer.code, IN_USE)
        self.assertIn(f"({there[:8]}) is not off", answer.err)
        self.spoil("b.img", 8192, bytes(32 * 2 * 4 * 512))
        left = self.run_raw("check", "--repair", "-g", "g").out
        self.assertIn(f"({there[:8]}): what is damaged of that", left)


class GivingBack(HostsTest):
    GROUP = ["--cells", "32", "--slots", "8", "--ttl", "1s"]

    def test_the_last_process_gives_back_all_but_one(self):
        self.make_group()
        for process in [self.start("run", "-g", "g", f"l{i}", "--", "sleep", "3") for i in range(4)]:
            process.communicate()
            self.assertEqual(process.returncode, 0)
        self.assertEqual([len(host["slots"]) for host in self.hosts()["hosts"]], [1])
        # One after the other never has more than one, and pays nothing at its end.
        for _ in range(3):
            self.ok("cell", "incr", "-g", "g", "n")
        self.assertEqual(self.hosts()["free"], 7)


class Hoarding(HostsTest):
    def test_who_hoards_gives_back_when_others_find_none(self):
        self.make_group()
        stays = self.hold("a", "here")
        self.wait_for(lambda seen: sum(len(h["processes"]) for h in seen["hosts"]) == 1)
        killed = [self.hold(name, "here") for name in "bcd"]
        self.wait_for(lambda seen: sum(len(h["processes"]) for h in seen["hosts"]) == 4)
        for process in killed:
            self.switch_off(process)
        self.assertEqual(self.hosts()["free"], 0)
        self.ok("cell", "set", "-g", "g", "--timeout", "30", "x", "1", host="there")
        self.assertIsNone(stays.poll())
        here = [host for host in self.hosts()["hosts"] if host["this_host"]]
        self.assertGreaterEqual(len(here[0]["slots"]), 1)


class Full(HostsTest):
    def test_full_of_hosts(self):
        self.make_group()
        for host in ("b", "c", "d"):
            self.ok("cell", "get", "-g", "g", "x", host=host)
        start = time.monotonic()
        answer = self.run_raw("cell", "get", "-g", "g", "x", host="e")
        self.assertLess(time.monotonic() - start, 4)
        self.assertEqual(answer.code, NO_SLOT)
        self.assertIn("diskpaxos: no_slot: group g is full of hosts: all its 4 slots belong to others",
                      answer.err)
        answer = self.run_raw("run", "-n", "-g", "g", "x", "--", "true", host="e")
        self.assertEqual(answer.code, NO_SLOT)
        doctor = self.run_raw("doctor", "-g", "g", host="e").out
        self.assertRegex(doctor, r"hosts (-g g )?forget HOST")
        self.assertNotIn("--slots", doctor)

    def crowd(self, count, ttl, seconds):
        """All hosts at once, a process each. How long the last one took, in seconds."""
        self.ok("format", "--slots", str(count), "--cells", str(2 * count + 8), "--ttl", ttl,
                "--conf", "g.conf", "a.img", "b.img", "c.img", host="host 0")
        start = time.monotonic()
        processes = [self.start("run", "-g", "g", "--timeout", "120", f"lock {i}", "--", "sh", "-c",
                                f"date +%s.%N > done.{i}; exec sleep 300", host=f"host {i}",
                                start_new_session=True)
                     for i in range(count)]
        for process in processes:
            self.addCleanup(process.communicate)
            self.addCleanup(self.switch_off, process)
        began = time.time() - (time.monotonic() - start)
        end = time.monotonic() + seconds
        done = []
        while len(done) < count and time.monotonic() < end:
            time.sleep(0.5)
            done = [name for name in os.listdir(self.folder) if name.startswith("done.")
                    and os.path.getsize(self.path(name)) > 0]
            for i, process in enumerate(processes):
                if process.poll() is not None:
                    self.fail(f"host {i}: {process.communicate()[1].decode()}")
        self.assertEqual(len(done), count)
        times = sorted(float(self.content(name)) - began for name in done)
        answer = self.hosts()
        self.assertEqual((answer["free"], answer["claimed"]), (0, 0))
        self.assertEqual(len(answer["hosts"]), count)
        self.assertEqual({len(host["slots"]) for host in answer["hosts"]}, {1})
        self.assertEqual(sum(len(host["processes"]) for host in answer["hosts"]), count)
        print(f"{count} of {count} hosts, TTL {ttl}: half of them after {times[count // 2]:.1f} s, "
              f"the last after {times[-1]:.1f} s")
        return times[-1]

    def test_as_many_hosts_as_slots(self):
        self.crowd(32, "2s", 200)


class CutShort(HostsTest):
    """What a `check --repair` leaves behind that is killed in the middle."""
    GROUP = ["--cells", "8", "--slots", "4", "--ttl", "4s"]

    def kill_repair_when(self, sign):
        self.make_group()
        self.rows = self.content("b.img")[8192:]
        self.spoil("b.img", 8192, bytes(8 * 2 * 4 * 512))  # of all slots
        repair = self.start("check", "--repair", "-g", "g")
        self.addCleanup(repair.communicate)
        self.wait_for(sign)
        repair.kill()
        repair.wait()
        answer = self.hosts()
        self.assertTrue(sign(answer), answer)
        return answer

    def slots_of_doctor(self):
        checks = self.run_raw("doctor", "--json", "-g", "g").json()["checks"]
        return [check for check in checks if check["check"] == "slots"][0]

    def test_slots_that_are_held_for_healing(self):
        lent = lambda seen: [slot for host in seen["hosts"] for slot in host["slots_for_healing"]]
        count = len(lent(self.kill_repair_when(lent)))
        free = f"{3 - count} free"
        self.assertIn(f"4 slots, {free}", self.ok("hosts", "-g", "g").out)
        status = self.run_raw("status", "--json", "-g", "g").json()["slots"]
        self.assertEqual((status["free"] + status["claimed"], status["for_healing"]), (3 - count, count))
        self.assertIn(f", {count} for healing by host ", self.run_raw("status", "-g", "g").out)
        doctor = self.slots_of_doctor()
        self.assertEqual(doctor["verdict"], "warn")
        self.assertIn("4: 1 this host's, 0 of other hosts", doctor["found"])
        self.assertIn(f"{count} for healing by this host", doctor["found"])
        self.assertIn("check -g g --repair", doctor["remedy"])
        self.assertIn("run it again on this host", doctor["remedy"])
        self.assertNotIn("forget", doctor["remedy"])
        self.spoil("b.img", 8192, self.rows)  # so nothing is damaged any more, and all the same:
        self.ok("check", "-g", "g")
        self.ok("check", "--repair", "-g", "g")
        self.assertEqual(self.hosts()["free"], 3)
        self.assertEqual(self.slots_of_doctor()["verdict"], "ok")

    def test_claims_that_nobody_follows_up(self):
        claimed = self.kill_repair_when(lambda seen: seen["claimed"] > 0)["claimed"]
        says = f"{3 - claimed} free, {claimed} free but for a claim"
        self.assertIn(f"4 slots, {says}", self.ok("hosts", "-g", "g").out)
        self.assertIn(f"4 slots: {says}", self.run_raw("status", "-g", "g").out)
        self.assertIn(says, self.slots_of_doctor()["found"])
        self.assertIn("sets it aside", self.slots_of_doctor()["remedy"])
        began = time.monotonic()
        repair = self.start("check", "--repair", "-g", "g")
        err = repair.communicate(timeout=100)[1].decode()
        self.assertEqual(repair.returncode, 0, err)
        self.assertRegex(err, rf"diskpaxos: watching {claimed} slots? for 3[01]\.\d s: ")
        self.assertGreater(time.monotonic() - began, 30)
        self.assertEqual(self.hosts()["free"], 3)



class Forgetting(HostsTest):
    def test_what_is_refused(self):
        self.make_group()
        there = self.owner("there")
        for words, code, says in (
                (["there"], 64, "--is-off"),
                (["nobody", "--is-off", "--force"], 1, "no host"),
                ([there[:4], "--is-off", "--force"], 64, "at least 8 characters"),
                ([there, "--is-off"], 1, "nothing was done"),
                ([there, "--is-off", "--force", "--slot", "3"], 64, "slot")):
            answer = self.run_raw("hosts", "forget", "-g", "g", *words)
            self.assertEqual(answer.code, code, answer.err)
            self.assertIn(says, answer.err)
        self.assertEqual(self.run_raw("hosts", "--force", "-g", "g").code, 64)
        own = [host["id"] for host in self.hosts()["hosts"] if host["this_host"]][0]
        answer = self.run_raw("hosts", "forget", "-g", "g", own, "--is-off", "--force")
        self.assertEqual(answer.code, 64)
        self.assertIn("this host is not off", answer.err)
        answer = self.run_raw("hosts", "forget", "-d", "a.img", "-d", "b.img", there, "--is-off", "--force")
        self.assertEqual(answer.code, 69)
        self.assertIn("every disk", answer.err)
        self.hold("x", "there")
        self.wait_for(lambda seen: sum(len(h["processes"]) for h in seen["hosts"]) == 1)
        answer = self.run_raw("hosts", "forget", "-g", "g", there, "--is-off", "--force")
        self.assertEqual(answer.code, IN_USE)
        self.assertIn("has just renewed its session", answer.err)
        self.assertEqual(len(self.hosts()["hosts"]), 2)

    def test_a_person_types_the_name(self):
        self.make_group()
        there = self.owner("there")
        ours, theirs = pty.openpty()
        process = subprocess.Popen([os.environ["DISKPAXOS_BINARY"], "hosts", "forget", "-g", "g",
                                    there, "--is-off"], cwd=self.folder, env=self.environment(),
                                   stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        asked = b""
        while b"type its name to go on" not in asked:
            asked += os.read(ours, 1000)
        self.assertIn(b"if it only sleeps, it will wake up", asked)
        os.write(ours, b"yes\n")
        self.assertEqual(process.wait(timeout=20), 1)
        os.close(ours)
        self.assertEqual(len(self.hosts()["hosts"]), 2)

    def test_a_host_that_writes_without_a_session(self):
        """It shows up in no survey. What it writes while the forgetter waits tells of it."""
        self.make_group()
        there = self.owner("there")
        forgetter = subprocess.Popen([os.environ["DISKPAXOS_BINARY"], "hosts", "forget", "-g", "g", there,
                                      "--is-off", "--force"], cwd=self.folder, env=self.environment(),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        acknowledged = 0
        while forgetter.poll() is None:
            acknowledged += self.run_raw("cell", "incr", "-g", "g", "x", host="there").code == 0
            time.sleep(0.2)
        err = forgetter.communicate()[1].decode()
        self.assertEqual(forgetter.returncode, IN_USE, err)
        self.assertIn("something has just been written in its slot", err)
        self.assertGreater(acknowledged, 10)
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, f"{acknowledged}\n")
        self.assertEqual(len(self.hosts()["hosts"]), 2)

    # A scrapped host, and a disk that was replaced since.
    def test_a_host_that_is_gone(self):
        self.make_group()
        gone = self.hold("x", "gone")
        seen = self.wait_for(lambda seen: sum(len(h["processes"]) for h in seen["hosts"]) == 1)
        there = [host["id"] for host in seen["hosts"] if host["processes"]][0]
        self.switch_off(gone)
        row = 2 * 4 * 512  # ring × slots × block size
        self.spoil("b.img", 8192, bytes(32 * row))
        self.run_raw("check", "--repair", "-g", "g")
        self.assertEqual(self.run_raw("check", "-g", "g").code, 1, "its rows are still damaged")
        time.sleep(1.1)
        answer = self.ok("hosts", "forget", "--json", "-g", "g", there[:10], "--is-off", "--force").json()
        self.assertEqual(list(answer), ["host", "id", "freed", "left", "evicted", "blocks_healed",
                                        "blocks_not_healed", "warnings"])
        self.assertEqual((answer["id"], len(answer["freed"]), answer["left"]), (there, 1, []))
        self.assertEqual([each["pid"] for each in answer["evicted"]], [gone.pid])
        self.assertGreater(answer["blocks_healed"], 0)
        self.assertEqual([host["this_host"] for host in self.hosts()["hosts"]], [True])
        self.assertEqual(self.run_raw("check", "-g", "g").code, 0)
        token = self.ok("run", "-n", "-g", "g", "x", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out
        self.assertEqual(token, "2\n")


if __name__ == "__main__":
    main()
