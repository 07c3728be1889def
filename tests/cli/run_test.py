"""`run`: the contract with scripts: codes, environment, streams, waiting, sharing, signals, names."""

import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

from command import BINARY, CODES, CommandTest, main

HOLD = 'echo held; read line'  # until it is told to go on, or its stdin ends


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


class RunTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.make_group()

    def lock(self, *words, **more):
        return self.run_raw("run", "-g", "g", *words, **more)

    def hold(self, *words, script=HOLD, **more):
        """A `run` whose CMD has begun, and ends when let_go() says so."""
        holder = self.start("run", "-g", "g", *words, "--", "sh", "-c", script,
                            stdin=subprocess.PIPE, **more)
        self.addCleanup(self.end, holder)
        self.assertEqual(holder.stdout.readline(), b"held\n", "CMD never began")
        return holder

    def let_go(self, holder):
        _, err = holder.communicate(b"go\n", timeout=30)
        self.assertEqual(holder.returncode, 0, err)

    @staticmethod
    def end(holder):
        if holder.poll() is None:
            holder.kill()
        holder.communicate()

    def wait_until(self, what, seconds=20):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "it never came to that")
            time.sleep(0.02)


class Burying(RunTest):
    """What the guard of a `run` that was killed does, in that very group and in no other."""

    def test_by_the_groups_uuid(self):
        holder = self.hold("l")
        party = self.ok("ls", "--json", "-g", "g").json()["locks"][0]["holders"][0]
        group = self.ok("status", "--json", "-g", "g").json()["group"]
        words = ["bury", "-d", "a.img", "-d", "b.img", "-d", "c.img", "--", "l", str(party["slot"]),
                 str(party["epoch"])]
        other = "00000000-0000-4000-8000-000000000000"
        answer = self.run_raw(*words, other)
        self.assertEqual(answer.code, CODES["other_group"], answer.err)
        self.assertIn(f"no disk is there of group {other}", answer.err)
        self.assertEqual(self.run_raw(*words, "g").code, CODES["usage"])
        self.assertEqual(self.run_raw(*words).code, CODES["usage"])
        self.assertEqual(self.ok("show", "--json", "-g", "g", "l").json()["state"], "held")
        holder.send_signal(signal.SIGSTOP)
        self.assertEqual(self.ok(*words, group).out, "")
        self.assertEqual(self.ok("show", "--json", "-g", "g", "l").json()["state"], "free")
        holder.send_signal(signal.SIGCONT)

    def test_the_guard_of_one_that_was_killed_does_it(self):
        holder = self.hold("l", script="echo held; exec sleep 60")
        holder.kill()
        began = time.monotonic()
        self.wait_until(lambda: self.lock("-n", "l", "--", "true").code == 0)
        self.assertLess(time.monotonic() - began, 1.9, "that is as long as the lease")


