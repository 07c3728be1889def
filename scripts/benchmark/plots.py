"""Plots of a report, drawn by gnuplot as SVG. Greys and colours of middle lightness on no background:
they are read on white as on black."""
import os
import shutil
import subprocess

from benchmark import peers, plan
from benchmark.report import find

GREY = "#767676"
COLOURS = ("#808080", "#3b82c4", "#d9730d", "#2f9e6e", "#a463c8", "#d1495b", "#9a8700", "#2a9fb5",
           "#a8693f", "#6a74d8")
POINTS = (7, 5, 9, 11, 13, 7, 5)
FROM_ZERO = ["set format y '%g'", "set yrange [0:*]", "set offsets graph 0.04, graph 0.04, graph 0.06, 0"]
LONG_KEY = "set key outside below left maxcols 2"
NONE = "no gnuplot here: the plots are left out"

STYLE = f"""set terminal svg size 760,HEIGHT font 'Arial,13' dynamic
set encoding utf8
set border 3 linecolor '{GREY}'
set tics nomirror textcolor '{GREY}'
set grid ytics linecolor '{GREY}' linewidth 0.3 dashtype 3
set key outside right top Left reverse samplen 1.5 spacing 1.25 textcolor '{GREY}'
set title textcolor '{GREY}'
set xlabel textcolor '{GREY}'
set ylabel textcolor '{GREY}'
set pointintervalbox 0
set offsets graph 0.04, graph 0.04, 0, 0
set format y '%.0s%c'
"""


def install():
    if shutil.which("gnuplot"):
        return []
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", *peers.APT]
    peers.run([*apt, "update"])
    peers.run([*apt, "install", "-y", "--no-install-recommends", "gnuplot-nox"])
    return ["installed gnuplot-nox"]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Plot:
    between = "\n"  # the points of a line; with an empty line they are not joined

    def __init__(self, name, title, x, y, height=420):
        self.name, self.height = name, height
        self.title = title
        self.settings = [f"set title {quoted(title)}", f"set xlabel '{x}'", f"set ylabel '{y}'"]
        self.lines = []  # (label, [(x, median, low, high)])

    def line(self, label, points):
        points = [(x, one["median"], one["low"], one["high"]) for x, one in points if one is not None]
        if points:
            self.lines.append((label, points))

    @property
    def worth_drawing(self):
        return any(len(points) > 2 for _, points in self.lines)

    def script(self, folder):
        yield STYLE.replace("HEIGHT", str(self.height))
        yield f"set output '{os.path.join(folder, self.name)}.svg'"
        yield from self.settings
        for i, (_, points) in enumerate(self.lines):
            yield f"$line{i} << END"
            yield self.between.join(" ".join(f"{value:g}" for value in point) for point in points)
            yield "END"
        drawn = []
        for i, (label, _) in enumerate(self.lines):
            look = f"linecolor '{COLOURS[i % len(COLOURS)]}' pointtype {POINTS[i % len(POINTS)]} pointsize 0.7"
            look += " dashtype 2" * (i >= len(COLOURS))
            drawn.append(f"$line{i} with yerrorlines {look} linewidth 1.8 title {quoted(label)}")
        yield "plot " + ", ".join(drawn)
        yield "unset output\nreset"


def of(row, figure):
    summary = row["summary"]
    if "main" not in summary:
        return None
    if figure == "per_second":
        return summary["per_second"]
    if figure == "p50_us":
        return summary["series"][summary["main"]]["p50_us"]
    return summary["per_operation"].get(figure)


def curve(plot, label, rows, x, figure):
    rows = sorted(rows, key=lambda row: row[x])
    plot.line(label, [(row[x], of(row, figure)) for row in rows])


def counted(plot, axis, values):
    """A logarithmic axis with a tic where something was measured."""
    tics = ", ".join(f"'{value:,}' {value}".replace(",", " ", value >= 1000) for value in values)
    plot.settings += [f"set logscale {axis} 2", f"set {axis}tics ({tics})"]


class Latency(Plot):
    """p50 with its range, and p99, of each operation; the bare loop's p50 is a line across."""
    between = "\n\n"

    def __init__(self, rows):
        super().__init__("latency", "One operation at a time", "", "µs (p50 and its range, p99)")
        self.tics, bare = [], None
        middle, late = [], []
        for row in [*find(rows, section="ours", place=plan.USUAL, clients=1, at_once=1),
                    *find(rows, section="ours", operation="propose", at_once=1)]:
            summary = row["summary"]
            for series, times in summary.get("series", {}).items():
                if series == "pair" or times["p50_us"] is None:
                    continue
                label = row["name"].replace("lock", series)
                if label == row["name"] and series != summary["main"]:
                    label += f", {series}"
                x = len(self.tics)
                self.tics.append(f"{quoted(label)} {x}")
                middle.append((x, times["p50_us"]))
                late.append((x, times["p99_us"]))
                if row["operation"] == plan.BARE:
                    bare = times["p50_us"]["median"]
        self.line("p50", middle)
        self.line("p99", late)
        self.settings += [f"set xtics ({', '.join(self.tics)}) rotate by -35", "set logscale y", "set bmargin 7",
                          f"set xrange [-0.5:{len(self.tics) - 0.5}]"]
        if bare:
            self.settings.append(f"set arrow 1 from graph 0, first {bare:g} to graph 1, first {bare:g} nohead "
                                 f"linecolor '{COLOURS[0]}' dashtype 2")


