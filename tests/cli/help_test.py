"""Help and completion follow the same table as the parser."""

import re
import shutil
import subprocess
import unittest

from command import CommandTest, main

VERBS = ["format", "run", "status", "hosts", "ls", "show", "explain", "watch", "break", "propose", "cell",
         "check", "dump", "doctor", "bench", "demo", "agent", "completion", "version", "help"]


class Help(CommandTest):
    def test_every_verb_is_listed(self):
        text = self.ok("help").out
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^  {verb} ")
        self.assertEqual([verb["verb"] for verb in self.ok("help", "--json").json()["verbs"]], VERBS)
        self.assertEqual(self.ok("--help").out, text)

    def test_every_option_is_explained_and_understood(self):
        for verb in self.ok("help", "--json").json()["verbs"]:
            text = self.ok("help", verb["verb"]).out
            self.assertEqual(self.ok(verb["verb"], "--help").out, text)
            for option in verb["options"]:
                self.assertIn(option["name"], text)
                self.assertTrue(option["text"])
                value = ["1"] if option["value"] else []
                answer = self.run_raw(verb["verb"], option["name"], *value, "--help", "--frob")
                self.assertIn("--frob", answer.err)  # that one, and not the option, is not known

    def test_no_colour_without_a_terminal(self):
        for words in (("doctor",), ("help",), ("frob",)):
            answer = self.run_raw(*words, env={"TERM": "xterm"})
            self.assertNotIn("\033", answer.out + answer.err)

    def script(self, shell):
        script = self.ok("completion", shell).out
        for verb in self.ok("help", "--json").json()["verbs"]:
            self.assertIn(verb["verb"], script)
            for option in verb["options"]:
                self.assertIn(option["name"].lstrip("-"), script)
        return script

    def test_bash(self):
        script = self.script("bash")
        self.assertEqual(subprocess.run(["bash", "-n"], input=script.encode()).returncode, 0)

        def complete(*words):
            ask = (f"{script}\nCOMP_WORDS=({' '.join(repr(w) for w in words)}); "
                   f"COMP_CWORD={len(words) - 1}; _diskpaxos; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
            done = subprocess.run(["bash", "-c", ask], cwd=self.folder, capture_output=True)
            self.assertEqual(done.stderr, b"")
            return done.stdout.decode().split()

        self.assertEqual(complete("diskpaxos", ""), VERBS)
        self.assertEqual(complete("diskpaxos", "pr"), ["propose"])
        self.assertEqual(complete("diskpaxos", "cell", ""), ["get", "set", "cas", "incr", "rm"])
        self.assertEqual(complete("diskpaxos", "format", "--bl"), ["--block-size"])
        self.assertEqual(complete("diskpaxos", "format", "--block-size", ""), ["auto", "512", "4096"])
        self.assertEqual(complete("diskpaxos", "completion", "z"), ["zsh"])
        open(self.path("disk.img"), "w").close()
        self.assertEqual(complete("diskpaxos", "dump", "di"), ["disk.img"])
        self.assertEqual(complete("diskpaxos", "cell", "get", "-d", "di"), ["disk.img"])

    def test_zsh(self):
        script = self.script("zsh")
        self.assertTrue(script.startswith("#compdef diskpaxos\n"))
        if shutil.which("zsh"):
            self.assertEqual(subprocess.run(["zsh", "-n"], input=script.encode()).returncode, 0)

    def test_fish(self):
        script = self.script("fish")
        for line in script.splitlines():
            self.assertTrue(line.startswith("complete -c diskpaxos "), line)
            self.assertEqual(len(re.findall(r"(?<!\\)'", line)) % 2, 0, line)
        if shutil.which("fish"):
            self.assertEqual(subprocess.run(["fish", "-n"], input=script.encode()).returncode, 0)


if __name__ == "__main__":
    main()
