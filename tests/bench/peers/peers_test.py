#!/usr/bin/env python3
"""Peers: what is absent is said to be, and what is there is started, measured, and gone afterwards.

Nothing is installed for this: a peer whose server or client is not there is only asked whether it is."""
import os
import re
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from benchmark import peers, tools  # noqa: E402

TREE = os.environ.get("DISKPAXOS_TREE", "")


class Absent(unittest.TestCase):
    def test_each_says_that_its_client_is_not_built(self):
        with tempfile.TemporaryDirectory() as nothing:
            for kind in peers.ALL:
                with self.subTest(kind.name):
                    self.assertIsNone(kind(nothing).client())
                    self.assertRegex(kind(nothing).missing(), "is not (installed|built)$")

    def test_each_says_that_its_server_is_not_installed(self):
        with tempfile.TemporaryDirectory() as nothing:
            for kind in peers.ALL:
                other = type("Other", (kind,), {"server": "diskpaxos-no-such-server"})
                self.assertEqual(other(nothing).missing(), "diskpaxos-no-such-server is not installed")

    def test_each_tells_its_modes_and_how_it_differs(self):
        for kind in peers.ALL:
            self.assertTrue(kind.modes and kind.packages and kind.libraries)
            self.assertGreater(len(kind.facts), 200)


class Present(unittest.TestCase):
    def setUp(self):
        self.there = [kind(TREE) for kind in peers.ALL if not kind(TREE).missing()]
        if not self.there:
            self.skipTest("no peer is here")

    def test_each_is_measured_and_gone_afterwards(self):
        for peer in self.there:
            with self.subTest(peer.name), tempfile.TemporaryDirectory(dir="/var/tmp") as place:
                self.assertRegex(peer.version(), r"^\d+\.\d+")
                with peer.started(os.path.join(place, "it")):
                    told = [peer.measure(mode, 2, 0.3) for mode in peer.modes]
                self.assertEqual(os.listdir(place), [])
                self.assertIsNotNone(peer.child.poll(), "it still runs")
                for one in told:
                    self.check(one)

    def check(self, told):
        self.assertAlmostEqual(told["per_second"] * told["seconds"], told["operations"], delta=1)
        series = told["series"]
        self.assertEqual(set(series), {"acquire", "release", "pair"})
        self.assertGreaterEqual(series["pair"]["p50_us"], series["release"]["p50_us"])
        for figure in ("cpu_us", "machine_cpu_us", "server_cpu_us"):
            self.assertGreater(told["per_operation"][figure], 0, figure)

    def test_a_client_without_a_server_says_so(self):
        for peer in self.there:
            with self.subTest(peer.name), tempfile.TemporaryDirectory(dir="/var/tmp") as place:
                mode = next(iter(peer.modes))
                with peer.started(os.path.join(place, "it")):
                    peer.child.kill()
                    peer.child.wait()
                    with self.assertRaisesRegex(tools.Failed, re.escape(peer.name)):
                        peer.measure(mode, 2, 0.2)


if __name__ == "__main__":
    unittest.main()
