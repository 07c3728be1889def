"""Many who want the same lock: one at a time, each in turn; hosts that have nothing in common but
the disks."""

import os
import select
import subprocess
import threading
import time

from command import BINARY, main
from stage import EXCLUSIVE, HOLD, SHARED, SLACK, Stage

TAKE_PART = EXCLUSIVE + "sleep 0.01"


class Loops:
    """So many who take the lock again and again, each as soon as it has let go."""

    def __init__(self, words, count, seconds):
        self.shares = [0] * count
        self.failures = []
        self.end = time.monotonic() + seconds
        self.threads = [threading.Thread(target=self.loop, args=(number, words))
                        for number in range(count)]

    def loop(self, number, words):
        while time.monotonic() < self.end:
            command, options = words(number)
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                                  **options)
            if done.returncode != 0:
                self.failures.append(done.stderr)
            elif time.monotonic() < self.end:
                self.shares[number] += 1

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()


class Contention(Stage):
    TTL = 3.0

    def setUp(self):
        super().setUp()
        self.make_group()

    def contender(self, words, before=()):
        def start(number):
            command = [*before, BINARY, "run", "-g", "g", *words, "l", "--", "sh", "-c", TAKE_PART]
            return command, {"cwd": self.folder, "env": self.environment(f"host{number % 3}")}
        return start

    def fair(self, loops, seconds):
        self.assertEqual(loops.failures, [])
        mean = sum(loops.shares) / len(loops.shares)
        print(f"{self.id()}: {sum(loops.shares) / seconds:.1f} pairs/s, shares {loops.shares}")
        self.assertGreater(mean, 2)
        self.assertGreaterEqual(min(loops.shares) + 1, mean / 2)

    def test_six_loops(self):
        loops = Loops(self.contender([]), 6, seconds=8)
        loops.run()
        self.fair(loops, 8)
        self.assertGreaterEqual(len(self.judge()), sum(loops.shares))

    def test_six_loops_without_a_lock(self):
        """What the same judge says of no lock at all."""
        def start(number):
            return ["sh", "-c", TAKE_PART], {"cwd": self.folder, "env":
                                             {**self.environment(), "DISKPAXOS_TOKEN": "1"}}
        Loops(start, 6, seconds=1).run()
        self.caught("two held the lock at once")

    def test_readers_together_and_a_writer_among_them(self):
        """Readers never leave it free, and yet the writer's turn comes."""
        read = SHARED + 'touch "r$$"; ls -d r[0-9]* | wc -l >>together; sleep 0.3; rm "r$$"'
        stop = time.monotonic() + 5

        def start(number):
            return ([BINARY, "run", "-g", "g", "-s", "l", "--", "sh", "-c", read],
                    {"cwd": self.folder, "env": self.environment(f"host{number % 3}")})
        loops = Loops(start, 5, seconds=5)
        readers = threading.Thread(target=loops.run)
        readers.start()
        self.wait_until(lambda: self.lines("together"))
        waits = []
        while time.monotonic() < stop - 2:
            asked = time.monotonic()
            self.ok("run", "-g", "g", "l", "--", "sh", "-c", EXCLUSIVE, host="writer")
            waits.append(time.monotonic() - asked)
        readers.join()
        self.assertEqual(loops.failures, [])
        print(f"{self.id()}: the writer waited {max(waits):.2f} s at the most, {len(waits)} times")
        self.assertLess(max(waits), 0.3 + SLACK)
        self.assertGreater(max(int(line) for line in self.lines("together")), 1)
        self.assertEqual(len(self.judge()), len(waits))


class NoNetwork(Stage):
    """Each host in a network namespace of its own, with not even a loopback device that is up."""

    TTL = 2.0
    APART = ("unshare", "--net", "--")

    def setUp(self):
        super().setUp()
        tried = subprocess.run([*self.APART, "true"], capture_output=True)
        if tried.returncode != 0:
            self.skipTest(f"no network namespaces here: {tried.stderr.decode().strip()}")
        self.make_group()

    def test_hosts_contend_and_one_dies(self):
        script = "readlink /proc/self/ns/net >>nets; " + EXCLUSIVE + HOLD
        hosts = [self.begin("l", script=script, before=self.APART, host=f"host{number}")
                 for number in range(3)]
        for turn in range(3):
            holder = self.holder(hosts)
            self.assertEqual(len(self.judge()), turn + 1)
            if turn == 1:
                holder.kill()  # the host is gone, and cannot tell anybody
                holder.wait()
            else:
                self.let_go(holder)
            hosts.remove(holder)
        nets = self.lines("nets")
        self.assertEqual(len(set(nets)), 3, nets)
        self.assertNotIn(os.readlink("/proc/self/ns/net"), nets)

    def holder(self, hosts):
        """The one that says so."""
        begun = select.select([host.stdout for host in hosts], [], [], 20)[0]
        self.assertEqual(len(begun), 1)
        found = next(host for host in hosts if host.stdout is begun[0])
        self.await_word(found, "held")
        return found

    def test_hosts_take_turns(self):
        def start(number):
            return ([*self.APART, BINARY, "run", "-g", "g", "l", "--", "sh", "-c", TAKE_PART],
                    {"cwd": self.folder, "env": self.environment(f"host{number}")})
        loops = Loops(start, 3, seconds=3)
        loops.run()
        self.assertEqual(loops.failures, [])
        self.assertGreater(min(loops.shares), 0)
        self.judge()


if __name__ == "__main__":
    main()
