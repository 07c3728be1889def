"""Rounds: each takes all measurements once, in an order of its own, so that a noisy machine troubles
all of them alike; what is compared is taken close together, as disks have moods that last for seconds.
Figures are medians of the rounds; a ratio is made within each round first.

A sample is what a program told, or {"failed": sentence}."""
import random
import statistics

from benchmark.tools import Failed


def in_some_order(rows, block, order):
    """Blocks in any order, and the rows of each block in any order."""
    blocks = {}
    for row in rows:
        blocks.setdefault(block(row), []).append(row)
    for one in order.sample(list(blocks.values()), len(blocks)):
        yield from order.sample(one, len(one))


def run(rows, count, measure, block=lambda row: None, order=random.Random(1), before_round=lambda number: None):
    """{row: a sample of each round}; `measure(row)` may raise Failed, which stops nothing. Rows of one
    `block` are measured one after the other."""
    samples = {row: [] for row in rows}
    for number in range(count):
        before_round(number)
        for row in in_some_order(rows, block, order):
            try:
                samples[row].append(measure(row))
            except Failed as why:
                samples[row].append({"failed": str(why)})
    return samples


def figure(sample, name, series=None):
    """None where there is no such figure: it failed, or it is not counted there."""
    if sample is None or "failed" in sample:
        return None
    if name == "per_second":
        return sample["per_second"]
    if name in ("p50_us", "p99_us"):
        all_series = sample.get("series", {})
        return all_series.get(series or main_series(sample), {}).get(name)
    return sample.get("per_operation", {}).get(name)


def main_series(sample):
    names = list(sample.get("series", {}))
    return "pair" if "pair" in names else names[0] if names else None


def spread(values):
    """Median and range of what is there; None if nothing is."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": len(values)}


def figures(samples, name, series=None):
    return spread([figure(sample, name, series) for sample in samples])


def ratios(samples, floor, name, series=None):
    """Of each round in which both are there: a noisy round is noisy for both."""
    pairs = [(figure(a, name, series), figure(b, name)) for a, b in zip(samples, floor)]
    return spread([a / b for a, b in pairs if a is not None and b])


def failures(samples):
    return [sample["failed"] for sample in samples if "failed" in sample]


def summary(samples, floor=None):
    """All medians and ranges of one row, for the JSON, the tables and the page."""
    good = [sample for sample in samples if "failed" not in sample]
    if not good:
        return {"failed": failures(samples)}
    result = {"per_second": figures(samples, "per_second"), "failed": failures(samples), "series": {},
              "per_operation": {}}
    for series in good[0].get("series", {}):
        one = {name: figures(samples, name, series) for name in ("p50_us", "p99_us")}
        if floor is not None:
            one["ratio"] = ratios(samples, floor, "p50_us", series)
        result["series"][series] = one
    for name in good[0].get("per_operation", {}):
        result["per_operation"][name] = figures(samples, name)
    if floor is not None:
        result["rate_ratio"] = ratios(samples, floor, "per_second")
    result["main"] = main_series(good[0])
    return result
