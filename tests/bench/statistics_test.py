#!/usr/bin/env python3
"""What scripts/bench makes of what programs tell: rounds, medians, ratios, verdicts, tables, plots.

The programs are fakes; nothing here depends on how fast anything is.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts")
sys.path.insert(0, SCRIPTS)
from benchmark import bounds, plan, plots, report, rounds, table, tools  # noqa: E402


def sample(p50, per_second=1000.0, series="change", **costs):
    return {"seconds": 1, "operations": 10, "per_second": per_second,
            "series": {series: {"operations": 10, "p50_us": p50, "p99_us": 2 * p50}}, "per_operation": costs}


FAILED = {"failed": "it broke"}


class Statistics(unittest.TestCase):
    def test_medians_and_ranges(self):
        self.assertEqual(rounds.spread([3, 1, 7]), {"median": 3, "low": 1, "high": 7, "rounds": 3})
        self.assertEqual(rounds.spread([4, None])["rounds"], 1)
        self.assertIsNone(rounds.spread([None]))

    def test_a_ratio_is_made_within_its_round(self):
        # A round in which all is ten times slower: the ratio does not know it.
        ours, floor = [sample(20), sample(200), sample(30)], [sample(10), sample(100), sample(10)]
        self.assertEqual(rounds.ratios(ours, floor, "p50_us"), {"median": 2, "low": 2, "high": 3, "rounds": 3})

    def test_a_round_without_floor_makes_no_ratio(self):
        told = rounds.ratios([sample(20), FAILED, sample(90)], [FAILED, sample(10), sample(30)], "p50_us")
        self.assertEqual((told["median"], told["rounds"]), (3, 1))

    def test_each_round_takes_every_row_in_an_order_of_its_own(self):
        taken = []
        rows = list(range(20))
        samples = rounds.run(rows, 3, lambda row: taken.append(row) or sample(row + 1), order=random.Random(7))
        orders = [taken[at:at + 20] for at in (0, 20, 40)]
        for order in orders:
            self.assertEqual(sorted(order), rows)
        self.assertEqual(len({tuple(order) for order in [*orders, rows]}), 4)
        self.assertEqual([rounds.figure(one, "p50_us") for one in samples[4]], [5, 5, 5])

    def test_what_is_compared_is_measured_close_together(self):
        taken = []
        rounds.run(list(range(20)), 3, lambda row: taken.append(row) or sample(1), lambda row: row % 4,
                   random.Random(7))
        blocks = [[row % 4 for row in taken[at:at + 5]] for at in range(0, 60, 5)]
        self.assertEqual([len(set(block)) for block in blocks], [1] * 12)
        orders = {tuple(block[0] for block in blocks[at:at + 4]) for at in (0, 4, 8)}
        self.assertGreater(len(orders), 1)

    def test_a_failure_stops_nothing_and_keeps_its_round(self):
        count = [0]

        def measure(row):
            count[0] += 1
            if row == "bad" and count[0] > 2:
                raise tools.Failed("it broke")
            return sample(5)

        samples = rounds.run(["good", "bad"], 3, measure)
        self.assertEqual([rounds.figure(one, "p50_us") for one in samples["good"]], [5, 5, 5])
        self.assertEqual(samples["bad"][1:], [FAILED, FAILED])
        self.assertEqual(rounds.summary([FAILED, FAILED]), {"failed": ["it broke", "it broke"]})
        self.assertEqual(rounds.summary(samples["bad"])["series"]["change"]["p50_us"]["rounds"], 1)

    def test_pairs_are_the_main_series_of_locks(self):
        one = sample(9, series="acquire")
        one["series"]["pair"] = {"p50_us": 20, "p99_us": 30}
        self.assertEqual(rounds.figure(one, "p50_us"), 20)
        self.assertEqual(rounds.figure(one, "p50_us", "acquire"), 9)


class Plan(unittest.TestCase):
    ROWS = plan.rows(list(plan.SECTIONS))

    def test_rows_are_different_and_known(self):
        for rows in (self.ROWS, plan.rows(list(plan.SECTIONS), True)):
            keys = [row.key for row in rows]
            self.assertEqual(sorted(set(keys)), sorted(keys))
            for row in rows:
                if row.by == "yardstick":
                    self.assertIn(row.operation, plan.OPERATIONS)
                    self.assertIn(row.place, plan.PLACES)

    def test_floors_are_of_the_block_of_their_rows(self):
        for row in self.ROWS:
            if floor := plan.floor_of(row, self.ROWS):
                self.assertEqual(plan.block_of(row, self.ROWS), plan.block_of(floor, self.ROWS), row)

    def test_every_operation_is_measured(self):
        self.assertLessEqual(set(plan.OPERATIONS), {row.operation for row in self.ROWS})

    def test_every_bound_finds_its_rows(self):
        told = [vars(row) for row in self.ROWS]
        for bound in bounds.BOUNDS:
            for wish in (bound.ours, *bound.other):
                self.assertIsNotNone(bounds.only(told, wish), wish)

    def test_the_floor_is_of_the_same_place_and_as_many_at_once(self):
        def find(**wish):
            return next(row for row in self.ROWS if all(getattr(row, key) == value for key, value in wish.items()))

        many = find(section="ours", place="loops", operation=plan.CHANGE, at_once=64)
        self.assertEqual(plan.floor_of(many, self.ROWS),
                         find(section="ours", place="loops", operation=plan.BARE, at_once=64))
        self.assertEqual(plan.floor_of(find(place="agents", operation=plan.CHANGE), self.ROWS).place, "files")
        self.assertIsNone(plan.floor_of(find(operation=plan.BARE), self.ROWS))


class Bounds(unittest.TestCase):
    def verdict(self, at_most, limit, ours, other):
        row = {"section": "s", "place": "a", "rounds": [sample(one, 1000 / one) for one in ours]}
        rows = [row] + [{"section": "s", "place": place, "rounds": [sample(one, 1000 / one) for one in values]}
                        for place, values in other.items()]
        figure = "p50_us" if at_most else "per_second"
        bound = bounds.Bound("b", {"place": "a"}, tuple({"place": place} for place in other), figure, limit, at_most)
        kept, bounds.BOUNDS = bounds.BOUNDS, (bound,)
        plan_usual = {"section": "ours", "place": plan.USUAL, "operation": plan.CHANGE, "clients": 1, "at_once": 1}
        self.addCleanup(setattr, bounds, "BOUNDS", kept)
        return bounds.judge([{**dict.fromkeys(plan_usual), **one} for one in rows])[0]

    def test_met_and_not_met(self):
        self.assertEqual(self.verdict(True, 1.25, [120, 12], {"b": [100, 10]})["verdict"], "met")
        self.assertEqual(self.verdict(True, 1.25, [130, 13], {"b": [100, 10]})["verdict"], "not met")
        self.assertEqual(self.verdict(False, 6, [10, 10], {"b": [61, 61]})["verdict"], "met")
        self.assertEqual(self.verdict(False, 6, [10, 10], {"b": [59, 59]})["verdict"], "not met")

    def test_nothing_is_met_that_was_not_measured(self):
        self.assertEqual(self.verdict(True, 1.25, [], {"b": []})["verdict"], "not measured")
        self.assertEqual(self.verdict(True, 1.25, [100], {})["verdict"], "not measured")

    def test_the_best_of_several_tunings_counts(self):
        told = self.verdict(False, 6, [10, 10], {"slow": [100, 20], "quick": [30, 50]})
        self.assertEqual((told["ratio"]["low"], told["ratio"]["high"]), (2, 3))

    def test_a_failed_tuning_is_not_the_best(self):
        rows = [{"rounds": [FAILED]}, {"rounds": [sample(10)]}]
        self.assertEqual(bounds.best(rows, "per_second"), [sample(10)])
        self.assertEqual(bounds.best(rows, "p50_us"), [sample(10)])


class Programs(unittest.TestCase):
    def test_a_program_fails_with_what_it_said_last(self):
        with self.assertRaisesRegex(tools.Failed, "exit code 3: no room"):
            tools.output(["sh", "-c", "echo why >&2; echo no room >&2; exit 3"])

    def test_what_it_forked_ends_with_it(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(tools.Failed, "longer than"):
                tools.output(["sh", "-c", f"sleep 600 & echo $! >{folder}/pid; wait"], limit=0.3)
            with open(folder + "/pid") as file:
                pid = int(file.read())
        deadline = time.monotonic() + 5
        while is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(is_alive(pid))

    def test_nonsense_is_a_failure(self):
        for told in ({"operations": 0, "per_second": 0}, {**sample(5), "series": {"x": {"p50_us": 5, "p99_us": 4}}},
                     {**sample(5), "series": {"x": {"p50_us": 0, "p99_us": 4}}}):
            with self.assertRaises(tools.Failed):
                tools.checked(told)
        with self.assertRaisesRegex(tools.Failed, "JSON"):
            tools.measurement(["echo", "fast"], 1)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Command(unittest.TestCase):
    """The command as a whole, on a tree of fakes."""

    def setUp(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # disks are made and not measured
        self.folder = tempfile.mkdtemp(prefix="diskpaxos-bench-test-", dir=memory)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.makedirs(self.at("tree/tests/bench"))
        os.mkdir(self.at("scratch"))
        yardstick = self.at("tree/tests/bench/diskpaxos-yardstick")
        shutil.copy(os.path.join(HERE, "fake_yardstick.py"), yardstick)
        os.chmod(yardstick, 0o755)

    def at(self, name):
        return os.path.join(self.folder, name)

    def start(self, *words, **environment):
        call = [sys.executable, "-B", os.path.join(SCRIPTS, "bench"), *words]
        return subprocess.Popen(call, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def measure(self, *words, **environment):
        child = self.start("--quick", "--only", "ours", "--rounds", "2", "--build", self.at("tree"), "--folder",
                           self.at("scratch"), "--json", self.at("json"), "--page", self.at("page.md"), "--plots",
                           self.at("plots"), *words, **environment)
        out, err = child.communicate(timeout=60)
        self.assertEqual(os.listdir(self.at("scratch")), [], err)
        return child.returncode, out, err

    def test_all_of_it(self):
        code, out, err = self.measure()
        self.assertEqual((code, err.replace(f"bench: {plots.NONE}\n", "")), (0, ""), out)
        told = report.load(self.at("json"))
        change = next(row for row in told["rows"] if row["operation"] == plan.CHANGE and row["at_once"] == 1)
        self.assertEqual(change["summary"]["series"]["change"]["ratio"]["median"], 1.2)
        self.assertEqual([one["verdict"] for one in told["bounds"][:4]], ["met", "met", "met", "met"])
        told = r"change again +120 \(120–120\) +240 +8,333 \(8,333–8,333\) +1.20 \(1.20–1.20\) +3/3 "
        self.assertRegex(out, told)
        with open(self.at("page.md")) as file:
            page = file.read()
        self.assertRegex(page, told.replace(" +", r" \| ") + r"\|")
        if shutil.which("gnuplot"):
            self.assertIn("](plots/latency.svg)", page)
            for name in os.listdir(self.at("plots")):
                self.assertTrue(xml.etree.ElementTree.parse(self.at("plots/" + name)).getroot().tag.endswith("svg"))
        child = self.start("--from", self.at("json"))
        self.assertEqual(child.communicate(timeout=60)[0], out)

    def test_a_failure_is_shown_and_told_by_the_exit_code(self):
        code, out, _ = self.measure(FAKE_FAILS="read")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"(?m)^read +failed$")
        self.assertIn("2 of 2 rounds: diskpaxos-yardstick: exit code 1: the disk is made of cheese", out)
        self.assertRegex(out, "change again +120")

    def test_a_place_that_fails_fails_its_rows(self):
        code, out, _ = self.measure(FAKE_FAILS="format")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"(?m)^change again +failed$")
        self.assertIn("not measured", out)

    def test_files_are_not_called_loop_devices(self):
        os.mkdir(self.at("path"))
        for name in ("git", "findmnt", "python3"):
            if found := shutil.which(name):
                os.symlink(found, self.at("path/" + name))
        code, out, _ = self.measure(PATH=self.at("path"))
        self.assertEqual(code, 0)
        self.assertIn("three files ", out)
        self.assertNotIn("three loop devices", out)
        self.assertIn("left out: loop devices; files instead: losetup is not installed", out)

    def test_without_gnuplot_the_rest_works(self):
        os.mkdir(self.at("path"))
        for name in ("losetup", "git", "findmnt", "setpriv", "python3"):
            if found := shutil.which(name):
                os.symlink(found, self.at("path/" + name))
        code, _, err = self.measure(PATH=self.at("path"))
        self.assertEqual((code, err), (0, f"bench: {plots.NONE}\n"))

    def test_it_can_be_ended_in_the_middle(self):
        for number in (signal.SIGTERM, signal.SIGINT) * 3:
            child = self.start("--quick", "--only", "ours", "--build", self.at("tree"), "--folder",
                               self.at("scratch"), FAKE_HANGS="bare")
            self.wait_for(lambda: programs_of(self.folder))
            child.send_signal(number)
            child.communicate(timeout=30)
            self.assertEqual(child.returncode, 128 + number)
            self.assertEqual(os.listdir(self.at("scratch")), [])
            self.wait_for(lambda: not programs_of(self.folder))
            self.assertNotIn(self.folder, subprocess.run(["losetup", "--list", "--output", "BACK-FILE"],
                                                         capture_output=True, text=True).stdout)

    def wait_for(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_bad_wishes_are_refused(self):
        for words, says in ((["--only", "nonsense"], "no section nonsense"), (["--rounds", "-1"], "one round"),
                            (["--from", "x", "--quick"], "measures nothing")):
            child = self.start(*words)
            _, err = child.communicate(timeout=30)
            self.assertEqual(child.returncode, 2)
            self.assertIn(says, err)


def programs_of(folder):
    """Processes of `bare` of the fake tree."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                words = file.read().split("\0")
        except OSError:
            continue
        if any(word.startswith(folder + "/tree/") for word in words) and "bare" in words and is_alive(int(pid)):
            found.append(pid)
    return found


class Text(unittest.TestCase):
    def test_numbers_have_three_digits(self):
        self.assertEqual([table.number(value) for value in (1234.5, 100.4, 12.34, 1.234, 0.5)],
                         ["1,234" if round(1234.5) == 1234 else "1,235", "100", "12.3", "1.23", "0.50"])

    def test_tables_show_what_failed(self):
        row = {"name": "read", "summary": rounds.summary([FAILED])}
        self.assertEqual(table.row_cells(row)[0][:2], ("read", "failed"))

    def test_json_is_of_this_format(self):
        with tempfile.NamedTemporaryFile("w") as file:
            json.dump({"format": 2}, file)
            file.flush()
            with self.assertRaises(SystemExit):
                report.load(file.name)


if __name__ == "__main__":
    unittest.main()
