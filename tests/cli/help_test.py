"""Help and completion follow the same table as the parser."""

import os
import re
import shutil
import subprocess
import unittest

from command import CommandTest, main

VERBS = ["format", "run", "status", "hosts", "ls", "show", "explain", "watch", "break", "propose", "cell",
         "check", "dump", "doctor", "bench", "demo", "agent", "completion", "version", "help"]


ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def source(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def documented_codes():
    """{(word, code)} of the table in docs/operating.md."""
    rows = re.findall(r"(?m)^\| *([0-9N+]+) *\|([^|]*)\|", source("docs/operating.md"))
    return {(word, code) for code, words in rows for word in re.findall("`([a-z_]+)`", words)}


def codes_of_errors():
    """{(word, code)} of src/base/error.cpp."""
    text = source("src/base/error.cpp")
    words = dict(re.findall(r'case Code::(\w+): return "(\w+)";', text))
    pairs = set()
    for labels, number in re.findall(r"((?:case Code::\w+:\s*)+)return (\d+);", text):
        pairs |= {(words[label], number) for label in re.findall(r"Code::(\w+)", labels)}
    return pairs


class ExitCodes(CommandTest):
    def test_the_table_has_every_code_of_an_error(self):
        known = codes_of_errors()
        self.assertGreaterEqual(len(known), 15)
        self.assertEqual(known - documented_codes(), set())

    def test_the_table_has_every_other_word_that_a_verb_complains_with(self):
        documented = documented_codes()
        words = {word for word, _ in documented}
        for folder, _, names in os.walk(os.path.join(ROOT, "src", "cli")):
            for name in names:
                text = source(os.path.join(folder, name)) if name.endswith(".cpp") else ""
                for call in re.findall(r"(?:fail|complain)\(([^;]*?),\s", text):
                    said = set(re.findall(r'"([a-z_]+)"', call)) - {"note"}  # good news of `watch`
                    self.assertLessEqual(said, words, name)
        others = {("internal", "70"), ("command", "126"), ("not_found", "127"), ("interrupted", "128+N"),
                  ("guard", "137")}
        self.assertLessEqual(others, documented)
        self.assertEqual(documented - others - codes_of_errors(), set())

    def test_run_says_what_it_could_not_run(self):
        self.make_group()
        for command, word, code in (("/nowhere/to/be/found", "not_found", 127), ("/etc/passwd", "command", 126)):
            answer = self.run_raw("run", "-g", "g", "L", "--", command)
            self.assertEqual(answer.code, code, answer.err)
            self.assertIn(f"diskpaxos: {word}: ", answer.err)


class Suggestions(CommandTest):
    """What a sentence suggests is about the same disks, and can be pasted as it is."""

    def suggested(self, text):
        found = re.findall(r'"diskpaxos ([^"]*)"', text)
        self.assertTrue(found, text)
        return found

    def test_in_every_verb(self):
        self.make_group()
        disks = ["-d", "a.img", "-d", "b.img", "-d", "c.img"]
        for named in (["-g", "./g.conf"], disks):
            self.spoil("b.img", 64 << 10, bytes(64 << 10))  # some cells, which are healed below
            texts = [self.run_raw("status", *named).out, self.run_raw("doctor", *named).out,
                     self.run_raw("show", *named, "x").err, self.run_raw("explain", *named, "x").err]
            for text in texts:
                for command in self.suggested(text):
                    self.assertIn(" ".join(named), command, text)
                    answer = self.run_raw(*command.split())
                    self.assertIn(answer.code, (0, 1), answer.err)

    def test_of_a_group_that_the_environment_names(self):
        self.make_group()
        answer = self.run_raw("show", "x", env={"DISKPAXOS_GROUP": "g"})
        self.assertEqual(self.suggested(answer.err), ["ls"])


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
        # Files stand where files are wanted, and nowhere else.
        for words in (("run", "--timeout", "di"), ("run", "-w", "di"), ("format", "--ttl", "di"),
                      ("format", "--slots", "di"), ("format", "--name", "di"), ("cell", "get", "di")):
            self.assertEqual(complete("diskpaxos", *words), [], words)
        self.assertEqual(complete("diskpaxos", "cell", "-d", "disk.img", "g"), ["get"])

    def test_names_of_groups(self):
        self.make_group()
        os.makedirs(self.path(".config/diskpaxos"))
        os.rename(self.path("g.conf"), self.path(".config/diskpaxos/prod.conf"))
        for shell in self.shells():
            self.assertEqual(self.complete(shell, "status", "-g", "pr"), ["prod"], shell)
            self.assertEqual(self.complete(shell, "status", "-g", "a.i"), ["a.img"], shell)

    def test_names_of_locks(self):
        self.make_group()
        for name in ("web/one", "web/two", "a b"):
            self.ok("run", "-g", "g", name, "--", "true")
        self.ok("cell", "set", "-g", "g", "web/cell", "v")
        self.assertEqual(sorted(self.ok("ls", "--names", "-g", "g").out.splitlines()),
                         ["a b", "web/one", "web/two"])
        for shell in self.shells():
            for verb in ("break", "explain", "show", "run", "watch"):
                self.assertEqual(sorted(self.complete(shell, verb, "-g", "g", "web/")), ["web/one", "web/two"],
                                 (shell, verb))
            self.assertEqual(self.complete(shell, "break", "-g", "nowhere", "w"), [], shell)
        self.assertEqual(self.complete("bash", "break", "-d", "a.img", "-d", "b.img", "a"), ["a\\ b"])

    def test_the_command_of_run(self):
        with open(self.path("mine.sh"), "w", encoding="ascii"):
            pass
        for shell in self.shells():
            self.assertIn("true", self.complete(shell, "run", "l", "--", "tru"), shell)
            self.assertIn("true", self.complete(shell, "run", "-n", "-w", "3", "l", "--", "tru"), shell)
            self.assertEqual(self.complete(shell, "run", "l", "--", "cat", "min"), ["mine.sh"], shell)
            self.assertEqual(self.complete(shell, "run", "l", "--", "cat", "-g", "min"), ["mine.sh"], shell)

    @staticmethod
    def shells():
        return [shell for shell in ("bash", "fish") if shutil.which(shell)]

    def complete(self, shell, *words):
        """What it offers for the last of these words."""
        script = self.ok("completion", shell).out
        line = ("diskpaxos", *words)
        if shell == "bash":
            ask = (f"{script}\nCOMP_WORDS=({' '.join(repr(word) for word in line)}); "
                   f"COMP_CWORD={len(line) - 1}; _diskpaxos; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        else:
            ask = f"{script}\ncomplete -C '{' '.join(line)}'"
        tools = self.path("bin")
        os.makedirs(tools, exist_ok=True)
        if not os.path.exists(os.path.join(tools, "diskpaxos")):
            os.symlink(os.environ["DISKPAXOS_BINARY"], os.path.join(tools, "diskpaxos"))
        env = {**self.environment(), "PATH": f"{tools}:{os.environ['PATH']}"}
        done = subprocess.run([shell, "-c", ask], cwd=self.folder, capture_output=True, env=env, text=True)
        self.assertEqual(done.stderr, "", (shell, words))
        return [offer.split("\t")[0] for offer in done.stdout.splitlines() if offer]

    def test_zsh(self):
        script = self.script("zsh")
        self.assertTrue(script.startswith("#compdef diskpaxos\n"))
        if shutil.which("zsh"):
            self.assertEqual(subprocess.run(["zsh", "-n"], input=script.encode()).returncode, 0)

    def test_fish(self):
        script = self.script("fish")
        offers = script[script.index("\ncomplete -c") + 1:].splitlines()
        self.assertGreater(len(offers), 100)
        for line in offers:
            self.assertTrue(line.startswith("complete -c diskpaxos "), line)
            self.assertEqual(len(re.findall(r"(?<!\\)'", line)) % 2, 0, line)
        if shutil.which("fish"):
            self.assertEqual(subprocess.run(["fish", "-n"], input=script.encode()).returncode, 0)


if __name__ == "__main__":
    main()
