"""Passes lines from standard input to standard output, so many a second: pace.py RATE. For brokers that break
under load."""

import sys
import time

# Often enough for a smooth flow, seldom enough to cost nothing.
STEPS_PER_SECOND = 20


def main() -> None:
    rate = int(sys.argv[1])
    start = time.monotonic()
    for number, line in enumerate(sys.stdin.buffer):
        due = start + number / rate
        if number % max(1, rate // STEPS_PER_SECOND) == 0:
            sys.stdout.buffer.flush()
            time.sleep(max(0.0, due - time.monotonic()))
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
