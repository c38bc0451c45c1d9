"""The Terraform module's resources under the names that the template has for them."""

import json


def as_template(state):
    """The resources of a state, as `terraform test -json -verbose` prints it, as those of
    a template: logical name, and properties under CloudFormation's names."""
    r = {}
    for resource in state["root_module"]["resources"]:
        if resource["mode"] == "managed":
            r[resource["address"].removesuffix("[0]")] = resource["values"]
    out = {
        "Queue": _queue(r["aws_sqs_queue.source"], redrive=True),
        "DeadLetterQueue": _queue(r["aws_sqs_queue.dead_letters"], redrive=False),
        "QueuePolicy": _queue_policy(r["aws_sqs_queue_policy.source"]),
        "DeadLetterQueuePolicy": _queue_policy(r["aws_sqs_queue_policy.dead_letters"]),
        "TaskRole": _role(r, r["aws_iam_role.task"]),
        "ExecutionRole": _role(r, r["aws_iam_role.execution"]),
        "OperatorPolicy": {"PolicyDocument": json.loads(r["aws_iam_policy.operator"]["policy"])},
        "SecurityGroup": _security_group(r),
        "TaskDefinition": _task(r["aws_ecs_task_definition.worker"]),
        "Service": _service(r),
    }
    for name, logical in (("worker", "LogGroup"), ("metrics", "MetricsLogGroup")):
        if group := r.get("aws_cloudwatch_log_group." + name):
            out[logical] = {"LogGroupName": group["name"], "RetentionInDays": group["retention_in_days"]}
    if table := r.get("aws_dynamodb_table.records"):
        out["Table"] = _table(table)
    if cluster := r.get("aws_ecs_cluster.own"):
        out["OwnCluster"] = {"ClusterSettings": [_pascal(s) for s in cluster["setting"]]}
    if target := r.get("aws_appautoscaling_target.tasks"):
        out["ScalableTarget"] = _pascal(target)
        out["ScalingPolicy"] = _scaling_policy(r["aws_appautoscaling_policy.backlog"])
    for address, alarm in r.items():
        if address.startswith("aws_cloudwatch_metric_alarm."):
            out[address.split(".")[1] + "Alarm"] = _alarm(alarm)
    return {name: {"Properties": properties} for name, properties in out.items()}


def _pascal(values):
    return {"".join(w.capitalize() for w in k.split("_")): v for k, v in values.items()}


def _queue(q, redrive):
    out = {
        "QueueName": q["name"],
        "FifoQueue": q["fifo_queue"],
        "MessageRetentionPeriod": q["message_retention_seconds"],
        "VisibilityTimeout": q["visibility_timeout_seconds"],
        "ReceiveMessageWaitTimeSeconds": q["receive_wait_time_seconds"] or 0,
        "SqsManagedSseEnabled": q["sqs_managed_sse_enabled"],
    }
    if q["kms_master_key_id"]:
        out["KmsMasterKeyId"] = q["kms_master_key_id"]
    # A mock makes up the other one.
    if redrive:
        out["RedrivePolicy"] = json.loads(q["redrive_policy"])
    else:
        out["RedriveAllowPolicy"] = json.loads(q["redrive_allow_policy"])
    return out


def _queue_policy(p):
    return {"Queues": [p["queue_url"]], "PolicyDocument": json.loads(p["policy"])}


def _role(r, role):
    inline = [p for a, p in r.items() if a.startswith("aws_iam_role_policy.") and p["role"] == role["name"]]
    attached = [p for a, p in r.items() if a.startswith("aws_iam_role_policy_attachment.") and p["role"] == role["name"]]
    return {
        "AssumeRolePolicyDocument": json.loads(role["assume_role_policy"]),
        "Policies": [{"PolicyName": p["name"], "PolicyDocument": json.loads(p["policy"])} for p in inline],
        "ManagedPolicyArns": [p["policy_arn"] for p in attached],
    }


def _table(t):
    ttl = t["ttl"][0]
    return {
        "BillingMode": t["billing_mode"],
        "KeySchema": [{"AttributeName": t["hash_key"], "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": a["name"], "AttributeType": a["type"]} for a in t["attribute"]],
        "TimeToLiveSpecification": {"AttributeName": ttl["attribute_name"], "Enabled": ttl["enabled"]},
    }