class Codes(RunTest):
    def test_cmds_own(self):
        for code in (0, 1, 2, 69, 75, 255):
            answer = self.lock("l", "--", "sh", "-c", f"exit {code}")
            self.assertEqual((answer.code, answer.out, answer.err), (code, "", ""))

    def test_killed_by_a_signal(self):
        for name in ("TERM", "KILL", "USR2"):
            answer = self.lock("l", "--", "sh", "-c", f"kill -{name} $$")
            self.assertEqual(answer.code, 128 + getattr(signal, "SIG" + name), answer.err)

    def test_cannot_be_run(self):
        with open(self.path("plain"), "w") as plain:
            plain.write("no program\n")
        for command, code, word in (("no-such-command", 127, "not_found"),
                                    ("./no-such", 127, "not_found"),
                                    ("./plain", 126, "command"), (".", 126, "command")):
            answer = self.lock("l", "--", command)
            self.assertEqual(answer.code, code, answer.err)
            self.assertTrue(answer.err.startswith(f"diskpaxos: {word}: "), answer.err)
            self.assertIn(command, answer.err)
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)

    def test_wrong_arguments(self):
        for words in (["l"], ["l", "--"], [], ["-n", "-w", "1", "l", "--", "true"],
                      ["-w", "soon", "l", "--", "true"], ["-w", "-1", "l", "--", "true"],
                      ["-E", "256", "l", "--", "true"], ["-E", "-1", "l", "--", "true"],
                      ["-E", "x", "l", "--", "true"], ["--no-such", "l", "--", "true"],
                      ["--watchdog", "dog", "--ttl", "2s", "l", "--", "true"]):
            self.refused("usage", "run", "-g", "g", *words)

    def test_ttl_out_of_range(self):
        for ttl in ("0", "999ms", "0.5", "3601", "61m", "1w", ""):
            self.refused("usage", "run", "-g", "g", "--ttl", ttl, "l", "--", "true", says="--ttl")
        for ttl in ("1", "1s", "1000ms", "1h"):
            self.ok("run", "-g", "g", "--ttl", ttl, "l", "--", "true")

    def test_no_quorum(self):
        os.unlink(self.path("b.img"))
        self.assertEqual(self.lock("l", "--", "echo", "on").out, "on\n")
        os.unlink(self.path("c.img"))
        for words in ([], ["-n"], ["-w", "1"]):
            answer = self.refused("no_quorum", "run", "-g", "g", *words, "l", "--", "touch", "ran")
            self.assertIn("b.img", answer.err)
        self.assertFalse(os.path.exists(self.path("ran")))

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_permission(self):
        os.chmod(self.folder, 0o755)
        for name in ("a.img", "b.img", "c.img"):
            os.chmod(self.path(name), 0o400)
        answer = subprocess.run([BINARY, "run", "-g", "g", "l", "--", "true"], cwd=self.folder,
                                env=self.environment(), capture_output=True, user=65534,
                                extra_groups=[], timeout=60)
        if answer.returncode == 126:
            self.skipTest("nobody may not run what we built")
        self.assertEqual(answer.returncode, 77, answer.stderr)
        self.assertTrue(answer.stderr.startswith(b"diskpaxos: permission: "), answer.stderr)

    def test_lost(self):
        """Not renewed in time: CMD is dead, and so is its lock."""
        holder = self.hold("--ttl", "1s", "l", script="trap '' TERM; echo $$ >pid; " + HOLD)
        cmd = int(self.content("pid"))
        os.kill(holder.pid, signal.SIGSTOP)
        self.wait_until(lambda: not os.path.exists(f"/proc/{cmd}"))  # while `run` is stopped
        os.kill(holder.pid, signal.SIGCONT)
        self.assertEqual(holder.wait(timeout=30), 79)
        err = holder.stderr.read().decode()
        self.assertTrue(err.startswith('diskpaxos: lost: lock "l" was lost while sh ran'), err)
        self.assertEqual(self.lock("-w", "20", "l", "--", "true").code, 0)


