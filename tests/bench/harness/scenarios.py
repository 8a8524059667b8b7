"""What is measured without TLS."""
import os
import re
import signal
import statistics
import time
from contextlib import ExitStack

from contest import (Contest, count, medians, microseconds, one_decimal, percent, ratios,
                     two_decimals)
from peers import Wanted
from processes import ALL_CORES, PROXY_CORE, Failed, Process
from table import COLUMNS, PROXIES, at_most, information, ratios_at_most

# What oxbow is to reach. Ratios are to the relay, unless the row says otherwise.
TARGETS = {
    "small": 1.10,
    "funnel": 1.10,
    "log": 1.15,
    "large": 1.00,  # to nginx
    "latency": 1.10,
    "idle": 1024,  # bytes of user memory a client
    "wake-ups": 2,  # a second
    "cap": 10,  # connections, exactly
    "workers": 1.08,  # CPU with two, times that with one
    "syscalls": 4.1,
    "instructions": 6000,
}


class Scenarios(Contest):
    """Without TLS."""

    SCENARIOS = ("small", "funnel", "log", "large", "latency", "idle", "cap", "workers",
                 "syscalls", "instructions")

    # CPU per request and per byte

    def _small(self):
        yield from self._cpu_rows("64 clients, 66 B", "small", COLUMNS, Wanted(pool=64), 64)

    def _funnel(self):
        yield from self._cpu_rows("512 clients over a pool of 16", "funnel", COLUMNS,
                                  Wanted(pool=16, cap=16), 512)

    def _log(self):
        written = []
        yield from self._cpu_rows("64 clients, JSON access log", "log", ("relay", "oxbow"),
                                  Wanted(pool=64, log=True), 64, written)
        if written:
            yield information("64 clients, JSON access log: lines per request",
                              {"oxbow": statistics.median(written)}, "{:.3f}".format)

    def _cpu_rows(self, title, target, names, wanted, clients, written=None):
        rounds, rates = self._rounds_of(names, wanted, clients, "/", _cpu_per_request, written)
        yield information(f"{title}: CPU per request", medians(rounds), microseconds)
        yield ratios_at_most(f"{title}: CPU, times the relay's", ratios(rounds, "relay"),
                             TARGETS[target])
        yield information(f"{title}: requests a second", medians(rates), count)

    def _large(self):
        for title, path, clients in (("64 clients, 16 KiB", "/16k", 64),
                                     ("16 clients, 1 MiB", "/1m", 16)):
            rounds, _ = self._rounds_of(COLUMNS, Wanted(pool=64), clients, path, _cpu_per_kib)
            yield information(f"{title}: CPU per KiB", medians(rounds), lambda ns: f"{ns:.0f} ns")
            yield ratios_at_most(f"{title}: CPU per byte, times nginx's",
                                 ratios(rounds, "nginx"), TARGETS["large"])

    def _rounds_of(self, names, wanted, clients, path, measure, written=None):
        """Two lists of rounds: what `measure` makes of the CPU, and requests a second. `written`
        takes the lines per request of the access logs, which are emptied after each visit: they
        would outgrow the memory."""
        def visit(proxy, seconds):
            before = proxy.cpu_ns()
            done = self._loads.wrk(proxy.port, clients, seconds, path)
            if proxy.access_log.exists():
                time.sleep(0.5)  # what is still on its way to the file belongs to the cost
            spent = proxy.cpu_ns() - before
            if proxy.access_log.exists():
                written.append(proxy.access_log.read_bytes().count(b"\n") / done.requests)
                os.truncate(proxy.access_log, 0)
            return measure(spent, done), done.requests / done.seconds

        with self._all_started(names, wanted) as proxies:
            rounds = self._in_turns(proxies, visit)
        return ([{name: figures[i] for name, figures in one.items()} for one in rounds]
                for i in range(2))

    # One client alone

    def _latency(self):
        requests = 2_000 if self._quick else 10_000
        rounds = []
        with self._all_started(COLUMNS, Wanted()) as proxies:
            for _ in range(3 if self._quick else 5):
                rounds.append({})
                for name, proxy in proxies.items():
                    with self._noted(name):
                        rounds[-1][name] = self._loads.ping(proxy.port, requests).median_ns
        yield information("one client alone: median latency", medians(rounds), microseconds)
        yield ratios_at_most("one client alone: latency, times the relay's",
                             ratios(rounds, "relay"), TARGETS["latency"])

    # Idle clients

    def _idle(self):
        clients = 1_000 if self._quick else 6_000

        def grown_and_woken(proxy):
            # By one client: what more of them leave behind would hide the growth.
            self._loads.ping(proxy.port, 10)
            before = proxy.memory()
            holder = self._loads.idle(proxy.port, clients)
            try:
                time.sleep(1)
                grown = proxy.memory() - before
                seen = proxy.wake_ups()
                time.sleep(5)
                return grown / clients, (proxy.wake_ups() - seen) / 5
            finally:
                holder.stop()

        found = self._each(PROXIES, Wanted(), grown_and_woken)
        yield at_most(f"{clients:,} idle clients: user memory each, bytes",
                      {name: grown for name, (grown, _) in found.items()}, TARGETS["idle"], count)
        yield at_most(f"{clients:,} idle clients: wake-ups a second",
                      {name: woken for name, (_, woken) in found.items()}, TARGETS["wake-ups"],
                      one_decimal)

    # The cap

    def _cap(self):
        cap = TARGETS["cap"]

        def opened_by(proxy):
            seen = len(self._origin.connections_log())
            self._loads.ping(proxy.port, 10_000, 100)
            return len(set(self._logged_after(seen, 10_000)))

        opened = self._each(("oxbow", "HAProxy"), Wanted(pool=cap, cap=cap), opened_by,
                            self._origin.counted_port)
        row = at_most(f"10,000 requests of 100 clients, at most {cap} connections: opened", opened,
                      cap, count, target=f"{cap}")
        row.met = opened.get("oxbow") == cap
        yield row

    def _logged_after(self, seen, requests):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            lines = self._origin.connections_log()[seen:]
            if len(lines) == requests:
                return lines
            time.sleep(0.05)
        raise Failed(f"the origin saw {len(lines)} requests instead of {requests}")

    # Several workers

    def _workers(self):
        """Everything shares all cores: what two threads cost beside one, not what they win."""
        title = "64 clients, all cores shared"
        rounds, rates, loads = [], [], []

        def visit(proxy, seconds=self._seconds):
            before = proxy.cpu_ns(), self._origin.cpu_ns()
            done = self._loads.wrk(proxy.port, 64, seconds, cores=ALL_CORES)
            spent = proxy.cpu_ns() - before[0]
            others = done.cpu_ns + self._origin.cpu_ns() - before[1]
            return spent / done.requests, done.requests / done.seconds, others / (others + spent)

        with ExitStack() as stack, self._noted("oxbow"):
            proxies = {}
            for number in (1, 2):
                wanted = Wanted(pool=64, workers=number, everywhere=True)
                proxies[number] = self._peers.start("oxbow", self._origin.port, wanted)
                stack.callback(proxies[number].stop)
                visit(proxies[number], 1)
            for _ in range(self._rounds):
                found = {number: visit(proxy) for number, proxy in proxies.items()}
                rounds.append({number: one[0] for number, one in found.items()})
                rates.append({number: one[1] for number, one in found.items()})
                loads.append({number: one[2] for number, one in found.items()})
        for number in (1, 2):
            of = f"{title}, workers: {number}"
            for what, figures, show in (("CPU per request", rounds, microseconds),
                                        ("requests a second", rates, count),
                                        ("share of load generator and origin", loads, percent)):
                values = [one[number] for one in figures]
                yield information(f"{of}: {what}",
                                  {"oxbow": statistics.median(values)} if values else {}, show)
        times = [one[2] / one[1] for one in rounds]
        yield ratios_at_most(f"{title}: CPU with 2 workers, times that with 1",
                             {"oxbow": times} if times else {}, TARGETS["workers"])

    # Counted rather than timed. Both take the difference of a short and a long run: what starting,
    # connecting and attaching cost is in both.

    def _syscalls(self):
        short, long = 64 * 100, 64 * 300

        def calls_per_request(proxy):
            self._loads.ping(proxy.port, 640, 64)
            calls = [self._traced_calls(proxy, requests) for requests in (short, long)]
            return (calls[1] - calls[0]) / (long - short)

        per_request = self._each(COLUMNS, Wanted(), calls_per_request)
        yield at_most("64 clients: system calls per request", per_request, TARGETS["syscalls"],
                      two_decimals)

    def _traced_calls(self, proxy, requests):
        tracer = Process("strace", ["strace", "-f", "-c", "-U", "calls,name", "-p", str(proxy.pid)],
                         PROXY_CORE, f"{proxy.name}.strace")
        try:
            deadline = time.monotonic() + 5
            while not proxy.traced():
                if time.monotonic() > deadline:
                    raise Failed(f"strace does not attach: {tracer.output()[-200:]}")
                time.sleep(0.02)
            self._loads.ping(proxy.port, requests, 64)
        finally:
            tracer.stop(signal.SIGINT)
        total = re.search(r"^\s*(\d+)\s+total$", tracer.output(), re.MULTILINE)
        if total is None:
            raise Failed(f"strace counted nothing: {tracer.output()[-200:]}")
        return int(total[1])

    def _instructions(self):
        per_request = {}
        short, long = 64 * 40, 64 * 120
        for name in COLUMNS:
            with self._noted(name):
                spent = [self._instructions_of(name, requests) for requests in (short, long)]
                per_request[name] = (spent[1] - spent[0]) / (long - short)
        yield at_most("64 clients: user instructions per request", per_request,
                      TARGETS["instructions"], count)

    def _instructions_of(self, name, requests):
        callgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
        proxy = self._peers.start(name, self._origin.port, Wanted(), callgrind, patience=30)
        try:
            self._loads.ping(proxy.port, requests, 64)
        finally:
            proxy.stop()
        collected = re.search(r"Collected : (\d+)", proxy.output())
        if collected is None:
            raise Failed(f"callgrind counted nothing: {proxy.output()[-200:]}")
        return int(collected[1])


def _cpu_per_request(ns, done):
    return ns / done.requests


def _cpu_per_kib(ns, done):
    return ns / (done.octets / 1024)
