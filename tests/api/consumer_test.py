"""Programs of somebody else: built against an installed tree, and run.

The environment names the tools and the build tree; SANITIZERS holds the flags that a program needs
if the library was built with them.
"""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "consumer"
ROOT = HERE.parent.parent


def run(*words, **options):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=200,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Consumer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="diskpaxos-consumer-")
        cls.work = Path(cls.folder.name)
        cls.prefix = cls.work / "installed"
        run(os.environ["CMAKE"], "--install", os.environ["BUILD"], "--prefix", cls.prefix)
        cls.lib_dir = next(cls.prefix.glob("lib*/**/libdiskpaxos.so")).parent
        cls.disks = [cls.work / name for name in "abc"]
        run(cls.prefix / "bin/diskpaxos", "format", "--force", "--ttl", "10s", *cls.disks)
        cls.visits = 0

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def visit(self, program):
        """Runs it on the group that all of them share."""
        Consumer.visits += 1
        environment = dict(os.environ, LD_LIBRARY_PATH=str(self.lib_dir))
        said = run(program, *self.disks, env=environment)
        self.assertEqual(said, f"visit {self.visits}, token {self.visits}\n")

    def pkg_config(self, *what):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.lib_dir / "pkgconfig"))
        return run("pkg-config", *what, "diskpaxos", env=environment).split()

    def compile(self, compiler, source, standard):
        program = self.work / f"{source}.bin"
        run(*os.environ[compiler].split(), standard, "-Wall", "-Wextra", "-Werror",
            *os.environ["SANITIZERS"].split(), SOURCES / source, "-o", program,
            *self.pkg_config("--cflags", "--libs"))
        return program

    def test_c_with_pkg_config(self):
        self.visit(self.compile("CC", "consumer.c", "-std=c11"))

    def test_cpp_with_pkg_config(self):
        self.visit(self.compile("CXX", "consumer.cpp", "-std=c++23"))

    def test_both_with_cmake(self):
        build = self.work / "cmake"
        flags = os.environ["SANITIZERS"]
        run(os.environ["CMAKE"], "-S", SOURCES, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_C_COMPILER={os.environ['CC']}", f"-DCMAKE_CXX_COMPILER={os.environ['CXX']}",
            f"-DCMAKE_C_FLAGS={flags}", f"-DCMAKE_CXX_FLAGS={flags}")
        run(os.environ["CMAKE"], "--build", build)
        self.visit(build / "consumer_c")
        self.visit(build / "consumer_cpp")

    def test_shows_nothing_but_its_interface(self):
        shown = run("nm", "-D", "--defined-only", self.lib_dir / "libdiskpaxos.so").splitlines()
        names = [line.split()[-1] for line in shown]
        ours = re.compile(r"(diskpaxos_\w+|_ZNK?9diskpaxos3api\w+|_ZN9diskpaxos4wordENS_4CodeE"
                          r"|_ZN9diskpaxos9exit_codeENS_4CodeE)@@DISKPAXOS_1|DISKPAXOS_1(@@DISKPAXOS_1)?")
        self.assertEqual([name for name in names if not ours.fullmatch(name)], [])

    def test_shows_all_that_its_header_declares(self):
        header = (ROOT / "include/diskpaxos/diskpaxos.h").read_text()
        declared = set(re.findall(r"\b(diskpaxos_\w+)\(", header))
        self.assertGreater(len(declared), 40)
        shown = run("nm", "-D", "--defined-only", self.lib_dir / "libdiskpaxos.so")
        self.assertEqual(declared - set(re.findall(r"\b(diskpaxos_\w+)@", shown)), set())

    def test_installed_headers_need_nothing_of_ours(self):
        for header in sorted((self.prefix / "include/diskpaxos").glob("*.hpp")):
            for target in re.findall(r'#include "([^"]+)"', header.read_text()):
                self.assertTrue((self.prefix / "include" / target).is_file(), (header, target))

    def test_the_guide_shows_these_programs(self):
        guide = (ROOT / "docs/library.md").read_text()
        for source in ("consumer.c", "consumer.cpp"):
            self.assertIn((SOURCES / source).read_text(), guide)


if __name__ == "__main__":
    unittest.main()