def _security_group(r):
    def rules(kind):
        return [
            {
                "IpProtocol": rule["ip_protocol"],
                "FromPort": rule["from_port"],
                "ToPort": rule["to_port"],
                "CidrIp": rule["cidr_ipv4"],
                "SourceSecurityGroupId": rule["referenced_security_group_id"],
                "Description": rule["description"],
            }
            for a, rule in r.items()
            if a.startswith(f"aws_vpc_security_group_{kind}_rule.")
        ]

    return {"SecurityGroupIngress": rules("ingress"), "SecurityGroupEgress": rules("egress")}


def _task(t):
    platform = t["runtime_platform"][0]
    containers = json.loads(t["container_definitions"])
    return {
        "Family": t["family"],
        "RequiresCompatibilities": t["requires_compatibilities"],
        "NetworkMode": t["network_mode"],
        "Cpu": t["cpu"],
        "Memory": t["memory"],
        "RuntimePlatform": {
            "CpuArchitecture": platform["cpu_architecture"],
            "OperatingSystemFamily": platform["operating_system_family"],
        },
        "TaskRoleArn": t["task_role_arn"],
        "ExecutionRoleArn": t["execution_role_arn"],
        "ContainerDefinitions": [{"Name": c.pop("name"), **c} for c in containers],
    }


def _service(r):
    scaled = r.get("aws_ecs_service.scaled")
    s = scaled or r["aws_ecs_service.fixed"]
    network, breaker = s["network_configuration"][0], s["deployment_circuit_breaker"][0]
    out = {
        "ServiceName": s["name"],
        "Cluster": s["cluster"],
        "TaskDefinition": s["task_definition"],
        "LaunchType": s["launch_type"],
        "PlatformVersion": s["platform_version"],
        "AvailabilityZoneRebalancing": s["availability_zone_rebalancing"],
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": s["deployment_minimum_healthy_percent"],
            "MaximumPercent": s["deployment_maximum_percent"],
            "DeploymentCircuitBreaker": _pascal(breaker),
        },
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "Subnets": sorted(network["subnets"]),
                "SecurityGroups": network["security_groups"],
                "AssignPublicIp": "ENABLED" if network["assign_public_ip"] else "DISABLED",
            }
        },
        "EnableECSManagedTags": s["enable_ecs_managed_tags"],
        "PropagateTags": s["propagate_tags"],
    }
    if not scaled:  # the count of the other is only its first, and ignored from then on
        out["DesiredCount"] = s["desired_count"]
    return out


def _metric(m, stat):
    out = {"Id": m["id"], "Label": m["label"], "Expression": m["expression"], "ReturnData": m["return_data"]}
    return out | ({"MetricStat": stat} if stat else {})


def _scaling_policy(p):
    c = p["target_tracking_scaling_policy_configuration"][0]

    def stat(m):
        if not m["metric_stat"]:
            return None
        s = m["metric_stat"][0]
        metric = s["metric"][0]
        return {"Stat": s["stat"], "Metric": _pascal(metric) | {"Dimensions": list(map(_pascal, metric["dimensions"]))}}

    return {
        "PolicyName": p["name"],
        "PolicyType": p["policy_type"],
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": c["target_value"],
            "ScaleOutCooldown": c["scale_out_cooldown"],
            "ScaleInCooldown": c["scale_in_cooldown"],
            "CustomizedMetricSpecification": {
                "Metrics": [_metric(m, stat(m)) for m in c["customized_metric_specification"][0]["metrics"]]
            },
        },
    }


def _alarm(a):
    def dimensions(d):
        return [{"Name": k, "Value": v} for k, v in d.items()]

    def stat(m):
        if not m["metric"]:
            return None
        s = m["metric"][0]
        return {
            "Stat": s["stat"],
            "Period": s["period"],
            "Metric": {"Namespace": s["namespace"], "MetricName": s["metric_name"], "Dimensions": dimensions(s["dimensions"])},
        }

    out = _pascal({k: v for k, v in a.items() if k not in ("metric_query", "dimensions", "ok_actions")})
    out |= {"OKActions": a["ok_actions"] or [], "AlarmActions": a["alarm_actions"] or []}
    if a["metric_query"]:
        return out | {"Metrics": [_metric(m, stat(m)) for m in a["metric_query"]]}
    return out | {"Dimensions": dimensions(a["dimensions"])}
