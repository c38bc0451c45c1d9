"""What must hold of a set-up, whoever made it. Each rule takes the form of standing.py and
fails by an AssertionError that says what is wrong."""

import re

DAY = 24 * 60 * 60
MOST_RETENTION = 14 * DAY  # SQS keeps no message longer
MAX_RECEIVES = 100  # WORKER_MAX_RECEIVES, by default
SHUTDOWN = 25  # WORKER_SHUTDOWN_TIMEOUT in seconds, by default
MOST_STOP = 120  # seconds between SIGTERM and SIGKILL, at most, on Fargate

# CPU units and the MiB of memory that Fargate has with them
# (docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
FARGATE = {256: (512, 1024, 2048), 512: range(1024, 4097, 1024), 1024: range(2048, 8193, 1024)}

# What AWS's services call their metrics, and the dimensions that those have
# (docs.aws.amazon.com: the SQS, ECS, Container Insights and DynamoDB pages on CloudWatch).
METRICS = {
    "AWS/SQS": (
        {
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesDeleted",
            "NumberOfMessagesSent",
        },
        {"QueueName"},
    ),
    "AWS/ECS": ({"CPUUtilization", "MemoryUtilization"}, {"ClusterName", "ServiceName"}),
    "AWS/DynamoDB": ({"WriteThrottleEvents"}, {"TableName"}),
    "ECS/ContainerInsights": ({"RunningTaskCount"}, {"ClusterName", "ServiceName"}),
}
COLLECTED = "ManagedThingUpdater"  # the collector's namespace; the names are the worker's own


def queues_point_at_each_other(s):
    (source, dead), (source_name, dead_name) = _queues(s), s["queues"]
    assert dead_name.startswith(source_name.removesuffix(".fifo") + "-dlq"), "the second queue is not the dead-letter queue"
    assert source["redrive"] is not None, "the source queue has no redrive policy"
    assert source["redrive"].keys() == {"deadLetterTargetArn", "maxReceiveCount"}, f"a redrive policy has other keys: {source['redrive']}"
    assert source["redrive"]["deadLetterTargetArn"].endswith(":" + dead_name), "the redrive policy does not name the dead-letter queue"
    assert source["redrive"]["maxReceiveCount"] == 1000, "SQS moves messages away before the worker has dead-lettered them, or while it cannot store their letters"
    assert dead["redrive"] is None, "letters are moved on"
    allow = dead["redrive allow"]
    assert allow and allow.keys() == {"redrivePermission", "sourceQueueArns"}, f"a redrive-allow policy has other keys: {allow}"
    assert allow["redrivePermission"] == "byQueue", "any queue may use the dead-letter queue"
    assert [a.rsplit(":", 1)[1] for a in allow["sourceQueueArns"]] == [source_name], "the dead-letter queue does not take the source queue's letters"
    assert source["fifo"] == dead["fifo"] == source_name.endswith(".fifo") == dead_name.endswith(".fifo"), "the queues are not of one kind"


def letters_outlive_messages(s):
    source, dead = _queues(s)
    assert source["retention"] < dead["retention"] == MOST_RETENTION, "letters are kept no longer than messages"


def queues_are_encrypted_and_closed(s):
    assert all(q["key"] for q in _queues(s)), "a queue is not encrypted"
    assert len(s["queue policies"]) == 2, "a queue has no policy"
    for policy in s["queue policies"].values():
        assert [st["Effect"] for st in policy["Statement"]] == ["Deny"], "a queue's policy allows something"
        assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def records_expire(s):
    if s["table"] is not None:
        assert s["table"]["key"] == {"thing": "HASH"}, "the table's key is not the worker's"
        assert s["table"]["time to live"] == "expires", "records never expire, or by another attribute than the worker writes"


def the_task_fits_fargate(s):
    task = s["task"]
    assert task["for"] == ["FARGATE"] and task["network"] == "awsvpc"
    assert task["memory"] in FARGATE[task["cpu"]], f"Fargate has no {task['memory']} MiB with {task['cpu']} CPU units"
    assert sum(c["memory"] or 0 for c in task["containers"].values()) <= task["memory"], "the containers want more than the task has"


def the_worker_has_no_rights_on_its_machine(s):
    for name, c in s["task"]["containers"].items():
        assert c["readonlyRootFilesystem"] is True, f"{name} can write to its root file system"
        assert c["logConfiguration"]["logDriver"] == "awslogs" and c["logConfiguration"]["options"]["awslogs-group"] in s["logs"]
    worker = _worker(s)
    assert worker["user"].split(":")[0] not in ("", "0", "root"), "the worker is root"
    assert worker["linuxParameters"]["capabilities"]["drop"] == ["ALL"], "the worker keeps capabilities"


def the_worker_is_asked_how_it_is(s):
    check = _worker(s)["healthCheck"]
    assert check["command"][0] == "CMD" and check["command"][-1] == "health", "the image has no shell: the binary asks itself"
    assert check["timeout"] <= check["interval"], "a check takes longer than the time between two"


def the_worker_has_time_to_stop(s):
    stop = _worker(s)["stopTimeout"]
    assert SHUTDOWN + 5 <= stop <= MOST_STOP, f"{stop} s are given to stop, and the worker takes {SHUTDOWN}"
    assert _environment(s)["TERMINATION_GRACE_SECONDS"] == str(stop), "the worker is told another time to stop"


