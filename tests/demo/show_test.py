"""The whole show once, as fast as it goes, with real processes on real files."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ["DISKPAXOS_BINARY"]


def children_of(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


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
        done = subprocess.run(**self.command("--out", "show", "--seed", "7"), timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        for word in ("overlaps", "kill -9", "Stale write", "2 of 3", "no majority", "linearizable"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\033", done.stdout)

        record = json.loads((self.scratch / "show" / "demo.json").read_text())
        self.assertEqual(record["seed"], 7)
        happened = {event["what"] for event in record["events"]}
        for what in ("joined", "holding", "wrote", "released", "killed", "stopped", "resumed", "refused",
                     "lost", "wiped", "unplugged", "plugged", "healing", "sound", "left"):
            self.assertIn(what, happened)
        self.holds_in_the_files(record)
        for name in ("demo.html", "demo.svg"):
            self.assertGreater((self.scratch / "show" / name).stat().st_size, 10_000)
        disks = [str(self.scratch / "show" / f"{letter}.img") for letter in "abc"]
        words = [word for disk in disks for word in ("-d", disk)]
        check = subprocess.run([BINARY, "check", *words], capture_output=True, text=True, timeout=60)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)

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
        with subprocess.Popen(**self.command()) as show:
            deadline = time.monotonic() + 60
            while len(children_of(show.pid)) < 5 and time.monotonic() < deadline:
                time.sleep(0.02)
            children = children_of(show.pid)
            self.assertEqual(len(children), 5)
            show.send_signal(signal.SIGINT)
            out, err = show.communicate(timeout=60)
        self.assertEqual(show.returncode, 128 + signal.SIGINT, out + err)
        self.assertIn("interrupted", err)
        for child in children:
            self.assertFalse(pathlib.Path(f"/proc/{child}").exists())
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
