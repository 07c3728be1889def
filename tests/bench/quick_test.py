#!/usr/bin/env python3
"""`scripts/bench --quick` on this build: is every row there, and is its shape what it should be?

What is counted must be right. Times are only judged as ratios, within wide bounds, and a machine that
is busy with others may try again: an operation that waits for a disk it should not wait for, or does
one thing after the other, is out by a factor of ten and more each time.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from benchmark import plan, report  # noqa: E402

BUILD = os.environ["DISKPAXOS_BUILD"]
TRIES = 3


def place_without_moods():
    """Memory, where it can be opened as a disk is: a disk that others use as well is ten times slower
    from one second to the next."""
    try:
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as probe:
            os.close(os.open(probe.name, os.O_RDWR | os.O_DIRECT))
        return "/dev/shm"
    except OSError:
        return "/var/tmp"


def row_of(rows, **wish):
    wish = {"clients": 1, "at_once": 1, "fault": "", **wish}
    found = [row for row in rows if all(row[name] == value for name, value in wish.items())]
    return found[0] if found else None


def times_out_of_shape(rows):
    """Sentences: which ratio is not within its bounds."""
    def p50(row):
        summary = row["summary"]
        return summary["series"][summary["main"]]["p50_us"]["median"]

    usual = {"section": "ours", "place": plan.USUAL}
    bare = row_of(rows, **usual, operation=plan.BARE)
    for operation, low, high in ((plan.CHANGE, 0.5, 6), (plan.COLD, 1, 20), ("propose", 1, 20), ("lock cold", 1, 30),
                                 (plan.LOCK, 1, 15), ("read", 0.05, 4)):
        summary = row_of(rows, section="ours", operation=operation)["summary"]
        ratio = summary["series"][summary["main"]]["ratio"]["median"]
        if not low <= ratio <= high:
            yield f"{operation}: {ratio:.2f} times the bare loop, not {low} to {high}"
    many = {**usual, "at_once": 64}
    rate = row_of(rows, **many, operation=plan.CHANGE)["summary"]["rate_ratio"]["median"]
    if rate < 0.1:  # one after the other it would be 0.02 and less
        yield f"64 changes at once: {rate:.3f} of the rate of the bare loop"
    if row_of(rows, **many, operation=plan.BARE)["summary"]["per_second"]["median"] \
            < bare["summary"]["per_second"]["median"]:
        yield "64 rounds of the bare loop at once are slower than one at a time"
    sound = row_of(rows, section="faults", operation=plan.CHANGE)
    for fault in plan.FAULTS if sound else ():
        ratio = p50(row_of(rows, section="faults", operation=plan.CHANGE, fault=fault)) / p50(sound)
        if ratio > 10:  # 50 ms are some hundred times what a change takes there
            yield f"one disk {fault}: {ratio:.1f} times as slow as all sound"


class Quick(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="diskpaxos-quick-", dir=place_without_moods())
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        os.mkdir(cls.folder + "/scratch")
        for _ in range(TRIES):
            cls.run_once()
            cls.out_of_shape = ["it failed"] if cls.done.returncode else list(times_out_of_shape(cls.report["rows"]))
            if not cls.out_of_shape:
                break

    @classmethod
    def run_once(cls):
        cls.done = subprocess.run(
            [sys.executable, "-B", os.path.join(ROOT, "scripts/bench"), "--quick", "--build", BUILD, "--folder",
             cls.folder + "/scratch", "--json", cls.folder + "/json", "--page", cls.folder + "/page.md", "--plots",
             cls.folder + "/plots"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        cls.report = report.load(cls.folder + "/json")

    def rows(self, **wish):
        return report.find(self.report["rows"], **wish)

    def median(self, name, **wish):
        return row_of(self.report["rows"], section="ours", place=plan.USUAL,
                      **wish)["summary"]["per_operation"][name]["median"]

    def test_nothing_failed_and_nothing_is_left(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout + self.done.stderr)
        self.assertEqual(os.listdir(self.folder + "/scratch"), [])
        self.assertNotIn(self.folder, subprocess.run(["losetup", "--list", "--output", "BACK-FILE"],
                                                     capture_output=True, text=True).stdout)
        with open("/proc/self/mounts") as file:
            self.assertNotIn(self.folder, file.read())

    def test_every_row_is_there(self):
        wanted = {row.key for row in plan.rows(list(plan.SECTIONS), True)}
        if self.report["settings"]["files_only"]:
            wanted = {key.replace("loop device", "file") for key in wanted}
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            wanted = {key for key in wanted if not key.startswith("faults/")}
        self.assertEqual({row["key"] for row in self.report["rows"]}, wanted)
        for row in self.report["rows"]:
            self.assertEqual(len(row["rounds"]), self.report["settings"]["rounds"])

    def test_what_is_counted(self):
        for operation, name, low, high in (
                (plan.BARE, "writes", 3, 3), (plan.BARE, "reads", 3, 3), (plan.BARE, "submissions", 1, 1),
                (plan.CHANGE, "writes", 2.5, 3.2), (plan.CHANGE, "reads", 2.5, 3.2), (plan.COLD, "writes", 4, 6.5),
                ("read", "writes", 0, 0), (plan.LOCK, "writes", 4, 6.5)):
            told = self.median(name, operation=operation)
            self.assertTrue(low <= told <= high, f"{operation}: {told} {name}, not {low} to {high}")

    def test_times(self):
        self.assertEqual(self.out_of_shape, [])

    def test_medians_lie_within_their_ranges(self):
        for row in self.report["rows"]:
            for series in row["summary"].get("series", {}).values():
                for spread in filter(None, series.values()):
                    self.assertLessEqual(spread["low"], spread["median"])
                    self.assertLessEqual(spread["median"], spread["high"])
                self.assertLessEqual(series["p50_us"]["median"], series["p99_us"]["median"])

    def test_machine_and_load_are_told(self):
        machine, load = self.report["machine"], self.report["load"]
        self.assertGreater(machine["cores"], 0)
        self.assertTrue(machine["cpu"] and machine["kernel"] and machine["file_system"] and machine["disk"]["name"])
        self.assertTrue(0 < load["busy"] <= 1)
        self.assertTrue(load["others_busy"])

    def test_page_and_plots_are_well_formed(self):
        with open(self.folder + "/page.md") as file:
            page = file.read()
        for row in self.report["rows"]:
            self.assertIn(f"| {row['name']} |", page)
        for line in page.splitlines():
            if line.startswith("|"):
                self.assertIn(line.count("|"), (5, 11), line)
        if shutil.which("gnuplot"):
            self.assertIn("](plots/latency.svg)", page)
            for name in os.listdir(self.folder + "/plots"):
                root = xml.etree.ElementTree.parse(f"{self.folder}/plots/{name}").getroot()
                self.assertTrue(root.tag.endswith("svg"))
        else:
            self.assertIn("no gnuplot", self.done.stderr)


if __name__ == "__main__":
    unittest.main()
