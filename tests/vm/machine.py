"""A small virtual machine without any network: its process, its console, its monitor.

What it prints and what its monitor reports is stamped with the driver's own clock on arrival, so
that things seen on several machines can be put in order.
"""

import ctypes
import json
import signal
import socket
import subprocess
import threading
import time

BOOT_SECONDS = 240  # three at a time on a busy host; six on an idle one
# Every thread that reads a machine wakes whoever waits for one, or for any of several.
news = threading.Condition()


def wait_until(ready, seconds):
    """Waits until ready() answers something true and returns that; None when the time is up."""
    deadline = time.monotonic() + seconds
    with news:
        while not (answer := ready()):
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            news.wait(left)
        return answer


def die_with_driver():
    """A machine never outlives the driver, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Job:
    """A command in a guest: its lines with the time of their arrival, and its exit code."""

    def __init__(self, machine, words):
        self.machine, self.words = machine, words
        self.lines, self.code, self.ended = [], None, None

    def text(self):
        return "\n".join(line for _, line in self.lines)

    def line(self, start, seconds):
        """The time at which a line that begins so arrived; None: it did not in time."""
        return wait_until(lambda: next((at for at, text in list(self.lines)
                                        if text.startswith(start)), None), seconds)

    def wait(self, seconds):
        wait_until(lambda: self.ended, seconds)
        return self.code


class Machine:
    def __init__(self, name, folder, guest, disks):
        self.name, self.folder, self.guest, self.disks = name, folder, guest, disks
        self.process, self.hellos, self.events, self.jobs = None, [], [], {}

    def start(self):
        """Starts it; it is up when it says so, see wait_up()."""
        console, monitor = (self._socket(kind) for kind in ("console", "monitor"))
        self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL,
                                        preexec_fn=die_with_driver)
        self.console, self.monitor = (self._accept(each) for each in (console, monitor))
        self.hellos, self.events = [], []
        self._read(self.console, self._heard)
        self._read(self.monitor, self._reported)
        self.tell_monitor("qmp_capabilities")

    def wait_up(self, times=1):
        """Waits until it has started so many times since start(); the time at which it had."""
        if not wait_until(lambda: len(self.hellos) >= times, BOOT_SECONDS):
            raise TimeoutError(f"{self.name} did not start within {BOOT_SECONDS} s")
        return self.hellos[times - 1]

    def begin(self, words):
        job = Job(self, words)
        with news:
            number = f"j{len(self.jobs)}"
            self.jobs[number] = job
        self.console.sendall(f"{number} {words}\n".encode())
        return job

    def run(self, words, seconds=30):
        job = self.begin(words)
        if job.wait(seconds) is None:
            raise TimeoutError(f"{self.name}: {words}: no end within {seconds} s:\n{job.text()}")
        return job

    def tell_monitor(self, command):
        self.monitor.sendall(json.dumps({"execute": command}).encode())

    def event(self, name, seconds, since=0.0):
        """When its monitor reported such an event at or after `since`; None: it did not."""
        return wait_until(lambda: next((at for at, event in list(self.events)
                                        if event == name and at >= since), None), seconds)

    def kill(self):
        """The power fails: SIGKILL to the machine's process. Returns the time of it."""
        at = time.monotonic()
        self.process.kill()
        self.process.wait()
        self._end_jobs()
        return at

    def _command(self):
        words = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "192",
                 "-nodefaults", "-display", "none", "-action", "watchdog=reset",
                 "-device", "i6300esb", "-kernel", f"{self.guest}/kernel",
                 "-initrd", f"{self.guest}/initramfs",
                 "-append", f"console=ttyS0 quiet no_timer_check panic=-1 vm={self.name}",
                 "-serial", f"file:{self.folder}/{self.name}.log",
                 "-chardev", f"socket,id=console,path={self.folder}/{self.name}.console",
                 "-serial", "chardev:console",
                 "-chardev", f"socket,id=monitor,path={self.folder}/{self.name}.monitor",
                 "-mon", "chardev=monitor,mode=control"]
        for serial, image in self.disks.items():
            words += ["-blockdev", f"driver=file,node-name={serial},filename={image},"
                                   "cache.direct=on,locking=off,aio=threads",
                      "-device", f"virtio-blk-pci,drive={serial},share-rw=on,serial={serial}"]
        return words

    def _socket(self, kind):
        listener = socket.socket(socket.AF_UNIX)
        path = self.folder / f"{self.name}.{kind}"
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(20)
        return listener

    def _accept(self, listener):
        with listener:
            connection, _ = listener.accept()
        connection.settimeout(None)
        return connection

    def _read(self, connection, understand):
        def read():
            with connection, connection.makefile("r", errors="replace") as lines:
                try:
                    for line in lines:
                        with news:
                            understand(time.monotonic(), line.rstrip("\r\n"))
                            news.notify_all()
                except ConnectionError:
                    pass  # killed; the file ends
        threading.Thread(target=read, daemon=True).start()

    def _heard(self, at, line):
        number, _, text = line.partition(" ")
        if number == "hello":
            self._end_jobs()  # those of before a reset
            self.hellos.append(at)
        elif number.endswith("=") and number[:-1] in self.jobs:
            job = self.jobs[number[:-1]]
            job.code, job.ended = int(text), at
        elif number in self.jobs:
            self.jobs[number].lines.append((at, text))

    def _reported(self, at, line):
        event = json.loads(line).get("event")
        if event:
            self.events.append((at, event))

    def _end_jobs(self):
        with news:
            for job in self.jobs.values():
                job.ended = job.ended or time.monotonic()
            news.notify_all()
