"""What the holders said: each holding with its beats, and whether two ever held at once."""

import re

from machine import wait_until

# A line may wait so long in a guest's pipes before it reaches the driver. The counts of the ledger
# need no such allowance.
CONSOLE_LAG_SECONDS = 0.5


class Holding:
    """One begin of tests/vm/guest/holder and what followed, as told by its lines."""

    def __init__(self, machine, lines):
        self.machine, self.token = machine, None
        self.beats, self.refused, self.overwritten = [], [], []
        self.begun, self.last = None, None
        for at, text in lines:
            self._take(at, text)

    def _take(self, at, text):
        match = re.match(r"(begin|beat|refused|overwritten|end)\b.*?\btoken=(\d+)", text)
        if not match:
            return
        what, self.token = match.group(1), int(match.group(2))
        if what == "begin":
            self.begun = at
        elif what == "beat":
            self.beats.append((at, int(re.search(r"count=(\d+)", text).group(1))))
        elif what != "end":
            getattr(self, what).append(at)
        if what in ("begin", "beat", "end"):
            self.last = at

    def __str__(self):
        counts = [count for _, count in self.beats]
        beats = f"counts {counts[0]} to {counts[-1]}" if counts else "no beat"
        return f"token {self.token} on {self.machine.name}, {beats}"


def holding(job):
    return Holding(job.machine, list(job.lines))


def wait_beats(job, beats, seconds):
    """Whether the job comes to report so many beats."""
    wait_until(lambda: len(holding(job).beats) >= beats or job.ended, seconds)
    return len(holding(job).beats) >= beats


def first_to_begin(jobs, seconds):
    """The job among these that is the first to hold; None: none did in time."""
    def begun():
        ready = [job for job in jobs if holding(job).begun]
        return min(ready, key=lambda job: holding(job).begun, default=None)
    return wait_until(begun, seconds)


def faults(jobs):
    """How two holdings can be seen to have overlapped, or tokens not to have grown."""
    held = sorted((each for each in map(holding, jobs) if each.begun), key=lambda each: each.begun)
    found = []
    for each in held:
        if each.refused or each.overwritten:
            found.append(f"somebody else wrote to the ledger during {each}")
    for earlier, later in zip(held, held[1:]):
        if later.token <= earlier.token:
            found.append(f"{later} followed {earlier}")
        if later.begun < earlier.last - CONSOLE_LAG_SECONDS:
            early = earlier.last - later.begun
            found.append(f"{later} began {early:.1f} s before the end of {earlier}")
    counts = [count for each in held for _, count in each.beats]
    if any(after <= before for before, after in zip(counts, counts[1:])):
        found.append(f"the ledger's counts did not grow: {counts}")
    return found
