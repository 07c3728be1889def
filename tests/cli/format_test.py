"""format: what it makes, what it asks, what it refuses, and what it leaves behind."""

import os
import pty
import shutil
import signal
import struct
import subprocess
import time
import unittest

from command import BINARY, CommandTest, main


class Format(CommandTest):
    def exists(self, name):
        return os.path.exists(self.path(name))

    def test_makes_files_and_a_group_file(self):
        answer = self.ok("format", "--json", *self.GROUP, "--conf", "g.conf", "a.img", "b.img",
                         "c.img").json()
        self.assertEqual(list(answer), ["name", "disks", "block_size", "slots", "cells", "ttl_ms",
                                        "bytes_per_disk", "group", "host_slots", "conf", "warnings"])
        self.assertEqual((answer["name"], answer["slots"], answer["cells"], answer["ttl_ms"]),
                         ("g", 16, 16, 2000))
        for name in ("a.img", "b.img", "c.img"):
            status = os.stat(self.path(name))
            self.assertEqual(status.st_size, answer["bytes_per_disk"])
            self.assertGreaterEqual(status.st_blocks * 512, status.st_size, "sparse")
        with open(self.path("g.conf")) as conf:
            lines = [line for line in conf.read().splitlines() if not line.startswith("#")]
        self.assertEqual(lines, [f"disk = {self.path(name)}" for name in ("a.img", "b.img", "c.img")])

    def test_defaults(self):
        answer = self.ok("format", "--json", "--dry-run", "a.img").json()
        self.assertEqual((answer["slots"], answer["cells"], answer["ttl_ms"], answer["block_size"]),
                         (32, 256, 10000, 512))
        self.assertFalse(self.exists("a.img"))

    def test_blocks_of_4096(self):
        self.ok("format", *self.GROUP, "--block-size", "4096", "--conf", "g.conf", "a.img")
        for way in ("uring", "threads"):
            self.ok("cell", "set", "-g", "g", "--io", way, "x", "v" * 1000)
            self.assertEqual(self.ok("cell", "get", "-g", "g", "--io", way, "x").out, "v" * 1000 + "\n")
        self.ok("check", "-g", "g")
        self.ok("dump", "a.img")

    def test_refuses_an_even_number(self):
        self.refused("usage", "format", "a.img", "b.img", says="majority")
        self.assertFalse(self.exists("a.img"))

    def test_dry_run_writes_nothing(self):
        self.make_group()
        before = [self.content(name) for name in ("a.img", "b.img", "c.img")]
        plan = self.ok("format", *self.GROUP, "--dry-run", "--force", "a.img", "b.img", "c.img").out
        self.assertIn('group "g"', plan)
        self.assertIn("nothing was written", plan)
        after = [self.content(name) for name in ("a.img", "b.img", "c.img")]
        self.assertEqual(before, after)

    def test_names_what_is_there_and_refuses_without_a_terminal(self):
        self.make_group()
        self.refused("no", "format", *self.GROUP, "a.img", says='disk 1 of 3 of diskpaxos group "g"')
        self.assertEqual(self.ok("check", "-g", "g").out.count("sound"), 3)
        self.ok("format", "--force", *self.GROUP, "a.img")

    def with_content(self, offset, data, size=1 << 20):
        with open(self.path("old.img"), "wb") as disk:
            disk.truncate(size)
            disk.seek(offset)
            disk.write(data)

    def test_names_lock_managers_and_unknown_data(self):
        for offset, data, name in ((0, struct.pack("<I", 0x06152010), "sanlock resource"),
                                   (4096, struct.pack("<I", 0x12212010), "sanlock lockspace"),
                                   (0, b"SBD_SBD_", "sbd"),
                                   (100, b"somebody's letters", "unknown kind")):
            self.with_content(offset, data)
            self.refused("no", "format", *self.GROUP, "old.img", says=name)

    @unittest.skipUnless(shutil.which("mkfs.ext4", path="/sbin:/usr/sbin:/usr/bin"), "no mkfs.ext4")
    def test_names_a_file_system_and_removes_it(self):
        self.with_content(0, b"", 16 << 20)
        mkfs = shutil.which("mkfs.ext4", path="/sbin:/usr/sbin:/usr/bin")
        subprocess.run([mkfs, "-q", "-L", "letters", self.path("old.img")], check=True)
        self.refused("no", "format", *self.GROUP, "old.img", says='ext4 file system "letters"')
        self.ok("format", "--force", *self.GROUP, "old.img")
        self.refused("no", "format", *self.GROUP, "old.img", says="old.img holds disk 1 of 1 of diskpaxos")

    def answer_on_a_terminal(self, answer):
        terminal, other = pty.openpty()
        process = subprocess.Popen([BINARY, "format", *self.GROUP, "a.img"], cwd=self.folder,
                                   env=self.environment(), stdin=other, stdout=subprocess.PIPE,
                                   stderr=other)
        os.close(other)
        os.write(terminal, answer)
        text = b""
        try:
            while chunk := os.read(terminal, 4096):
                text += chunk
        except OSError:
            pass  # the other end was closed
        process.communicate(timeout=30)
        os.close(terminal)
        return process.returncode, text.decode()

    def test_asks_on_a_terminal_and_shows_progress(self):
        self.make_group()
        code, text = self.answer_on_a_terminal(b"no\n")
        self.assertEqual(code, 1)
        self.assertIn("Type yes", text)
        self.ok("check", "-g", "g")
        code, text = self.answer_on_a_terminal(b"yes\n")
        self.assertEqual(code, 0, text)
        self.assertIn("100%", text)
        self.assertIn("disk 1 of 1", self.ok("dump", "a.img").out)

    def test_a_signal_in_the_middle_leaves_no_group(self):
        with open(self.path("kept.img"), "wb") as disk:
            disk.truncate(2 << 30)
        process = self.start("format", "--cells", "50000", "kept.img", "b.img", "c.img")
        deadline = time.monotonic() + 20
        while not self.exists("c.img") and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)
        self.assertTrue(err.decode().startswith("diskpaxos: interrupted: "), err)
        self.assertEqual(err.count(b"\n"), 1)
        self.assertTrue(self.exists("kept.img"))
        self.assertFalse(self.exists("b.img") or self.exists("c.img"))
        self.refused("bad_data", "dump", "kept.img")

    def test_refuses_what_a_process_of_this_host_uses(self):
        import fcntl
        self.make_group()
        with open(self.path("b.img"), "r+b") as disk:
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, (1 << 40) + 7, 1, 0)
            fcntl.fcntl(disk, 37, lock)  # F_OFD_SETLK: as the user of slot 7 does
            self.refused("busy", "format", "--force", *self.GROUP, "a.img", "b.img", "c.img",
                         says="b.img")
        self.ok("format", "--force", *self.GROUP, "a.img", "b.img", "c.img")

    def test_refuses_to_overwrite_a_group_file(self):
        self.make_group()
        self.refused("no", "format", *self.GROUP, "--conf", "g.conf", "d.img", says="g.conf")
        self.assertFalse(self.exists("d.img"))


if __name__ == "__main__":
    main()
