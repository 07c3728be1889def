"""status, ls, show, explain, break and bench, with real processes that hold locks."""

import os
import pty
import signal
import subprocess
import time
import unittest

from command import CommandTest, main

PARTY = ["slot", "epoch", "mode", "token", "session", "host", "pid", "command", "since", "ttl_ms",
         "evicted_by_host", "evicted_by_pid"]
LOCK = ["name", "state", "mode", "token", "version", "standing", "holders", "ended", "waiters",
        "value", "value_doubtful", "disks"]


class LockTest(CommandTest):
    GROUP = ["--cells", "32", "--slots", "16", "--ttl", "2s"]

    def setUp(self):
        super().setUp()
        self.make_group()

    def hold(self, *words, host="here"):
        """A process that holds a lock, or waits for it, until the test is over."""
        process = self.start("run", "-g", "g", *words, "--", "sleep", "60", host=host)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def wait_until(self, happened, *words):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            answer = self.ok(*words).json()
            if happened(answer):
                return answer
            time.sleep(0.05)
        return self.fail(f"not within 30 seconds: {answer}")

    def held(self, name, holders=1, waiters=0):
        def happened(lists):
            locks = {lock["name"]: lock for lock in lists["locks"]}
            return (name in locks and len(locks[name]["holders"]) == holders
                    and len(locks[name]["waiters"]) == waiters)
        return self.wait_until(happened, "ls", "--json", "-g", "g")


class Looking(LockTest):
    def test_an_empty_group(self):
        self.assertEqual(self.ok("ls", "-g", "g").out.split(),
                         "LOCK STATE TOKEN HELD BY SESSION WAIT DISKS COMMAND".split())
        answer = self.ok("ls", "--json", "-g", "g").json()
        self.assertEqual(list(answer), ["time", "majority", "locks", "cells_unseen", "warnings"])
        self.assertEqual(answer["locks"], [])
        self.assertIn("no sessions", self.ok("status", "-g", "g").out)

    def test_a_lock_that_is_held(self):
        holder = self.hold("x")
        lock = self.held("x")["locks"][0]
        self.assertEqual(list(lock), LOCK)
        self.assertEqual((lock["state"], lock["mode"], lock["token"]), ("held", "exclusive", 1))
        self.assertEqual(list(lock["holders"][0]), PARTY)
        self.assertEqual(lock["holders"][0]["pid"], holder.pid)
        self.assertEqual(lock["holders"][0]["command"], "sleep 60")
        self.assertEqual(lock["holders"][0]["session"], "live")
        text = self.ok("ls", "-g", "g").out
        self.assertIn(f"pid {holder.pid}", text)
        self.assertIn("exclusive", text)
        shown = self.ok("show", "--json", "-g", "g", "x").json()
        self.assertEqual(list(shown), [*LOCK, "time", "majority", "warnings"])
        self.assertEqual([disk["disk"].rsplit("/")[-1] for disk in shown["disks"]],
                         ["a.img", "b.img", "c.img"])
        text = self.ok("show", "-g", "g", "x").out
        self.assertIn(f"pid {holder.pid}", text)
        self.assertIn(f"session since {shown['holders'][0]['since']}", text)  # the lock has no time

    def test_status(self):
        holder = self.hold("x")
        self.held("x")
        answer = self.ok("status", "--json", "-g", "g").json()
        self.assertEqual(list(answer), ["time", "group", "name", "redundancy", "majority", "ttl_ms",
                                        "cells", "names", "cells_at_bare_majority",
                                        "cells_without_majority", "slots_at_bare_majority",
                                        "slots_without_majority", "disks", "sessions", "slots",
                                        "warnings"])
        self.assertEqual(answer["ttl_ms"], 2000)
        self.assertEqual([disk["state"] in ("sound", "behind") for disk in answer["disks"]], [True] * 3)
        self.assertTrue(all(disk["read_ms"] > 0 for disk in answer["disks"]))
        sessions = [session for session in answer["sessions"] if session["state"] == "live"]
        self.assertEqual([session["pid"] for session in sessions], [holder.pid])
        self.assertLessEqual(sessions[0]["margin_ms"], 2000)
        self.assertEqual((answer["slots"]["all"], answer["slots"]["free"]), (16, 15))
        self.assertEqual(list(answer["slots"]["by_host"].values()), [1])
        text = self.ok("status", "-g", "g").out
        self.assertIn("16 slots: 15 free, 1 of host", text)
        self.assertIn("sleep 60", text)

    def test_shared_holders(self):
        self.hold("-s", "x")
        self.hold("-s", "x")
        lock = self.held("x", holders=2)["locks"][0]
        self.assertEqual((lock["mode"], {party["token"] for party in lock["holders"]}),
                         ("shared", {1, 2}))
        self.assertIn("shared by 2 sessions", self.ok("explain", "-g", "g", "x").out)

    def test_a_minority_says_so(self):
        self.hold("x")
        self.held("x")
        for verb in (["ls"], ["status"], ["show", "x"], ["explain", "x"]):
            answer = self.run_raw(verb[0], "--json", "-d", "a.img", *verb[1:])
            self.assertEqual(answer.code, 2 if verb == ["status"] else 0, answer.err)
            self.assertFalse(answer.json()["majority"])
            self.assertIn("1 of 3 disks answers, 2 are needed", answer.err)
        text = self.run_raw("explain", "-d", "a.img", "x").out
        self.assertIn("nobody can take or release", text)
        self.assertIn("absent", text)

    def test_a_damaged_disk_is_named(self):
        self.hold("x")
        self.held("x")
        row = 2 * 16 * 512  # ring × slots × block size
        self.spoil("b.img", 4096 + row, bytes(32 * row))
        answer = self.ok("show", "--json", "-g", "g", "x").json()
        self.assertEqual(answer["standing"], "committed")
        self.assertEqual([disk["says"] for disk in answer["disks"]][1], "damaged")
        self.assertIn("damaged here", self.ok("explain", "-g", "g", "x").out)
        status = self.run_raw("status", "--json", "-g", "g")
        self.assertEqual(status.code, 1)
        disks = status.json()["disks"]
        self.assertEqual(disks[1]["state"], "damaged")
        self.assertGreater(disks[1]["damaged"], 0)


    def test_a_minority_does_not_say_that_there_is_no_such_name(self):
        for verb in ("explain", "show"):
            self.refused("no_quorum", verb, "-d", "a.img", "nowhere", says="others may")

    def test_names_are_told_apart_and_obey_nobody(self):
        names = [b"u\xff", b"u\xfe", "esc\u009b31m".encode(), "turn\u202etxt".encode(), "ä".encode()]
        for name in names:
            self.ok("run", "-g", "g", name, "--", "true")
        locks = self.ok("ls", "--json", "-g", "g").json()["locks"]
        told = {lock["name_hex"] for lock in locks if "name_hex" in lock}
        self.assertEqual(told, {"75ff", "75fe"})
        text = self.ok("ls", "-g", "g").out
        for shown in ("u\\xff", "u\\xfe", "esc\\xc2\\x9b31m", "turn\\xe2\\x80\\xaetxt", "ä"):
            self.assertIn(shown, text)
        self.assertNotIn("\u009b", text)
        self.assertNotIn("\u202e", text)
        self.assertNotIn("\u202e", self.run_raw("show", "-g", "g", "no\u202esuch").err)


