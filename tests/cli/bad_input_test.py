"""Bad input: each one sentence, the right exit code, nothing lost."""

import os
import unittest

from command import CommandTest, main


class BadInput(CommandTest):
    def setUp(self):
        super().setUp()
        self.make_group()

    def test_words(self):
        for words in ((), ("frob",), ("cell",), ("cell", "frob", "x"), ("cell", "get"),
                      ("cell", "get", "x", "y"), ("cell", "get", "x", "--frob"),
                      ("propose", "x"), ("dump",), ("completion", "tcsh"), ("help", "frob"),
                      ("check", "x"), ("version", "x"), ("cell", "get", "x", "--slot"),
                      ("cell", "get", "x", "--slot", "1", "--slot", "2"), ("format",)):
            with self.subTest(words=words):
                if words:
                    self.refused("usage", *words, env={"DISKPAXOS_GROUP": "g"})
                else:
                    self.assertEqual(self.run_raw().code, 64)

    def test_what_was_meant(self):
        for words, meant in ((("rnu", "x"), "run"), (("stat",), "status"), (("help", "breka"), "break"),
                             (("cell", "gte", "x"), "get"), (("cell", "icnr", "x"), "incr"),
                             (("hosts", "forgt", "x"), "forget"), (("completion", "bsah"), "bash"),
                             (("cell", "get", "x", "--josn"), "--json"), (("run", "--sharde", "x"), "--shared")):
            with self.subTest(words=words):
                self.refused("usage", *words, says=f'; did you mean "{meant}"?',
                             env={"DISKPAXOS_GROUP": "g"})
        for words in (("frob",), ("bry", "x"), ("x",), ("",)):  # "bury" is offered to nobody
            self.assertNotIn("did you mean", self.refused("usage", *words).err)
        self.refused("usage", "cell", "frob", "k", says='no "frob"; it is one of: get set cas incr rm')
        self.refused("usage", "cell", says="it is one of: get set cas incr rm")
        self.refused("usage", "completion", "tcsh", says="it is one of: bash zsh fish")
        self.refused("usage", "help", "frob", says='"diskpaxos help" lists them')

    def test_options_before_the_verb(self):
        answer = self.run_raw("-g", "g", "status")
        self.assertEqual((answer.code, answer.err), (64, 'diskpaxos: usage: options such as "-g" follow the '
                                                     "verb, as in: diskpaxos status -g g\n"))
        self.ok(*answer.err.split("as in: diskpaxos ")[1].split())
        self.assertIn("follow the verb, as in: diskpaxos VERB", self.run_raw("-g", "g").err)

    def test_times_say_what_is_wrong(self):
        for option, time, why in (("--timeout", "0", "that leaves no time"), ("--timeout", "-1", "negative"),
                                  ("-w", "-1", "a time cannot be negative"), ("-w", "soon", "no number"),
                                  ("-w", "1y", "its unit is none of ms, s, m and h"),
                                  ("-w", "1e99", "none of"), ("-w", "99999999h", "more than thirty years"),
                                  ("--ttl", "0", "that leaves no time")):
            with self.subTest(option=option, time=time):
                self.refused("usage", "run", "-g", "g", option, time, "x", "--", "true", says=why)

    def test_numbers(self):
        for words in (("cell", "get", "-g", "g", "--slot", "x", "n"),
                      ("cell", "get", "-g", "g", "--timeout", "0", "n"),
                      ("cell", "get", "-g", "g", "--timeout", "1y", "n"),
                      ("cell", "get", "-g", "g", "--io", "magic", "n"),
                      ("cell", "cas", "-g", "g", "n", "-1", "v"),
                      ("cell", "cas", "-g", "g", "n", "1x", "v"),
                      ("cell", "incr", "-g", "g", "n", "1.5"),
                      ("cell", "incr", "-g", "g", "n", "9223372036854775808"),
                      ("dump", "--cell", "16", "a.img"),
                      ("format", "--slots", "0", "z.img"), ("format", "--slots", "129", "z.img"),
                      ("format", "--cells", "0", "z.img"), ("format", "--ttl", "10ms", "z.img"),
                      ("format", "--ttl", "2h", "z.img"), ("format", "--block-size", "1024", "z.img"),
                      ("format", "--name", "a/b", "z.img"), ("format", "--name", "n" * 64, "z.img")):
            with self.subTest(words=words):
                self.refused("usage", *words)
        self.assertFalse(os.path.exists(self.path("z.img")))

    def test_names_and_values(self):
        self.refused("usage", "cell", "set", "-g", "g", "", "v", says="empty")
        self.refused("usage", "propose", "-g", "g", "n" * 64, "v", says="at most 63")
        self.refused("usage", "cell", "set", "-g", "g", "a\nb", "v", says="control")
        self.ok("cell", "set", "-g", "g", "n" * 63, "v")
        self.refused("usage", "cell", "set", "-g", "g", "x", "v" * 1000, says="too long")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "")

    def test_the_answer_is_no(self):
        self.ok("propose", "-g", "g", "leader", "a")
        self.ok("cell", "set", "-g", "g", "x", "text")
        self.refused("no", "cell", "set", "-g", "g", "leader", "b")
        self.refused("no", "cell", "rm", "-g", "g", "leader")
        self.refused("no", "propose", "-g", "g", "x", "b")
        self.refused("no", "cell", "incr", "-g", "g", "x", says="not a number")
        self.ok("cell", "set", "-g", "g", "x", "9223372036854775807")
        self.refused("no", "cell", "incr", "-g", "g", "x", says="64 bits")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "leader").out, "a\n")

    def test_a_full_directory(self):
        for number in range(16):
            self.ok("cell", "set", "-g", "g", f"name{number}", "v")
        self.refused("full", "cell", "set", "-g", "g", "one more", "v", says="all 16 cells")
        self.ok("cell", "rm", "-g", "g", "name0")
        self.refused("full", "propose", "-g", "g", "one more", "v", says="deleted names keep")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "one more").out, "")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "name15").out, "v\n")

    def test_values_that_are_no_text(self):
        self.ok("cell", "set", "-g", "g", "x", b"\xff\x01\xfe")
        answer = self.ok("cell", "get", "--json", "-g", "g", "x").json()
        self.assertEqual(answer["value_hex"], "ff01fe")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "\udcff\x01\udcfe\n")
        self.assertIn("\\xff\\x01\\xfe", self.ok("dump", "a.img").out)
        self.ok("cell", "set", "-g", "g", "x", "--", "--json")
        self.assertEqual(self.ok("cell", "get", "-g", "g", "x").out, "--json\n")

    def test_nowhere_to_print(self):
        import subprocess
        from command import BINARY
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "version"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 69)
        self.assertIn(b"standard output", done.stderr)


if __name__ == "__main__":
    main()
