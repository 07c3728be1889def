#!/usr/bin/env python3
"""Runs the scenarios on three virtual machines: main.py [--quick] COMMAND GUEST

COMMAND is diskpaxos on this host, GUEST the folder that make-guest has filled. Prints one line per
step, and exits 1 if a promise was not kept. --quick: the death of a host only.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile

import scenarios
from stage import Failed, Stage

TTL_SECONDS = 8
PATIENCE_SECONDS = 900


def out_of_patience(*_):
    raise Failed(f"not done within {PATIENCE_SECONDS} s")


def perform(stage, command, quick):
    stage.format(command)
    stage.boot()
    for scenario in scenarios.QUICK if quick else scenarios.ALL:
        stage.say(f"== {scenario.__doc__.splitlines()[0]}")
        scenario(stage)


def tell(text):
    print(text, file=sys.stderr)


def tell_failure(stage, failure):
    tell(f"test-vm FAILED: {failure}")
    for machine in stage.machines:
        tell(f"-- {machine.name}, its console's last lines:\n{stage.console(machine)}")
        for job in machine.jobs.values():
            tell(f"-- {machine.name}: {job.words}: code {job.code}")
            for at, text in job.lines[-20:]:
                tell(f"   [{at - stage.started:6.1f} s] {text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("command", type=pathlib.Path)
    parser.add_argument("guest", type=pathlib.Path)
    words = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="diskpaxos-vm-", dir="/var/tmp"))
    signal.signal(signal.SIGALRM, out_of_patience)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.alarm(PATIENCE_SECONDS)
    stage = Stage(folder, words.guest, TTL_SECONDS)
    try:
        perform(stage, words.command, words.quick)
        stage.say("all promises kept")
        return 0
    except (Failed, TimeoutError) as failure:
        tell_failure(stage, failure)
        return 1
    finally:
        stage.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
