"""Many processes that want one name: what each is told is true, and no two are told the same.

Disks are healthy here, so nothing may end in the unknown among as many processes as a record
remembers, and hardly anything among many more.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from agents import Agent  # noqa: E402

CONTEND = os.environ["CONTEND"]
DISKPAXOS = os.environ["DISKPAXOS_BINARY"]
SECONDS = "3"


class Contention(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="contend-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def format(self, disks):
        subprocess.run([DISKPAXOS, "format", "--force", *disks], check=True, stdout=subprocess.DEVNULL)
        return disks

    def files(self):
        return self.format([os.path.join(self.folder, name) for name in "abc"])

    def agents(self):
        urls = []
        for name in "abc":
            agent = Agent(self.folder, name).start()
            self.addCleanup(agent.stop)
            urls.append(agent.url)
        return self.format(urls)

    def contend(self, disks, op, processes, most_unknown):
        done = subprocess.run([CONTEND, "--op", op, "--processes", str(processes), "--seconds", SECONDS,
                               "--most-unknown", str(most_unknown), *disks],
                              capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        figures = json.loads(done.stdout)
        self.assertGreater(figures["changes"], 0)
        self.assertEqual(figures["not_told"], 0)
        return figures

    def test_sums_on_files(self):
        self.contend(self.files(), "incr", 8, 0)

    def test_sums_on_agents_by_as_many_as_a_record_remembers(self):
        self.contend(self.agents(), "incr", 8, 0)

    def test_sums_on_agents_by_as_many_as_a_record_with_a_short_value_remembers(self):
        self.contend(self.agents(), "incr", 24, 0)

    def test_sums_on_agents_by_many_more(self):
        figures = self.contend(self.agents(), "incr", 64, 2**64 - 1)
        self.assertLess(figures["unknown"], 1 + figures["changes"] / 100)

    def test_versions_on_agents(self):
        self.contend(self.agents(), "cas", 8, 0)

    def test_locks_tell_by_themselves(self):
        for disks in (self.files, self.agents):
            self.contend(disks(), "lock", 12, 0)


if __name__ == "__main__":
    unittest.main()
