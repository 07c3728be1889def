"""What a run says, as one JSON object; tables, plots and the page are drawn from nothing else."""
import json

from benchmark import bounds, plan, rounds

FORMAT = 1


def build(rows, samples, settings, machine, load, peers, left_out):
    def disks(text):
        return text.replace("loop device", "file") if settings["files_only"] else text

    told = []
    for row in rows:
        floor = plan.floor_of(row, rows)
        told.append({"key": disks(row.key), "section": row.section, "place": row.place, "group": disks(row.group),
                     "operation": row.operation, "name": row.name, "clients": row.clients, "at_once": row.at_once,
                     "fault": row.fault, "held": row.held, "floor": disks(floor.key) if floor else None,
                     "summary": rounds.summary(samples[row], samples[floor] if floor else None),
                     "rounds": samples[row]})
    report = {"format": FORMAT, "settings": settings, "machine": machine, "load": load, "peers": peers,
              "left_out": left_out, "rows": told}
    report["bounds"] = bounds.judge(told)
    return report


def load(path):
    with open(path) as file:
        report = json.load(file)
    if report.get("format") != FORMAT:
        raise SystemExit(f"bench: {path} is not a report of format {FORMAT}")
    return report


def save(report, path):
    with open(path, "w") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


def find(rows, **wish):
    return [row for row in rows if all(row[name] == value for name, value in wish.items())]


def sections(report):
    """(section, its title, [(place, its rows)]), in the order of the plan."""
    for section, title in plan.SECTIONS.items():
        groups = {}
        for row in find(report["rows"], section=section):
            groups.setdefault(row["group"], []).append(row)
        if groups:
            yield section, title, list(groups.items())


def failed(report):
    """Sentences: what did not come about, and in how many rounds."""
    for row in report["rows"]:
        if why := row["summary"]["failed"]:
            yield f"{row['key']}: {len(why)} of {len(row['rounds'])} rounds: {why[-1]}"
