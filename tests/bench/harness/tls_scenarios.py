"""What is measured with TLS. All certificates have P-256 keys; see tls.py for the rest."""
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass

from contest import Contest, count, medians, microseconds, percent, ratios
from origins import SMALL_BODY
from peers import Wanted
from processes import PROXY_CORE, Failed, Process
from table import PROXIES, at_least, information, ratios_above, ratios_at_most, ratios_below
from tls import VERSIONS, Tls, agreed

# What oxbow is to reach, beside being ahead of nginx and of HAProxy.
TARGETS = {
    "resumed": {"TLSv1.3": 0.60, "TLSv1.2": 0.30},  # CPU, times that without resumption
    "warm": 0.25,  # what short-lived clients cost and wait, times that without a proxy
    "burst": 0.99,  # of the connections are resumed
}

CLIENTS = 64
ARRIVALS = 200  # short-lived clients a second
IDLE_CLIENTS = 2_000
BURST = 200  # connections


@dataclass
class Visit:
    """What a visit found out of a proxy; CPU in nanoseconds, shares of one core."""
    cpu: float           # of the proxy, for a request
    rate: float          # requests a second
    own_share: float     # of its core that the proxy took
    origin_share: float  # of its core that the origin took
    resumed: float = 0   # of the connections to the origin


@dataclass
class ShortVisit:
    """CPU in nanoseconds for a request."""
    others: float   # of clients and origin
    proxy: float
    latency: float  # median, nanoseconds
    opened: float   # connections to the origin for a request


