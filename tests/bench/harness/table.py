"""The table of results, in Markdown."""
import statistics
from dataclasses import dataclass, field

COLUMNS = ("relay", "oxbow", "nginx", "HAProxy")
PROXIES = COLUMNS[1:]


@dataclass
class Row:
    """One measurement of each column. `target` is what oxbow is to reach; without one, the row
    informs only, and `met` does not count."""
    what: str
    cells: dict = field(default_factory=dict)
    target: str = ""
    met: bool = False

    def verdict(self):
        if not self.target:
            return ""
        return "PASS" if self.met else "MISS"


def at_most(what, values, limit, show, target=None):
    """The row of a figure that oxbow keeps below `limit`; `values` has no oxbow when it failed."""
    met = "oxbow" in values and values["oxbow"] <= limit
    cells = {name: show(value) for name, value in values.items()}
    return Row(what, cells, target or f"≤ {show(limit)}", met)


def at_least(what, values, limit, show):
    """The row of a figure that oxbow keeps above `limit`."""
    row = at_most(what, values, limit, show, target=f"≥ {show(limit)}")
    row.met = "oxbow" in values and values["oxbow"] >= limit
    return row


def ratios_at_most(what, ratios, limit):
    """The row of the medians of `ratios`, a list for each column, with their range."""
    return _ratios(what, ratios, f"≤ {limit:.2f}", lambda median: median <= limit)


def ratios_below(what, ratios, limit):
    return _ratios(what, ratios, f"< {limit:.2f}", lambda median: median < limit)


def ratios_above(what, ratios, limit):
    return _ratios(what, ratios, f"> {limit:.2f}", lambda median: median > limit)


def _ratios(what, ratios, target, is_met):
    medians = {name: statistics.median(values) for name, values in ratios.items()}
    cells = {name: f"{medians[name]:.3f} ({min(values):.2f}–{max(values):.2f})"
             for name, values in ratios.items()}
    return Row(what, cells, target, "oxbow" in medians and is_met(medians["oxbow"]))


def information(what, values, show):
    return Row(what, {name: show(value) for name, value in values.items()})


def markdown(rows):
    lines = ["| | " + " | ".join(COLUMNS) + " | target for oxbow | |",
             "| --- |" + " ---: |" * len(COLUMNS) + " --- | --- |"]
    for row in rows:
        cells = [row.cells.get(name, "–") for name in COLUMNS]
        lines.append(f"| {row.what} | {' | '.join(cells)} | {row.target} | {row.verdict()} |")
    return "\n".join(lines)


def tally(rows):
    judged = [row for row in rows if row.target]
    met = sum(row.met for row in judged)
    return met, len(judged) - met