class Explaining(LockTest):
    def test_one_that_lives_and_one_that_waits(self):
        holder = self.hold("x")
        self.held("x")
        waiter = self.hold("x", host="there")
        self.held("x", waiters=1)
        answer = self.ok("explain", "--json", "-g", "g", "x").json()
        self.assertEqual((answer["kind"], answer["lock"]["state"]), ("lock", "held"))
        self.assertIsNotNone(answer["life"][0]["renewed_ago_ms"], answer)
        self.assertFalse(answer["once_waited_for"])
        self.assertIsNotNone(answer["free_at_latest"])
        self.assertEqual([party["pid"] for party in answer["lock"]["waiters"]], [waiter.pid])
        text = "\n".join(answer["sentences"])
        self.assertIn(f"pid {holder.pid}", text)
        self.assertIn("renewed", text)
        self.assertIn(f"1. host ", text)

    def test_one_that_is_frozen(self):
        holder = self.hold("x")
        self.held("x")
        holder.send_signal(signal.SIGSTOP)
        answer = self.ok("explain", "--json", "-g", "g", "x").json()
        self.assertIsNone(answer["life"][0]["renewed_ago_ms"])
        self.assertGreater(answer["life"][0]["watched_ms"], 2000 / 6)
        self.assertTrue(answer["once_waited_for"])
        self.assertIn("silent for as long as it was watched", "\n".join(answer["sentences"]))
        # It says how long it takes at most; and so it is.
        start = time.monotonic()
        self.ok("run", "-g", "g", "x", "--", "true")
        took = (time.monotonic() - start) * 1000
        self.assertLess(took, answer["free_in_at_most_ms"] + 1500)
        free = self.ok("explain", "-g", "g", "x").out
        self.assertIn('lock "x" is free; the token of the last holding was 2', free)

    def test_what_is_no_lock(self):
        self.ok("cell", "set", "-g", "g", "v", "1")
        self.assertIn("no lock but a cell with a value", self.ok("explain", "-g", "g", "v").out)
        self.refused("no", "explain", "-g", "g", "y",
                     says='no lock is named "y", nor anything else; "diskpaxos ls -g g" names those')
        self.refused("no", "show", "-g", "g", "v", says="there is no lock")
        self.refused("no", "show", "-g", "g", "y",
                     says='there is no lock "y"; "diskpaxos ls -g g" names')
        self.refused("usage", "explain", "-g", "g", "@session/1", says="belong to diskpaxos")


