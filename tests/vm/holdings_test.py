"""Would scripts/test-vm see it if two held the lock at once? Its judge, on told lines."""

import types
import unittest

from holdings import Holding, faults


def job(name, *lines):
    return types.SimpleNamespace(machine=types.SimpleNamespace(name=name), lines=list(lines))


def turn(name, token, begin, counts):
    """A holding that begins at `begin` and beats once a second."""
    lines = [(begin, f"begin token={token} up=1.00")]
    lines += [(begin + i + 1, f"beat count={count} token={token} up=1.00")
              for i, count in enumerate(counts)]
    return job(name, *lines, (begin + len(counts) + 1, f"end token={token} up=1.00"))


class HoldingsTest(unittest.TestCase):
    def test_what_a_holding_is(self):
        held = Holding(None, turn("vm1", 7, 10.0, [4, 5]).lines)
        self.assertEqual((held.token, held.begun, held.last), (7, 10.0, 13.0))
        self.assertEqual([count for _, count in held.beats], [4, 5])

    def test_turns_are_no_fault(self):
        never = job("vm3", (11.0, "diskpaxos: warning: something else"))
        jobs = [turn("vm2", 2, 20.0, [3, 4]), turn("vm1", 1, 10.0, [1, 2]), never]
        self.assertEqual(faults(jobs), [])

    def test_two_at_once(self):
        self.assertIn("before the end of", faults([turn("vm1", 1, 10.0, [1, 2, 3]),
                                                   turn("vm2", 2, 12.0, [4])])[0])

    def test_a_count_that_is_used_twice(self):
        found = faults([turn("vm1", 1, 10.0, [1, 2]), turn("vm2", 2, 20.0, [2, 3])])
        self.assertIn("did not grow: [1, 2, 2, 3]", found[0])

    def test_a_token_that_does_not_grow(self):
        found = faults([turn("vm1", 2, 10.0, [1]), turn("vm2", 2, 20.0, [2])])
        self.assertIn("followed", found[0])

    def test_a_write_over_a_record(self):
        late = turn("vm2", 2, 20.0, [3])
        late.lines.append((25.0, "overwritten by=1 count=3 token=2 up=1.00"))
        self.assertIn("somebody else wrote", faults([turn("vm1", 1, 10.0, [1, 2]), late])[0])

    def test_a_beat_that_is_refused(self):
        early = turn("vm1", 1, 10.0, [1, 2])
        early.lines.append((25.0, "refused by=2 token=1 up=1.00"))
        self.assertIn("somebody else wrote", faults([early, turn("vm2", 2, 20.0, [3])])[0])


if __name__ == "__main__":
    unittest.main()
