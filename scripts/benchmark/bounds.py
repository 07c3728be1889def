"""What we hold ourselves to: ratios within one run, never times."""
import dataclasses

from benchmark import peers, plan, rounds


@dataclasses.dataclass(frozen=True)
class Bound:
    text: str
    ours: dict  # which row
    other: tuple  # the rows of which the best is what it is divided by
    figure: str  # of the rows
    limit: float
    at_most: bool = True  # else at least
    series: str = None


def usual(operation, at_once=1):
    return {"section": "ours", "place": plan.USUAL, "operation": operation, "clients": 1, "at_once": at_once}


def pairs(place, clients):
    return {"section": "peers", "place": place, "operation": plan.LOCK, "clients": clients}


def tuned_sanlock(clients):
    return tuple(pairs(plan.stranger(peers.Sanlock, mode), clients) for mode in peers.Sanlock.modes
                 if mode != "default")


def etcd(clients):
    return (pairs(plan.stranger(peers.Etcd, "lease"), clients),)


def fuse(fault):
    return {"section": "faults", "place": "fuse", "operation": plan.CHANGE, "fault": fault}


FLOOR = (usual(plan.BARE),)
BOUNDS = (
    Bound("change again, one at a time: p50 against the bare loop", usual(plan.CHANGE), FLOOR, "p50_us", 1.25),
    Bound("change cold: p50 against the bare loop", usual(plan.COLD), FLOOR, "p50_us", 2.6),
    Bound("acquire cold: p50 against the bare loop", usual("lock cold"), FLOOR, "p50_us", 2.6,
          series="acquire"),
    Bound("64 changes of different cells at once: rate against the bare loop at 64", usual(plan.CHANGE, 64),
          (usual(plan.BARE, 64),), "per_second", 0.7, at_most=False),
    *(Bound(f"pairs of acquire and release, {clients} client{'s' * (clients > 1)}, on {disks}: rate against {peer}",
            pairs(place, clients), other(clients), "per_second", limit, at_most=False)
      for peer, other, places, limits in (
          ("sanlock's best documented tuning on one disk", tuned_sanlock,
           ((plan.USUAL, "three disks"), ("one", "one disk")), (6, 4)),
          ("etcd with a lease, one member", etcd, (("files", "three files"), ("one-file", "one file")), (1.5, 1)))
      for clients, limit in zip((1, 8), limits) for place, disks in places),
    Bound("one of three disks delayed by 50 ms: p50 of a change against all sound", fuse("delayed"), (fuse(""),),
          "p50_us", 1.2),
    Bound("one of three disks hung: the same", fuse("hung"), (fuse(""),), "p50_us", 1.2),
)


def only(rows, wish):
    found = [row for row in rows if all(row[name] == value for name, value in wish.items())]
    return found[0] if len(found) == 1 else None


def best(rows, figure):
    """Of each round the sample that is hardest to match."""
    rated = max if figure == "per_second" else min
    worst = 0 if figure == "per_second" else float("inf")

    def value(sample):
        found = rounds.figure(sample, figure)
        return worst if found is None else found

    return [rated(samples, key=value) for samples in zip(*(row["rounds"] for row in rows))]


def verdict(bound, ratio):
    if ratio is None:
        return "not measured"
    within = ratio["median"] <= bound.limit if bound.at_most else ratio["median"] >= bound.limit
    return "met" if within else "not met"


def judge(rows):
    """Each bound with its ratio and verdict; the CPU time of a change is stated, not judged."""
    told = []
    for bound in BOUNDS:
        ours, others = only(rows, bound.ours), [row for wish in bound.other if (row := only(rows, wish))]
        ratio = None
        if ours and others:
            ratio = rounds.ratios(ours["rounds"], best(others, bound.figure), bound.figure, bound.series)
        told.append({"text": bound.text, "wish": f"{'at most' if bound.at_most else 'at least'} {bound.limit:g}",
                     "ratio": ratio, "verdict": verdict(bound, ratio)})
    change = only(rows, usual(plan.CHANGE))
    for name, what in (("cpu_us", "of the process"), ("machine_cpu_us", "of the whole machine, kernel threads too")):
        value = change and rounds.figures(change["rounds"], name)
        told.append({"text": f"CPU time of a change, {what}, in µs", "wish": "stated", "ratio": value,
                     "verdict": "stated" if value else "not measured"})
    return told
