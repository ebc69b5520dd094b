"""What the gateway's API takes, asked by wrk: purchases answered with 202 once the broker has them, as many as it takes
and at a steady rate, and reads of a balance, which the ledger answers."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import names

from .awards import Awards, Inexact
from .exactness import read_awards
from .rig import Rig, Setup
from .workload import API_KEY, SOURCE, Workload, customer
from .wrk import CONNECTIONS, wrk

# Half of what the door is meant to take.
STEADY_PER_SECOND = 7_500
# wrk has fewer connections for a rate that is not reached than it needs, and counts from when it sends.
STEADY_SHARE = 0.98
# A paced request that is sent so long after it was due counts as late: a quarter of what an answer may take.
LATE_MS = 5
WARM_UP_SECONDS = 3
ANSWER_SECONDS = 30
# wrk takes bodies from so many purchases, of as many wallets; each request has a key of its own. With a tenth of them a
# wallet has some hundred lots in the end, and its balance, which counts them by day, takes twice as long.
BODIES = 10_000
# The gateway has taken everything once it takes nothing for so long.
QUIET_SECONDS = 1


def measure(setup: Setup, seconds: int) -> dict[str, Any]:
    with Rig(setup) as rig:
        secret, reading = secrets.token_hex(24), secrets.token_hex(24)
        rig.configure(
            [
                {"kind": "apikey", "id": API_KEY, "role": "source", "source": SOURCE, "secret": secret},
                {"kind": "apikey", "id": "bench-operator", "role": "operator", "secret": reading},
            ]
        )
        # The door alone: what the chain behind it takes is measured elsewhere.
        rig.start("ingress-gateway")
        rig.wait_ready()
        workload = Workload(5, BODIES, BODIES, datetime.now(timezone.utc), repeats=0)
        post = script(rig.run.path / "post.lua", workload, secret)
        steady = rig.run.path / "steady.lua"
        steady.write_text(post.read_text() + pace(STEADY_PER_SECOND))
        base = f"http://127.0.0.1:{rig.run.api_port()}"
        warm_up = wrk(base + "/v1/events", post, WARM_UP_SECONDS)
        figures = {
            "post202": wrk(base + "/v1/events", post, seconds),
            f"at {STEADY_PER_SECOND}/s": wrk(base + "/v1/events", steady, seconds),
        }
        reached = figures[f"at {STEADY_PER_SECOND}/s"]["perSecond"]
        if reached < STEADY_PER_SECOND * STEADY_SHARE:
            raise Inexact(f"{reached} requests/s were sent instead of {STEADY_PER_SECOND}: their times say nothing")
        rig.start(*[name for name in names.SERVICES if name != "ingress-gateway"])
        rig.wait_ready()
        # What was posted is done before anybody reads: a question waits in its wallet's order.
        taken = wait_for_posts(rig)
        answered = sum(one["count"] for one in (warm_up, *figures.values()))
        # Of those that wrk cut off at each of its ends, one for each connection, it does not count the answers.
        if not answered <= taken <= answered + (1 + len(figures)) * CONNECTIONS:
            raise Inexact(f"{answered} posts were answered with 202, the gateway took {taken}")
        path = f"/v1/wallets/{customer(0)}/balance"
        read = rig.run.path / "read.lua"
        read.write_text(
            f'wrk.headers["x-api-key"]="bench-operator"\nwrk.headers["x-api-secret"]="{reading}"\n'
        )
        figures["balance"] = wrk(base + path, read, seconds)
        awards = check(rig, workload, taken)
        found = balance(base + path, reading)
        if found != awards.settled[customer(0)]:
            raise Inexact(f"{path} says {found}, and {awards.settled[customer(0)]} points are on it")
    return figures


def balance(url: str, secret: str) -> int:
    request = urllib.request.Request(url, headers={"x-api-key": "bench-operator", "x-api-secret": secret})
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        return int(json.load(answer)["settled"])


def check(rig: Rig, workload: Workload, taken: int) -> Awards:
    """Each post that was taken has one award. Which bodies those had that wrk cut off at its end, it does not say: the
    awards do."""
    awards = read_awards(rig)
    if len(awards.times) != taken:
        raise Inexact(f"{len(awards.times)} awards of {taken} posts")
    return awards.check(purchase for purchase in workload for _ in range(awards.purchases[purchase.occurred_at]))


def wait_for_posts(rig: Rig) -> int:
    """Until the ledger has decided on all that the gateway took.

    Returns how many that were.
    """
    gateway = rig.instances["ingress-gateway"]
    taken = -1
    while (now := gateway.metric(names.INTAKE, outcome=names.INTAKE_ACCEPTED)) != taken:
        taken = now
        time.sleep(QUIET_SECONDS)
    rig.wait_for_records("wallet-ledger", taken)
    return taken


def script(path: Path, workload: Workload, secret: str) -> Path:
    bodies = ",\n".join(f"[==[{purchase.body.decode()}]==]" for purchase in workload)
    path.write_text(
        f"""local bodies = {{{bodies}}}
local thread = 0
threads = {{}}
function setup(t) t:set("mine", thread); thread = thread + 1; table.insert(threads, t) end
local count = 0
function init() prefix = string.format("wrk-%d-%d-", mine, os.time()) end
function request()
    count = count + 1
    wrk.headers["idempotency-key"] = prefix .. count
    return wrk.format("POST", nil, nil, bodies[count % #bodies + 1])
end
wrk.headers["content-type"] = "application/json"
wrk.headers["x-api-key"] = "{API_KEY}"
wrk.headers["x-api-secret"] = "{secret}"
"""
    )
    return path


def pace(rate: int) -> str:
    """Each request is due a fixed time after the one before, whichever connection is free then. wrk counts from the
    moment of sending, and says in the end how many were sent late: because connections were short, or it was."""
    return f"""local ffi = require("ffi")
ffi.cdef("typedef struct {{ long seconds, nanoseconds; }} instant; int clock_gettime(int clock, instant *now);")
local monotonic, instant, due = 1, ffi.new("instant"), nil
late, all = 0, 0
function delay()
    ffi.C.clock_gettime(monotonic, instant)
    local now = tonumber(instant.seconds) * 1000 + tonumber(instant.nanoseconds) / 1e6
    due = (due or now) + {1_000 / rate}
    all = all + 1
    if now - due > {LATE_MS} then late = late + 1 end
    return math.max(0, math.floor(due - now))
end
function done()
    local sum, of = 0, 0
    for _, t in ipairs(threads) do sum = sum + t:get("late"); of = of + t:get("all") end
    print(string.format("%d of %d were late", sum, of))
end
"""
