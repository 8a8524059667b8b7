"""What every scenario does: starts contestants, visits them in turns, notes who failed."""
import statistics
from contextlib import ExitStack, contextmanager

from processes import Failed


class Contest:
    """Scenarios on one origin, the methods whose names SCENARIOS lists; each yields rows. `notes`
    collects what failed, in words, for below the table."""

    SCENARIOS = ()

    def __init__(self, origin, peers, loads, quick, notes):
        self._scenario = ""
        self._origin = origin
        self._peers = peers
        self._loads = loads
        self._rounds = 3 if quick else 7
        self._seconds = 1 if quick else 2
        self._quick = quick
        self._notes = notes

    def run(self, name):
        self._scenario = name
        return list(getattr(self, f"_{name.replace('-', '_')}")())

    def _in_turns(self, contestants, visit):
        """What `visit` says of each contestant, by name, a round after the other. Figures are
        compared within a round only, because the machine does not stay the same for minutes."""
        for name, contestant in contestants.items():
            with self._noted(name):
                visit(contestant, 1)
        rounds = []
        for _ in range(self._rounds):
            rounds.append({})
            for name, contestant in contestants.items():
                with self._noted(name):
                    rounds[-1][name] = visit(contestant, self._seconds)
        return rounds

    def _each(self, names, wanted, measure, origin_port=None):
        """What `measure` says of each peer, one running at a time; nothing of those that fail."""
        found = {}
        for name in names:
            with self._noted(name):
                proxy = self._peers.start(name, origin_port or self._origin.port, wanted)
                try:
                    found[name] = measure(proxy)
                finally:
                    proxy.stop()
        return found

    @contextmanager
    def _all_started(self, names, wanted, origin_port=None):
        with ExitStack() as stack:
            yield self._started(stack, names, wanted, origin_port)

    def _started(self, stack, names, wanted, origin_port=None):
        """Those that start, by name; they run as long as `stack`."""
        proxies = {}
        for name in names:
            with self._noted(name):
                proxies[name] = self._peers.start(name, origin_port or self._origin.port, wanted)
                stack.callback(proxies[name].stop)
        return proxies

    @contextmanager
    def _noted(self, name):
        try:
            yield
        except Failed as failure:
            note = f"{self._scenario}, {name}: {' '.join(str(failure).split())}"
            if note not in self._notes:
                self._notes.append(note)


def medians(rounds):
    names = {name for one in rounds for name in one}
    return {name: statistics.median(one[name] for one in rounds if name in one) for name in names}


def ratios(rounds, base):
    """The figures of each contestant that was there in every round, divided by that of `base` in
    the same round."""
    names = {name for one in rounds for name in one}
    return {name: [one[name] / one[base] for one in rounds]
            for name in names if all(name in one and base in one for one in rounds)}


def microseconds(ns):
    return f"{ns / 1000:.2f} µs"


def count(value):
    return f"{value:,.0f}"


def one_decimal(value):
    return f"{value:,.1f}"


def two_decimals(value):
    return f"{value:,.2f}"


def percent(share):
    return f"{share:.0%}"
