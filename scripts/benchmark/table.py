"""Tables of a report: as text for the terminal, in Markdown for the page. Cells are the same."""
from benchmark import report as reports


def number(value):
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median(spread, form=number):
    return "" if spread is None else form(spread["median"])


def ranged(spread, form=number):
    if spread is None:
        return ""
    return f"{form(spread['median'])} ({form(spread['low'])}–{form(spread['high'])})"


def ratio(spread):
    return ranged(spread, lambda value: f"{value:.2f}")


HEAD = ("", "p50 µs", "p99 µs", "a second", "× bare loop", "writes/reads", "subm.", "CPU µs", "machine", "alloc.")


def short(spread):
    """Counts per operation: whole numbers as such."""
    if spread is None:
        return ""
    value = spread["median"]
    return f"{value:.0f}" if abs(value - round(value)) < 0.005 else f"{value:.2f}"


def exchanged(costs):
    """I/Os on all disks together; with agents, messages."""
    told = [f"{short(costs.get(a)) or 0}/{short(costs.get(b)) or 0}{unit}"
            for a, b, unit in (("writes", "reads", ""), ("sends", "receives", " msg"))
            if any(costs.get(name) and costs[name]["median"] > 0 for name in (a, b))]
    return ", ".join(told)


def row_cells(row):
    """The line of a row, and one for each further series of it."""
    summary = row["summary"]
    if "main" not in summary:
        return [(row["name"], "failed", *[""] * (len(HEAD) - 2))]
    series, costs = summary["series"], summary["per_operation"]
    main = series.get(summary["main"], {})
    lines = [(row["name"], ranged(main.get("p50_us")), median(main.get("p99_us")), ranged(summary["per_second"]),
              ratio(main.get("ratio")), exchanged(costs), short(costs.get("submissions")),
              median(costs.get("cpu_us")), median(costs.get("machine_cpu_us")), short(costs.get("allocations")))]
    for name, times in series.items():
        if name != summary["main"]:
            lines.append((f"· {name}", ranged(times["p50_us"]), median(times["p99_us"]), "", ratio(times.get("ratio")),
                          *[""] * (len(HEAD) - 5)))
    return lines


def bound_cells(report):
    head = ("bound", "wanted", "measured", "")
    return head, [(one["text"], one["wish"], ratio(one["ratio"]), one["verdict"]) for one in report["bounds"]]


def aligned(head, lines):
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    for line in (head, *lines):
        first = line[0].ljust(widths[0])
        yield "  ".join([first, *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]).rstrip()


def markdown(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|--:" * (len(head) - 1) + "|"
    for line in lines:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"


def load_of(report):
    load = report["load"]
    others = sorted(load["others_busy"]) or [0]
    return (f"load average {load['load_before']:.2f} before, {load['load_highest']:.2f} at most, "
            f"{load['load_after']:.2f} after; busy {load['busy']:.0%} of the time, {load['stolen']:.1%} stolen by the "
            f"host; while we held still others kept it busy to {others[0]:.0%}–{others[-1]:.0%}")


def text(report):
    machine, settings = report["machine"], report["settings"]
    yield (f"diskpaxos {machine['commit']}{', changed' * machine['changed']}, {machine['date']}: {machine['cores']} x "
           f"{machine['cpu']}, Linux {machine['kernel']}, {machine['file_system']} on {machine['disk']['name']}")
    yield load_of(report)
    yield f"medians of {settings['rounds']} rounds of {settings['seconds']:g} s each, and their range"
    for _, title, groups in reports.sections(report):
        yield from ("", title)
        for group, rows in groups:
            yield ""
            yield from aligned((group, *HEAD[1:]), [line for row in rows for line in row_cells(row)])
    yield ""
    yield from aligned(*bound_cells(report))
    for sentence in report["left_out"]:
        yield f"left out: {sentence}"
    for sentence in reports.failed(report):
        yield f"failed: {sentence}"