class Breaking(LockTest):
    def test_nobody_holds_it(self):
        self.refused("no", "break", "-g", "g", "--force", "x", says="nobody holds")
        self.ok("run", "-g", "g", "x", "--", "true")
        self.refused("no", "break", "-g", "g", "--force", "x", says="nobody holds")
        self.ok("cell", "set", "-g", "g", "v", "1")
        self.refused("usage", "break", "-g", "g", "--force", "v", says="is no lock")

    def test_without_a_terminal_it_needs_force(self):
        holder = self.hold("x")
        self.held("x")
        self.refused("no", "break", "-g", "g", "x", says=f"pid {holder.pid}")
        self.held("x")
        self.assertIsNone(holder.poll())

    def test_the_evicted_stops_and_the_next_has_a_larger_token(self):
        holder = self.hold("x")
        self.held("x")
        holder.send_signal(signal.SIGSTOP)  # so that it cannot say that it has noticed
        answer = self.ok("break", "--json", "-g", "g", "--force", "x").json()
        self.assertEqual(list(answer), ["name", "evicted", "warnings"])
        evicted = answer["evicted"][0]
        self.assertEqual(list(evicted),
                         [*PARTY, "acts_until", "acts_for_at_most_ms", "other_locks"])
        self.assertEqual((evicted["pid"], evicted["token"], evicted["session"]),
                         (holder.pid, 1, "evicted"))
        self.assertEqual(evicted["acts_for_at_most_ms"], 2004)
        lock = self.ok("show", "--json", "-g", "g", "x").json()
        self.assertEqual((lock["state"], lock["ended"][0]["session"]), ("free", "evicted"))
        self.assertIsNotNone(lock["ended"][0]["evicted_by_host"])
        self.assertIn("was evicted by host", self.ok("explain", "-g", "g", "x").out.splitlines()[0])
        token = self.ok("run", "-n", "-g", "g", "x", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out
        self.assertEqual(token, "2\n")
        holder.send_signal(signal.SIGCONT)
        self.assertEqual(holder.wait(timeout=10), 79)
        self.refused("no", "break", "-g", "g", "--force", "x", says="nobody holds")

    def test_a_terminal_is_asked(self):
        holder = self.hold("x")
        self.held("x")
        for word, code in (("no", 1), ("yes", 0)):
            ours, theirs = pty.openpty()
            process = self.start_on(theirs, "break", "-g", "g", "x")
            os.close(theirs)
            asked = self.read_until(ours, b"Type yes")
            self.assertIn(f"pid {holder.pid}".encode(), asked)
            os.write(ours, word.encode() + b"\n")
            self.assertEqual(process.wait(timeout=20), code)
            os.close(ours)
        self.assertEqual(holder.wait(timeout=10), 79)

    def start_on(self, terminal, *words):
        return subprocess.Popen([os.environ["DISKPAXOS_BINARY"], *words], cwd=self.folder,
                                env=self.environment(), stdin=terminal, stdout=subprocess.DEVNULL,
                                stderr=terminal)

    @staticmethod
    def read_until(terminal, text):
        seen = b""
        while text not in seen:
            seen += os.read(terminal, 1000)
        return seen


class Bench(LockTest):
    KEYS = ["op", "concurrency", "length_ms", "operations", "p50_ms", "p99_ms", "per_second",
            "writes_per_disk", "reads_per_disk", "messages_per_disk", "submissions", "bare", "ratio",
            "names", "warnings"]

    def bench(self, op, *more):
        return self.ok("bench", "--json", "-g", "g", "--op", op, "--seconds", "0.5", *more).json()

    def test_every_operation(self):
        # The least that each costs: phases and looks (docs/protocol.md), on every disk.
        least = {"propose": (2, 3), "change": (1, 1), "lock": (3, 4), "relock": (2, 2)}
        for op, (writes, reads) in least.items():
            answer = self.bench(op)
            self.assertEqual(list(answer), self.KEYS)
            self.assertGreater(answer["operations"], 0)
            self.assertLessEqual(answer["p50_ms"], answer["p99_ms"])
            # A disk that is late misses a visit: never more than one of three does.
            self.assertGreaterEqual(answer["writes_per_disk"], 0.66 * writes)
            self.assertGreaterEqual(answer["reads_per_disk"], 0.66 * reads)
            self.assertLess(answer["writes_per_disk"], 3 * writes)
            self.assertGreater(answer["bare"]["rounds"], 0)
            self.assertGreater(answer["ratio"], 0.5)

    def test_it_cleans_up(self):
        names = self.bench("change", "--concurrency", "3")["names"]
        self.assertEqual(len(names), 3)
        for name in names:
            self.assertEqual(self.ok("cell", "get", "--json", "-g", "g", name).json()["state"],
                             "deleted")
        locks = self.bench("relock", "--concurrency", "2")["names"]
        listed = {lock["name"]: lock["state"] for lock in self.ok("ls", "--json", "-g", "g").json()["locks"]}
        self.assertEqual(listed, {name: "free" for name in locks})
        again = self.bench("relock", "--concurrency", "2")["names"]
        self.assertEqual(len(again), 2)
        self.assertEqual(self.ok("check", "-g", "g").code, 0)


if __name__ == "__main__":
    main()
