"""What the suites record, what is expected to fail, and the table at the end."""
import os
import sys
import time


def load_expected(path):
    """expected.tsv: suite, check, reason. Returns {(suite, check): reason}."""
    expected = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 3 or not all(fields):
                raise SystemExit("%s:%d: three columns wanted: suite, check, reason" % (path, number))
            expected[fields[0], fields[1]] = fields[2]
    return expected


class Recorder:
    """Checks of one suite. A check of one name may be recorded several times: it fails if it fails once."""

    def __init__(self, suite, expected):
        self.suite, self.expected = suite, expected
        self.results = {}  # name -> (ok, detail)
        self.skipped = {}
        self.begin = time.monotonic()
        self.seconds = 0.0
        self.last_note = 0.0

    def check(self, name, ok, detail=""):
        before = self.results.get(name)
        if before and not before[0]:
            return bool(ok)
        if before and ok:
            return True
        self.results[name] = (bool(ok), str(detail))
        if not ok:
            reason = self.expected.get((self.suite, name))
            self.line("%s %s: %s" % ("expected" if reason else "FAILED", self.suite, name))
            for line in ([] if reason else str(detail).splitlines()[:40]):
                self.line("    " + line[:400])
        return bool(ok)

    def equal(self, name, got, wanted):
        return self.check(name, got == wanted, "got %.300r\nwanted %.300r" % (got, wanted))

    def skip(self, name, reason):
        self.skipped[name] = reason

    def line(self, text):
        if sys.stdout.isatty():
            sys.stdout.write("\r\x1b[K")
        print(text, flush=True)

    def note(self, text):
        """The progress line: overwritten on a terminal, at most one line in 15 seconds elsewhere."""
        now = time.monotonic()
        shown = "%s [%3ds] %s" % (self.suite, now - self.begin, text)
        if sys.stdout.isatty():
            sys.stdout.write("\r\x1b[K" + shown[:os.get_terminal_size().columns - 1])
            sys.stdout.flush()
        elif now - self.last_note > 15:
            self.last_note = now
            print(shown, flush=True)

    def finish(self):
        self.seconds = time.monotonic() - self.begin
        if sys.stdout.isatty():
            sys.stdout.write("\r\x1b[K")

    def count(self):
        """(checks, passed, expected failures, failed)"""
        passed = sum(ok for ok, _ in self.results.values())
        expected = sum(not ok and (self.suite, name) in self.expected for name, (ok, _) in self.results.items())
        return len(self.results), passed, expected, len(self.results) - passed - expected


def print_table(recorders):
    """The table and the closing line; returns the number of failures."""
    print("\n%-14s %7s %7s %18s %7s %8s" % ("suite", "checks", "passed", "expected failures", "failed", "time"))
    total_passed = total_failed = 0
    for recorder in recorders:
        checks, passed, expected, failed = recorder.count()
        total_passed += passed
        total_failed += failed
        print("%-14s %7d %7d %18d %7d %6.1f s" % (recorder.suite, checks, passed, expected, failed, recorder.seconds))
    for recorder in recorders:
        for name, reason in recorder.skipped.items():
            print("skipped: %s: %s (%s)" % (recorder.suite, name, reason))
        for name, (ok, _) in recorder.results.items():
            if ok and (recorder.suite, name) in recorder.expected:
                print("passes now, strike it from expected.tsv: %s: %s" % (recorder.suite, name))
            if not ok and (recorder.suite, name) not in recorder.expected:
                print("failed: %s: %s" % (recorder.suite, name))
        for suite, name in recorder.expected:
            if suite == recorder.suite and name not in recorder.results:
                print("names no check of this run, see expected.tsv: %s: %s" % (suite, name))
    print("%d passed, %d failed" % (total_passed, total_failed))
    return total_failed
