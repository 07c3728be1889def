"""A holder that is killed, or stopped: who comes next finds nobody, and soon."""

import os
import signal
import time

from command import main
from stage import EXCLUSIVE, HOLD, SLACK, Stage, alive, children

# What CMD leaves in a session of its own, where signals to its group do not reach it.
LEAVE_BEHIND = "trap '' TERM HUP; setsid sh -c 'echo $$ >pids; exec sleep 60' & "

# A resource that knows the tokens: it refuses one smaller than the last. `naive` has all who asked.
RESOURCE = """exec 8>>resource.lock
flock 8
echo "$DISKPAXOS_TOKEN $1" >>naive
last=$(tail -n 1 resource | cut -d' ' -f1)
[ "$DISKPAXOS_TOKEN" -ge "${last:-0}" ] || exit 1
echo "$DISKPAXOS_TOKEN $1" >>resource
"""


class Death(Stage):
    TTL = 2.0

    def setUp(self):
        super().setUp()
        self.make_group()

    def takeover(self, waiter, since):
        """By the next holder, of whoever died then."""
        self.await_word(waiter, "held")
        took = time.monotonic() - since
        self.assertLess(took, self.TTL + self.TTL / 6 + SLACK)
        print(f"{self.id()}: taken over after {took:.2f} s of TTL {self.TTL} s")
        self.judge()

    def test_killed(self):
        holder = self.hold("l", script=EXCLUSIVE + LEAVE_BEHIND + "echo $$ >cmd; " + HOLD)
        waiter = self.begin("l", script=EXCLUSIVE + HOLD)
        self.wait_until(lambda: self.lines("pids"))
        time.sleep(0.5)
        holder.kill()
        self.takeover(waiter, time.monotonic())
        for name in ("cmd", "pids"):
            self.assertFalse(alive(int(self.lines(name)[0])))
        self.let_go(waiter)
        self.assertEqual(len(self.judge()), 2)

    def test_killed_with_its_guard(self):
        """As when the host dies: nobody is left who could tell the others."""
        holder = self.hold("l", script=EXCLUSIVE + "echo $$ >cmd; echo held; exec sleep 60")
        waiter = self.begin("l", script=EXCLUSIVE + HOLD)
        time.sleep(0.5)
        guard = children(holder.pid)[0]
        os.kill(guard, signal.SIGSTOP)
        holder.kill()
        os.kill(guard, signal.SIGKILL)
        self.takeover(waiter, time.monotonic())
        self.assertFalse(alive(int(self.lines("cmd")[0])))
        self.let_go(waiter)

    def test_killed_again_and_again(self):
        """Waiters die as well as holders; the queue moves on."""
        waiters = [self.begin("l", script=EXCLUSIVE + HOLD) for _ in range(3)]
        time.sleep(0.5)
        for _ in range(2):
            begun = len(self.lines("journal"))
            self.wait_until(lambda count=begun: len(self.lines("journal")) >= max(count, 1))
            for process in waiters:
                process.kill()
            killed = time.monotonic()
            waiters = [self.begin("l", script=EXCLUSIVE + HOLD) for _ in range(3)]
            self.wait_until(lambda count=begun: len(self.lines("journal")) > count)
            self.assertLess(time.monotonic() - killed, self.TTL + self.TTL / 6 + 2 * SLACK)
        self.judge()

    def test_stopped(self):
        holder = self.hold("l", script=EXCLUSIVE + LEAVE_BEHIND + HOLD)
        waiter = self.begin("l", script=EXCLUSIVE + HOLD)
        self.wait_until(lambda: self.lines("pids"))
        time.sleep(0.5)
        os.kill(holder.pid, signal.SIGSTOP)
        self.takeover(waiter, time.monotonic())
        os.kill(holder.pid, signal.SIGCONT)
        _, err = holder.communicate(timeout=30)
        self.assertEqual(holder.returncode, 79, err)
        self.assertIn(b"diskpaxos: lost: ", err)
        self.let_go(waiter)
        self.judge()

    def test_stopped_for_a_moment(self):
        """Shorter than the TTL by a good deal: nothing happens."""
        holder = self.hold("--json", "l")
        for _ in range(3):
            os.kill(holder.pid, signal.SIGSTOP)
            time.sleep(self.TTL / 4)
            os.kill(holder.pid, signal.SIGCONT)
            time.sleep(self.TTL / 4)
        self.assertEqual(self.lock("-n", "l", "--", "true").code, 75)
        self.let_go(holder)

    def test_stopped_with_its_guard(self):
        """Nobody is left to kill CMD: beyond the bounds, only the token tells old from new."""
        with open(self.path("accept"), "w", encoding="ascii") as file:
            file.write(RESOURCE)
        holder = self.hold("l", script="echo $$ >cmd; echo held; while sh accept old; do sleep 0.05;"
                           " done; echo >refused; for i in 1 2 3; do sh accept old; done; sleep 60")
        waiter = self.begin("l", script="sh accept new && " + HOLD)
        time.sleep(0.5)
        guard = children(holder.pid)
        self.assertEqual(len(guard), 1)
        for pid in (*guard, holder.pid):
            os.kill(pid, signal.SIGSTOP)
        self.await_word(waiter, "held")
        self.wait_until(lambda: len([1 for line in self.late("naive") if "old" in line]) >= 3)
        self.assertTrue(alive(int(self.lines("cmd")[0])))  # it went on, under no lock
        self.assertTrue(os.path.exists(self.path("refused")))
        self.assertEqual(self.late("resource"), [])
        for pid in (*guard, holder.pid):
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(holder.wait(timeout=30), 79)
        self.assertFalse(alive(int(self.lines("cmd")[0])))
        self.let_go(waiter)

    def late(self, store):
        """Entries under an older token than one before them."""
        entries, highest, found = self.lines(store), 0, []
        for entry in entries:
            token = int(entry.split()[0])
            if token < highest:
                found.append(entry)
            highest = max(highest, token)
        return found

    def test_the_witness_can_tell(self):
        """A grandchild that outlives its CMD is seen, and so is a token that comes twice."""
        forgetful = EXCLUSIVE + "setsid sh -c 'echo $$ >pids; exec sleep 20' >&- 2>&- & echo held"
        self.await_word(self.without_lock(forgetful), "held")
        self.wait_until(lambda: self.lines("pids"))
        self.await_word(self.without_lock(EXCLUSIVE + HOLD, token=2), "held")
        self.caught("two held the lock at once")
        forgotten = int(self.lines("pids")[0])
        os.kill(forgotten, signal.SIGKILL)
        self.wait_until(lambda: not alive(forgotten))
        os.unlink(self.path("both"))
        self.assertEqual(self.judge(), [1, 2])
        self.without_lock(EXCLUSIVE, token=2).wait(timeout=30)
        self.caught("tokens must rise")


if __name__ == "__main__":
    main()
