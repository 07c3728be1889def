"""Runs the real command on files in a folder that vanishes."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

BINARY = os.environ["DISKPAXOS_BINARY"]
CODES = {"no": 1, "full": 1, "usage": 64, "bad_data": 65, "no_quorum": 69, "unknown_outcome": 69,
         "io": 69, "busy": 75, "permission": 77, "lost": 79, "no_slot": 80, "in_use": 81, "applied": 82,
         "not_printed": 83, "other_group": 65}


class Answer:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def json(self):
        return json.loads(self.out)


class CommandTest(unittest.TestCase):
    """A folder with, for most tests, the group file g.conf of three small disks."""

    GROUP = ["--cells", "16", "--slots", "16", "--ttl", "2s"]

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="diskpaxos-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def environment(self, host="here"):
        keep = {key: os.environ[key] for key in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "DISKPAXOS_IO")
                if key in os.environ}
        return {**keep, "HOME": self.folder, "DISKPAXOS_MACHINE_ID": host,
                "DISKPAXOS_NOTES": os.path.join(self.folder, "notes")}

    def start(self, *words, host="here", stdin=subprocess.DEVNULL, terminal=subprocess.PIPE, **more):
        return subprocess.Popen([BINARY, *map(os.fsencode, words)], cwd=self.folder, stdin=stdin,
                                env=self.environment(host), stdout=subprocess.PIPE,
                                stderr=terminal, **more)

    def run_raw(self, *words, host="here", env=None):
        process = subprocess.run([BINARY, *map(os.fsencode, words)], cwd=self.folder,
                                 env={**self.environment(host), **(env or {})},
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        process.stdout = process.stdout.decode(errors="surrogateescape")
        process.stderr = process.stderr.decode(errors="surrogateescape")
        return Answer(process)

    def to_full_disk(self, *words):
        """With a standard output that takes nothing."""
        with open("/dev/full", "wb") as full:
            process = subprocess.run([BINARY, *map(os.fsencode, words)], cwd=self.folder,
                                     env=self.environment(), stdin=subprocess.DEVNULL, stdout=full,
                                     stderr=subprocess.PIPE, timeout=60)
        process.stderr = process.stderr.decode(errors="surrogateescape")
        return Answer(process)

    def ok(self, *words, **more):
        answer = self.run_raw(*words, **more)
        self.assertEqual(answer.code, 0, f"{words}: {answer.err}")
        return answer

    def refused(self, word, *words, says="", **more):
        """One sentence with this word on stderr and its exit code; with --json the object, too."""
        answer = self.run_raw(*words, **more)
        errors = [line for line in answer.err.splitlines() if not line.startswith("diskpaxos: warning")]
        self.assertEqual(len(errors), 1, answer.err)
        self.assertTrue(errors[0].startswith(f"diskpaxos: {word}: "), answer.err)
        self.assertIn(says, errors[0])
        self.assertEqual(answer.code, CODES[word], answer.err)
        as_json = self.run_raw(*self.with_json(words), **more)
        self.assertEqual(as_json.code, CODES[word])
        self.assertEqual(list(as_json.json()), ["error", "message"])
        self.assertEqual(as_json.json()["error"], word)
        return answer

    @staticmethod
    def with_json(words):
        return [words[0], "--json", *words[1:]] if words else ["--json"]

    def make_group(self, *options):
        self.ok("format", *self.GROUP, *options, "--conf", "g.conf", "a.img", "b.img", "c.img")

    def path(self, name):
        return os.path.join(self.folder, name)

    def spoil(self, name, offset, data):
        with open(self.path(name), "r+b") as disk:
            disk.seek(offset)
            disk.write(data)

    def content(self, name):
        with open(self.path(name), "rb") as disk:
            return disk.read()


def main():
    unittest.main(verbosity=1)
