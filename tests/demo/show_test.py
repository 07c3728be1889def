"""The whole show once, as fast as it goes, with real processes on real files."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ["DISKPAXOS_BINARY"]
AGENT = os.environ["DISKPAXOS_AGENT"]


def children_of(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def answers(path):
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(str(path)) == 0


class Show(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="diskpaxos-show-")
        self.addCleanup(self.folder.cleanup)
        self.scratch = pathlib.Path(self.folder.name)
        (self.scratch / "tmp").mkdir()
        self.environment = {**os.environ, "TMPDIR": str(self.scratch / "tmp"), "TERM": "dumb"}

    def command(self, *words):
        return {"args": [BINARY, "demo", "--fast", *words], "cwd": self.scratch, "env": self.environment,
                "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                "text": True}

    def test_runs_and_keeps_its_word(self):
        self.keeps_its_word("--seed", "7")
        disks = [str(self.scratch / "show" / f"{letter}.img") for letter in "abc"]
        self.check_finds_no_fault(disks)

    def test_on_active_disks(self):
        self.keeps_its_word("--seed", "7", "--agents", "3")
        self.leaves_no_agents("abc")
        with contextlib.ExitStack() as stack:
            self.check_finds_no_fault([self.served(letter, stack) for letter in "abc"])

    def test_on_disks_of_both_kinds(self):
        self.keeps_its_word("--seed", "8", "--agents", "1")
        self.leaves_no_agents("c")
        files = [str(self.scratch / "show" / f"{letter}.img") for letter in "ab"]
        with contextlib.ExitStack() as stack:
            self.check_finds_no_fault([*files, self.served("c", stack)])

    def leaves_no_agents(self, letters):
        left = {path.name for path in (self.scratch / "show").iterdir()}
        self.assertFalse({name for name in left if name.endswith(".sock") or name == "locks"})
        self.assertTrue({letter + ".store" for letter in letters} <= left)
        said = self.done.stdout
        self.assertRegex(said, r"Agent [abc] is killed, its store replaced by a blank one")
        self.assertIn("100 % under load", said)

    def served(self, letter, stack):
        """The URL of a store that the show has left, which an agent serves until the stack ends."""
        socket_path = self.scratch / f"{letter}.sock"
        store = self.scratch / "show" / f"{letter}.store"
        agent = subprocess.Popen([AGENT, "serve", "--store", f"s={store}", "--unix", socket_path],
                                 stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(agent.wait, timeout=30)
        stack.callback(agent.terminate)
        deadline = time.monotonic() + 30
        while not answers(socket_path):
            self.assertIsNone(agent.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return f"agent+unix://{socket_path}"

    def keeps_its_word(self, *words):
        done = self.done = subprocess.run(**self.command("--out", "show", *words), timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        for word in ("overlaps", "kill -9", "Stale write", "2 of 3", "no majority", "linearizable"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\033", done.stdout)

        record = json.loads((self.scratch / "show" / "demo.json").read_text())
        self.assertEqual(record["seed"], int(words[1]))
        happened = {event["what"] for event in record["events"]}
        for what in ("joined", "holding", "wrote", "released", "killed", "stopped", "resumed", "refused",
                     "lost", "wiped", "unplugged", "plugged", "healing", "sound", "left"):
            self.assertIn(what, happened)
        self.holds_in_the_files(record)
        for name in ("demo.html", "demo.svg"):
            self.assertGreater((self.scratch / "show" / name).stat().st_size, 10_000)

    def check_finds_no_fault(self, disks):
        """But for slot table entries: they wait for a watch longer than the show, which is had here."""
        words = [word for disk in disks for word in ("-d", disk)]
        check = subprocess.run([BINARY, "check", "--json", *words], capture_output=True, text=True,
                               timeout=60)
        report = json.loads(check.stdout)
        waiting = sum(disk.pop("slot_entries_damaged") for disk in report["disks"])
        self.assertEqual(check.returncode, 1 if waiting else 0, check.stdout)
        for disk in report["disks"]:
            self.assertEqual(disk["damaged"], 0, check.stdout)
            self.assertTrue(disk["front_superblock"] and disk["back_superblock"], check.stdout)
            self.assertIsNone(disk["error"], check.stdout)
        self.assertEqual(report["cells_without_quorum"], 0)
        if not waiting:
            return
        repair = subprocess.run([BINARY, "check", "--repair", *words], capture_output=True, text=True,
                                timeout=120)
        self.assertEqual(repair.returncode, 0, repair.stdout + repair.stderr)

    def holds_in_the_files(self, record):
        """Told again from what was left behind, without the judge that was built in."""
        holders = {e["token"]: e["pid"] for e in record["events"] if e["what"] == "holding"}
        lines = (self.scratch / "show" / "writes.log").read_text().split()
        tokens = [int(line.split(",")[0]) for line in lines]
        self.assertEqual(tokens, sorted(tokens))
        for line in lines:
            token, pid = map(int, line.split(","))
            self.assertEqual(holders[token], pid)
        refused = next(e for e in record["events"] if e["what"] == "refused")
        self.assertNotIn(refused["token"], tokens)
        adds = sum(o["kind"] == "add" and o["fate"] == "happened" for o in record["operations"])
        unknown = sum(o["fate"] == "open" for o in record["operations"])
        highest = max(o["value"] for o in record["operations"] if "value" in o)
        self.assertGreaterEqual(highest + unknown, adds)
        self.assertLessEqual(highest, adds + unknown)

    def test_leaves_nothing_behind_when_interrupted(self):
        self.leaves_nothing_behind(5)

    def test_leaves_no_agents_behind_when_interrupted(self):
        self.leaves_nothing_behind(8, "--agents", "3")

    def test_agents_die_with_it(self):
        with subprocess.Popen(**self.command("--agents", "3")) as show:
            children = self.children_in_time(show, 8)
            show.kill()
            show.communicate(timeout=60)
        deadline = time.monotonic() + 30
        while any(map(alive, children)) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(list(filter(alive, children)), [])

    def test_refuses_a_folder_too_long_for_sockets(self):
        name = "x" * 120
        done = subprocess.run(**self.command("--agents", "1", "--out", name), timeout=60)
        self.assertEqual(done.returncode, 64)
        self.assertIn("107 are the most", done.stderr)

    def children_in_time(self, show, count):
        deadline = time.monotonic() + 60
        while len(children_of(show.pid)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        children = children_of(show.pid)
        self.assertEqual(len(children), count)
        return children

    def leaves_nothing_behind(self, count, *words):
        with subprocess.Popen(**self.command(*words)) as show:
            children = self.children_in_time(show, count)
            show.send_signal(signal.SIGINT)
            out, err = show.communicate(timeout=60)
        self.assertEqual(show.returncode, 128 + signal.SIGINT, out + err)
        self.assertIn("interrupted", err)
        self.assertEqual(list(filter(alive, children)), [])
        self.assertEqual(list((self.scratch / "tmp").iterdir()), [])

    def test_refuses_a_folder_that_has_a_show_in_it(self):
        (self.scratch / "show").mkdir()
        (self.scratch / "show" / "a.img").write_bytes(b"precious")
        done = subprocess.run(**self.command("--out", "show"), timeout=60)
        self.assertEqual(done.returncode, 64)
        self.assertIn("show/a.img", done.stderr)
        self.assertEqual((self.scratch / "show" / "a.img").read_bytes(), b"precious")


if __name__ == "__main__":
    unittest.main(verbosity=2)
