"""Does the yardstick keep its word? Every operation for a moment, on three small files: what it
prints, and whether the I/Os per operation are those of the design. Never how long they take."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

YARDSTICK = os.environ["DISKPAXOS_YARDSTICK"]
COUNTS = {"writes", "reads", "submissions", "waits", "sends", "receives", "cpu_us"}
WHOLE = ("seconds", "operations", "per_second", "series", "per_operation")


class Yardstick(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="diskpaxos-yardstick.", dir=os.environ.get("TMPDIR", "/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.disks = [os.path.join(cls.folder, name) for name in "abc"]
        cls.run_raw("format", "--slots", 8, "--cells", 256, "--ttl", 1000, *cls.disks)

    @classmethod
    def run_raw(cls, *words, code=0):
        environment = {**os.environ, "DISKPAXOS_LOCKS": cls.folder}
        done = subprocess.run([YARDSTICK, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, env=environment)
        if done.returncode != code:
            raise AssertionError(f"{words}: exit code {done.returncode}, {done.stderr}")
        return done

    def measure(self, operation, *words, series, machine=False):
        """What is printed, after what holds for all of them was checked."""
        told = json.loads(self.run_raw(operation, "--seconds", 0.2, *words, *self.disks).stdout)
        self.assertEqual(tuple(told)[:5], WHOLE)
        self.assertEqual(set(told["series"]), set(series))
        for times in told["series"].values():
            self.assertLess(0, times["p50_us"])
            self.assertLessEqual(times["p50_us"], times["p99_us"])
        each = told["per_operation"]
        self.assertEqual({name for name in each if name != "allocations"},
                         COUNTS | ({"machine_cpu_us"} if machine else set()))
        self.assertGreater(each["cpu_us"], 0)
        self.assertGreater(told["operations"], 0)
        self.assertGreater(told["seconds"], 0)
        return told

    def try_bare(self):
        return subprocess.run([YARDSTICK, "bare", "--seconds", "0.01", "--group", *self.disks], capture_output=True,
                              text=True, timeout=60).stderr

    def counted(self, told, least, most):
        """I/Os of each operation: a disk that is late may be passed over, a disk that is asked twice
        has to be asked twice."""
        for kind in ("writes", "reads"):
            self.assertGreaterEqual(told["per_operation"][kind], least[kind], told)
            self.assertLessEqual(told["per_operation"][kind], most[kind], told)

    def test_a_bare_round_is_a_write_and_a_read_on_each_disk(self):
        if "refused" in self.try_bare():
            self.skipTest("there is no io_uring here, which is all that the bare loop goes by")
        before = [open(disk, "rb").read() for disk in self.disks]
        for words in (["--group"], ["--row", 8192]):
            told = self.measure("bare", *words, series=["bare"], machine=True)
            each = told["per_operation"]
            self.assertEqual((each["writes"], each["reads"]), (3, 3))
            self.assertEqual(each["submissions"], 1)
            self.assertLessEqual(each["waits"], 2)
            self.assertEqual(each.get("allocations", 0), 0)
        many = self.measure("bare", "--group", "--concurrency", 64, series=["bare"], machine=True)
        self.assertLess(many["per_operation"]["submissions"], 0.5)
        self.measure("bare", "--group", "--processes", 3, series=["bare"], machine=True)
        self.assertEqual(before, [open(disk, "rb").read() for disk in self.disks])

    def test_a_change_again_is_one_phase(self):
        told = self.measure("change", series=["change"], machine=True)
        self.counted(told, {"writes": 2, "reads": 2}, {"writes": 3.1, "reads": 3.1})
        told = self.measure("change", "--concurrency", 16, "--processes", 2, series=["change"], machine=True)
        self.counted(told, {"writes": 2, "reads": 2}, {"writes": 3.2, "reads": 3.2})

    def test_a_change_cold_is_a_look_and_two_phases(self):
        told = self.measure("change-cold", series=["change"])
        self.counted(told, {"writes": 4, "reads": 6}, {"writes": 6.1, "reads": 9.1})

    def test_reads_write_nothing(self):
        told = self.measure("read", series=["read"], machine=True)
        self.counted(told, {"writes": 0, "reads": 2}, {"writes": 0.1, "reads": 3.1})
        told = self.measure("read-other", "--concurrency", 2, series=["first", "again"])
        self.counted(told, {"writes": 0, "reads": 2}, {"writes": 0.1, "reads": 6})
        self.assertEqual(told["series"]["first"]["operations"], told["series"]["again"]["operations"])

    def test_proposals_tell_how_many_were_fresh(self):
        told = json.loads(self.run_raw("propose", "--seconds", 0.2, *self.disks).stdout)
        fresh, series = told["fresh"], told["series"]
        self.assertEqual(fresh, series["propose"]["operations"])
        self.assertEqual(told["operations"], sum(one["operations"] for one in series.values()))
        self.assertLessEqual(fresh, 64)  # a quarter of the cells

    def test_a_pair_is_two_changes(self):
        told = self.measure("lock", series=["acquire", "release", "pair"], machine=True)
        self.counted(told, {"writes": 4, "reads": 4}, {"writes": 8, "reads": 8})  # and renewals
        series = told["series"]
        self.assertLess(series["acquire"]["p50_us"], series["pair"]["p50_us"])
        told = self.measure("lock-cold", series=["acquire", "release", "pair"])
        self.counted(told, {"writes": 6, "reads": 8}, {"writes": 11, "reads": 14})
        self.measure("lock", "--processes", 3, "--concurrency", 4, series=["acquire", "release", "pair"],
                     machine=True)

    def test_one_lock_for_all_tells_the_shares(self):
        told = self.measure("lock-one", "--processes", 2, series=["acquire", "release", "pair"], machine=True)
        self.assertLessEqual(told["unluckiest"], 1)
        self.assertGreaterEqual(told["luckiest"], 1)

    def test_a_renewal_is_one_phase_whatever_is_held(self):
        for held in (1, 20):
            told = self.measure("renew", "--held", held, series=["renewal"])
            self.counted(told, {"writes": 2, "reads": 2}, {"writes": 3.1, "reads": 3.1})
            self.assertLess(told["writes_per_second_and_disk"], 20)

    def test_joining(self):
        self.measure("join", series=["join"])

    def test_who_waits_takes_over_in_time(self):
        told = json.loads(self.run_raw("takeover", "--processes", 2, *self.disks).stdout)
        self.assertEqual(told["series"]["takeover"]["operations"], 2)
        self.assertGreater(told["least_us"], 700_000)  # a lease of one second, some of it over

    def test_who_is_killed_leaves_no_figures(self):
        with subprocess.Popen([YARDSTICK, "change", "--seconds", "5", *self.disks], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "DISKPAXOS_LOCKS": self.folder}) as parent:
            time.sleep(0.5)
            with open(f"/proc/{parent.pid}/task/{parent.pid}/children", encoding="ascii") as children:
                child = int(children.read())
            os.kill(child, signal.SIGKILL)
            out, err = parent.communicate(timeout=30)
        self.assertEqual((parent.returncode, out), (1, ""))
        self.assertIn("died of signal 9", err)

    def test_what_cannot_be_is_refused_in_a_sentence(self):
        for words in (["change", "--processes", 9, *self.disks], ["nonsense", *self.disks], ["change"],
                      ["lock-one", "--concurrency", 2, *self.disks], ["bare", "/nonexistent"],
                      ["change", "--seconds", 0, *self.disks],
                      ["bare", "--group", "--concurrency", 257, *self.disks]):
            done = self.run_raw(*words, code=64)
            self.assertEqual(done.stdout, "")
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
