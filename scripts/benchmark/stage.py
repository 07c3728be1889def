"""Where a section is measured: its places are made when a row first needs them, and taken down
with it. A place that cannot be made fails its rows and no others."""
import os
import threading

from benchmark import disks, floor, istgt, peers, plan, tools
from benchmark.tools import Failed


class Stage:
    def __init__(self, folder, memory, programs, stack, files_only=False):
        self.folder, self.memory, self.programs, self.stack = folder, memory, programs, stack
        self.files_only = files_only
        self.made = {}  # what: its words, or the Failed that it ended with

    def measure(self, row, seconds):
        return getattr(self, "by_" + row.by.replace("-", "_"))(row, seconds * row.longer)

    def once(self, what, make):
        if what not in self.made:
            try:
                self.made[what] = make()
            except (Failed, OSError) as why:
                self.made[what] = Failed(str(why))
        if isinstance(self.made[what], Failed):
            raise self.made[what]
        return self.made[what]

    def at(self, name):
        return os.path.join(self.folder, name)

    # ---- places

    def group(self, name):
        """The words that name the disks of this place to a program; they are a group."""
        return self.once(name, lambda: self.make_group(name, plan.PLACES[name]))

    def make_group(self, name, place):
        if place.kind == "lun":
            words = self.units()[:3]
        elif place.kind in ("agent", "mixed"):
            files = [self.file(f"{name}-{i}", place) for i in range(2)] if place.kind == "mixed" else []
            words = [*files, *(self.agent(f"{name}-{i}") for i in range(place.count - len(files)))]
        elif place.kind == "fuse":
            program = self.programs["diskpaxos-faultfs"]
            made = [self.stack.enter_context(disks.faulty(program, self.at(f"{name}-{i}"), size_of(place)))
                    for i in range(place.count)]
            self.faulty = made[-1]
            words = [disk.path for disk in made]
        else:
            words = [self.disk(f"{name}-{i}", place) for i in range(place.count)]
        self.format(place, words)
        return words

    def format(self, place, words):
        tier = [] if place.tier is None else ["--tier", place.tier]
        tools.output([self.programs["diskpaxos-yardstick"], "format", "--slots", place.slots, *tier, "--cells",
                      place.cells, "--ttl", place.ttl_ms, "--block-size", place.block, *words])

    def file(self, name, place):
        return self.stack.enter_context(disks.file(self.at(name), size_of(place)))

    def disk(self, name, place):
        if place.kind == "file" or self.files_only:
            return self.file(name, place)
        return self.stack.enter_context(disks.loop(self.at(name), size_of(place), place.block))

    def agent(self, name, folder=None):
        store, listening = os.path.join(folder or self.folder, name + ".store"), self.at(name + ".sock")
        agent = self.programs["diskpaxos-agent"]
        tools.output([agent, "create", store, "--blocks", 8192])
        self.stack.enter_context(tools.running([agent, "serve", "--store", "s=" + store, "--unix", listening],
                                               self.at("log")))
        tools.wait_for(lambda: tools.reaches(listening), "the agent")
        return "agent+unix://" + listening

    def units(self):
        return self.once("istgt", lambda: self.stack.enter_context(istgt.units(self.folder, 4)))

    # ---- programs that measure

    def by_yardstick(self, row, seconds):
        words = [self.programs["diskpaxos-yardstick"], plan.OPERATIONS[row.operation], "--processes", row.clients,
                 "--concurrency", row.at_once, "--seconds", f"{seconds:g}"]
        if row.operation == plan.BARE:
            words.append("--group")
        if row.held:
            words += ["--held", row.held]
        place, members = plan.PLACES[row.place], self.group(row.place)
        if place.emptied:
            self.format(place, members)
        words += members
        if place.kind == "fuse":
            return self.with_fault(row.fault, lambda: tools.measurement(words, seconds))
        told = tools.measurement(words, seconds)
        if row.operation in plan.WAITING:  # the machine was busy with others meanwhile
            told["per_operation"] = {name: value for name, value in told["per_operation"].items()
                                     if value and name != "machine_cpu_us"}
        return told

    def with_fault(self, fault, measure):
        """The last disk is at fault while it runs: whoever opens a group waits for its disks a while."""
        command = plan.FAULTS[fault][1] if fault else "clear"
        begin = threading.Timer(0.05, self.faulty.tell, (command,))
        begin.start()
        try:
            return measure()
        finally:
            begin.join()
            self.faulty.heal()

    def by_fio(self, row, seconds):
        place = plan.PLACES[row.place]
        target = self.once("fio " + row.place, lambda: self.disk("fio-" + row.place, place))
        return floor.fio(target, *row.words, row.at_once, seconds)

    def by_load(self, row, seconds):
        kind, *more = row.words
        if kind == "steps":
            folder = self.folder if more == ["durable"] else self.memory
            words = [self.once(" ".join(row.words), lambda: self.agent("steps-" + more[0], folder)), row.clients]
        elif kind in ("redis", "etcd"):
            words = [self.peer(kind).socket, row.clients]
        else:
            words = more
        return tools.measurement([self.programs["diskpaxos-load"], kind, *words, f"{seconds:g}"], seconds)

    def by_caw(self, row, seconds):
        return floor.compare_and_write(self.programs["diskpaxos-caw"], self.units()[3])

    def by_peer(self, row, seconds):
        name, mode = row.words
        return self.peer(name).measure(mode, row.clients, seconds)

    def peer(self, name):
        kind = next(one for one in peers.ALL if one.name == name)
        return self.once(name, lambda: self.stack.enter_context(kind(self.programs.tree).started(self.at(name))))


def size_of(place):
    """Enough for superblocks, slots and the rows of all cells, with a margin."""
    doors = 5  # at most
    row = (doors + place.slots * 2) * place.block
    return ((place.cells + 1) * row + (4 << 20)) // (1 << 20) * (1 << 20)
