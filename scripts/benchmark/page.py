"""docs/benchmarks.md, written from a report."""
import os

from benchmark import plan, report as reports, table

PLOTTED = {"ours": ("latency", "throughput", "slots", "clients"), "agents": ("steps",), "peers": ("pairs",),
           "locks": ("held",)}
NOTES = {
    "ours": "All rows of one place share a group and its names. Where a cold operation shows four submissions instead of "
            "three, its name's first cell belongs to another name already, and it looks at the next one: a read more. Who is "
            "new to a cell that others use behind a door reads there twice as well. The group with 8 slots has no doors; "
            "*rows read whole* are those of a group formatted without.",
    "faults": "The disks are files by FUSE that answer from memory, each by a daemon of its own, so that what counts "
              "is the ratio to all sound. The fault begins while the program runs, before what is counted; a disk "
              "that does not count in time is spared further writes, and so two disks cost less than three.",
    "agents": "The agents run on the same machine, by UNIX sockets, their stores on the same disk. istgt writes "
              "without flushing: its figures show what the client does, not what a durable array would.",
    "peers": "Each client is a process of its own with a lock of its own.",
    "locks": "A renewal is one change of the session's own cell, however many locks it holds. A take-over is from "
             "kill -9 of the holder to the token of the one that waits, which is at least a TTL.",
}
METHOD = """\
Every round takes all measurements of a section once, in an order of its own, so that a noisy machine troubles all
alike. Shown are medians of the rounds, with the range in parentheses. A ratio is made within each round and is itself
a median of those; **ratios travel, times do not**. The *bare loop* is the floor: one linked durable write and row
read on every disk, all in one submission, without any protocol; a round of it ends when a majority has answered, as
ours does. `× bare loop` compares with as many processes and operations at once. *Again*: by the process that did it
last; *cold*: by a process new to the cell, joining not counted. Writes, reads, submissions to the kernel, allocations
and CPU time are per operation, of all disks together; of a lock per pair of acquire and release. *CPU* is the time of
the measuring processes, *machine* that of everything that ran meanwhile: kernel threads, agents and servers too, and
whatever else kept the machine busy."""
WEAK = """\
- Every operation waits for the disks: two durable rounds cold, one again. A server that keeps its state in memory and
  writes one log has less to wait for: where a peer is faster, its table says by how much.
- A look costs a read of other processes' slots on each disk: see the plot against slots.
- Many processes on passive disks share the disks' time: p50 rises with them, as it does for the bare loop.
- All disks here are files of one device, so that three writes queue behind one another. That is the worst case for a
  majority of disks, and no server in these tables pays it."""


def facts(report):
    machine, load, settings = report["machine"], report["load"], report["settings"]
    disk = machine["disk"]
    yield (f"- **Machine**: {machine['cores']} × {machine['cpu']}{', virtual' * machine['virtual']}, "
           f"{machine['memory_mib'] / 1024:.0f} GiB, Linux {machine['kernel']}, frequency governor: "
           f"{machine['governor']}.")
    yield (f"- **Disk**: {machine['file_system']} on {disk['name']} ({disk['model']}), cache: {disk['write_cache']}, "
           f"FUA: {disk['fua']}, blocks of {disk['logical_block_size']} on {disk['physical_block_size']} bytes, "
           f"scheduler: {disk['scheduler']}. Files and loop devices (direct I/O) lie on it, every block written "
           "beforehand.")
    yield f"- **Commit**: {machine['commit']}{', with changes' * machine['changed']}. **Date**: {machine['date']}."
    yield f"- **Rounds**: {settings['rounds']} of {settings['seconds']:g} s each, after a warm-up."
    yield f"- **Load**: {table.load_of(report)}." if load else ""
    if report["peers"]:
        yield "- **Peers**: " + ", ".join(f"{name} {one['version']}" for name, one in report["peers"].items()) + "."


def plot_lines(names, drawn, folder):
    for name, title in drawn:
        if name in names:
            yield from ("", f"![{title}]({os.path.join(folder, name)}.svg)")


def section_lines(report, section, title, groups, drawn, folder):
    yield from ("", f"## {title}")
    if section in NOTES:
        yield from ("", NOTES[section])
    yield from plot_lines(PLOTTED.get(section, ()), drawn, folder)
    for group, rows in groups:
        lines = [line for row in rows for line in table.row_cells(row)]
        yield from ("", *table.markdown((group, *table.HEAD[1:]), lines))
    if section == "peers":
        for name, one in report["peers"].items():
            yield from ("", f"**{name}**: {one['facts']}")


def lines(report, drawn, folder):
    yield "# Benchmarks"
    yield ""
    yield ("*Written by `scripts/bench`; do not edit.* One command puts diskpaxos beside the floor that the disks set, "
           "and beside what people use today:")
    yield ""
    yield "    scripts/bench --install --json bench.json --page docs/benchmarks.md --plots docs/benchmarks"
    yield ""
    yield from facts(report)
    yield from ("", "## What we hold ourselves to", "")
    yield from table.markdown(*table.bound_cells(report))
    yield from ("", "## How it is measured", "", METHOD)
    for section, title, groups in reports.sections(report):
        yield from section_lines(report, section, title, groups, drawn, folder)
    yield from ("", "## Weak points", "", WEAK)
    left_out = [*report["left_out"], *(f"failed: {sentence}" for sentence in reports.failed(report)),
                *(f"not measured: {title}" for section, title in plan.SECTIONS.items()
                  if not reports.find(report["rows"], section=section))]
    if left_out:
        yield from ("", "## What was left out", "", *(f"- {sentence}" for sentence in left_out))


def write(report, path, drawn, plots):
    """`plots`: the folder of the plots, `drawn`: what plots.draw made of them."""
    folder = os.path.relpath(plots, os.path.dirname(os.path.abspath(path))) if plots else ""
    with open(path, "w") as file:
        file.write("\n".join(lines(report, drawn, folder)) + "\n")
