#!/usr/bin/env python3
"""COMPARE AND WRITE on the kernel's own SCSI target, in a virtual machine: san.py CAW GUEST

CAW is diskpaxos-caw on this host, GUEST the folder that make-array-guest has filled. The host
reaches the guest's LUNs over iSCSI, through QEMU's user-mode network on loopback; the guest has the
same LUNs as SCSI disks. Prints one line per step, and exits 1 if a promise was not kept.
"""

import argparse
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from machine import Machine

IQN = "iqn.2026-01.test:array"
PATIENCE_SECONDS = 600


class Failed(Exception):
    """Something was not as promised."""


class Array(Machine):
    """A guest whose iSCSI port is one of this host's."""

    def __init__(self, folder, guest):
        super().__init__("array", folder, guest, {})
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def url(self, lun):
        return f"iscsi://127.0.0.1:{self.port}/{IQN}/{lun}"

    def _command(self):
        return super()._command() + [
            "-m", "384", "-netdev",
            f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:3260",
            "-device", "virtio-net-pci,netdev=n"]


class Stage:
    def __init__(self, array, caw):
        self.array, self.caw, self.started = array, caw, time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    def expect(self, true, text):
        if not true:
            raise Failed(f"not as promised: {text}")
        self.say(f"  ok: {text}")

    def here(self, *words):
        done = subprocess.run([self.caw, *map(str, words)], capture_output=True, text=True,
                              timeout=180)
        return self.heard("host", words, done.returncode, done.stdout + done.stderr)

    def there(self, *words):
        job = self.array.run(" ".join(["diskpaxos-caw", *map(str, words)]), seconds=180)
        return self.heard("guest", words, job.code, job.text())

    def heard(self, where, words, code, text):
        self.say(f"{where}: {' '.join(map(str, words[:3]))}: {text.strip()}")
        if code != 0:
            raise Failed(f"{where}: {' '.join(map(str, words))}: code {code}: {text}")
        return text


def figures(text):
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", text)}


def know(stage):
    """Both ways lead to the same LUNs, whose blocks and caches are seen as they are."""
    for lun, letter, block, durability in ((0, "a", 512, "write-through"), (1, "b", 4096, "fua")):
        network = stage.here("probe", stage.array.url(lun))
        device = stage.there("probe", f"scsi:///dev/sd{letter}")
        known = f"blocks of {block} bytes, {durability},"
        stage.expect(known in network and known in device, known.rstrip(","))
        name = re.search(r"naa\.\w+", network)
        stage.expect(name and name.group() in device, "one LUN, one name")


def contend(stage):
    """Processes of the host, of the guest, and of both count on one register."""
    for lun, letter in ((0, "a"), (1, "b")):
        seen = figures(stage.here("contend", 4, 100, stage.array.url(lun)))
        stage.expect(seen["final"] == 400 and seen["misses"] > 0, "over iSCSI: nothing lost")
        seen = figures(stage.there("contend", 4, 100, f"scsi:///dev/sd{letter}"))
        stage.expect(seen["final"] == 400 and seen["misses"] > 0, "by SG_IO: nothing lost")

    stage.here("format", stage.array.url(0))
    guest = stage.array.begin("diskpaxos-caw join 2 200 scsi:///dev/sda")
    host = figures(stage.here("join", 2, 200, stage.array.url(0)))
    if guest.wait(180) != 0:
        raise Failed(f"guest: join: {guest.text()}")
    stage.say(f"guest: join: {guest.text().strip()}")
    end = figures(stage.here("show", stage.array.url(0)))
    stage.expect(end["final"] == 800, "both ways at once: nothing lost")
    stage.expect(host["misses"] + figures(guest.text())["misses"] > 0, "and they met")


def know_parts(stage):
    """A partition is refused: SCSI commands would go to the disk that it is a part of."""
    made = stage.array.run(r"printf 'o\nn\np\n1\n\n\nw\n' | fdisk /dev/sda; sleep 1; ls /dev/sda1")
    stage.expect("/dev/sda1" in made.text(), "there is a partition")
    job = stage.array.run("diskpaxos-caw probe scsi:///dev/sda1")
    stage.expect(job.code == 64 and "a part of a SCSI disk" in job.text(), job.text())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("caw", type=pathlib.Path)
    parser.add_argument("guest", type=pathlib.Path)
    words = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="diskpaxos-vm-", dir="/var/tmp"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.alarm(PATIENCE_SECONDS)
    array = Array(folder, words.guest)
    stage = Stage(array, words.caw.resolve())
    try:
        array.start()
        array.wait_up()
        stage.say("a machine with the kernel's target is up")
        for scenario in (know, contend, know_parts):
            stage.say(f"== {scenario.__doc__}")
            scenario(stage)
        for lun in (0, 1):
            stage.here("measure", 500, array.url(lun))
        stage.say("all promises kept")
        return 0
    except (Failed, TimeoutError, subprocess.TimeoutExpired) as failure:
        print(f"test-vm FAILED: {failure}", file=sys.stderr)
        log = folder / "array.log"
        print(log.read_text(errors="replace")[-3000:] if log.exists() else "", file=sys.stderr)
        return 1
    finally:
        if array.process and array.process.poll() is None:
            array.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
