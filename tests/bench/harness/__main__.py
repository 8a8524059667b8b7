"""scripts/bench: oxbow, nginx and HAProxy in front of the same origins, beside a bare relay."""
import argparse
import os
import platform
import resource
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from certificates import Certificates
from load import Loads
from origins import CONNECTIONS_LIMIT, Origin, TlsOrigin
from peers import Peers
from processes import CORES, Failed
from scenarios import Scenarios
from table import Row, markdown, tally
from tls_scenarios import TlsScenarios

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
LIMIT_SECONDS = 20 * 60
SCENARIOS = (*Scenarios.SCENARIOS, *TlsScenarios.SCENARIOS)
GROUPS = {"tls": TlsScenarios.SCENARIOS}


class OutOfTime(Exception):
    pass


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", action="append", metavar="NAME",
                        choices=(*SCENARIOS, *GROUPS),
                        help="one scenario, or all with TLS; repeat for more: %(choices)s")
    parser.add_argument("--write", action="store_true",
                        help="put the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if options.write and (options.quick or options.only):
        parser.error("--write takes a whole run")
    options.scenarios = [name for chosen in options.only or SCENARIOS
                         for name in GROUPS.get(chosen, (chosen,))]
    return options


def end_in_order():
    """Signals and the time limit become exceptions: every child is stopped on the way out."""
    def interrupted(number, _frame):
        sys.exit(128 + number)

    def out_of_time(_number, _frame):
        raise OutOfTime

    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(LIMIT_SECONDS)


def allow_many_files():
    """Idle clients take a descriptor each, with their origin connections twice."""
    wanted = CONNECTIONS_LIMIT
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def measure(contests, names, notes):
    contest_of = {name: contest for contest in contests for name in contest.SCENARIOS}
    rows = []
    pending = list(names)
    try:
        while pending:
            print(f"-- {pending[0]}", file=sys.stderr, flush=True)
            started = time.monotonic()
            rows += contest_of[pending[0]].run(pending[0])
            print(f"   {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            pending.pop(0)
        signal.alarm(0)
    except OutOfTime:
        notes.append(f"no time was left after {LIMIT_SECONDS} s")
        rows += [Row(name, target="to be measured") for name in pending]
    return rows


def report(peers, rows, notes):
    where = f"{len(CORES)} cores, Linux {platform.release().split('-')[0]}, {platform.machine()}"
    text = f"{where}; {peers.versions()}.\n\n{markdown(rows)}\n"
    if notes:
        text += "\nWhat failed:\n\n" + "".join(f"- {note}\n" for note in notes)
    return text


def write(text):
    document = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8")


def memory_folder():
    """A folder that no disk stands behind, where there is one: files and logs are written to it."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def compete(options, directory):
    """The report of a run in an empty folder, and its rows."""
    tools = ROOT / "build" / "tests" / "bench"
    oxbow = os.path.abspath(os.environ.get("OXBOW", ROOT / "build" / "proxy" / "oxbow"))
    os.chdir(directory)
    certificates = Certificates(directory)
    peers = Peers(directory, tools, oxbow, certificates)
    loads = Loads(directory, tools, certificates.ca)
    notes = []
    with ExitStack() as stack:
        origin = Origin(directory)
        stack.callback(origin.stop)
        tls_origin = TlsOrigin(directory, certificates)
        stack.callback(tls_origin.stop)
        contests = (Scenarios(origin, peers, loads, options.quick, notes),
                    TlsScenarios(origin, tls_origin, peers, loads, options.quick, notes))
        rows = measure(contests, options.scenarios, notes)
    return report(peers, rows, notes), rows


def main():
    options = parse(sys.argv[1:])
    end_in_order()
    allow_many_files()
    with tempfile.TemporaryDirectory(prefix="oxbow-bench-", dir=memory_folder()) as directory:
        try:
            text, rows = compete(options, directory)
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
    print(text)
    if options.write:
        write(text)
    met, missed = tally(rows)
    print(f"{met} targets met, {missed} missed")
    return 0 if missed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