class Surroundings(RunTest):
    def test_environment(self):
        show = ["sh", "-c", 'echo "$DISKPAXOS_LOCK $DISKPAXOS_GROUP $DISKPAXOS_TOKEN $MINE"']
        shown = self.lock("my lock", "--", *show, env={"MINE": "kept"})
        self.assertEqual(shown.out, "my lock g 1 kept\n")
        shown = self.ok("run", "-g", "./g.conf", "l", "--", *show)
        self.assertEqual(shown.out, f"l {self.path('g.conf')} 1 \n")
        shown = self.ok("run", "l", "--", *show, env={"DISKPAXOS_GROUP": "g"})
        self.assertEqual(shown.out, "l g 2 \n")
        shown = self.ok("run", "-d", "a.img", "-d", "b.img", "-d", "c.img", "l", "--", *show)
        self.assertEqual(shown.out, "l g 3 \n")

    def test_cmd_finds_its_group(self):
        script = f'cd / && "{BINARY}" cell set x "$DISKPAXOS_TOKEN" && "{BINARY}" cell get x'
        shown = self.ok("run", "-g", "./g.conf", "l", "--", "sh", "-c", script)
        self.assertEqual(shown.out, "1\n1\n")

    def test_streams_are_its_own(self):
        with open(self.path("in"), "wb") as file:
            file.write(bytes(range(256)) * 1000)
        for name in ("in", "out", "err"):
            open(self.path(name), "ab").close()
        script = 'cat; cat in >&2; readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 >names'
        with open(self.path("in"), "rb") as fd0, open(self.path("out"), "wb") as fd1, \
             open(self.path("err"), "wb") as fd2:
            done = subprocess.run([BINARY, "run", "-g", "g", "l", "--", "sh", "-c", script],
                                  cwd=self.folder, env=self.environment(), stdin=fd0, stdout=fd1,
                                  stderr=fd2, timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.content("out"), self.content("in"))
        self.assertEqual(self.content("err"), self.content("in"))
        self.assertEqual(self.content("names").split()[0].decode(), self.path("in"))

    def test_a_closed_stdout_is_cmds_affair(self):
        done = subprocess.run([BINARY, "run", "-g", "g", "l", "--", "sh", "-c", "exit 3"],
                              cwd=self.folder, env=self.environment(), timeout=60,
                              preexec_fn=lambda: os.close(1))
        self.assertEqual(done.returncode, 3)

    def test_descriptors(self):
        """Those that `run` was started with, and no disk."""
        mine, its = os.pipe()
        self.addCleanup(os.close, mine)
        done = subprocess.run([BINARY, "run", "-g", "g", "l", "--", "sh", "-c",
                               f"echo through >&{its}; ls -l /proc/$$/fd"], cwd=self.folder,
                              env=self.environment(), capture_output=True, pass_fds=[its],
                              timeout=60)
        os.close(its)
        self.assertEqual(os.read(mine, 100), b"through\n")
        self.assertNotIn(b".img", done.stdout)
        self.assertNotIn(b"io_uring", done.stdout)

    def test_tokens_rise(self):
        tokens = [int(self.lock(*words, "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out)
                  for words in (["l"], ["-s", "l"], ["-n", "l"], ["-w", "1", "l"], ["-s", "l"])]
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_json(self):
        answer = self.lock("--json", "l", "--", "sh", "-c", "echo mine; sleep 0.3; exit 7")
        self.assertEqual(answer.code, 7)
        mine, ours = answer.out.splitlines()
        self.assertEqual(mine, "mine")
        shown = json.loads(ours)
        self.assertEqual(list(shown), ["lock", "mode", "token", "code", "waited_ms", "held_ms",
                                       "renewals", "least_margin_ms", "warnings"])
        self.assertEqual((shown["lock"], shown["mode"], shown["token"], shown["code"]),
                         ("l", "exclusive", 1, 7))
        self.assertGreaterEqual(shown["held_ms"], 300)
        self.assertTrue(0 < shown["least_margin_ms"] <= 2000, shown)
        self.assertEqual(self.lock("--json", "-s", "l", "--", "true").json()["mode"], "shared")


class Waiting(RunTest):
    def test_not_at_all(self):
        holder = self.hold("l")
        answer = self.refused("busy", "run", "-g", "g", "-n", "l", "--", "touch", "ran", says='"l"')
        self.assertIn("held exclusively by host ", answer.err)
        self.assertIn(f', pid {holder.pid} ("sh -c {HOLD}")', answer.err)
        self.assertIn('"diskpaxos explain -g g l" says more', answer.err)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.assertEqual(self.lock("-n", "other", "--", "echo", "other").out, "other\n")
        self.let_go(holder)
        self.assertEqual(self.lock("-n", "l", "--", "echo", "mine").out, "mine\n")

    def test_for_a_time(self):
        holder = self.hold("l")
        for time_limit, least in (("0.4", 0.4), ("300ms", 0.3)):
            started = time.monotonic()
            answer = self.lock("-w", time_limit, "l", "--", "touch", "ran")
            self.assertEqual(answer.code, 75, answer.err)
            self.assertTrue(answer.err.startswith("diskpaxos: busy: "), answer.err)
            self.assertTrue(least <= time.monotonic() - started < least + 2)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.let_go(holder)
        # Those who gave up have left no place behind, in which nobody stands.
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)

    def test_no_time_is_not_at_all(self):
        holder = self.hold("l")
        for zero in ("0", "0.0", "0s"):
            self.assertEqual(self.lock("-w", zero, "l", "--", "true").code, 75)
        self.let_go(holder)
        self.assertEqual(self.lock("-w", "0", "l", "--", "true").code, 0)

    def test_until_it_is_free(self):
        holder = self.hold("l")
        waiter = self.start("run", "-g", "g", "l", "--", "echo", "next")
        self.addCleanup(self.end, waiter)
        time.sleep(0.5)
        self.assertIsNone(waiter.poll())
        self.let_go(holder)
        self.assertEqual(waiter.communicate(timeout=30)[0], b"next\n")

    def test_another_code(self):
        holder = self.hold("l")
        for words in (["-n"], ["-w", "0.2"]):
            for code in (0, 9, 255):
                answer = self.lock(*words, "-E", str(code), "l", "--", "true")
                self.assertEqual(answer.code, code, answer.err)
                self.assertTrue(answer.err.startswith("diskpaxos: busy: "), answer.err)
        self.let_go(holder)
        self.assertEqual(self.lock("-n", "-E", "9", "l", "--", "sh", "-c", "exit 4").code, 4)

    def test_quietly(self):
        holder = self.hold("l")
        for words, code in ((["-n", "-q"], 75), (["-w", "0.2", "--quiet"], 75),
                            (["-n", "-q", "-E", "0"], 0)):
            answer = self.lock(*words, "l", "--", "true")
            self.assertEqual((answer.code, answer.out, answer.err), (code, "", ""))
        answer = self.lock("-n", "-q", "--json", "l", "--", "true")
        self.assertEqual((answer.code, answer.err), (75, ""))
        self.assertEqual(answer.json()["error"], "busy")
        self.let_go(holder)
        answer = self.lock("-n", "-q", "l", "--", "no-such-command")
        self.assertEqual(answer.code, 127)
        self.assertIn("not_found", answer.err)

    def test_a_label_instead_of_the_command(self):
        holder = self.hold("--label", "night\x1bly", "l", script="echo held; : SECRET; read line")
        self.assertIn('("night?ly")', self.lock("-n", "l", "--", "true").err)
        self.let_go(holder)
        for name in ("a.img", "b.img", "c.img"):
            self.assertNotIn(b"SECRET", self.content(name))
        self.let_go(self.hold("l", script="echo held; : SECRET; read line"))
        self.assertIn(b"SECRET", self.content("a.img"))  # as operating.md says

    def test_waiters_are_served_in_turn(self):
        holder = self.hold("l")
        waiters = []
        for number in range(3):
            waiters.append(self.start("run", "-g", "g", "l", "--", "sh", "-c",
                                      f"echo {number} >>order"))
            self.addCleanup(self.end, waiters[-1])
            time.sleep(0.4)
        self.let_go(holder)
        for waiter in waiters:
            self.assertEqual(waiter.wait(timeout=30), 0)
        self.assertEqual(self.content("order"), b"0\n1\n2\n")

    def test_interrupted(self):
        for name in ("INT", "TERM", "HUP"):
            number = getattr(signal, "SIG" + name)
            holder = self.hold("l")
            waiter = self.start("run", "-g", "g", "l", "--", "touch", "ran")
            self.addCleanup(self.end, waiter)
            time.sleep(0.4)
            waiter.send_signal(number)
            _, err = waiter.communicate(timeout=30)
            self.assertEqual(waiter.returncode, 128 + number, err)
            self.assertTrue(err.startswith(b"diskpaxos: interrupted: "), err)
            self.let_go(holder)
            # No place is left in the queue, nor a session that lives.
            self.assertEqual(self.lock("-n", "l", "--", "true").code, 0, name)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_signals_that_end_nothing_do_not_end_the_waiting(self):
        holder = self.hold("l")
        waiter = self.start("run", "-g", "g", "l", "--", "echo", "next")
        self.addCleanup(self.end, waiter)
        time.sleep(0.4)
        for name in ("WINCH", "URG", "CONT"):
            waiter.send_signal(getattr(signal, "SIG" + name))
        time.sleep(0.4)
        self.assertIsNone(waiter.poll())
        self.let_go(holder)
        self.assertEqual(waiter.communicate(timeout=30)[0], b"next\n")

    def test_a_waiter_that_was_killed_holds_nobody_up_for_long(self):
        holder = self.hold("l")
        waiter = self.start("run", "-g", "g", "l", "--", "true")
        time.sleep(0.4)
        waiter.kill()
        waiter.communicate()
        behind = self.start("run", "-g", "g", "l", "--", "echo", "next")
        self.addCleanup(self.end, behind)
        time.sleep(0.4)
        started = time.monotonic()
        self.let_go(holder)
        self.assertEqual(behind.communicate(timeout=30)[0], b"next\n")
        self.assertLess(time.monotonic() - started, 2)  # a grace, not the dead one's TTL


class Inheriting(RunTest):
    """From a holder whose host died, by who only tries once: a note of the one before is needed."""

    TTL = 2.0

    def die(self, holder):
        """With its guard, as when the host dies."""
        [guard] = children(holder.pid)
        os.kill(guard, signal.SIGSTOP)
        holder.kill()
        os.kill(guard, signal.SIGKILL)

    def once(self, *words, **more):
        return self.lock("-n", *words, "l", "--", "echo", "mine", **more)

    def test_after_a_ttl(self):
        holder = self.hold("l", host="there")
        self.die(holder)
        answer = self.once()
        self.assertEqual(answer.code, 75, answer.err)
        self.assertIn("which shows no sign of life in one look and may be expiring: this command "
                      "can tell in 2.0 s", answer.err)
        noted = time.monotonic()
        answer = self.once()
        self.assertEqual(answer.code, 75)
        self.assertIn("no sign of life since it was seen before and may be expiring", answer.err)
        time.sleep(max(0.0, noted + 1.02 * self.TTL - time.monotonic()))
        answer = self.once()
        self.assertEqual((answer.code, answer.out), (0, "mine\n"), answer.err)
        self.assertEqual(os.listdir(self.path("notes")), [])

    def test_not_from_the_living(self):
        holder = self.hold("l", host="there")
        self.assertIn("may be expiring", self.once().err)
        time.sleep(1.2 * self.TTL)
        for _ in range(3):  # one after the other, within one renewal
            answer = self.once()
            self.assertEqual(answer.code, 75)
            if "may be expiring" not in answer.err:
                break
        else:
            self.fail(answer.err)
        self.let_go(holder)

    def test_who_gives_up_waiting_leaves_a_note_too(self):
        self.die(self.hold("l", host="there"))
        self.assertEqual(self.lock("-w", "0.5", "l", "--", "true").code, 75)
        time.sleep(self.TTL)
        self.assertEqual(self.once().out, "mine\n")

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount")
    def test_a_note_that_cannot_be_written_is_not_promised(self):
        self.die(self.hold("l", host="there"))
        full = self.path("full")
        os.mkdir(full)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "none", full]).returncode != 0:
            self.skipTest("no tmpfs can be mounted")
        self.addCleanup(subprocess.run, ["umount", "-l", full])
        with open(os.path.join(full, "all"), "wb") as file:
            file.write(bytes(4096))
        answer = self.once(env={"DISKPAXOS_NOTES": full})
        self.assertEqual(answer.code, 75)
        self.assertIn("run -w can tell in 2.0 s (no note is kept: ", answer.err)
        self.assertIn("No space left", answer.err)

    def test_without_a_note(self):
        """Of another boot, group or lock, or in a folder that others may write."""
        self.die(self.hold("l", host="there"))
        os.mkdir(self.path("open"))
        os.chmod(self.path("open"), 0o755)
        boots = [{"DISKPAXOS_BOOT_ID": f"00000000-0000-0000-0000-00000000000{n}"} for n in (1, 2)]
        for before, after in ((boots[0], boots[1]),
                              ({"DISKPAXOS_NOTES": self.path("open")},) * 2,
                              ({"DISKPAXOS_NOTES": ""},) * 2):
            self.assertEqual(self.once(env=before).code, 75)
            time.sleep(1.1 * self.TTL)
            answer = self.once(env=after)
            self.assertEqual(answer.code, 75)
            self.assertIn("may be expiring", answer.err)
            if "DISKPAXOS_NOTES" in before:
                self.assertIn("no note is kept", answer.err)
        self.assertEqual(os.listdir(self.path("open")), [])
        self.assertEqual(self.once(env=boots[1]).out, "mine\n")  # its own note is still there


