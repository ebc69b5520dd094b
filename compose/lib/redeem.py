"""Redeems the reward over HTTP as a till would: for wallets that can pay, one of them twice with one key, and
for one wallet that cannot. redeem.py RUN writes RUN/redeemed.json; the topics are checked later by
verify.py."""

from __future__ import annotations

import http.client
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import names
from expectation import Expectation
from run_folder import RunFolder

PARALLEL = 4
# The gateway is asked to wait this long; the connection a little longer.
WAIT_SECONDS = 10


class Caller:
    """Requests with the till's key: only a key that belongs to a source may ask for rewards."""

    def __init__(self, run: RunFolder) -> None:
        self.port = run.api_port()
        self.credentials = dict(re.findall(r'header = "([^:]+): ([^"]+)"', run.text("till.curl")))

    def redeem(self, customer: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        headers = self.credentials | {
            "content-type": "application/json",
            "idempotency-key": f"quickstart-{customer}",
            "prefer": f"wait={WAIT_SECONDS}",
        }
        body = json.dumps({"externalId": customer, "reward": names.REWARD})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS + 5)
        try:
            connection.request("POST", "/v1/reward-issues", body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            content = json.loads(text)
        except ValueError:
            content = {"text": text}
        return answer.status, content, {name.lower(): value for name, value in answer.getheaders()}


def redeem_all(run: RunFolder, expectation: Expectation) -> dict[str, Any]:
    caller = Caller(run)
    problems: list[str] = []
    issuances: dict[str, str] = {}

    def redeem(customer: str) -> None:
        status, content, _ = caller.redeem(customer)
        if status != 200 or content.get("status") != "issued":
            problems.append(f"redemption of {customer}: {status} {content}")
        else:
            issuances[customer] = content["issuance"]

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(redeem, expectation.redeemers))
    for customer in expectation.redeemers[:1]:
        status, content, _ = caller.redeem(customer)
        if status != 200 or content.get("issuance") != issuances.get(customer):
            problems.append(
                f"repeated redemption of {customer}: {status} {content}, before {issuances.get(customer)}"
            )
    for customer in expectation.short:
        status, content, _ = caller.redeem(customer)
        if status != 422 or names.SHORT_BALANCE not in json.dumps(content):
            problems.append(f"redemption of {customer} without the points: {status} {content}")
    return {"issuances": issuances, "problems": problems}


if __name__ == "__main__":
    run = RunFolder(sys.argv[1])
    result = redeem_all(run, Expectation.load(run))
    run.write_json("redeemed.json", result)
    (run.path / "redeemed-count").write_text(str(len(result["issuances"])))
    print(f"  {len(result['issuances'])} issued")
    for problem in result["problems"]:
        print(f"  {problem}", file=sys.stderr)
