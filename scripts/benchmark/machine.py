"""What was measured on: the machine, its load, and the commit."""
import datetime
import glob
import os
import re
import subprocess
import time

from benchmark import tools


def read(path, otherwise=""):
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return otherwise


def said(*words):
    done = subprocess.run(words, cwd=tools.ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def field(text, name):
    for line in text.splitlines():
        if line.split(":")[0].strip() == name:
            return line.split(":", 1)[1].strip()
    return ""


def chosen(choices):
    """The one in brackets."""
    found = re.search(r"\[(.*?)\]", choices)
    return found.group(1) if found else choices


def device_of(folder):
    """The block device below the folder, without its partition's number where it has one."""
    number = os.stat(folder).st_dev
    link = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    return os.path.dirname(link) if os.path.exists(link + "/partition") else link


def disk_of(folder):
    device = device_of(folder)
    queue = device + "/queue/"
    return {"name": os.path.basename(device), "model": read(device + "/device/model", "its model is not told"),
            "rotational": read(queue + "rotational") == "1", "write_cache": read(queue + "write_cache", "not told"),
            "fua": read(queue + "fua", "not told"), "scheduler": chosen(read(queue + "scheduler", "not told")),
            "logical_block_size": read(queue + "logical_block_size"),
            "physical_block_size": read(queue + "physical_block_size")}


def facts(folder):
    cpu, memory = read("/proc/cpuinfo"), read("/proc/meminfo")
    kind = said("findmnt", "--noheadings", "--first-only", "--output", "FSTYPE", "--target", folder)
    governors = {read(path) for path in glob.glob("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")}
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": said("git", "rev-parse", "--short=12", "HEAD") or "not known",
            "changed": bool(said("git", "status", "--porcelain", "--untracked-files=no")),
            "cpu": field(cpu, "model name") or os.uname().machine, "cores": len(os.sched_getaffinity(0)),
            "virtual": "hypervisor" in field(cpu, "flags").split(),
            "kernel": os.uname().release, "governor": ", ".join(sorted(governors)) or "none",
            "memory_mib": int(field(memory, "MemTotal").split()[0]) // 1024,
            "file_system": kind, "disk": disk_of(folder)}


def ticks():
    """Busy, stolen and all ticks of all processors since the start of the machine."""
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, read("/proc/stat").split()[1:9])
    busy = user + nice + system + irq + softirq
    return busy, steal, busy + steal + idle + iowait


class Load:
    """How busy the machine is while we measure, and how busy with others while we hold still."""

    def __init__(self):
        self.before, self.began = os.getloadavg()[0], ticks()
        self.highest, self.quiet = self.before, []

    def look(self):
        self.highest = max(self.highest, os.getloadavg()[0])

    def hold_still(self, seconds):
        before = ticks()
        time.sleep(seconds)
        busy, steal, everything = (b - a for a, b in zip(before, ticks()))
        if everything > 0:
            self.quiet.append((busy + steal) / everything)

    def told(self):
        busy, steal, everything = (max(b - a, 0) for a, b in zip(self.began, ticks()))
        return {"load_before": self.before, "load_after": os.getloadavg()[0], "load_highest": self.highest,
                "busy": busy / max(everything, 1), "stolen": steal / max(everything, 1),
                "others_busy": self.quiet}
