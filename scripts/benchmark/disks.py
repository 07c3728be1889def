"""Disks to measure on: files of which every block is written, loop devices on such files, and disks
that are slow or hang on command. What is made here is taken down at the end of the block."""
import contextlib
import os
import shutil
import socket
import subprocess

from benchmark import tools


def make_file(path, size):
    """Every block is written: what is allocated on first use would be measured as well."""
    piece = bytes(1 << 20)
    with open(path, "wb") as file:
        for at in range(0, size, len(piece)):
            file.write(piece[: size - at])
        os.fsync(file.fileno())
    return path


@contextlib.contextmanager
def file(path, size):
    make_file(path, size)
    try:
        yield path
    finally:
        os.unlink(path)


@contextlib.contextmanager
def loop(path, size, sector=512):
    with file(path, size):
        device = None
        try:
            with tools.Ending.held_back():
                device = tools.output(["losetup", "--find", "--show", "--direct-io=on", f"--sector-size={sector}",
                                       path]).strip()
            yield device
        finally:
            if device:
                subprocess.run(["losetup", "--detach", device], check=False)


def detach_loops(folder):
    """Those on files in this folder that a signal has left attached, just when they were made."""
    if not shutil.which("losetup"):
        return
    done = subprocess.run(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"], capture_output=True,
                          text=True)
    for device, *backing in map(str.split, done.stdout.splitlines()):
        if backing and backing[0].startswith(folder + "/"):
            subprocess.run(["losetup", "--detach", device], check=False)


def no_loops(folder):
    """Why there are no loop devices here; None if there are."""
    if not shutil.which("losetup"):
        return "losetup is not installed"
    if os.geteuid() != 0:
        return "loop devices need root"
    try:
        with loop(os.path.join(folder, "probe"), 1 << 20):
            return None
    except tools.Failed as why:
        return str(why)


class FaultyDisk:
    """A file by FUSE that obeys tests/faultfs, with a daemon of its own: in one daemon those who wait
    for a slow disk would keep others from its threads."""

    def __init__(self, folder):
        self.path, self.control = os.path.join(folder, "mount/d0"), os.path.join(folder, "control")

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as to:
            to.settimeout(10)
            to.connect(self.control)
            to.sendall(line.encode())
            return to.recv(256).decode().strip()

    def tell(self, command):
        if (answer := self.ask("0 " + command)) != "ok":
            raise tools.Failed(f"the faulty disk does not obey \"{command}\": {answer}")

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.ask("0 stat").startswith("reads")
        return False

    def heal(self):
        for command in ("clear", "drop"):
            self.tell(command)


@contextlib.contextmanager
def faulty(program, folder, size):
    mount = os.path.join(folder, "mount")
    os.makedirs(mount)
    disk = FaultyDisk(folder)
    backing = make_file(os.path.join(folder, "backing"), size)
    with tools.running([program, mount, disk.control, backing], os.path.join(folder, "log")):
        tools.wait_for(disk.is_ready, "FUSE")
        try:
            yield disk
        finally:
            with contextlib.suppress(OSError, tools.Failed):
                disk.heal()
    shutil.rmtree(folder, ignore_errors=True)