class Sharing(RunTest):
    def test_shared_with_shared_only(self):
        first = self.hold("-s", "l")
        second = self.hold("-n", "-s", "l")
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        self.let_go(first)
        answer = self.refused("busy", "run", "-g", "g", "-n", "l", "--", "true")
        self.assertIn("held shared", answer.err)
        self.let_go(second)
        holder = self.hold("-n", "l")
        self.assertEqual(self.lock("-n", "-s", "l", "--", "true").code, 75)
        self.let_go(holder)


class Signals(RunTest):
    def test_passed_to_cmds_group(self):
        """To its children as well, and its exit code is what it makes of it."""
        script = ('sh -c \'trap "echo child >>got; exit" INT TERM HUP USR1; echo >ready;'
                  ' while :; do sleep 0.05; done\' & '
                  'trap "wait; echo parent >>got; exit 5" INT TERM HUP USR1;'
                  ' until [ -e ready ]; do sleep 0.02; done; echo held; wait; wait')
        for name in ("INT", "TERM", "HUP", "USR1"):
            # A shell's child in the background ignores SIGINT: nothing that passing could change.
            holder = self.hold("l", script=script if name != "INT" else
                               'trap "echo child >>got; echo parent >>got; exit 5" INT; echo held;'
                               ' while :; do sleep 0.05; done')
            holder.send_signal(getattr(signal, "SIG" + name))
            self.assertEqual(holder.wait(timeout=30), 5, name)
            self.assertEqual(self.content("got"), b"child\nparent\n", name)
            self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)
            for file in ("got", "ready"):
                if os.path.exists(self.path(file)):
                    os.unlink(self.path(file))

    def test_all_that_can_be_caught(self):
        """But for those that are about `run` itself."""
        script = ("import os, signal\n"
                  "every = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}\n"
                  "signal.pthread_sigmask(signal.SIG_BLOCK, every)\n"
                  "os.write(1, b'held\\n')\n"
                  "while True: os.write(1, b'%d\\n' % signal.sigwait(every))\n")
        holder = self.start("run", "-g", "g", "l", "--", sys.executable, "-c", script)
        self.addCleanup(self.end, holder)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        own = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU,
               signal.SIGTSTP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
               signal.SIGSYS, signal.SIGTRAP}
        for number in sorted(signal.valid_signals() - own):
            holder.send_signal(number)
            self.assertEqual(holder.stdout.readline(), b"%d\n" % number)
            if number in (signal.SIGHUP, signal.SIGTERM):  # so that it hears, were it stopped
                self.assertEqual(holder.stdout.readline(), b"%d\n" % signal.SIGCONT)

    def test_what_kills_run_asks_cmd_to_end(self):
        holder = self.hold("l", script="trap 'sleep 0.3; echo tidy >tidy; exit' TERM; echo held;"
                           " while :; do sleep 0.05; done")
        holder.kill()
        self.wait_until(lambda: os.path.exists(self.path("tidy")), 5)
        self.wait_until(lambda: self.lock("-n", "l", "--", "true").code == 0)

    def test_killed_by_what_was_passed(self):
        holder = self.hold("l")
        holder.send_signal(signal.SIGTERM)
        self.assertEqual(holder.wait(timeout=30), 128 + signal.SIGTERM)
        self.assertEqual(holder.stderr.read(), b"")

    def test_the_lock_is_released_when_cmd_is_gone(self):
        """However often it is signalled, CMD keeps the lock as long as it lives: beyond the TTL."""
        holder = self.hold("--ttl", "1s", "l", script="trap 'echo heard' TERM; echo held;"
                           " until [ -e leave ]; do sleep 0.05; done; exit 6")
        holder.send_signal(signal.SIGTERM)
        self.assertEqual(holder.stdout.readline(), b"heard\n")
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        open(self.path("leave"), "w").close()
        self.assertEqual(holder.wait(timeout=30), 6)
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)

    def test_what_cmd_leaves_behind_holds_the_lock(self):
        script = ("setsid sh -c 'until [ -e leave ]; do sleep 0.05; done; touch left' >&- 2>&- & "
                  "echo held; exit 3")
        holder = self.hold("l", script=script)
        time.sleep(0.3)
        self.assertIsNone(holder.poll())
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        open(self.path("leave"), "w").close()
        self.assertEqual(holder.wait(timeout=30), 3)
        self.assertTrue(os.path.exists(self.path("left")))
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)


