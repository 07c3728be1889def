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


DISKS = ["a.img", "b.img", "c.img"]


class Format(CommandTest):
    def exists(self, name):
        return os.path.exists(self.path(name))

    def test_makes_files_and_a_group_file(self):
        answer = self.ok("format", "--json", *self.GROUP, "--conf", "g.conf", "a.img", "b.img",
                         "c.img").json()
        self.assertEqual(list(answer), ["name", "disks", "block_size", "slots", "cells", "ttl_ms",
                                        "bytes_per_disk", "group", "host_slots", "evicted", "conf",
                                        "warnings"])
        self.assertEqual((answer["name"], answer["slots"], answer["cells"], answer["ttl_ms"]),
                         ("g", 16, 16, 2000))
        for name in ("a.img", "b.img", "c.img"):
            status = os.stat(self.path(name))
            self.assertEqual(status.st_size, answer["bytes_per_disk"])
            self.assertGreaterEqual(status.st_blocks * 512, status.st_size, "sparse")
        with open(self.path("g.conf")) as conf:
            lines = [line for line in conf.read().splitlines() if not line.startswith("#")]
        self.assertEqual(lines, [f"group = {answer['group']}"] +
                         [f"disk = {self.path(name)}" for name in ("a.img", "b.img", "c.img")])

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

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("mkfs.ext4"), "mounting is for root")
    def test_auto_is_what_files_need_where_they_lie(self):
        self.with_content(0, b"", 64 << 20)
        node = subprocess.run(["losetup", "-f", "-b", "4096", "--show", self.path("old.img")],
                              capture_output=True)
        if node.returncode != 0:
            self.skipTest("no loop devices of 4096-byte sectors")
        node = node.stdout.decode().strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", node])
        subprocess.run(["mkfs.ext4", "-q", "-b", "4096", node], check=True)
        os.mkdir(self.path("mnt"))
        if subprocess.run(["mount", node, self.path("mnt")]).returncode != 0:
            self.skipTest("not allowed to mount")
        self.addCleanup(subprocess.run, ["umount", self.path("mnt")])
        for _ in ("created", "overwritten"):
            answer = self.ok("format", "--json", "--force", *self.GROUP, "mnt/a.img").json()
            self.assertEqual(answer["block_size"], 4096)
            self.ok("cell", "set", "-d", "mnt/a.img", "x", "v")
        self.refused("usage", "format", "--force", "--block-size", "512", *self.GROUP, "mnt/b.img",
                     says="blocks of 4096 bytes")

    @unittest.skipUnless(os.geteuid() == 0, "mounting is for root")
    def test_warns_of_files_in_an_image_layer(self):
        for name in ("lower", "upper", "work", "mnt"):
            os.mkdir(self.path(name))
        layers = ",".join(f"{name}dir={self.path(name)}" for name in ("lower", "upper", "work"))
        mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.path("mnt")],
                                 capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no overlayfs")
        self.addCleanup(subprocess.run, ["umount", self.path("mnt")])
        for _ in ("created", "overwritten"):
            answer = self.ok("format", "--force", *self.GROUP, "mnt/a.img")
            self.assertIn("mnt/a.img lies on overlayfs", answer.err)
        checks = self.run_raw("doctor", "--json", "-d", "mnt/a.img").json()["checks"]
        self.assertEqual([check["verdict"] for check in checks if check["check"] == "overlay"], ["warn"])
        self.assertNotIn("overlayfs", self.ok("format", *self.GROUP, "b.img").err)

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

    def test_paths_read_back_as_they_are_or_are_refused(self):
        for name in ("h1#2", "a b", "a = b", 'a "b"', "./d.img", "a\\b"):
            self.ok("format", *self.GROUP, "--name", "x", "--force", "--conf", "x.conf", name)
            with open(self.path("x.conf")) as conf:
                path = conf.read().splitlines()[-1].removeprefix("disk = ")
            self.assertEqual(path, self.path(name.removeprefix("./")))
            self.ok("cell", "set", "-g", "x", "n", name)
            self.assertEqual(self.ok("cell", "get", "-d", name, "n").out, name + "\n")
        for name in ("a #b", "a\tb", "a\nb", "a "):
            self.refused("usage", "format", *self.GROUP, "--conf", "y.conf", name, says="group file")
            self.assertFalse(self.exists(name) or self.exists("y.conf"))
            self.ok("format", *self.GROUP, name)  # without a group file anything goes

    def test_a_group_file_names_its_group(self):
        self.make_group()
        shutil.copy(self.path("g.conf"), self.path("old.conf"))
        self.make_group("--force")
        self.refused("other_group", "cell", "get", "-g", "old", "x", says="which the group file names")
        self.ok("cell", "set", "-g", "g", "x", "v")

    def test_a_known_group_is_not_shadowed_by_the_current_folder(self):
        self.make_group()
        self.ok("cell", "set", "-g", "g", "x", "here")
        os.makedirs(self.path(".config/diskpaxos"))
        self.ok("format", *self.GROUP, "--name", "g", "--conf", ".config/diskpaxos/g.conf", "h.img")
        self.ok("cell", "set", "-g", "g", "x", "home")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "home\n")
        self.assertEqual(self.ok("cell", "get", "-g", "./g.conf", "x").out, "here\n")

    def test_says_what_stands_there_instead_of_a_group(self):
        self.with_content(0, b"", 16 << 20)
        mkfs = shutil.which("mkfs.ext4", path="/sbin:/usr/sbin:/usr/bin")
        if mkfs is None:
            self.skipTest("no mkfs.ext4")
        subprocess.run([mkfs, "-q", self.path("old.img")], check=True)
        self.refused("no", "format", *self.GROUP, "old.img", says="holds an ext4 file system")
        for words in (("cell", "get", "-d", "old.img", "x"), ("dump", "old.img")):
            self.refused("bad_data", *words, says="an ext4 file system")

    def test_one_machine_however_its_id_is_written(self):
        self.make_group()
        plain = "0123456789abcdef0123456789abcdef"
        for host in (plain, plain.upper(), "01234567-89ab-cdef-0123-456789ABCDEF"):
            self.ok("cell", "incr", "-g", "g", "n", host=host)
        hosts = {slot["host"] for slot in self.ok("dump", "--json", "a.img").json()["slot_table"]
                 if slot["state"] == "taken"}
        self.assertEqual(len(hosts), 2)  # it, and the one that formatted
        zeros = self.ok("doctor", "--json", host="0" * 32).json()["checks"]
        found = next(check for check in zeros if check["check"] == "machine_id")
        self.assertNotEqual(found["found"], "from DISKPAXOS_MACHINE_ID")

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
        self.refused("bad_data", "check", "-d", "kept.img", says="has begun to make group")
        self.refused("no", "format", *self.GROUP, "kept.img", says="has begun to make")
        plan = self.ok("format", "--force", "--dry-run", *self.GROUP, "kept.img").out
        self.assertIn("would wait 30.0 s", plan)  # it may be at work on another host

    def test_refuses_what_a_process_of_this_host_uses(self):
        import fcntl
        self.make_group()
        with open(self.path("b.img"), "r+b") as disk:
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, (1 << 40) + 7, 1, 0)
            fcntl.fcntl(disk, 37, lock)  # F_OFD_SETLK: as the user of slot 7 does
            self.refused("in_use", "format", "--force", *self.GROUP, "a.img", "b.img", "c.img",
                         says="a process of this host has b.img open")
        self.ok("format", "--force", *self.GROUP, "a.img", "b.img", "c.img")

    def test_of_two_at_once_one_makes_its_group(self):
        """Of one host, on files that are missing, on blank ones, and over an old group."""
        large = ["--cells", "4000", "--slots", "16", "--ttl", "2s"]
        for case in ("missing", "blank", "old"):
            for name in DISKS:
                if case == "blank":
                    size = os.path.getsize(self.path(name))
                    os.truncate(self.path(name), 0)
                    os.truncate(self.path(name), size)
                elif self.exists(name) and case == "missing":
                    os.unlink(self.path(name))
            first = self.start("format", *large, "--force", "--conf", "first.conf", *DISKS)
            deadline = time.monotonic() + 20
            while not all(self.is_locked(name) for name in DISKS) and time.monotonic() < deadline:
                time.sleep(0.002)
            first.send_signal(signal.SIGSTOP)
            self.refused("in_use", "format", "--force", *self.GROUP, "--conf", "second.conf", *DISKS)
            first.send_signal(signal.SIGCONT)
            _, err = first.communicate(timeout=60)
            self.assertEqual(first.returncode, 0, err)
            self.ok("check", "-g", "first.conf")
            self.assertFalse(self.exists("second.conf"))

    def is_locked(self, name):
        import fcntl
        if not self.exists(name):
            return False
        with open(self.path(name), "r+b") as disk:
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 1 << 40, 1 << 21, 0)
            kind = struct.unpack("hhqqi4x", fcntl.fcntl(disk, 36, asked))[0]  # F_OFD_GETLK
            return kind != fcntl.F_UNLCK

    @unittest.skipUnless(os.geteuid() == 0, "loop devices are for root")
    def test_of_two_hosts_at_once_one_at_most_makes_its_group(self):
        for name in DISKS:
            with open(self.path(name), "wb") as disk:
                disk.truncate(4 << 20)
        nodes = [[self.other_node(name) for name in DISKS] for _ in range(2)]
        for attempt in range(6):
            for name in DISKS:
                self.spoil(name, 0, bytes(4 << 20))
            both = []
            for host in range(2):
                both.append(self.start("format", *self.GROUP, *nodes[host], host=f"h{host}"))
                time.sleep(0.005 * attempt)
            codes = []
            for one in both:
                out, err = one.communicate(timeout=60)
                codes.append(one.returncode)
                self.assertIn(one.returncode, (0, 1, 81), err)  # 1: it comes after the other
            self.assertLessEqual(codes.count(0), 1, codes)
            if 0 in codes:
                host = codes.index(0)
                self.ok("check", *[word for node in nodes[host] for word in ("-d", node)])

    def locked(self, name, byte):
        """Open, with a lock as a process has it that works on it."""
        import fcntl
        disk = open(self.path(name), "r+b")
        self.addCleanup(disk.close)
        fcntl.fcntl(disk, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))
        return disk

    def test_refuses_what_is_used_here_whatever_stands_on_it(self):
        self.make_group()
        for area in (0, os.path.getsize(self.path("a.img")) - 4096):
            self.spoil("a.img", area, bytes(4096))  # no superblock says whose it is
        before = self.content("a.img")
        disk = self.locked("a.img", (1 << 40) + 7)
        for options in ((), ("--force",), ("--force", "--evict"), ("--dry-run",)):
            self.refused("in_use", "format", *options, *self.GROUP, "a.img",
                         says="a.img: a process of this host has it open")
        self.assertEqual(self.content("a.img"), before)
        disk.close()
        self.ok("format", "--force", *self.GROUP, "a.img")

    def spoil_cells(self, name, first, count):
        """Noise over the rows of these cells; of GROUP: rows of a door and 2 tiers of 8 blocks."""
        plan = self.ok("dump", "--json", name).json()
        size = os.path.getsize(self.path(name))
        cells_begin = 4096 + (16 * 2 * 512 + 4095) // 4096 * 4096
        row = (size - 4096 - cells_begin) // plan["cells"]
        self.spoil(name, cells_begin + first * row, b"noise..." * (count * row // 8))

    def test_damage_is_no_proof_that_nobody_is_there(self):
        self.make_group()
        self.ok("cell", "set", "-g", "g", "x", "v")
        disks = ["a.img", "b.img", "c.img"]
        self.spoil_cells("a.img", 1, 15)
        self.ok("format", "--dry-run", "--force", *self.GROUP, *disks)  # two disks show every cell
        self.spoil_cells("b.img", 1, 15)
        before = [self.content(name) for name in disks]
        for options in (("--force",), (), ("--force", "--dry-run")):
            answer = self.refused("no_quorum", "format", *options, *self.GROUP, *disks,
                                  says="of its 16 cells cannot be read on a majority of its disks")
            self.assertIn("--evict", answer.err)
        self.assertEqual([self.content(name) for name in disks], before)
        plan = self.ok("format", "--dry-run", "--force", "--evict", *self.GROUP, *disks).out
        self.assertIn("would wait 1 h 0 min until", plan)
        line = self.interrupted_in_its_wait(*self.GROUP, *disks)
        self.assertIn(b"waiting 1 h", line)

    def test_says_that_a_group_lives_on_without_these_disks(self):
        self.make_group()
        note = 'only 1 of the 3 disks of group "g" is named: it goes on without a.img'
        self.refused("no", "format", *self.GROUP, "a.img", "x.img", "y.img", says=note)
        self.assertIn(note, self.ok("format", "--force", "--dry-run", *self.GROUP, "a.img").err)
        answer = self.ok("format", "--force", "--json", *self.GROUP, "a.img", "x.img", "y.img")
        self.assertIn(note, answer.json()["warnings"][0])
        self.assertNotIn("goes on", self.ok("format", "--force", *self.GROUP, "a.img", "x.img",
                                            "y.img").err)

    def test_a_group_file_that_cannot_be_written_is_refused_first(self):
        self.make_group()
        before = self.content("a.img")
        os.mkdir(self.path("folder.conf"))
        os.mkfifo(self.path("pipe"))
        for word, path, says in (("io", "nodir/x.conf", "No such file"),
                                 ("usage", "folder.conf", "a folder"), ("usage", "pipe", "no file"),
                                 ("usage", "folder.conf/", "a folder"), ("usage", "a.img", "one of the disks"),
                                 ("usage", "./new.img", "one of the disks"), ("io", "a.img/x", "Not a directory"),
                                 ("io", "x" * 250 + ".conf", "too long")):
            for disks in (["a.img"], ["a.img", "new.img", "more.img"]):
                if path == "./new.img" and len(disks) == 1:
                    continue
                self.refused(word, "format", "--force", "--name", "n", *self.GROUP, "--conf", path, *disks,
                             says=says)
                self.assertEqual(self.content("a.img"), before)
                self.assertFalse(self.exists("new.img") or self.exists("more.img"))
        self.assertFalse([name for name in os.listdir(self.folder) if name.endswith(".new")])

    @unittest.skipUnless(os.geteuid() == 0, "becomes somebody else")
    def test_nothing_is_created_where_one_may_not_write(self):
        os.chmod(self.folder, 0o755)
        os.mkdir(self.path("open"), 0o777)
        os.chmod(self.path("open"), 0o777)
        shutil.copy(BINARY, self.path("program"))
        for conf, disks in (("x.conf", ["open/a"]), ("open/x.conf", ["open/a", "open/b", "c"])):
            done = subprocess.run([self.path("program"), "format", *self.GROUP, "--conf", conf, *disks],
                                  cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
                                  capture_output=True, user=65534, group=65534)
            self.assertEqual(done.returncode, 77, done.stderr)
            self.assertEqual(os.listdir(self.path("open")), [])

    def test_disks_for_which_there_is_no_room_are_refused_first(self):
        room = os.statvfs(self.folder)
        if room.f_bavail * room.f_frsize > 2 * 250 << 30:
            self.skipTest("more room than is filled here")
        large = ["--cells", "500000", "--slots", "128", "--block-size", "4096"]  # 250 GiB each
        self.refused("io", "format", *large, "n.img", "m.img", "o.img", says="bytes are free there")
        self.refused("io", "format", "--dry-run", *large, "n.img", "m.img", "o.img", says="bytes are free there")
        self.assertFalse(self.exists("n.img"))

    @unittest.skipUnless(os.geteuid() == 0, "loop devices are for root")
    def test_says_that_it_watches_and_a_dry_run_tells_of_users(self):
        self.ok("format", "--cells", "16", "--slots", "16", "--ttl", "12s", "--conf", "g.conf", "a.img")
        node = self.other_node("a.img")
        process = self.holder("L", host="A")
        os.kill(process.pid, signal.SIGSTOP)
        for options in (("--force",), ("--force", "--dry-run"), ()):
            answer = self.run_raw("format", *options, *self.GROUP, node, host="B")
            self.assertEqual(answer.code, 81, answer.err)
            self.assertIn('watching group "g" for up to 2.5 s', answer.err)
            self.assertNotIn("would make", answer.out)
        self.assertNotIn("watching", self.run_raw("format", "--force", "--json", *self.GROUP, node, host="B").err)
        answer = self.ok("format", "--force", "--evict", "--dry-run", *self.GROUP, node, host="B")
        self.assertIn("would put out host", answer.out)
        self.assertIn(f"pid {process.pid}", answer.out)
        self.assertIn("would wait 48.0 s until all", answer.out)
        self.assertEqual(self.ok("format", "--evict", "--dry-run", "--json", *self.GROUP, node,
                                 host="B").json()["wait_ms"], 48000)
        os.kill(process.pid, signal.SIGCONT)
        self.assertIsNone(process.poll())

    def test_advises_to_format_only_what_is_blank(self):
        names = ["a.img", "b 2.img", "c.img"]
        for name in names:
            with open(self.path(name), "wb") as disk:
                disk.truncate(1 << 20)
        with open(self.path("hand.conf"), "w") as conf:
            conf.writelines(f"disk = {name}\n" for name in names)
        options = [word for name in names for word in ("-d", name)]
        advice = 'diskpaxos format -d a.img -d \'b 2.img\' -d c.img'
        self.assertIn(f'"{advice}" makes one', self.refused("bad_data", "status", *options).err)
        answer = self.refused("bad_data", "cell", "get", "-g", "hand", "x").err
        import re
        import shlex
        command = re.search(r'"(diskpaxos format [^"]*)" makes one', answer).group(1)
        self.ok(*shlex.split(command)[1:], *self.GROUP)
        self.ok("cell", "set", "-g", "hand", "x", "v")
        self.assertIn('"diskpaxos format -d blank.img" makes one', self.blank_dump())
        # A group that was there, something else, and a disk that was formatted over.
        self.make_group("--force")
        for name in ("a.img", "b.img", "c.img"):
            self.spoil(name, 0, bytes(os.path.getsize(self.path(name))))
        self.assertNotIn("makes one", self.refused("bad_data", "status", "-g", "g", says="names group").err)
        self.with_content(300000, b"x" * 10)
        self.spoil("old.img", 100, b"letters")
        for path in ("old.img", "/etc/passwd", "g.conf"):
            self.assertNotIn("makes one", self.run_raw("dump", path).err)

    def blank_dump(self):
        with open(self.path("blank.img"), "wb") as disk:
            disk.truncate(1 << 20)
        return self.refused("bad_data", "dump", "blank.img").err

    def other_node(self, name):
        """A second device node of the same file: another host, as far as locks are concerned."""
        node = subprocess.run(["losetup", "-f", "--show", self.path(name)], capture_output=True)
        if node.returncode != 0:
            self.skipTest("no loop devices")
        path = node.stdout.decode().strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", path])
        return path

    def holder(self, *words, host):
        """A `run` that holds its lock, once this returns."""
        process = self.start("run", "-g", "g", *words, "--", "sh", "-c", "touch held; exec sleep 100",
                             host=host)
        deadline = time.monotonic() + 20
        while not self.exists("held") and time.monotonic() < deadline:
            time.sleep(0.02)
        os.unlink(self.path("held"))
        self.addCleanup(process.kill)
        return process

    @unittest.skipUnless(os.geteuid() == 0, "loop devices are for root")
    def test_a_living_group_is_not_overwritten(self):
        self.make_group()
        nodes = [self.other_node(name) for name in ("a.img", "b.img", "c.img")]
        process = self.holder("L", host="A")
        answer = self.refused("in_use", "format", "--force", *self.GROUP, *nodes, host="B",
                              says=f"pid {process.pid} (\"sh -c touch held; exec sleep 100\"), renews")
        self.assertIn("--evict", answer.err)
        answer = self.refused("in_use", "format", "--force", *self.GROUP, nodes[0], host="B",
                              says="only 1 of the 3 disks of that group is named")
        os.kill(process.pid, signal.SIGSTOP)
        self.refused("in_use", "format", "--force", *self.GROUP, *nodes, host="B",
                     says="has not renewed its session in the")
        os.kill(process.pid, signal.SIGCONT)
        self.assertIsNone(process.poll())
        process.terminate()
        process.wait(30)
        self.ok("check", "-g", "g")
        self.ok("format", "--force", *self.GROUP, *nodes, host="B")

    def interrupted_in_its_wait(self, *words):
        formatting = self.start("format", "--force", "--evict", *words)
        for line in formatting.stderr:
            if b"waiting" in line:
                break
        formatting.send_signal(signal.SIGINT)
        formatting.communicate(timeout=30)
        self.assertEqual(formatting.returncode, 130)
        return line

    def test_cells_that_cannot_be_read_are_no_free_group(self):
        self.make_group()
        os.truncate(self.path("a.img"), os.path.getsize(self.path("a.img")) // 2)
        before = self.content("a.img")
        small = ["--cells", "2", "--slots", "16", "--ttl", "2s", "a.img"]
        answer = self.refused("no_quorum", "format", "--force", *small, says="cannot be known")
        self.assertIn("--evict", answer.err)
        self.assertEqual(self.content("a.img"), before)
        self.assertIn(b"waiting 1 h", self.interrupted_in_its_wait(*small))
        self.spoil("a.img", 0, bytes(len(before)))  # a person's word that it may go
        self.ok("format", *small)

    def test_a_disk_that_was_retired_by_mistake_comes_back_wiped(self):
        self.make_group()
        self.ok("cell", "set", "-g", "g", "x", "v")
        process = self.holder("L", host="here")
        self.interrupted_in_its_wait(*self.GROUP, "a.img")
        process.terminate()
        process.wait(30)
        dumped = self.ok("dump", "a.img").out
        self.assertRegex(dumped, r"  retired    at \d{4}-\S+ by host \S")
        self.assertIn("superblock front: of a group that was formatted over", dumped)
        self.assertRegex(dumped, r"  \d+ blocks are another group's by now")
        self.assertLess(len(dumped.splitlines()), 40)
        self.assertIn("wait_ms", self.ok("dump", "--json", "a.img").json()["retired"])
        replace = ["check", "--repair", "--replace", "1", "--old-is-gone", "--force", "-g", "g"]
        self.refused("usage", *replace, says="shred -n 0 -z")
        subprocess.run(["shred", "-n", "0", "-z", self.path("a.img")], check=True)
        self.ok(*replace)
        self.ok("check", "-g", "g")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")

    @unittest.skipUnless(os.geteuid() == 0, "loop devices are for root")
    def test_a_living_group_is_put_out(self):
        self.make_group()
        nodes = [self.other_node(name) for name in ("a.img", "b.img", "c.img")]
        process = self.holder("L", host="A")
        began = time.monotonic()
        formatting = self.start("format", "--force", "--evict", "--json", *self.GROUP, "--conf", "n.conf",
                                *nodes, host="B")
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 79, err)
        self.assertLess(time.monotonic() - began, 20, "it has noticed long before the wait is over")
        # The eviction comes first. It says when the superblocks are retired as well.
        for line in formatting.stderr:
            if b"waiting 32.0 s until all of group" in line:
                break
        retired = self.refused("bad_data", "cell", "get", "-g", "g", "x", says="retired")
        self.assertNotIn("makes one", retired.err)
        out, err = formatting.communicate(timeout=90)
        self.assertEqual(formatting.returncode, 0, err)
        self.assertGreater(time.monotonic() - began, 32)  # T = 2 s, T_ghost = 30 s
        import json
        answer = json.loads(out)
        self.assertEqual([one["pid"] for one in answer["evicted"]], [process.pid])
        self.ok("check", "-g", "n")
        self.ok("run", "-n", "-g", "n", "L", "--", "true", host="B")
        self.refused("other_group", "cell", "get", "-g", "g", "x")

    def test_refuses_to_overwrite_a_group_file(self):
        self.make_group()
        self.refused("no", "format", *self.GROUP, "--conf", "g.conf", "d.img",
                     says="g.conf exists; --force overwrites it, and all that is on the disks as well")
        self.assertFalse(self.exists("d.img"))


if __name__ == "__main__":
    main()
