"""Disks that are missing, foreign, damaged, read-only, named twice or not at all; and repair."""

import os
import struct
import unittest

from command import CommandTest, main


def cells_begin(slots, block=512):
    return 4096 + (2 * slots * block + 4095) // 4096 * 4096


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
        self.refused("no_quorum", "cell", "get", "-g", "g", "x", says="b.img: there is no such")
        self.refused("io", "cell", "get", "-d", "nothing.img", "x", says="nothing.img")

    def test_only_some_are_named(self):
        answer = self.read_x("-d", "a.img", "-d", "c.img")
        self.assertEqual(answer.out, "v\n")
        self.assertIn("only 2 of 3 disks", answer.err)
        self.refused("no_quorum", "cell", "get", "-d", "b.img", "x", says="1 of 3")

    def test_named_twice(self):
        os.link(self.path("a.img"), self.path("hard.img"))
        os.symlink("a.img", self.path("soft.img"))
        for other in ("a.img", "./a.img", "hard.img", "soft.img"):
            self.refused("usage", "cell", "get", "-d", "a.img", "-d", other, "-d", "b.img", "x",
                         says="same disk")
            self.refused("usage", "format", "--force", "a.img", other, "b.img", says="same disk")
        self.refused("usage", "format", "n.img", "./n.img", "m.img", says="same disk")
        with open(self.path("a.img"), "rb") as disk, open(self.path("copy.img"), "wb") as copy:
            copy.write(disk.read())
        self.refused("usage", "cell", "get", "-d", "a.img", "-d", "copy.img", "-d", "b.img", "x",
                     says="same disk")

    def test_foreign_and_too_many(self):
        self.ok("format", *self.GROUP, "o.img")
        self.refused("bad_data", "cell", "get", "-d", "a.img", "-d", "b.img", "-d", "o.img", "x",
                     says="belongs to group")
        with open(self.path("blank.img"), "wb") as disk:
            disk.truncate(1 << 20)
        self.refused("usage", "cell", "get", "-d", "a.img", "-d", "b.img", "-d", "c.img", "-d",
                     "blank.img", "x", says="4 disks are named")
        self.refused("bad_data", "cell", "get", "-d", "blank.img", "x", says="format")

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
        self.refused("no", "format", *self.GROUP, "a.img", says="newer")

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

    def test_a_zeroed_disk_is_taken_back(self):
        size = os.path.getsize(self.path("a.img"))
        self.spoil("a.img", 0, bytes(size))
        self.assertEqual(self.run_raw("check", "-g", "g").code, 1)
        self.ok("check", "--repair", "-g", "g")
        self.ok("check", "-g", "g")
        self.assertEqual(self.read_x("-d", "a.img", "-d", "b.img").out, "v\n")

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
