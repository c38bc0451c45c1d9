"""Policies, compared with the documents in deploy/iam."""

import json
import pathlib

from template import ACCOUNT, REGION

DOCUMENTS = pathlib.Path(__file__).resolve().parents[3] / "deploy" / "iam"


def document(name, **places):
    """A document with its placeholders filled in."""
    text = (DOCUMENTS / name).read_text()
    for place, value in ({"REGION": REGION, "ACCOUNT": ACCOUNT} | places).items():
        text = text.replace(place.replace("_", "-"), value)
    return json.loads(text)


def differences(got, want, without=()):
    """What two policies do not have in common, in words; without are the Sids of want
    that this set-up has no use for."""
    got, want = _grants(got), _grants(want, without)
    return [f"too many: {g}" for g in sorted(got - want)] + [f"missing: {g}" for g in sorted(want - got)]


def _grants(policy, without=()):
    """A policy as a set of what it allows, one action on one resource each."""
    out = set()
    for s in policy["Statement"]:
        assert s["Effect"] == "Allow" and s.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}, s
        if s.get("Sid") not in without:
            condition = json.dumps(s.get("Condition", {}), sort_keys=True)
            out |= {f"{a} on {r} if {condition}" for a in _list(s["Action"]) for r in _list(s["Resource"])}
    return out


def _list(value):
    return value if isinstance(value, list) else [value]


def all_differences(standing):
    """What the roles and the operator's policy of a set-up have else than the documents."""
    source, dead = standing["queues"]
    key = next(iter(standing["queues"].values()))["key"]
    own_key = key.startswith("arn:")
    containers = standing["task"]["containers"]
    places = {
        "DEAD_LETTER_QUEUE": dead,
        "METRICS_LOG_GROUP": containers.get("collector", {"environment": {}})["environment"].get("METRICS_LOG_GROUP", "none"),
        "QUEUE": source,
        "TABLE": containers["worker"]["environment"]["WORKER_STATE"].removeprefix("dynamodb://"),
        "KEY_ARN": key,
        "CLUSTER": standing["service"]["cluster"],
    }
    task = standing["roles"]["TaskRole"]["policies"]
    unused = set() if own_key else {"ReadAndWriteEncrypted"}
    worker_unused = unused | (set() if standing["table"] else {"KeepRecords"})
    if not any(s["Sid"] == "ProtectOwnTask" for s in task["worker"]["Statement"]):
        worker_unused |= {"ProtectOwnTask"}
    out = [f"worker.json, {d}" for d in differences(task["worker"], document("worker.json", **places), worker_unused)]
    out += [f"dlq.json, {d}" for d in differences(standing["operator"], document("dlq.json", **places), unused)]
    if "collector" in task:
        out += [f"collector.json, {d}" for d in differences(task["collector"], document("collector.json", **places))]
    return out
