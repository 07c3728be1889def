"""Many processes and several hosts at once."""

import json
import unittest

from command import CommandTest, main


class Values(CommandTest):
    def setUp(self):
        super().setUp()
        self.make_group()

    def finish(self, processes):
        answers = []
        for process in processes:
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, err)
            answers.append(out.decode().strip())
        return answers

    def test_ten_proposers_print_the_same_value(self):
        running = [self.start("propose", "-g", "g", "leader", f"p{i}") for i in range(10)]
        answers = self.finish(running)
        self.assertEqual(len(set(answers)), 1)
        self.assertIn(answers[0], [f"p{i}" for i in range(10)])
        self.assertEqual(self.ok("propose", "-g", "g", "leader", "late").out.strip(), answers[0])

    def test_parallel_increments_are_exact(self):
        seen = []
        for _ in range(5):
            seen += self.finish([self.start("cell", "incr", "--json", "-g", "g", "n")
                                 for _ in range(6)])
        answers = [json.loads(answer) for answer in seen]
        self.assertTrue(all(answer["applied"] for answer in answers))
        self.assertTrue(all(answer["exact"] for answer in answers))
        # Each prints its own sum, though others may have followed at once.
        self.assertEqual(sorted(int(answer["value"]) for answer in answers), list(range(1, 31)))
        self.assertEqual(self.ok("cell", "get", "-g", "g", "n").out, "30\n")

    def test_a_change_that_cannot_be_printed_says_that_it_was_applied(self):
        changes = [(("cell", "incr", "-g", "g", "n"), "1\n"),
                   (("cell", "incr", "--json", "-g", "g", "n"), "2\n"),
                   (("cell", "set", "-g", "g", "n", "5"), "5\n"),
                   (("cell", "cas", "-g", "g", "n", "3", "7"), "7\n"),
                   (("cell", "rm", "-g", "g", "n"), "")]
        for words, value in changes:
            answer = self.to_full_disk(*words)
            self.assertEqual(answer.code, 83, answer.err)
            self.assertRegex(answer.err, "not_printed: the change was applied, but could not be printed; "
                                         "standard output: No space left on device")
            self.assertEqual(self.ok("cell", "get", "-g", "g", "n").out, value)
        self.assertEqual(self.to_full_disk("propose", "-g", "g", "once", "me").code, 83)
        # What changes nothing says so: another's decision, a stale version, a read.
        self.assertEqual(self.to_full_disk("propose", "-g", "g", "once", "you").code, 69)
        self.assertEqual(self.to_full_disk("cell", "cas", "-g", "g", "n", "1", "9").code, 1)
        self.assertEqual(self.to_full_disk("status", "-g", "g").code, 69)
        format_too = self.to_full_disk("format", "--force", "--name", "h", "h1.img")
        self.assertEqual(format_too.code, 83, format_too.err)

    def test_a_second_host_claims_slots_and_keeps_them(self):
        self.ok("cell", "set", "-g", "g", "x", "from here")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x", host="there").out, "from here\n")
        self.ok("cell", "set", "-g", "g", "x", "from there", host="there")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "from there\n")
        slots = self.ok("dump", "--json", "a.img").json()["slot_table"]
        owners = {entry["slot"]: entry["host"] for entry in slots if entry["block"] == "owner"}
        self.assertEqual(len(set(owners.values())), 2)
        self.assertEqual(len(owners), 2)  # one each
        self.ok("cell", "incr", "-g", "g", "n", host="there")
        again = self.ok("dump", "--json", "a.img").json()["slot_table"]
        self.assertEqual(again, slots)

    def test_two_hosts_count_together(self):
        self.ok("cell", "get", "-g", "g", "n", host="there")
        for _ in range(3):
            self.finish([self.start("cell", "incr", "-g", "g", "n", host=host)
                         for host in ("here", "there", "here", "there")])
        self.assertEqual(self.ok("cell", "get", "-g", "g", "n").out, "12\n")

    def test_a_slot_can_be_chosen(self):
        self.ok("cell", "set", "-g", "g", "--slot", "5", "x", "v")
        blocks = self.ok("dump", "--json", "--cell", "x", "a.img").json()["blocks"]
        self.assertEqual({block["slot"] for block in blocks}, {5})
        self.refused("usage", "cell", "get", "-g", "g", "--slot", "16", "x", says="no slot 16")
        self.refused("no_slot", "cell", "get", "-g", "g", "--slot", "0", "--timeout", "0.3", "x",
                     says="belongs to host", host="there")

    def test_no_file_descriptors_are_inherited(self):
        # A disk that a child kept open would keep the slot's lock.
        self.ok("cell", "set", "-g", "g", "--slot", "3", "x", "1")
        self.ok("cell", "set", "-g", "g", "--slot", "3", "--timeout", "5", "x", "2")


if __name__ == "__main__":
    main()