class Silenced(RunTest):
    """Nobody reads what it says."""

    def deaf(self, *words, stdout=subprocess.PIPE, both=False):
        mine, its = os.pipe()
        os.close(mine)
        done = subprocess.run([BINARY, *words], cwd=self.folder, env=self.environment(),
                              stdin=subprocess.DEVNULL, stdout=its if both else stdout, stderr=its,
                              timeout=60)
        os.close(its)
        return done

    def test_run_goes_on(self):
        done = self.deaf("run", "-g", "g", "l", "--", "sh", "-c",
                         "(setsid sleep 1.3 >/dev/null 2>&1 &); exit 3")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 0)

    def test_cmd_has_the_signal_as_it_was(self):
        """SIGPIPE (13) and SIGXFSZ (25): neither ignored nor caught, unless they were ignored."""
        look = ["sh", "-c", "grep -E 'SigIgn|SigCgt' /proc/self/status"]
        words = [BINARY, "run", "-g", "g", "l", "--", *look]
        for ignored in (False, True):
            shown = subprocess.run(words, cwd=self.folder, env=self.environment(), timeout=60,
                                   stdout=subprocess.PIPE, restore_signals=not ignored)
            masks = [int(line.split()[1], 16) for line in shown.stdout.splitlines()]
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                seen = [bool(mask >> (number - 1) & 1) for mask in masks]
                self.assertEqual(seen, [ignored, False], (number, shown.stdout))

    def test_every_verb_ends_by_itself(self):
        self.ok("cell", "set", "-g", "g", "x", "1")
        for words in (["status"], ["ls"], ["check"], ["show", "l"], ["explain", "l"],
                      ["cell", "get", "x"], ["watch", "x"], ["help"]):
            disks = [] if words == ["help"] else ["-g", "g"]
            first = words[:2] if words[0] == "cell" else words[:1]
            call = [*first, *disks, *words[len(first):]]
            self.assertGreater(self.deaf(*call, both=True).returncode, 0, words)
            self.assertLess(self.deaf(*call, both=True).returncode, 100, words)
        self.assertEqual(self.deaf("status", "-g", "g").returncode, 0)

    def test_a_limit_on_files(self):
        done = subprocess.run(["bash", "-c", f'ulimit -f 0; exec "{BINARY}" cell set -g g x 1'],
                              cwd=self.folder, env=self.environment(), capture_output=True,
                              timeout=60)
        self.assertGreater(done.returncode, 0)
        self.assertLess(done.returncode, 100)
        self.assertIn(b"File too large", done.stderr)

    def test_too_few_descriptors(self):
        """The limit is named, at whatever step it is met."""
        for limit in range(4, 16):
            done = subprocess.run(
                ["bash", "-c", f'ulimit -n {limit}; exec "{BINARY}" run -g g l -- true'],
                cwd=self.folder, env=self.environment(), capture_output=True, timeout=60)
            self.assertNotIn(b"DISKPAXOS_BOOT_ID", done.stderr)
            self.assertLess(done.returncode, 100, (limit, done.stderr))
            if done.returncode != 0 and b"oo many open files" in done.stderr:
                self.assertIn(b"raise ulimit -n", done.stderr)


