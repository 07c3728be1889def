"""The programs that measure and are measured: where they are, how they are built, run and ended.

Each runs in a process group of its own, so that whatever it forked ends with it, and ends when we do.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACES = {"diskpaxos": "src/cli", "diskpaxos-agent": "disk-agent", "diskpaxos-yardstick": "tests/bench",
          "diskpaxos-faultfs": "tests/faultfs", "diskpaxos-load": "tests/scale", "diskpaxos-caw": "tests/scsi"}
PATIENCE = 60  # seconds beyond what a measurement was to take


class Failed(Exception):
    """A measurement did not come about; the text is one sentence."""


class Ending:
    """SIGINT and SIGTERM end us by SystemExit, but not between the moment at which something is started
    and the moment at which we know that it is ours to end."""
    depth, waiting = 0, None

    @classmethod
    def by_signals(cls):
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, lambda number, _: cls.arrived(number))

    @classmethod
    def arrived(cls, number):
        if cls.depth:
            cls.waiting = number
            return
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)  # what is taken down now is not disturbed
        raise SystemExit(128 + number)

    @classmethod
    @contextlib.contextmanager
    def held_back(cls):
        cls.depth += 1
        try:
            yield
        finally:
            cls.depth -= 1
            if cls.waiting and not cls.depth:
                cls.arrived(cls.waiting)


class Programs:
    def __init__(self, tree):
        self.tree = tree

    def __getitem__(self, name):
        program = os.path.join(self.tree, PLACES[name], name)
        if not os.access(program, os.X_OK):
            raise Failed(f"{name} is not in the build tree")
        return program


def build(optional=()):
    """Sets up, builds the release tree, and returns where it is. `optional`: targets that are built
    where they exist."""
    tree = os.path.join(ROOT, "build/release")
    subprocess.run([os.path.join(ROOT, "scripts/setup")], check=True, stdout=2)
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    environment = {**os.environ, "CCACHE_BASEDIR": ROOT, "CCACHE_NOHASHDIR": "1"}

    def run(*words):
        done = subprocess.run(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        if done.returncode != 0:
            raise SystemExit("\n".join([*done.stdout.splitlines()[-30:], f"bench: {' '.join(words)} failed"]))
        return done.stdout

    run("cmake", "--preset", "release", *launcher)
    known = {line.split(":")[0] for line in run("ninja", "-C", tree, "-t", "targets", "all").splitlines()}
    run("cmake", "--build", tree, "--target", *PLACES, *(target for target in optional if target in known))
    return tree


def end_group(child):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def output(words, limit=PATIENCE, environment=None):
    """What the program printed; Failed, with what it said last, if it did not end well in time."""
    words = [str(word) for word in words]
    name = os.path.basename(words[0])
    child = None
    try:
        with Ending.held_back():
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, process_group=0, env=environment)
        out, err = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} took longer than {limit:.0f} s") from None
    finally:
        if child:
            end_group(child)
            for pipe in (child.stdout, child.stderr):
                pipe.close()
    if child.returncode != 0:
        said = err.strip().splitlines() or ["it said nothing"]
        raise Failed(f"{name}: exit code {child.returncode}: {said[-1]}")
    return out


def measurement(words, seconds, limit=PATIENCE):
    """Runs one measuring program: its line of JSON, checked."""
    out = output(words, seconds + limit)
    try:
        told = json.loads(out)
    except json.JSONDecodeError:
        raise Failed(f"{os.path.basename(str(words[0]))} did not print JSON") from None
    return checked(told)


def checked(told):
    if not told.get("operations") or not told.get("per_second"):
        raise Failed("nothing was done in the time")
    for series in told.get("series", {}).values():
        if not 0 < series["p50_us"] <= series["p99_us"]:
            raise Failed("the percentiles make no sense")
    return told


@contextlib.contextmanager
def running(words, log, environment=None):
    """A server, until the end of the block."""
    child = None
    try:
        with open(log, "ab") as out, Ending.held_back():
            child = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *map(str, words)], stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=out, process_group=0, env=environment)
        yield child
    finally:
        if child:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            end_group(child)


def wait_for(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not get ready within {seconds} s")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reaches(place):
    """A port of this host, or the path of a socket."""
    kind = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(place if isinstance(place, str) else ("127.0.0.1", place)) == 0
