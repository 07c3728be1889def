"""watch: a line for each change, until a signal, through thick and thin."""

import json
import os
import signal
import time
import unittest

from command import CommandTest, main


class Watch(CommandTest):
    def setUp(self):
        super().setUp()
        self.make_group()

    def watch(self, *words):
        process = self.start("watch", "-g", "g", *words)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def test_a_cell(self):
        watch = self.watch("--json", "--count", "3", "v")
        first = json.loads(watch.stdout.readline())
        self.assertEqual(list(first), ["time", "name", "version", "settled", "state", "value"])
        self.assertEqual((first["version"], first["state"], first["value"]), (0, "unset", None))
        self.ok("cell", "set", "-g", "g", "v", "one")
        second = json.loads(watch.stdout.readline())
        self.assertEqual((second["version"], second["state"], second["value"]), (1, "set", "one"))
        self.ok("cell", "rm", "-g", "g", "v")
        self.assertEqual(json.loads(watch.stdout.readline())["state"], "deleted")
        self.assertEqual(watch.wait(timeout=10), 0)

    def test_a_lock(self):
        watch = self.watch("--json", "x")
        watch.stdout.readline()
        self.ok("run", "-g", "g", "x", "--", "sleep", "2")
        held = json.loads(watch.stdout.readline())
        self.assertEqual(list(held), ["time", "name", "version", "settled", "state", "mode", "token",
                                      "holders", "waiters"])
        self.assertEqual((held["state"], held["mode"], held["token"]), ("held", "exclusive", 1))
        self.assertEqual(held["holders"][0]["command"], "sleep 2")
        free = json.loads(watch.stdout.readline())
        self.assertEqual((free["state"], free["token"], free["holders"]), ("free", 1, []))

    def test_text(self):
        self.ok("cell", "set", "-g", "g", "v", "one")
        line = self.ok("watch", "-g", "g", "--count", "1", "v").out
        self.assertRegex(line, r'^\S+Z  version 1     set "one"\n$')

    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            watch = self.watch("v")
            watch.stdout.readline()
            watch.send_signal(number)
            self.assertEqual(watch.wait(timeout=10), 128 + number)
            self.assertEqual(watch.stderr.read(), b"")

    def test_a_lost_majority_is_told_once(self):
        watch = self.watch("--json", "v")
        watch.stdout.readline()
        whole = {name: self.content(name) for name in ("b.img", "c.img")}
        for name in whole:
            os.truncate(self.path(name), 0)
        self.assertIn(b"diskpaxos: no_quorum: ", watch.stderr.readline())
        time.sleep(3)
        for name, content in whole.items():
            with open(self.path(name), "r+b") as disk:
                disk.write(content)
        self.assertIn(b"answers again", watch.stderr.readline())
        self.ok("cell", "set", "-g", "g", "v", "one")
        self.assertEqual(json.loads(watch.stdout.readline())["value"], "one")
        watch.terminate()
        self.assertEqual(watch.wait(timeout=10), 143)
        self.assertEqual(watch.stderr.read(), b"")


if __name__ == "__main__":
    main()