class Seccomp(RunTest):
    """A filter that forbids one system call."""

    def test_what_it_needs(self):
        for denied, code, says in (("signalfd4", 69, "signalfd"), ("timerfd_create", 69, "timerfd"),
                                   ("timerfd_settime", 69, "timerfd"), ("pidfd_open", 69, "pidfd_open"),
                                   ("pidfd_send_signal", 0, ""), ("io_uring_enter", 0, "not permitted"),
                                   ("getdents64", 0, "")):
            done = self.denied(denied, "run", "-g", "g", "l", "--", "sh", "-c", "exit 0")
            self.assertEqual(done.returncode, code, (denied, done.stderr))
            self.assertIn(says, done.stderr.decode())
            errors = [line for line in done.stderr.splitlines() if b": warning: " not in line]
            self.assertEqual(len(errors), 1 if code else 0, (denied, done.stderr))
        done = self.denied("signalfd4", "watch", "-g", "g", "--count", "1", "l")
        self.assertEqual(done.returncode, 69, done.stderr)

    def test_descendants_are_killed_all_the_same(self):
        script = ("setsid sh -c 'trap \"\" TERM HUP; echo $$ >pid; exec sleep 60' >&- 2>&- & "
                  "trap '' TERM; until [ -s pid ]; do sleep 0.02; done; echo held; wait")
        holder = self.denied("pidfd_send_signal", "run", "-g", "g", "l", "--", "sh", "-c", script,
                             start=True)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        left = int(self.content("pid"))
        holder.kill()
        self.wait_until(lambda: not os.path.exists(f"/proc/{left}"), 10)
        holder.communicate()

    def denied(self, call, *words, start=False):
        how = {"cwd": self.folder, "env": self.environment(), "stdout": subprocess.PIPE,
               "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL,
               "preexec_fn": lambda: deny(SYSTEM_CALLS[call])}
        if os.uname().machine != "x86_64":
            self.skipTest("the numbers of system calls here are those of x86_64")
        if not start:
            return subprocess.run([BINARY, *words], timeout=60, check=False, **how)
        holder = subprocess.Popen([BINARY, *words], **how)
        self.addCleanup(self.end, holder)
        return holder


