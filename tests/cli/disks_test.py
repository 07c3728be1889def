"""Disks that are missing, foreign, damaged, read-only, named twice or not at all; and repair."""

import os
import pty
import shutil
import struct
import subprocess
import unittest

from command import CODES, CommandTest, main


def cells_begin(slots, block=512):
    return 4096 + (2 * slots * block + 4095) // 4096 * 4096


MKFS = shutil.which("mkfs.ext4", path="/sbin:/usr/sbin:/usr/bin")


class Disks(CommandTest):
    def setUp(self):
        super().setUp()
        self.make_group()
        self.ok("cell", "set", "-g", "g", "x", "v")

    def read_x(self, *words, **more):
        return self.ok("cell", "get", *words, "x", **more)

    def test_first_named_wins(self):
        self.ok("format", *self.GROUP, "--conf", "other.conf", "o.img")
        self.assertEqual(self.read_x(env={"DISKPAXOS_GROUP": "g"}).out, "v\n")
        self.assertEqual(self.read_x("-g", "other", env={"DISKPAXOS_GROUP": "g"}).out, "")
        self.assertEqual(self.read_x("-g", "g", "-d", "o.img").out, "")
        self.assertEqual(self.read_x("-g", self.path("g.conf")).out, "v\n")
        self.refused("usage", "cell", "get", "x", says="no disks are named")

    def test_group_files(self):
        os.makedirs(self.path(".config/diskpaxos"))
        os.rename(self.path("g.conf"), self.path(".config/diskpaxos/home.conf"))
        self.assertEqual(self.read_x("-g", "home").out, "v\n")
        self.refused("usage", "cell", "get", "-g", "nowhere", "x", says="/etc/diskpaxos/nowhere.conf")
        for text in ("", "disks = a.img\n", "nonsense\n"):
            with open(self.path("bad.conf"), "w") as conf:
                conf.write(text)
            self.refused("usage", "cell", "get", "-g", "bad", "x", says="bad.conf")
        with open(self.path("near.conf"), "w") as conf:
            conf.write("# beside the disks\ndisk = a.img\ndisk = ./b.img\ndisk = c.img\n")
        self.assertEqual(self.read_x("-g", "near").out, "v\n")

    def test_missing(self):
        os.unlink(self.path("c.img"))
        answer = self.read_x("-g", "g")
        self.assertEqual(answer.out, "v\n")
        self.assertIn("warning: ", answer.err)
        self.assertEqual(len(self.read_x("--json", "-g", "g").json()["warnings"]), 2)
        os.unlink(self.path("b.img"))
        self.refused("no_quorum", "cell", "get", "-g", "g", "x",
                     says=f"({self.path('b.img')} and {self.path('c.img')}: there is no such disk or file)")
        self.refused("io", "cell", "get", "-d", "nothing.img", "x", says="nothing.img")

    def test_only_some_are_named(self):
        answer = self.read_x("-d", "a.img", "-d", "c.img")
        self.assertEqual(answer.out, "v\n")
        self.assertIn("only 2 of 3 disks", answer.err)
        self.refused("no_quorum", "cell", "get", "-d", "b.img", "x", says="1 of 3")

    def test_named_twice(self):
        """It counts once; the others are a majority without the second name, or they are not."""
        os.link(self.path("a.img"), self.path("hard.img"))
        os.symlink("a.img", self.path("soft.img"))
        for other in ("a.img", "./a.img", "hard.img", "soft.img"):
            self.assertIn("same disk", self.read_x("-d", "a.img", "-d", other, "-d", "b.img").err)
            self.refused("usage", "cell", "get", "-d", "a.img", "-d", other, "x", says="same disk")
            self.refused("usage", "format", "--force", "a.img", other, "b.img", says="same disk")
        self.refused("usage", "format", "n.img", "./n.img", "m.img", says="same disk")

    def copy(self, name, to):
        with open(self.path(name), "rb") as disk, open(self.path(to), "wb") as copy:
            copy.write(disk.read())

    def test_of_a_disk_and_its_copy_neither_counts(self):
        self.copy("a.img", "copy.img")
        self.ok("cell", "set", "-g", "g", "x", "w")  # so the copy is old
        answer = self.run_raw("cell", "get", "-d", "copy.img", "-d", "a.img", "-d", "b.img", "x")
        self.assertEqual((answer.code, answer.out), (CODES["no_quorum"], ""), answer.err)
        self.assertIn("one is a copy", answer.err)
        self.ok("format", *self.GROUP, "--conf", "five.conf", *(f"{n}.five" for n in range(5)))
        self.copy("0.five", "copy.five")
        named = [word for n in ("0", "copy", "1", "2", "3") for word in ("-d", n + ".five")]
        self.assertIn("one is a copy", self.ok("cell", "set", *named, "y", "v").err)

    def test_foreign_and_too_many(self):
        """A disk of another group is left aside: the group is that of most of those named."""
        for size in (1, 3):
            names = [f"o{size}{n}.img" for n in range(size)]
            self.ok("format", *self.GROUP, *names)
            before = self.content(names[0])
            for named in (["a.img", "b.img", names[0]], [names[0], "a.img", "b.img"]):
                disks = [word for name in named for word in ("-d", name)]
                self.assertIn("belongs to group", self.read_x(*disks).err)
                self.ok("cell", "set", *disks, "x", "v")
                self.assertEqual(self.run_raw("check", "--repair", *disks).code, 1)
            self.assertEqual(self.content(names[0]), before)
            self.refused("bad_data", "cell", "get", "-d", "a.img", "-d", names[0], "x",
                         says="belongs to group")
        with open(self.path("blank.img"), "wb") as disk:
            disk.truncate(1 << 20)
        self.refused("usage", "cell", "get", "-d", "a.img", "-d", "b.img", "-d", "c.img", "-d",
                     "blank.img", "x", says="4 disks are named")
        self.refused("bad_data", "cell", "get", "-d", "blank.img", "x", says="format")

    def test_a_third_disk_that_is_broken_stops_nobody(self):
        """In whatever way: every verb goes on with the other two, and names it."""
        sound = self.content("c.img")

        def file_of(content):
            def make():
                with open(self.path("c.img"), "wb") as disk:
                    disk.write(content)
            return make
        ways = {"absent": lambda: None, "empty": file_of(b""), "cut": file_of(sound[:65536]),
                "blank": file_of(bytes(len(sound))), "random": file_of(os.urandom(len(sound))),
                "folder": lambda: os.mkdir(self.path("c.img")),
                "pipe": lambda: os.mkfifo(self.path("c.img")),
                "link to another member": lambda: os.symlink("a.img", self.path("c.img")),
                "link to nowhere": lambda: os.symlink("nowhere", self.path("c.img")),
                "link to itself": lambda: os.symlink("c.img", self.path("c.img")),
                "a device that is no disk": lambda: os.symlink("/dev/null", self.path("c.img")),
                "a newer format": lambda: (file_of(sound)(), self.newer("c.img"))}
        for what, make in ways.items():
            with self.subTest(what):
                if os.path.isdir(self.path("c.img")):
                    os.rmdir(self.path("c.img"))
                elif os.path.lexists(self.path("c.img")):
                    os.unlink(self.path("c.img"))
                make()
                answer = self.ok("cell", "incr", "-g", "g", "n")
                self.assertIn("c.img", answer.err)
                self.ok("ls", "-g", "g")
                status = self.run_raw("status", "-g", "g")
                self.assertEqual((status.code, status.out.split(":")[0]), (1, "degraded"))
                self.assertEqual(self.run_raw("doctor", "-g", "g").code, 0)
                before = os.path.isfile(self.path("c.img")) and self.content("c.img")
                repair = self.run_raw("check", "--repair", "-g", "g")
                self.assertEqual(repair.code, 1, repair.err)
                if what != "link to another member":
                    self.assertEqual(os.path.isfile(self.path("c.img")) and self.content("c.img"),
                                     before)
        self.assertEqual(self.ok("cell", "get", "-g", "g", "n").out, f"{len(ways)}\n")

    def test_too_small_and_no_disk_at_all(self):
        with open(self.path("small.img"), "wb") as disk:
            disk.truncate(100)
        self.refused("bad_data", "cell", "get", "-d", "small.img", "x")
        self.refused("bad_data", "format", "small.img", says="too small")
        os.truncate(self.path("a.img"), 1 << 16)  # one of three is a minority: said, and done without
        self.assertIn("a.img: cut short", self.ok("cell", "get", "-g", "g", "x").err)
        os.truncate(self.path("b.img"), 1 << 16)
        self.refused("no_quorum", "cell", "get", "-g", "g", "x", says="cut short")
        self.refused("usage", "cell", "get", "-d", self.folder, "x", says="neither")
        self.refused("usage", "format", "/dev/null", says="neither")
        self.refused("io", "format", "/dev/no-such-disk", says="no such device")

    def newer(self, name):
        """A superblock of the next major version, with a checksum that holds."""
        with open(self.path(name), "r+b") as disk:
            block = bytearray(disk.read(512))
            struct.pack_into("<H", block, 128, struct.unpack_from("<H", block, 128)[0] + 1)
            block[124:128] = bytes(4)
            struct.pack_into("<I", block, 124, crc32c(block))
            disk.seek(0)
            disk.write(block)

    def test_a_newer_format(self):
        for name in ("a.img", "b.img", "c.img"):
            self.newer(name)
        self.refused("bad_data", "cell", "get", "-g", "g", "x", says="newer")
        self.refused("bad_data", "dump", "a.img", says="newer")
        for force in ((), ("--force",), ("--force", "--evict")):  # nobody can look who is in it
            self.refused("bad_data", "format", *force, *self.GROUP, "a.img", says="newer")

    @unittest.skipIf(os.geteuid() == 0, "root may open everything")
    def test_forbidden(self):
        for name in ("a.img", "b.img", "c.img"):
            os.chmod(self.path(name), 0o400)
        self.refused("permission", "cell", "get", "-g", "g", "x")
        self.ok("check", "-g", "g")

    def test_damage_is_found_and_repaired(self):
        self.spoil("b.img", cells_begin(16), os.urandom(16 * 32 * 512 // 2))
        self.spoil("c.img", 0, bytes(4096))
        self.assertEqual(self.read_x("-g", "g").out, "v\n")
        report = self.run_raw("check", "--json", "-g", "g")
        self.assertEqual(report.code, 1, report.err)
        disks = {os.path.basename(disk["disk"]): disk for disk in report.json()["disks"]}
        self.assertFalse(report.json()["sound"])
        self.assertEqual(disks["a.img"]["verdict"], "sound")
        self.assertEqual(disks["b.img"]["verdict"], "damaged")
        self.assertGreaterEqual(disks["b.img"]["damaged"], 250)
        self.assertFalse(disks["c.img"]["front_superblock"])
        fixed = self.run_raw("check", "--repair", "--json", "-g", "g")
        self.assertEqual(fixed.code, 0, fixed.out)
        fixed = fixed.json()
        self.assertTrue(fixed["sound"])
        self.assertGreaterEqual(fixed["repaired"]["blocks"], 250)
        self.ok("check", "-g", "g")
        self.assertEqual(self.read_x("-d", "b.img", "-d", "c.img").out, "v\n")

    def test_a_blank_disk_gets_a_place_by_a_persons_word_only(self):
        size = os.path.getsize(self.path("c.img"))
        self.spoil("c.img", 0, bytes(size))
        replace = ["check", "--repair", "--replace", "3", "--old-is-gone"]
        for words in (["check"], ["check", "--repair"]):
            left = self.run_raw(*words, "-g", "g")
            self.assertEqual(left.code, 1)
            self.assertIn('"diskpaxos check -g g --repair --replace 3 --old-is-gone"', left.err)
        self.refused("no", *replace, "-g", "g", says="the group splits")
        self.refused("usage", *replace[:-1], "-g", "g", says="--old-is-gone")
        self.refused("usage", "check", "--replace", "3", "--old-is-gone", "-g", "g", says="--repair")
        self.refused("usage", "check", "--repair", "--replace", "4", "--old-is-gone", "-g", "g",
                     says="its disks are 1 to 3")
        self.refused("usage", "check", "--repair", "--replace", "1", "--old-is-gone", "--force", "-g",
                     "g", says="disk 1 is there")
        self.assertEqual(self.content("c.img"), bytes(size))
        done = self.ok(*replace, "--force", "-g", "g")
        self.assertIn("the group splits", done.err)
        self.ok("check", "-g", "g")
        self.assertEqual(self.read_x("-d", "a.img", "-d", "c.img").out, "v\n")

    def test_the_question_about_a_blank_disk(self):
        self.spoil("c.img", 0, bytes(os.path.getsize(self.path("c.img"))))
        for word, code in (("y", 1), ("yes", 0)):
            ours, theirs = pty.openpty()
            process = self.start("check", "--repair", "--replace", "3", "--old-is-gone", "-g", "g",
                                 stdin=theirs, terminal=theirs)
            os.close(theirs)
            asked = b""
            while b"Type yes" not in asked:
                asked += os.read(ours, 1000)
            self.assertIn(b"the group splits", asked)
            os.write(ours, word.encode() + b"\n")
            self.assertEqual(process.wait(timeout=60), code)
            process.stdout.close()
            os.close(ours)

    def test_a_disk_that_shows_which_it_is_needs_no_word(self):
        content = self.content("c.img")
        self.spoil("c.img", 0, bytes(8192))
        self.spoil("c.img", len(content) - 4096, bytes(4096))
        fixed = self.ok("check", "--repair", "-g", "g")
        self.assertIn("c.img is disk 3 of the group", fixed.err)
        self.ok("check", "-g", "g")

    @unittest.skipUnless(MKFS and shutil.which("wipefs"), "no mkfs.ext4, or no wipefs")
    def test_a_member_that_was_given_away_is_not_repaired_over(self):
        """The second superblock is still there, but a file system was made on the disk."""
        end = self.content("c.img")[-4096:]
        subprocess.run([MKFS, "-q", "-F", self.path("c.img")], check=True, capture_output=True)
        self.spoil("c.img", os.path.getsize(self.path("c.img")) - 4096, end)
        before = self.content("c.img")
        repair = ["check", "--repair", "-g", "g"]
        self.refused("usage", *repair, says="c.img was disk 3 of the group, and holds an ext4 file system")
        self.spoil("c.img", len(before) - 4096, bytes(4096))  # now some block tells, or nothing does
        self.assertRegex(self.run_raw(*repair).err, "c.img.*(holds an ext4 file system|is left alone)")
        self.assertEqual(self.content("c.img"), before[:-4096] + bytes(4096))
        self.spoil("c.img", len(before) - 4096, end)
        subprocess.run(["wipefs", "-q", "--all", self.path("c.img")], check=True)
        self.ok(*repair)
        self.ok("check", "-g", "g")

    def test_two_blank_disks_are_not_guessed(self):
        self.ok("format", *self.GROUP, "--conf", "five.conf", *(f"{n}.five" for n in range(5)))
        size = os.path.getsize(self.path("0.five"))
        for name in ("3.five", "4.five"):
            self.spoil(name, 0, bytes(size))
        replace = ["check", "--repair", "--replace", "5", "--old-is-gone", "--force"]
        self.refused("usage", *replace, "-g", "five", says="2 blank disks are named")
        four = [word for n in (0, 1, 2, 4) for word in ("-d", f"{n}.five")]
        self.assertEqual(self.run_raw(*replace, *four).code, 1)  # disk 4 is absent
        self.assertEqual(self.content("3.five"), bytes(size))

    def test_too_small_and_other_sectors_are_told_apart(self):
        os.truncate(self.path("c.img"), 0)
        left = self.run_raw("check", "--repair", "-g", "g")
        self.assertEqual(left.code, 1)
        self.assertIn("too small", left.err)
        self.assertIn("too small", self.run_raw("status", "-g", "g").out)

    def test_redundancy_is_told_as_it_is(self):
        """A disk votes for a cell whose row is readable, stale or not, and for a slot likewise."""
        full = self.ok("status", "-g", "g")
        self.assertTrue(full.out.startswith("full: "), full.out)
        verdicts = {check["check"]: check["verdict"]
                    for check in self.ok("doctor", "--json", "-g", "g").json()["checks"]}
        self.assertEqual(verdicts["redundancy"], "ok")
        row = 2 * 16 * 512 + 512  # with its door
        self.spoil("b.img", cells_begin(16) + 512, b"\1" * 512)  # cell 0, slot 0, block 0
        self.spoil("b.img", 4096 + 2 * 7 * 512, bytes(512))       # the claim of slot 7
        status = self.run_raw("status", "--json", "-g", "g")
        self.assertEqual(status.code, 1)
        status = status.json()
        self.assertEqual([(d["votes_for_cells"], d["votes_for_slots"]) for d in status["disks"]],
                         [(16, 16), (15, 14), (16, 16)])
        self.assertEqual((status["redundancy"], status["cells_at_bare_majority"],
                          status["slots_at_bare_majority"]), ("degraded", 1, 2))
        checked = self.run_raw("check", "--json", "-g", "g").json()
        self.assertEqual([(d["votes_for_cells"], d["votes_for_slots"]) for d in checked["disks"]],
                         [(16, 16), (15, 14), (16, 16)])
        doctor = self.run_raw("doctor", "--json", "-g", "g").json()
        self.assertNotEqual(doctor["verdict"], "ok")
        self.assertIn("votes", [c["check"] for c in doctor["checks"] if c["verdict"] == "warn"])
        self.spoil("c.img", cells_begin(16), b"\1" * row)  # the same cell on a second disk
        status = self.run_raw("status", "-g", "g")
        self.assertEqual((status.code, status.out.split(":")[0]), (2, "no majority"))
        doctor = self.run_raw("doctor", "--json", "-g", "g")
        self.assertEqual((doctor.code, doctor.json()["verdict"]), (1, "fail"))

    def cell_of(self, name):
        for disk in ("a.img", "b.img", "c.img"):  # one of them may have missed it
            for block in self.ok("dump", "--json", "--cell", name, disk).json()["blocks"]:
                return block["cell"]
        return self.fail(f"no disk has {name}")

    def lose(self, cell, *names):
        row = 512 + 2 * 16 * 512  # with its door
        for name in names:
            self.spoil(name, cells_begin(16) + cell * row, b"\1" * row)

    def test_a_name_that_is_lost_can_be_given_up(self):
        for _ in range(3):
            self.ok("run", "-g", "g", "l", "--", "true")
        give_up = ["check", "--repair", "--give-up"]
        self.refused("no", *give_up, "x", "--force", "-g", "g", says="a majority still has")
        self.refused("no", *give_up, "nothing", "--force", "-g", "g", says="nothing of")
        self.refused("usage", "check", "--give-up", "x", "-g", "g", says="--repair")
        for name in ("x", "l"):
            self.lose(self.cell_of(name), "b.img", "c.img")
            if name == "l":
                self.not_known_to_be_free("l")
            self.refused("no_quorum", "cell", "get", "-g", "g", name, says="--give-up NAME")
            repair = self.run_raw("check", "--repair", "-g", "g")
            self.assertEqual(repair.code, 1)
            for told in (repair.out, self.run_raw("check", "-g", "g").out):
                self.assertIn(f"cell {self.cell_of(name)} of \"{name}\"", told)
                self.assertIn("--repair --give-up NAME", told)
            self.assertIn("--repair --give-up NAME", self.run_raw("doctor", "-g", "g").out)
            refused = self.refused("no", *give_up, name, "-g", "g", says="is lost on a majority")
            self.assertIn('"v"' if name == "x" else "last token 3", refused.err)
            given = self.ok(*give_up, name, "--force", "--json", "-g", "g").json()
            self.assertGreaterEqual(given["given_up"]["version"], 1 << 32)
            self.ok("check", "-g", "g")
        unset = self.ok("cell", "get", "--json", "-g", "g", "x").json()
        self.assertEqual((unset["state"], unset["value"]), ("deleted", None))
        self.assertGreater(int(self.ok("cell", "set", "-g", "g", "x", "w").out), 1 << 32)
        token = self.ok("run", "-g", "g", "l", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out
        self.assertEqual(int(token), (1 << 32) + 4)

    def not_known_to_be_free(self, lock):
        """Every disk is there, and one copy of this lock's record."""
        said = self.ok("explain", "-g", "g", lock).out
        self.assertIn(f'too few copies of "{lock}" can be read', said)
        self.assertIn("is held is not known", said)
        self.assertIn("--give-up", said)
        self.assertNotIn("take it", said)
        self.assertIsNone(self.ok("explain", "--json", "-g", "g", lock).json()["free_at_latest"])
        listed = {one["name"]: one["state"] for one in self.ok("ls", "--json", "-g", "g").json()["locks"]}
        self.assertEqual(listed[lock], "unknown")
        self.assertIn("unknown", self.ok("ls", "-g", "g").out)

    def test_what_an_absent_disk_may_hold_is_not_given_up(self):
        """The acknowledged value is on b and c. One is damaged, the other away: it comes back."""
        os.rename(self.path("a.img"), self.path("a.away"))
        self.ok("cell", "set", "-g", "g", "x", "acknowledged")
        os.rename(self.path("a.away"), self.path("a.img"))
        self.lose(self.cell_of("x"), "b.img")
        os.rename(self.path("c.img"), self.path("c.away"))
        for verb in ("check", "doctor"):  # it may be on the disk that is away
            self.assertNotIn("--give-up NAME", self.run_raw(verb, "-g", "g").out)
        give_up = ["check", "--repair", "--give-up", "x", "--force"]
        self.refused("no_quorum", *give_up, "-g", "g", says="disk 3 is absent, and may hold a newer")
        os.rename(self.path("c.away"), self.path("c.img"))
        self.refused("no_quorum", *give_up, "-d", "a.img", "-d", "b.img", says="disk 3 is absent")
        self.refused("no", *give_up, "-g", "g", says="a majority still has")
        self.ok("check", "--repair", "-g", "g")
        self.assertEqual(self.read_x("-g", "g").out, "acknowledged\n")
        # It is gone for good: another disk takes its place, and then there is nothing to wait for.
        self.lose(self.cell_of("x"), "b.img")
        self.spoil("c.img", 0, bytes(len(self.content("c.img"))))
        self.refused("no_quorum", *give_up, "-g", "g", says="--replace 3 --old-is-gone")
        self.ok(*give_up, "--replace", "3", "--old-is-gone", "-g", "g")
        self.assertEqual(self.read_x("-g", "g").out, "")
        self.ok("check", "-g", "g")

    def test_a_name_of_which_nothing_is_left(self):
        self.ok("run", "-g", "g", "l", "--", "true")
        self.lose(self.cell_of("l"), "a.img", "b.img", "c.img")
        self.refused("no_quorum", "explain", "-g", "g", "l", says="whether there is such a name")
        give_up = ["check", "--repair", "--give-up", "l"]
        self.refused("no", *give_up, "-g", "g", says="not even whose cell it was")
        self.ok(*give_up, "--force", "-g", "g")
        token = self.ok("run", "-g", "g", "l", "--", "sh", "-c", "echo $DISKPAXOS_TOKEN").out
        self.assertGreater(int(token), 1 << 32)

    def test_a_decision_of_which_nothing_is_left(self):
        self.ok("propose", "-g", "g", "d", "one")
        self.lose(self.cell_of("d"), "a.img", "b.img", "c.img")
        self.ok("check", "--repair", "--give-up", "d", "--force", "-g", "g")
        self.assertEqual(self.ok("propose", "-g", "g", "d", "two").out, "two\n")

    def test_a_majority_that_was_put_back_is_suspicious(self):
        for _ in range(3):
            self.ok("cell", "incr", "-g", "g", "n")
        old = {name: self.content(name) for name in ("b.img", "c.img")}
        for _ in range(4):
            self.ok("cell", "incr", "-g", "g", "n")
        self.ok("check", "-g", "g")
        self.spoil("b.img", 0, old["b.img"])  # one of three is no majority: it was slow, or away
        self.ok("check", "-g", "g")
        self.spoil("c.img", 0, old["c.img"])
        answer = self.run_raw("check", "-g", "g")
        self.assertEqual(answer.code, 1, answer.out)
        self.assertIn("suspicious", answer.out)
        self.assertIn("b.img and ", answer.out)
        self.assertGreater(self.run_raw("check", "--json", "-g", "g").json()["rolled_back"], 0)

    def test_what_a_vanished_host_leaves_damaged_is_told(self):
        self.ok("cell", "get", "-g", "g", "x", host="gone")
        self.spoil("b.img", 0, bytes(os.path.getsize(self.path("b.img"))))
        self.run_raw("check", "--repair", "--replace", "2", "--old-is-gone", "--force", "-g", "g")
        self.assertEqual(self.run_raw("status", "-g", "g").code, 1)
        self.assertNotEqual(self.run_raw("doctor", "--json", "-g", "g").json()["verdict"], "ok")

    def test_whether_one_can_write(self):
        """What cannot be opened for writing is a warning, and a failure below a majority."""
        names = ("a.img", "b.img", "c.img")
        immutable = lambda how, name: subprocess.run(["chattr", how, self.path(name)], check=False,
                                                     capture_output=True).returncode == 0
        if not immutable("+i", names[0]):
            self.skipTest("no immutable files here")
        try:
            doctor = self.run_raw("doctor", "--json", "-g", "g")
            found = [(c["check"], c["verdict"]) for c in doctor.json()["checks"]]
            self.assertIn(("writable", "warn"), found)
            self.assertEqual(doctor.code, 0)
            immutable("+i", names[1])
            doctor = self.run_raw("doctor", "--json", "-g", "g")
            found = [(c["check"], c["verdict"]) for c in doctor.json()["checks"]]
            self.assertEqual(found.count(("writable", "fail")), 2)
            self.assertEqual((doctor.code, doctor.json()["verdict"]), (1, "fail"))
            self.assertIn("cannot write to it", self.ok("status", "-g", "g").out)
        finally:
            for name in names:
                immutable("-i", name)

    def test_too_many_open_files_are_not_explained_by_the_disk(self):
        """Whatever is the first that cannot be opened, the sentence names the limit."""
        for limit in range(4, 12):
            done = subprocess.run(["bash", "-c", f"ulimit -n {limit}; exec {os.environ['DISKPAXOS_BINARY']} "
                                   "cell get -g g x"], cwd=self.folder, env={**self.environment(),
                                   "DISKPAXOS_MACHINE_ID": ""}, capture_output=True, check=False)
            if done.returncode == 0:
                continue
            self.assertIn(b"ulimit -n", done.stderr, limit)
            self.assertNotIn(b"BOOT_ID", done.stderr, limit)

    def test_a_minority_repairs_nothing(self):
        size = os.path.getsize(self.path("a.img"))
        for name in ("a.img", "b.img"):
            self.spoil(name, 0, bytes(size))
        self.refused("no_quorum", "check", "--repair", "-g", "g")
        self.refused("no_quorum", "cell", "get", "-g", "g", "x")
        self.assertEqual(self.content("a.img"), bytes(size))
        self.ok("dump", "c.img")

    def test_dump_names_damage(self):
        self.spoil("a.img", cells_begin(16) + 2 * 512, b"\1" * 512)  # behind a door, and block 0
        self.spoil("a.img", 4096, bytes(512))
        text = self.ok("dump", "a.img").out
        self.assertIn("cell 0 slot 0.1  ", text)
        damaged = [block for block in self.ok("dump", "--json", "a.img").json()["blocks"]
                   if block["state"] == "unknown"]
        self.assertEqual([(b["cell"], b["slot"], b["ring"]) for b in damaged], [(0, 0, 1)])
        self.assertTrue(damaged[0]["damage"])

    def test_dump_without_any_superblock(self):
        content = self.content("a.img")
        self.spoil("a.img", 0, b"\1" * 4096)
        self.ok("dump", "a.img")
        self.spoil("a.img", len(content) - 4096, b"\1" * 4096)
        refused = self.refused("bad_data", "dump", "a.img", says="neither superblock of ")
        self.assertIn('check --repair', refused.err)
        self.assertNotIn("diskpaxos format", refused.err)

    def test_absent_disks_are_told_of(self):
        """Which number one has is known if it is the only one; else all are named."""
        os.rename(self.path("c.img"), self.path("c.away"))
        check = self.run_raw("check", "-g", "g").out
        self.assertRegex(check, r"absent +disk 3  votes for 0 of 16 cells and 0 of 16 slots\n")
        self.assertRegex(check, r" +not in use: .*c\.img: there is no such disk or file\n")
        doctor = self.run_raw("doctor", "-g", "g").out
        self.assertEqual(doctor.count("c.img: there is no"), 1)
        self.assertNotRegex(doctor, r"c\.img: \S*c\.img: ")
        os.rename(self.path("b.img"), self.path("b.away"))
        for verb in ("check", "status"):
            told = self.run_raw(verb, "-g", "g")
            for name in "bc":
                self.assertRegex(told.out, rf"not in use: .*{name}\.img: there is no such disk or file\n")
            self.assertNotRegex(told.out, r" \n")
            self.assertIn("only 1 of 3 disks of group g is in use", told.err)
        os.rename(self.path("a.img"), self.path("a.away"))
        told = self.run_raw("status", "-g", "g")
        self.assertEqual(told.code, 2, told.err)
        self.assertIn("there is no such disk or file", told.err)
        self.assertEqual(self.run_raw("status", "-g", "nowhere").code, CODES["usage"])

    def test_no_slot_is_counted_where_none_is_meant(self):
        self.spoil("b.img", 4096 + 2 * 7 * 512, bytes(512))  # the claim of slot 7
        self.assertTrue(self.run_raw("status", "-g", "g").out.startswith("degraded: 1 slot with no"))

    def test_a_damaged_door_is_named_and_opened(self):
        self.spoil("a.img", cells_begin(16) + 300, b"\1")  # of cell 0, the first block of its row
        self.assertIn("  cell 0 door 1  damaged\n", self.ok("dump", "a.img").out)
        doors = [block for block in self.ok("dump", "--json", "a.img").json()["blocks"]
                 if "door" in block]
        self.assertEqual(doors, [{"cell": 0, "door": 1, "state": "damaged"}])
        report = self.run_raw("check", "--json", "-g", "g")
        self.assertEqual(report.code, 1)
        disk = report.json()["disks"][0]
        self.assertEqual((disk["verdict"], disk["damaged"]), ("damaged", 1))
        self.assertEqual(disk["examples"], ["cell 0 door 1: checksum"])
        self.assertEqual(report.json()["cells_without_quorum"], 0)
        fixed = self.ok("check", "--repair", "--json", "-g", "g").json()
        self.assertTrue(fixed["sound"])
        self.assertEqual(fixed["repaired"]["blocks"], 1)
        self.assertIn("  cell 0 door 1  open\n", self.ok("dump", "--cell", "0", "a.img").out)
        self.assertIn("  cell 0 door 1  closed\n", self.ok("dump", "--cell", "0", "b.img").out)

    def test_groups_with_few_slots_have_no_doors(self):
        self.ok("format", "--cells", "4", "--slots", "8", "--conf", "few.conf", "o.img")
        blocks = self.ok("dump", "--json", "--cell", "0", "o.img").json()["blocks"]
        self.assertEqual((len(blocks), blocks[0]["state"]), (16, "initial"))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    main()
