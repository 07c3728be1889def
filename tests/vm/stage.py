"""Three machines on three shared disks and a ledger, and a line for each step that is taken."""

import subprocess
import time

from machine import Machine

DISKS = ("lun-a", "lun-b", "lun-c")
LEDGER_BYTES = 1 << 20


class Failed(Exception):
    """Something was not as promised."""


class Stage:
    def __init__(self, folder, guest, ttl):
        self.folder, self.ttl, self.started = folder, ttl, time.monotonic()
        self.images = {name: folder / f"{name}.img" for name in (*DISKS, "ledger")}
        self.images["ledger"].write_bytes(b"0 0 nobody\n".ljust(LEDGER_BYTES, b"\0"))
        self.machines = [Machine(f"vm{n}", folder, guest, self.images) for n in (1, 2, 3)]

    def say(self, text):
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    def expect(self, true, text):
        """Prints the promise if it was kept."""
        if not true:
            raise Failed(f"not as promised: {text}")
        self.say(f"  ok: {text}")

    def format(self, command):
        paths = [self.images[name] for name in DISKS]
        done = subprocess.run([command, "format", "--ttl", f"{self.ttl}s", "--slots", "32",
                               "--cells", "64", *paths],
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failed(f"format: {done.stderr}")
        self.say(f"three images are a group, TTL {self.ttl} s")

    def boot(self):
        began = time.monotonic()
        for machine in self.machines:
            machine.start()
        for machine in self.machines:
            machine.wait_up()
        self.say(f"three machines are up, {time.monotonic() - began:.1f} s after power-on")

    def begin(self, machine, words):
        self.say(f"{machine.name}: {words}")
        return machine.begin(words)

    def ledger(self):
        """What the ledger's record says: token, count, host."""
        token, count, host = self.images["ledger"].read_bytes()[:512].split(b"\n")[0].split()
        return int(token), int(count), host.decode()

    def stop(self):
        for machine in self.machines:
            if machine.process and machine.process.poll() is None:
                machine.kill()

    def console(self, machine, lines=15):
        log = self.folder / f"{machine.name}.log"
        said = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(said[-lines:])