SYSTEM_CALLS = {"signalfd4": 289, "timerfd_create": 283, "timerfd_settime": 286, "pidfd_open": 434,
                "pidfd_send_signal": 424, "io_uring_enter": 426, "getdents64": 217}


def deny(number):
    """From now on, in this process and its children: EPERM."""
    libc = ctypes.CDLL(None, use_errno=True)
    load_number, if_equal, answer = 0x20, 0x15, 0x06
    rules = [(load_number, 0, 0, 0), (if_equal, 0, 1, number), (answer, 0, 0, 0x00050001),
             (answer, 0, 0, 0x7fff0000)]  # SECCOMP_RET_ERRNO with EPERM; SECCOMP_RET_ALLOW
    code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(buffer))
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) != 0:  # PR_SET_SECCOMP, a filter
        os._exit(99)


class Units(RunTest):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd here")
    def test_the_unit_is_sound(self):
        source = os.path.join(os.path.dirname(__file__), "../../docs/systemd/diskpaxos-run@.service")
        with open(source, encoding="ascii") as file:
            text = file.read().replace("/usr/bin/diskpaxos", BINARY)
        for mark in ("KillMode=mixed", "NotifyAccess=all", "TimeoutStartSec=infinity"):
            self.assertIn(mark, text)
        with open(self.path("diskpaxos-run@l.service"), "w", encoding="ascii") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", self.path("diskpaxos-run@l.service")],
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertNotIn("diskpaxos-run@l.service:", done.stderr)

    def test_cmd_may_notify(self):
        shown = self.lock("l", "--", "sh", "-c", 'echo "$NOTIFY_SOCKET"',
                          env={"NOTIFY_SOCKET": "/run/systemd/notify"})
        self.assertEqual(shown.out, "/run/systemd/notify\n")