class TlsScenarios(Contest):
    SCENARIOS = ("tls-small", "tls-connect", "tls-short", "tls-idle", "tls-burst")

    def __init__(self, origin, tls_origin, peers, loads, quick, notes):
        super().__init__(origin, peers, loads, quick, notes)
        self._tls_origin = tls_origin

    # CPU per request over connections that stay

    def _tls_small(self):
        yield from self._small_rows("TLS clients", Wanted(clients_tls=Tls()))
        yield from self._small_rows("TLS origin", Wanted(origin_tls=Tls()))
        yield from self._small_rows("TLS on both sides", Wanted(clients_tls=Tls(),
                                                                origin_tls=Tls()))

    def _small_rows(self, what, wanted):
        title = f"{what}, {CLIENTS} clients, 66 B"
        secure = wanted.clients_tls is not None
        origin = self._tls_origin if wanted.origin_tls else self._origin
        port = self._tls_origin.ports["TLSv1.3"] if wanted.origin_tls else self._origin.port

        def visit(proxy, seconds):
            return self._visit(proxy, origin, seconds, secure=secure)

        with ExitStack() as stack:
            proxies = self._checked(stack, PROXIES, wanted, port)
            rounds = self._in_turns(proxies, visit)
        cpu = _figures(rounds, "cpu")
        yield information(f"{title}: CPU per request", medians(cpu), microseconds)
        for peer in ("nginx", "HAProxy"):
            yield ratios_below(f"{title}: CPU, times {peer}'s", ratios(cpu, peer), 1)
        yield information(f"{title}: requests a second", medians(_figures(rounds, "rate")), count)

    def _visit(self, proxy, origin, seconds, **load):
        before = proxy.cpu_ns(), origin.cpu_ns()
        done = self._loads.wrk(proxy.port, CLIENTS, seconds, **load)
        own, others = proxy.cpu_ns() - before[0], origin.cpu_ns() - before[1]
        wall = done.seconds * 1e9
        return Visit(own / done.requests, done.requests / done.seconds, own / wall, others / wall)

    # A new connection to the origin for each request

    def _tls_connect(self):
        for version in VERSIONS:
            yield from self._connect_rows(version)

    def _connect_rows(self, version):
        title = f"{version}, P-256, a new connection each request"
        with ExitStack() as stack:
            resuming = self._connecting(stack, version, True)
            others = self._connecting(stack, version, False)
            contestants = {name: (proxy, True) for name, proxy in resuming.items()}
            contestants |= {_without(name): (proxy, False) for name, proxy in others.items()}
            stack.callback(_neighbour().stop)
            rounds = self._in_turns(contestants, self._visit_connecting)
        resumed = [{name: one[name] for name in PROXIES if name in one} for one in rounds]
        whole = [{name: one[_without(name)] for name in PROXIES if _without(name) in one}
                 for one in rounds]
        yield from self._resumption_rows(title, resumed, whole, TARGETS["resumed"][version])
        yield from self._rate_rows(title, resumed)

    def _connecting(self, stack, version, resume):
        wanted = Wanted(pool=0, connecting=CLIENTS, origin_tls=Tls(version, resume))
        return self._checked(stack, PROXIES, wanted, self._tls_origin.logged_ports[version])

    def _visit_connecting(self, contestant, seconds):
        proxy, resume = contestant
        self._loads.ask(proxy.port)  # the end of the last load may have spoilt its sessions
        self._tls_origin.forget()
        visit = self._visit(proxy, self._tls_origin, seconds)
        answered = self._answered_in_the_end()
        if len({one.connection for one in answered}) < len(answered):
            raise Failed("connections to the origin were used twice")
        visit.resumed = _share_resumed(answered)
        if visit.resumed < 0.5 if resume else visit.resumed > 0:
            raise Failed(f"{visit.resumed:.0%} of the connections to the origin were resumed")
        return visit

    def _answered_in_the_end(self):
        """What the load left behind when it stopped counts as well, and not for the next visit."""
        deadline = time.monotonic() + 10
        answered = []
        while time.monotonic() < deadline:
            before, answered = answered, self._tls_origin.answered()
            if len(answered) == len(before):
                return answered
            time.sleep(0.3)
        raise Failed("requests go on without a load")

    @staticmethod
    def _resumption_rows(title, resumed, whole, limit):
        cpu, cpu_whole = _figures(resumed, "cpu"), _figures(whole, "cpu")
        yield information(f"{title}: resumed, as the origin says",
                          medians(_figures(resumed, "resumed")), "{:.1%}".format)
        yield information(f"{title}: CPU each, resumed", medians(cpu), microseconds)
        yield information(f"{title}: CPU each, full handshakes", medians(cpu_whole), microseconds)
        yield ratios_at_most(f"{title}: CPU resumed, times that of full handshakes",
                             _quotients(cpu, cpu_whole), limit)

    @staticmethod
    def _rate_rows(title, resumed):
        rate = _figures(resumed, "rate")
        yield information(f"{title}: a second, resumed", medians(rate), count)
        for peer in ("nginx", "HAProxy"):
            yield ratios_above(f"{title}: a second, times {peer}'s", ratios(rate, peer), 1)
        yield information(f"{title}: share of its core that the proxy took",
                          medians(_figures(resumed, "own_share")), percent)
        yield information(f"{title}: share of its core that the origin took",
                          medians(_figures(resumed, "origin_share")), percent)

    # Short-lived clients: through a warm pool, or by themselves

    def _tls_short(self):
        title = f"{ARRIVALS} short-lived clients a second, TLS origin, P-256"
        port = self._tls_origin.ports["TLSv1.3"]
        with ExitStack() as stack:
            proxies = self._checked(stack, PROXIES, Wanted(origin_tls=Tls()), port)
            rounds = self._in_turns({"direct": None, **proxies}, self._visit_short)
        others, latency = _figures(rounds, "others"), _figures(rounds, "latency")
        yield information(f"{title}: CPU of client and origin, for a request", medians(others),
                          microseconds)
        yield ratios_at_most(f"{title}: CPU of client and origin, times that of full handshakes",
                             ratios(others, "direct"), TARGETS["warm"])
        yield information(f"{title}: CPU of the proxy, for a request",
                          medians(_figures(rounds, "proxy")), microseconds)
        yield information(f"{title}: median time", medians(latency), microseconds)
        yield ratios_at_most(f"{title}: median time, times that of full handshakes",
                             ratios(latency, "direct"), TARGETS["warm"])
        yield information(f"{title}: connections to the origin for a request",
                          medians(_figures(rounds, "opened")), "{:.3f}".format)

    def _visit_short(self, proxy, seconds):
        """Without a proxy the clients go to the origin themselves."""
        port = proxy.port if proxy else self._tls_origin.ports["TLSv1.3"]
        requests = ARRIVALS * seconds
        opened, before = self._accepted(), self._tls_origin.cpu_ns()
        own = proxy.cpu_ns() if proxy else 0
        done = self._loads.short_lived(port, ARRIVALS, requests, secure=not proxy)
        others = done.cpu_ns + self._tls_origin.cpu_ns() - before
        own = proxy.cpu_ns() - own if proxy else 0
        opened = self._accepted() - opened - 1  # which is the question itself
        return ShortVisit(others / requests, own / requests, done.median_ns, opened / requests)

    def _accepted(self):
        """Connections that the TLS origin has accepted so far."""
        return int(self._loads.ask(self._tls_origin.status_port).split()[7])

    # Idle clients

    def _tls_idle(self):
        wanted = Wanted(clients_tls=Tls())

        def grown(proxy):
            self._check(proxy, wanted)
            # By one client: what more of them leave behind would hide the growth.
            self._loads.ping(proxy.port, 10, secure=True)
            before = proxy.memory()
            holder = self._loads.idle(proxy.port, IDLE_CLIENTS, secure=True)
            try:
                time.sleep(1)
                return (proxy.memory() - before) / IDLE_CLIENTS
            finally:
                holder.stop()

        # Where the heap grows and where it has gaps differs between processes.
        rounds = [self._each(PROXIES, wanted, grown) for _ in range(3)]
        title = f"{IDLE_CLIENTS:,} idle TLS clients: user memory"
        yield information(f"{title} each, bytes", medians(rounds), count)
        yield ratios_at_most(f"{title}, times nginx's", ratios(rounds, "nginx"), 1)

    # A burst of new connections

    def _tls_burst(self):
        for version in VERSIONS:
            wanted = Wanted(pool=0, connecting=BURST, workers=2, everywhere=True,
                            origin_tls=Tls(version))

            def resumed(proxy, version=version):
                self._burst(proxy, version)
                return _share_resumed(self._burst(proxy, version))

            found = self._each(("oxbow", "HAProxy"), wanted, resumed,
                               self._tls_origin.logged_ports[version])
            yield at_least(f"{version}, P-256, 2 workers: resumed of {BURST} connections at once,"
                           f" behind {BURST} others", found, TARGETS["burst"], "{:.1%}".format)

    def _burst(self, proxy, version):
        """As many requests at once as there are clients: all are answered after a second."""
        self._tls_origin.forget()
        self._loads.ping(proxy.port, BURST, BURST, path="/slow")
        deadline = time.monotonic() + 5
        while len(answered := self._tls_origin.answered()) < BURST:
            if time.monotonic() > deadline:
                raise Failed(f"the origin saw {len(answered)} requests instead of {BURST}")
            time.sleep(0.05)
        connections = {one.connection for one in answered}
        if len(answered) != BURST or len(connections) != BURST:
            raise Failed(f"{len(answered)} requests over {len(connections)} connections,"
                         f" instead of {BURST} over as many")
        if any([*one[2:]] != agreed(version) for one in answered):
            raise Failed(f"not all connections are {agreed(version)}")
        return answered

    # Whether a proxy does what it is to be measured at

    def _checked(self, stack, names, wanted, origin_port):
        """Those of _started() that answer, with TLS as wanted on each side."""
        proxies = self._started(stack, names, wanted, origin_port)
        fit = {}
        for name, proxy in proxies.items():
            with self._noted(name):
                self._check(proxy, wanted)
                fit[name] = proxy
        return fit

    def _check(self, proxy, wanted):
        secure = wanted.clients_tls is not None
        body = self._loads.ask(proxy.port, secure=secure)
        if body != SMALL_BODY:
            raise Failed(f"another body than the origin's: {body[:100]!r}")
        if secure:
            spoken = self._loads.handshake(proxy.port)
            if spoken != agreed(wanted.clients_tls.version)[:2]:
                raise Failed(f"clients are spoken to with {' '.join(spoken)}")
        if wanted.origin_tls:
            spoken = self._loads.ask(proxy.port, "/tls", secure).split()
            if spoken != agreed(wanted.origin_tls.version):
                raise Failed(f"the origin was spoken to with {' '.join(spoken)}")


def _without(name):
    return f"{name} without resumption"


def _neighbour():
    """Takes half of the proxy's core, so that it is the proxy that limits the rate. An origin that
    had to serve a whole core would be as busy as the proxy."""
    return Process("the neighbour", ["sh", "-c", "while :; do :; done"], PROXY_CORE,
                   "neighbour.log")


def _share_resumed(answered):
    return statistics.mean(one.reused == "r" for one in answered) if answered else 0


def _figures(rounds, field):
    return [{name: getattr(visit, field) for name, visit in one.items()} for one in rounds]


def _quotients(rounds, others):
    """The figures of each who was there in every round, divided by its own in `others`."""
    return {name: [one[name] / other[name] for one, other in zip(rounds, others)]
            for name in PROXIES if all(name in one for one in (*rounds, *others))}
