"""Floors that others measure: fio, and an array's bare COMPARE AND WRITE."""
import json
import re
import shutil
import time

from benchmark import machine, tools
from benchmark.tools import Failed


def fio(target, verb, size, depth, seconds):
    """Durable writes or reads at random places of the target, so many at a time."""
    if not shutil.which("fio"):
        raise Failed("fio is not installed")
    warm_up = min(seconds / 5, 1)
    words = ["fio", "--name=floor", "--filename=" + target, "--size=16m", "--rw=rand" + verb, "--bs=" + size,
             "--direct=1", "--ioengine=io_uring", f"--iodepth={depth}", f"--runtime={seconds:g}s",
             f"--ramp_time={warm_up:g}s", "--time_based", "--output-format=json"]
    before = machine.ticks()
    told = json.loads(tools.output(words + ["--sync=dsync"] * (verb == "write"), seconds + tools.PATIENCE))
    busy = (machine.ticks()[0] - before[0]) * seconds / (seconds + warm_up)
    job = told["jobs"][0]
    done = job[verb]
    times = done["clat_ns"]["percentile"]
    count = done["total_ios"]
    if count == 0:
        raise Failed("fio did nothing in the time")
    spent = (job["usr_cpu"] + job["sys_cpu"]) / 100 * done["runtime"] * 1000
    return {"seconds": done["runtime"] / 1000, "operations": count, "per_second": done["iops"],
            "series": {verb: {"operations": count, "p50_us": times["50.000000"] / 1e3,
                              "p99_us": times["99.000000"] / 1e3}},
            "per_operation": {verb + "s": 1.0, "cpu_us": spent / count, "machine_cpu_us": busy * 1e4 / count}}


def compare_and_write(program, unit):
    start = time.monotonic()
    told = tools.output([program, "measure", "500", unit])
    seconds = time.monotonic() - start
    found = re.search(r"raw ([\d.]+)/([\d.]+)", told)
    if not found:
        raise Failed("diskpaxos-caw printed something else")
    p50, p99 = map(float, found.groups())
    return {"seconds": seconds, "operations": 500, "per_second": 1e6 / p50,
            "series": {"raw": {"operations": 500, "p50_us": p50, "p99_us": p99}}, "per_operation": {}}