def throughput(rows):
    plot = Plot("throughput", "Operations a second against operations at once, in one process", "at once",
                "a second")
    counted(plot, "x", (1, 8, 64))
    plot.settings.append("set logscale y")
    for operation, place in ((plan.BARE, plan.USUAL), (plan.CHANGE, plan.USUAL), (plan.COLD, plan.USUAL),
                             ("propose", "empty"), ("read", plan.USUAL)):
        curve(plot, operation, find(rows, section="ours", place=place, operation=operation, clients=1), "at_once",
              "per_second")
    for place in ("agent", "agents"):
        curve(plot, f"change again, {plan.PLACES[place].label}",
              find(rows, section="agents", place=place, operation=plan.CHANGE, clients=1), "at_once", "per_second")
    return plot


def pairs(rows):
    plot = Plot("pairs", "Pairs of acquire and release a second, each client on its own lock", "clients", "a second",
                height=560)
    plot.settings.append(LONG_KEY)
    counted(plot, "x", (1, 8, 32))
    plot.settings.append("set logscale y")
    mine = find(rows, section="peers", operation=plan.LOCK)
    for group in dict.fromkeys(row["group"] for row in mine):
        theirs = find(mine, group=group)[0]["place"] == group
        label = group.split(":")[0] if theirs else "ours, " + group
        curve(plot, label, find(mine, group=group), "clients", "per_second")
    return plot


def answers(rows):
    plot = Plot("steps", "Compare and set: answers of one server a second", "connections", "a second", height=480)
    plot.settings.append(LONG_KEY)
    counted(plot, "x", (1, 64, 1024))
    plot.settings.append("set logscale y")
    mine = find(rows, section="agents", operation="step")
    for group in dict.fromkeys(row["group"] for row in mine):
        curve(plot, group, find(mine, group=group), "clients", "per_second")
    return plot


def slots(rows):
    plot = Plot("slots", "Latency against slots of the group, one operation at a time", "slots",
                "p50 in µs, with its range")
    counted(plot, "x", (8, 32, 128))
    plot.settings += FROM_ZERO
    places = ("slots-8", plan.USUAL, "slots-128")
    for operation in (plan.BARE, plan.CHANGE, plan.COLD, "read", plan.LOCK):
        found = [(plan.PLACES[place].slots, row) for place in places
                 for row in find(rows, section="ours", place=place, operation=operation, clients=1, at_once=1)]
        plot.line(operation, [(x, of(row, "p50_us")) for x, row in found])
    whole = [(plan.PLACES[place].slots, row) for place in ("slots-8", "whole", "whole-128")
             for row in find(rows, section="ours", place=place, operation=plan.CHANGE, clients=1, at_once=1)]
    plot.line(plan.CHANGE + ", rows read whole", [(x, of(row, "p50_us")) for x, row in whole])
    return plot


def clients(rows):
    plot = Plot("clients", "Latency against processes, each on its own cell or lock", "processes",
                "p50 in µs, with its range")
    counted(plot, "x", (1, 8, 32))
    plot.settings.append("set logscale y")
    for operation in (plan.BARE, plan.CHANGE, "read", plan.LOCK):
        curve(plot, operation, find(rows, section="ours", place="many", operation=operation, at_once=1), "clients",
              "p50_us")
    return plot


def held(rows):
    plot = Plot("held", "Renewing a session with many locks: what it costs", "locks held", "I/Os of one renewal")
    plot.settings += ["set logscale x", *FROM_ZERO]
    for figure in ("writes", "reads"):
        curve(plot, f"{figure}, all disks", find(rows, section="locks", operation="renew"), "held", figure)
    return plot


def draw(report, folder):
    """Draws what there is to draw: [(name, title)]; NONE where there is no gnuplot."""
    if not shutil.which("gnuplot"):
        return NONE
    os.makedirs(folder, exist_ok=True)
    rows = report["rows"]
    made = [plot for plot in (Latency(rows), throughput(rows), pairs(rows), answers(rows), slots(rows), clients(rows),
                              held(rows)) if plot.worth_drawing]
    for plot in made:
        subprocess.run(["gnuplot"], input="\n".join(plot.script(folder)), text=True, check=True)
    return [(plot.name, plot.title) for plot in made]