class Names(RunTest):
    def test_rules(self):
        for name in ("", "@session/0", "@x", "a\nb", "a\tb", "\x7f", "x" * 400):
            self.refused("usage", "run", "-g", "g", name, "--", "touch", "ran")
        self.assertFalse(os.path.exists(self.path("ran")))
        for name in ("a b", "ä", "vm/disk-0@host", "x" * 60, "\udcff"):
            self.assertEqual(self.lock("-n", name, "--", "true").code, 0, name)

    def test_a_value_is_no_lock(self):
        self.ok("cell", "set", "-g", "g", "v", "kept")
        for words in (["-n"], ["-w", "1"], []):
            self.refused("usage", "run", "-g", "g", *words, "v", "--", "touch", "ran",
                         says="holds a value")
        self.ok("propose", "-g", "g", "p", "kept")
        self.refused("usage", "run", "-g", "g", "p", "--", "touch", "ran")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "v").out, "kept\n")
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_a_lock_is_no_value(self):
        self.ok("run", "-g", "g", "l", "--", "true")
        for words in (["cell", "set", "-g", "g", "l", "x"], ["cell", "incr", "-g", "g", "l"],
                      ["cell", "cas", "-g", "g", "l", "1", "x"], ["cell", "rm", "-g", "g", "l"],
                      ["propose", "-g", "g", "l", "x"]):
            self.refused("no", *words, says="is a lock")
        token = self.lock("l", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out
        self.assertEqual(token, "2\n")


if __name__ == "__main__":
    main()
