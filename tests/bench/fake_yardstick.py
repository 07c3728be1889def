#!/usr/bin/env python3
"""Stands in for diskpaxos-yardstick: says at once what a machine without noise would.

FAKE_FAILS names an operation that fails; FAKE_HANGS one that never ends, and forks before that.
"""
import json
import os
import sys
import time

P50 = {"bare": 100.0, "change": 120.0, "change-cold": 250.0, "read": 50.0, "lock": 240.0}


def option(name):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else 1


def main():
    operation = sys.argv[1]
    if operation == os.environ.get("FAKE_FAILS"):
        sys.exit("a warning\nthe disk is made of cheese")
    if operation == os.environ.get("FAKE_HANGS"):
        os.fork()
        time.sleep(600)
    if operation == "format":
        return
    at_once = option("--processes") * option("--concurrency")
    p50 = P50.get(operation, 200.0)
    times = {"operations": 10, "p50_us": p50, "p99_us": 2 * p50}
    series = ("acquire", "release", "pair") if operation.startswith("lock") else (operation,)
    print(json.dumps({"seconds": 0.1, "operations": 10, "per_second": at_once * 1e6 / p50,
                      "series": {name: times for name in series},
                      "per_operation": {"writes": 3.0, "reads": 3.0, "submissions": 1.0, "cpu_us": 50.0}}))


main()
