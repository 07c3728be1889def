"""Every verb once, as text and as JSON."""

import os
import unittest

from command import CommandTest, main


class Verbs(CommandTest):
    def setUp(self):
        super().setUp()
        self.make_group()

    def test_propose_prints_what_was_decided_first(self):
        self.assertEqual(self.ok("propose", "-g", "g", "leader", "a").out, "a\n")
        self.assertEqual(self.ok("propose", "-g", "g", "leader", "b").out, "a\n")
        answer = self.ok("propose", "--json", "-g", "g", "leader", "c").json()
        self.assertEqual(list(answer), ["name", "state", "version", "value", "applied", "exact",
                                        "warnings"])
        self.assertEqual((answer["value"], answer["state"], answer["applied"]),
                         ("a", "decided", False))

    def test_cell_get_of_an_unset_name_prints_nothing(self):
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "")
        answer = self.ok("cell", "get", "--json", "-g", "g", "x").json()
        self.assertEqual(list(answer), ["name", "state", "version", "value", "warnings"])
        self.assertEqual((answer["version"], answer["value"], answer["state"]), (0, None, "unset"))

    def test_cell_set_get_rm(self):
        self.assertEqual(self.ok("cell", "set", "-g", "g", "x", "one two").out, "1\n")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "one two\n")
        self.assertEqual(self.ok("cell", "set", "-g", "g", "x", "").out, "2\n")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "\n")
        self.assertEqual(self.ok("cell", "rm", "-g", "g", "x").out, "3\n")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "")
        self.assertEqual(self.ok("cell", "set", "-g", "g", "x", "again").out, "4\n")

    def test_cell_cas(self):
        self.assertEqual(self.ok("cell", "cas", "-g", "g", "x", "0", "a").out, "1\n")
        stale = self.run_raw("cell", "cas", "-g", "g", "x", "0", "b")
        self.assertEqual((stale.code, stale.out), (1, "1\n"))
        self.assertIn("diskpaxos: no: ", stale.err)
        stale = self.run_raw("cell", "cas", "--json", "-g", "g", "x", "0", "b")
        self.assertEqual(stale.code, 1)
        self.assertEqual((stale.json()["applied"], stale.json()["version"], stale.json()["value"]),
                         (False, 1, "a"))
        self.assertEqual(self.ok("cell", "cas", "-g", "g", "x", "1", "b").out, "2\n")

    def test_cell_incr(self):
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n").out, "1\n")
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n", "41").out, "42\n")
        self.assertEqual(self.ok("cell", "incr", "-g", "g", "n", "-50").out, "-8\n")
        self.assertEqual(self.ok("cell", "incr", "--json", "-g", "g", "n").json()["value"], "-7")

    def test_threads_do_the_same(self):
        for word in ("set", "get"):
            value = ["v"] if word == "set" else []
            self.ok("cell", word, "-g", "g", "--io", "threads", "x", *value)
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "v\n")

    def test_check(self):
        answer = self.ok("check", "--json", "-g", "g").json()
        self.assertTrue(answer["sound"])
        self.assertEqual([disk["verdict"] for disk in answer["disks"]], ["sound"] * 3)
        self.assertEqual(self.ok("check", "-g", "g").out.count("sound"), 3)

    def test_dump(self):
        self.ok("cell", "set", "-g", "g", "x", "one")
        text = self.ok("dump", "a.img").out
        self.assertIn('disk 1 of 3 of group "g"', text)
        self.assertIn('"x" version 1 set "one"', text)
        answer = self.ok("dump", "--json", "a.img").json()
        self.assertEqual(answer["front_superblock"], "sound")
        self.assertEqual(answer["format"], "1.2")
        self.assertEqual(answer["blocks"][0]["record"],
                         {"name": "x", "state": "set", "version": 1, "value": "one"})
        cell = answer["blocks"][0]["cell"]
        by_name = self.ok("dump", "--json", "--cell", "x", "a.img").json()["blocks"]
        self.assertEqual({block["cell"] for block in by_name}, {cell})
        by_number = self.ok("dump", "--json", "--cell", str(cell), "a.img").json()["blocks"]
        self.assertEqual({block["cell"] for block in by_number}, {cell})
        doors = [block for block in by_number if "door" in block]
        self.assertEqual(doors, [{"cell": cell, "door": 1, "state": "closed"}])
        self.assertEqual(len(by_number) - len(doors), 32)

    def test_dump_decodes_locks_and_sessions(self):
        dump = [os.environ["DISKPAXOS_BINARY"], "dump", "a.img"]
        text = self.ok("run", "-g", "g", "--label", "my job", "l", "--", *dump).out
        self.assertRegex(text, r'"l" version 1 lock last token 1, exclusive by slot 0 epoch 1 token 1\n')
        self.assertRegex(text, r'"@session/0" version \d+ session live: host \S+, pid \d+, "my job" since '
                               r"2\S+Z, TTL 2\.0 s, \d+ renewals?\n")
        records = {block["record"]["name"]: block["record"]
                   for block in self.ok("dump", "--json", "a.img").json()["blocks"] if "record" in block}
        self.assertEqual(records["l"]["lock"], {"token": 1, "mode": None, "holders": [], "waiters": [],
                                                "value": "", "value_doubtful": False})
        session = records["@session/0"]["session"]
        self.assertEqual((session["state"], session["epoch"], session["command"]), ("left", 1, "my job"))

    def test_dump_has_a_line_for_each_slot_in_use(self):
        self.ok("cell", "get", "-g", "g", "x")
        self.ok("cell", "get", "-g", "g", "x", host="there")
        text = self.ok("dump", "a.img").out
        slots = text[text.index("slots that"):text.index("blocks that")].splitlines()[1:]
        self.assertEqual(len(slots), 2, text)
        for line in slots:
            self.assertRegex(line, r"^ +\d+ .*taken +turn 1  host \S+ \([0-9a-f]{8}\)  since 2")

    def test_dump_shows_doors_that_are_open(self):
        self.ok("cell", "set", "-g", "g", "--slot", "9", "x", "one")
        self.assertRegex(self.ok("dump", "a.img").out, r"  cell \d+ door 1  open\n")
        blocks = self.ok("dump", "--json", "a.img").json()["blocks"]
        self.assertEqual([list(block) for block in blocks if "door" in block],
                         [["cell", "door", "state"]])
        self.assertEqual([block["state"] for block in blocks], ["open", "valid"])
        by_name = self.ok("dump", "--json", "--cell", "x", "a.img").json()["blocks"]
        self.assertEqual([block["slot"] for block in by_name], [9])

    def test_doctor(self):
        answer = self.ok("doctor", "--json", "-g", "g").json()
        self.assertIn(answer["verdict"], ("ok", "warn"))
        checks = {check["check"] for check in answer["checks"]}
        self.assertLessEqual({"io_uring", "machine_id", "clock", "memlock", "realtime", "mlock",
                              "descendants", "watchdog", "disks", "o_direct",
                              "block_size", "write_cache", "read_latency", "slots", "writable",
                              "redundancy"}, checks)
        for check in answer["checks"]:
            self.assertEqual(list(check), ["check", "disk", "verdict", "found", "remedy"])
        self.assertIn("verdict: ", self.ok("doctor").out)
        failing = self.run_raw("doctor", "-d", "missing.img")
        self.assertEqual(failing.code, 1)
        self.assertIn("fail", failing.out)

    def test_version(self):
        self.assertEqual(list(self.ok("version", "--json").json()), ["version", "format", "warnings"])
        self.assertEqual(self.ok("--version").out, self.ok("version").out)


if __name__ == "__main__":
    main()
