"""Proves the template, and that the Terraform module says the same. See the file verify.

    prove.py BIN_DIR STATES

BIN_DIR has the programs worker and localcloud. STATES is what `terraform test -json
-verbose` prints for the module; where the file is not there, the module is not looked at.
"""

import difflib
import json
import pathlib
import sys

import account
import faults
import module
import policies
import rules
import standing
import variants
import working
from template import Template

TEMPLATE = pathlib.Path(__file__).resolve().parents[3] / "deploy" / "ecs" / "cloudformation.yaml"


def main(bin_dir, states):
    text = TEMPLATE.read_text()
    working.defaults_are(bin_dir, {"WORKER_SHUTDOWN_TIMEOUT": f"{rules.SHUTDOWN}s", "WORKER_MAX_RECEIVES": str(rules.MAX_RECEIVES)})
    for name in variants.VARIANTS:
        hold(of_template(text, name))
        say(f"template, {name}: {len(rules.RULES)} rules hold, and the roles allow what deploy/iam says")
    for name in variants.VARIANTS:
        on_moto(text, name)
        say(f"template, {name}: moto made the stack, and holds what the template says of queues, roles, table, task and service")
    with account.opened() as a:
        made, s = _made(a, text, "defaults")
        took = working.applies_a_message(bin_dir, a, made, s)
        say(f"template, defaults: a worker with the task's settings applied a message of the stack's queue, was healthy, and stopped in {took:.0f} s")
        if working.has_command(bin_dir, "doctor"):
            working.doctor_finds_nothing(bin_dir, a, made, s)
            say("template, defaults: worker doctor finds nothing wrong with the stack")
    for name, broken in faults.planted(text):
        found = why_not(broken)
        assert found, f"nobody found {name}"
        say(f"a planted fault is found: {name}: {found.splitlines()[0][:120]}")
    if pathlib.Path(states).exists():
        for name, state in read_states(states):
            same(standing.of(module.as_template(state)), of_template(text, name), f"module, {name},", "template")
            say(f"module, {name}: it makes the same as the template")


def of_template(text, name):
    parameters = variants.VARIANTS[name]
    names = variants.names(fifo=parameters.get("Fifo") == "true")
    return standing.of(Template(text, variants.COMMON | parameters, variants.STACK, names).resources())


def hold(s):
    for rule in rules.RULES:
        rule(s)
    if different := policies.all_differences(s):
        raise AssertionError("; ".join(different))


def why_not(text):
    """What is wrong with a template by the rules, in any set-up; empty where nothing is."""
    known = {s["name"] for s in json.loads(working.config(sys.argv[1]))}
    for name in variants.VARIANTS:
        try:
            s = of_template(text, name)
            hold(s)
            environment = s["task"]["containers"]["worker"]["environment"]
            unknown = {k for k in environment if k.startswith("WORKER_")} - known
            assert not unknown, f"the worker has no setting {', '.join(unknown)}"
        except (AssertionError, KeyError) as fault:
            return f"{fault}" or type(fault).__name__
    return ""


def on_moto(text, name):
    with account.opened() as a:
        _made(a, text, name)


def _made(a, text, name):
    parameters = variants.COMMON | variants.VARIANTS[name] | a.network
    if "AdminSource" in parameters:
        parameters["AdminSource"] = a.group
    made = a.make(Template(text, parameters, account.STACK, {}), parameters)
    s = standing.of(Template(text, parameters, account.STACK, made).resources())
    same(a.seen(made), account.as_seen(s), "stack that moto made", "template")
    return made, s


def same(got, want, got_name, want_name):
    got, want = standing.ordered(got), standing.ordered(want)
    if got != want:
        lines = difflib.unified_diff(want.splitlines(), got.splitlines(), want_name, got_name, lineterm="", n=2)
        raise AssertionError("\n".join([f"the {got_name} is not what the {want_name} says", *lines]))


def read_states(path):
    with open(path) as f:
        lines = map(json.loads, f)
        found = {line["@testrun"]: line["test_state"] for line in lines if line["type"] == "test_state"}
    for name in variants.VARIANTS:
        yield name, found[name]


def say(text):
    print("ecs: " + text, flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AssertionError as fault:
        print(f"ecs: FAILED: {fault}", file=sys.stderr)
        sys.exit(1)
