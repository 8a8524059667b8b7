"""scripts/bench: oxbow, nginx and HAProxy in front of one origin, beside a bare relay."""
import argparse
import os
import platform
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

from load import Loads
from peers import CONNECTIONS_LIMIT, Origin, Peers
from processes import CORES, Failed
from scenarios import SCENARIOS, Scenarios
from table import Row, markdown, tally

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
LIMIT_SECONDS = 11 * 60


class OutOfTime(Exception):
    pass


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", action="append", metavar="NAME",
                        choices=SCENARIOS,
                        help="one scenario; repeat for more: %(choices)s")
    parser.add_argument("--write", action="store_true",
                        help="put the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if options.write and (options.quick or options.only):
        parser.error("--write takes a whole run")
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


def measure(scenarios, names):
    rows = []
    pending = list(names)
    try:
        while pending:
            print(f"-- {pending[0]}", file=sys.stderr, flush=True)
            started = time.monotonic()
            rows += scenarios.run(pending[0])
            print(f"   {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
            pending.pop(0)
        signal.alarm(0)
    except OutOfTime:
        scenarios.notes.append(f"no time was left after {LIMIT_SECONDS} s")
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


def main():
    options = parse(sys.argv[1:])
    end_in_order()
    allow_many_files()
    build = ROOT / "build"
    tools = build / "tests" / "bench"
    oxbow = os.path.abspath(os.environ.get("OXBOW", build / "proxy" / "oxbow"))
    with tempfile.TemporaryDirectory(prefix="oxbow-bench-", dir=memory_folder()) as directory:
        os.chdir(directory)
        peers = Peers(directory, tools, oxbow)
        try:
            origin = Origin(directory)
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
        try:
            scenarios = Scenarios(origin, peers, Loads(directory, tools), options.quick)
            rows = measure(scenarios, options.only or SCENARIOS)
        finally:
            origin.stop()
        text = report(peers, rows, scenarios.notes)
    print(text)
    if options.write:
        write(text)
    met, missed = tally(rows)
    print(f"{met} targets met, {missed} missed")
    return 0 if missed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
