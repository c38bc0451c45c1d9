"""What a set-up makes, in one form, whether the template says it or the module.

The form is the API's own, as near as the two allow: what is not set is left out, what
has no order is in one, and numbers are numbers.
"""

import json


def of(resources):
    """The form of resources by their logical names in the template."""
    r = {name: r["Properties"] for name, r in resources.items()}
    policies = {p["Queues"][0]: p["PolicyDocument"] for n, p in r.items() if n.endswith("QueuePolicy")}
    return {
        "queues": {q["QueueName"]: _queue(q) for q in (r["Queue"], r["DeadLetterQueue"])},
        "queue policies": dict(sorted(policies.items())),
        "table": _table(r.get("Table")),
        "roles": {role: _role(r[role]) for role in ("TaskRole", "ExecutionRole")},
        "operator": r["OperatorPolicy"]["PolicyDocument"],
        "cluster": r.get("OwnCluster", {}).get("ClusterSettings"),
        "logs": {g["LogGroupName"]: int(g["RetentionInDays"]) for n, g in r.items() if n.endswith("LogGroup")},
        "network": _network(r["SecurityGroup"]),
        "task": _task(r["TaskDefinition"]),
        "service": _service(r["Service"]),
        "scaling": _scaling(r.get("ScalableTarget"), r.get("ScalingPolicy")),
        "alarms": {a["AlarmName"]: _alarm(a) for n, a in r.items() if n.endswith("Alarm")},
    }


def _queue(q):
    return {
        "retention": int(q["MessageRetentionPeriod"]),
        "visibility": q["VisibilityTimeout"],
        "wait": q.get("ReceiveMessageWaitTimeSeconds", 0),
        "fifo": q.get("FifoQueue", False),
        "key": q.get("KmsMasterKeyId", "SQS's own" if q.get("SqsManagedSseEnabled") else None),
        "redrive": q.get("RedrivePolicy"),
        "redrive allow": q.get("RedriveAllowPolicy"),
    }


def _table(t):
    if t is None:
        return None
    ttl = t.get("TimeToLiveSpecification", {})
    return {
        "billing": t["BillingMode"],
        "key": {k["AttributeName"]: k["KeyType"] for k in t["KeySchema"]},
        "attributes": {a["AttributeName"]: a["AttributeType"] for a in t["AttributeDefinitions"]},
        "time to live": ttl.get("AttributeName") if ttl.get("Enabled") else None,
    }


def _role(role):
    return {
        "trust": role["AssumeRolePolicyDocument"],
        "policies": {p["PolicyName"]: p["PolicyDocument"] for p in role.get("Policies", [])},
        "managed": role.get("ManagedPolicyArns", []),
    }


def _network(group):
    def rule(r):
        return {
            "ports": [r["IpProtocol"], r["FromPort"], r["ToPort"]],
            "peer": r.get("CidrIp") or r.get("SourceSecurityGroupId"),
            "why": r["Description"],
        }

    return {
        "in": [rule(r) for r in group.get("SecurityGroupIngress", [])],
        "out": [rule(r) for r in group["SecurityGroupEgress"]],
    }


def _task(t):
    return {
        "family": t["Family"],
        "for": t["RequiresCompatibilities"],
        "network": t["NetworkMode"],
        "cpu": int(t["Cpu"]),
        "memory": int(t["Memory"]),
        "platform": t["RuntimePlatform"],
        "roles": [t["TaskRoleArn"], t["ExecutionRoleArn"]],
        "containers": {c["Name"]: _container(_camel(c)) for c in t["ContainerDefinitions"]},
    }


def _camel(node, free=("options",)):
    """A template's names as the API has them, but for maps whose keys are the user's."""
    if isinstance(node, list):
        return [_camel(n) for n in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for k, v in node.items():
        k = k[0].lower() + k[1:]
        out[k] = v if k in free else _camel(v)
    return out


def _container(c):
    out = {k: v for k, v in c.items() if k not in ("name", "environment", "secrets")}
    out["memory"] = int(c["memory"]) if "memory" in c else None
    out["environment"] = {e["name"]: e["value"] for e in c.get("environment", [])}
    out["secrets"] = {e["name"]: e["valueFrom"] for e in c.get("secrets", [])}
    return out


def _service(s):
    network = s["NetworkConfiguration"]["AwsvpcConfiguration"]
    deployment = s["DeploymentConfiguration"]
    breaker = deployment.get("DeploymentCircuitBreaker", {})
    count = s.get("DesiredCount")
    return {
        "name": s["ServiceName"],
        "cluster": s["Cluster"],
        "task": s["TaskDefinition"],
        "launch": [s["LaunchType"], s["PlatformVersion"]],
        "count": None if count is None else int(count),  # None: left as it is
        "rebalancing": s["AvailabilityZoneRebalancing"],
        "healthy": [deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]],
        "breaker": [breaker.get("Enable", False), breaker.get("Rollback", False)],
        "subnets": network["Subnets"],
        "groups": network["SecurityGroups"],
        "public": network["AssignPublicIp"],
        "tags": [s["EnableECSManagedTags"], s["PropagateTags"]],
    }


def _scaling(target, policy):
    if target is None:
        return None
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    return {
        "resource": [target["ServiceNamespace"], target["ScalableDimension"], target["ResourceId"]],
        "tasks": [int(target["MinCapacity"]), int(target["MaxCapacity"])],
        "policy": [policy["PolicyName"], policy["PolicyType"]],
        "target": tracking["TargetValue"],
        "cooldown": [tracking["ScaleOutCooldown"], tracking["ScaleInCooldown"]],
        "metrics": {m["Id"]: _metric(m) for m in tracking["CustomizedMetricSpecification"]["Metrics"]},
    }


def _metric(m):
    stat = m.get("MetricStat")
    out = {"label": m.get("Label"), "returned": m["ReturnData"], "expression": m.get("Expression")}
    if stat:
        metric = stat["Metric"]
        out["metric"] = [metric["Namespace"], metric["MetricName"], _dimensions(metric["Dimensions"])]
        out["statistic"] = [stat["Stat"], stat.get("Period")]
    return out


def _dimensions(pairs):
    return {d["Name"]: d["Value"] for d in pairs}


def _alarm(a):
    out = {
        "text": a["AlarmDescription"],
        "when": [a["ComparisonOperator"], float(a["Threshold"]), a["EvaluationPeriods"]],
        "missing": a["TreatMissingData"],
        "heard": [a.get("AlarmActions", []), a.get("OKActions", [])],
    }
    if "Metrics" in a:
        out["metrics"] = {m["Id"]: _metric(m) for m in a["Metrics"]}
    else:
        out["metric"] = [a["Namespace"], a["MetricName"], _dimensions(a["Dimensions"])]
        out["statistic"] = [a["Statistic"], a["Period"]]
    return out


def ordered(node):
    """node as text in which equal set-ups are equal: a policy's lists have no order."""
    return json.dumps(node, indent=1, sort_keys=True)
