"""Disk agents in the folder of a test: made, started, killed, blanked."""

import os
import signal
import socket
import subprocess
import time

AGENT = os.environ["DISKPAXOS_AGENT"]


class Agent:
    """One agent with one store, at a UNIX socket and, if wished, at a port of loopback."""

    def __init__(self, folder, name, options=()):
        self.store = os.path.join(folder, name + ".store")
        self.socket = os.path.join(folder, name + ".sock")
        self.log = os.path.join(folder, name + ".log")
        self.options = list(options)
        self.process = None
        self.create()

    @property
    def url(self):
        return "agent+unix://" + self.socket

    def create(self, *options):
        subprocess.run([AGENT, "create", self.store, "--blocks", "2048", *options], check=True,
                       stdout=subprocess.DEVNULL)

    def start(self, **options):
        """`options`: of the process, as subprocess has them."""
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [AGENT, "serve", "--store", "s=" + self.store, "--unix", self.socket, *self.options],
                **{"stdin": subprocess.DEVNULL, "stderr": log, **options})
        deadline = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None, open(self.log).read()
            assert time.monotonic() < deadline, open(self.log).read()
            time.sleep(0.01)
        return self

    def await_log(self, words):
        """Waits until it has said so."""
        deadline = time.monotonic() + 20
        while True:
            with open(self.log) as log:
                said = log.read()
            if words in said:
                return
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as end:
            try:
                end.connect(self.socket)
            except OSError:
                return False
        return True

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM)

    def end(self, how):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(timeout=30)
        self.process = None
        while self.answers():  # the kernel takes its ring apart after its death, socket and all
            time.sleep(0.001)

    def spoil(self, text):
        """Flips a bit of this text in the block that holds it, as rot would; whether there is one."""
        self.stop()  # which brings everything home
        with open(self.store, "r+b") as store:
            content = store.read()
            at = content.find(text, 0, 4096 + 2048 * 512)
            if at >= 0:
                store.seek(at)
                store.write(bytes([content[at] ^ 1]))
        self.start()
        return at >= 0

    def blank(self):
        """As if its disk had been replaced by an empty one."""
        self.kill()
        os.unlink(self.store)
        self.create()
        self.start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