def memory_fits_what_is_held(s):
    env, memory = _environment(s), _worker(s)["memory"]
    held, limit = _mebibytes(env["WORKER_MAX_HELD_BYTES"]), _mebibytes(env["GOMEMLIMIT"])
    state = _mebibytes(env["WORKER_STATE_BYTES"]) if env["WORKER_STATE"] == "memory" else 0
    assert 96 + 2.5 * (held + state) <= memory, f"{memory} MiB do not fit {held} MiB of messages and {state} of state"
    assert 0.85 * memory <= limit <= 0.9 * memory + 1, f"a limit of {limit} is not nine tenths of {memory} MiB"


def one_task_forgets_alone(s):
    service = s["service"]
    if _environment(s)["WORKER_STATE"] == "memory":
        assert s["table"] is None and s["scaling"] is None, "tasks scale that share no state"
        assert service["count"] == 1 and service["healthy"] == [0, 100] and service["rebalancing"] == "DISABLED", "two tasks run at once that share no state"
    else:
        assert service["healthy"] == [100, 200], "a deployment leaves a gap"
    assert service["breaker"] == [True, True], "a deployment that fails is not rolled back"


def scaling_leaves_the_count_alone(s):
    if s["scaling"] is None:
        assert s["service"]["count"] >= 1, "nothing says how many tasks there are"
        return
    assert s["service"]["count"] is None, "a deployment would set the number of tasks back"
    assert s["scaling"]["resource"][2] == f"service/{s['service']['cluster']}/{s['service']['name']}"
    assert s["cluster"] is None or {"Name": "containerInsights", "Value": "enabled"} in s["cluster"], "nothing counts the running tasks"


def throttling_adds_no_task(s):
    """Works the scaling's expression out, as CloudWatch would."""
    if s["scaling"] is None:
        return
    (wanted,) = [m["expression"] for m in s["scaling"]["metrics"].values() if m["returned"]]
    held = int(_environment(s)["WORKER_MAX_HELD"])
    for tasks, backlog, useful, want in (
        (1, 0, 0.01, 1),  # nothing to do
        (1, 50 * held, 0.01, 1),  # a deep backlog, and a quota that keeps a hundredth of a task busy
        (4, 50 * held, 0.01, 1),
        (1, 50 * held, 1.4, 2),  # all calls under way: one more
        (2, 50 * held, 0.95, 2),  # the quota keeps both busy, and no third
        (3, 2 * held, 1.4, 2),  # a quota for more, and a backlog for two
    ):
        got = tasks * _work_out(wanted, visible=backlog / 2, held=backlog / 2, useful=useful, running=tasks)
        assert abs(got - want) < 1e-9, f"{tasks} tasks, {backlog} messages, {useful} useful each: {got} tasks are wanted, not {want}"


def _work_out(expression, **values):
    functions = {"MIN": min, "MAX": max, "CEIL": lambda v: -(-v // 1)}
    assert set(re.findall(r"[A-Za-z_]+", expression)) == functions.keys() | values.keys(), f"the scaling's expression is {expression}"
    return eval(expression, {"__builtins__": {}}, functions | values)  # of names looked at above


def metrics_are_what_aws_calls_them(s):
    for where, (namespace, name, dimensions) in _metrics(s):
        if namespace == COLLECTED:
            assert dimensions.keys() == {"Service"}, f"{where}: {name} has other dimensions"
            continue
        names, keys = METRICS[namespace]
        assert name in names, f"{where}: {namespace} has no {name}"
        assert dimensions.keys() == keys, f"{where}: {namespace} {name} has other dimensions than {dimensions}"


def alarms_are_there(s):
    prefix = s["service"]["name"] + "-"
    want = {"old-messages", "dead-letters", "no-progress", "no-tasks"}
    want |= {"records-throttled"} if s["table"] else set()
    want |= {"circuit-open"} if "collector" in s["task"]["containers"] else set()
    assert {a.removeprefix(prefix) for a in s["alarms"]} == want, f"the alarms are {sorted(s['alarms'])}"
    source, _ = _queues(s)
    assert 10 * s["alarms"][prefix + "old-messages"]["when"][1] == 7 * source["retention"], "old is not 70% of the retention"
    assert len({str(a["heard"]) for a in s["alarms"].values()}) == 1, "not all alarms are heard alike"


def only_https_goes_out(s):
    assert [r["ports"] for r in s["network"]["out"]] == [["tcp", 443, 443]], "more than HTTPS goes out"
    opened = [r["ports"] for r in s["network"]["in"]]
    token = "WORKER_ADMIN_TOKEN" in _worker(s)["secrets"]
    assert opened in ([], [["tcp", 8080, 8080]]) and (token or not opened), "the port is open without a token"
    assert _environment(s)["WORKER_ADMIN_ADDR"].startswith("127.0.0.1:") == (not opened), "the port's address is not what may reach it"


def nothing_secret_is_in_the_open(s):
    for name in _environment(s):
        assert not re.search("TOKEN|PASSWORD|SECRET|ACCESS_KEY", name), f"{name} stands in the task definition"


def _queues(s):
    source, dead = s["queues"].values()
    return source, dead


def _worker(s):
    return s["task"]["containers"]["worker"]


def _environment(s):
    return _worker(s)["environment"]


def _mebibytes(text):
    return int(text.removesuffix("MiB"))


def _metrics(s):
    for name, alarm in s["alarms"].items():
        for m in [alarm, *alarm.get("metrics", {}).values()]:
            if "metric" in m:
                yield name, m["metric"]
    for id_, m in (s["scaling"] or {"metrics": {}})["metrics"].items():
        if "metric" in m:
            yield "scaling: " + id_, m["metric"]


# Every rule, in the order of this file.
RULES = [f for name, f in list(globals().items()) if callable(f) and not name.startswith("_")]
