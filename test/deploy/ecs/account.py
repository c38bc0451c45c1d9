"""An AWS account that moto plays, in which the template is made into a stack."""

import contextlib
import json
import re
import subprocess

import boto3

from template import REGION

STACK = "things"


class Account:
    def __init__(self, url):
        self.url = url
        vpc = self.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        groups = self.client("ec2").create_security_group(GroupName="operators", Description="operators", VpcId=vpc)
        self.group = groups["GroupId"]
        subnets = self.client("ec2").describe_subnets()["Subnets"]
        self.network = {"Vpc": vpc, "Subnets": ",".join(s["SubnetId"] for s in subnets)}

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="AKIDLOCAL", aws_secret_access_key="local-secret"
        )

    def make(self, template, parameters):
        """Makes the stack and returns what its resources are called, by the names under
        which Template wants them."""
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName=STACK,
            TemplateBody=template.without_gaps(),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        status = formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        assert status == "CREATE_COMPLETE", f"the stack is {status}"
        resources = formation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        made = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r.get("LogicalResourceId")}
        return made | self._attributes(made)

    def _attributes(self, made):
        out = {"Service.Name": made["Service"].rsplit("/", 1)[1], "ScalableTarget": "made by none"}
        for queue in ("Queue", "DeadLetterQueue"):
            out[queue + ".Arn"] = self.queue(made[queue])["QueueArn"]
            out[queue + ".QueueName"] = made[queue].rsplit("/", 1)[1]
        for role in ("TaskRole", "ExecutionRole"):
            out[role + ".Arn"] = self.client("iam").get_role(RoleName=made[role])["Role"]["Arn"]
        if "Table" in made:
            out["Table.Arn"] = self.client("dynamodb").describe_table(TableName=made["Table"])["Table"]["TableArn"]
        if "MetricsLogGroup" in made:
            (group,) = self.client("logs").describe_log_groups(logGroupNamePrefix=made["MetricsLogGroup"])["logGroups"]
            out["MetricsLogGroup.Arn"] = group["logGroupArn"]
        return out

    def queue(self, url):
        return self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def seen(self, made):
        """What moto keeps of the stack, in the form of standing.py as far as that goes."""
        iam, ecs = self.client("iam"), self.client("ecs")

        def policies(role):
            names = iam.list_role_policies(RoleName=made[role])["PolicyNames"]
            return {n: _document(iam.get_role_policy(RoleName=made[role], PolicyName=n)["PolicyDocument"]) for n in names}

        task = ecs.describe_task_definition(taskDefinition=made["TaskDefinition"])["taskDefinition"]
        cluster = made["Service"].split("/")[-2]
        (service,) = ecs.describe_services(cluster=cluster, services=[made["Service"]])["services"]
        operator = iam.get_policy(PolicyArn=made["OperatorPolicy"])["Policy"]["DefaultVersionId"]
        return {
            "queues": {
                a["QueueArn"].rsplit(":", 1)[1]: {
                    "retention": int(a["MessageRetentionPeriod"]),
                    "visibility": int(a["VisibilityTimeout"]),
                    "wait": int(a["ReceiveMessageWaitTimeSeconds"]),
                    "fifo": a.get("FifoQueue") == "true",
                    "redrive": json.loads(a["RedrivePolicy"]) if "RedrivePolicy" in a else None,
                }
                for a in map(self.queue, (made["Queue"], made["DeadLetterQueue"]))
            },
            "policies": {role: policies(role) for role in ("TaskRole", "ExecutionRole")},
            "trust": {
                role: iam.get_role(RoleName=made[role])["Role"]["AssumeRolePolicyDocument"] for role in ("TaskRole", "ExecutionRole")
            },
            "operator": _document(
                iam.get_policy_version(PolicyArn=made["OperatorPolicy"], VersionId=operator)["PolicyVersion"]["Document"]
            ),
            "table key": self._table_key(made),
            "environment": {
                c["name"]: {e["name"]: str(e["value"]) for e in c["environment"]} for c in task["containerDefinitions"]
            },
            "service": [service["serviceName"], service["taskDefinition"], service["clusterArn"].rsplit("/", 1)[1]],
        }

    def _table_key(self, made):
        if "Table" not in made:
            return None
        table = self.client("dynamodb").describe_table(TableName=made["Table"])["Table"]
        return {k["AttributeName"]: k["KeyType"] for k in table["KeySchema"]}


def _document(text):
    return text if isinstance(text, dict) else json.loads(text) if text.startswith('{"') else _repr(text)


def _repr(text):
    """moto hands some policies out as Python writes them."""
    import ast

    return ast.literal_eval(text)


def as_seen(standing):
    """The same of a form of standing.py."""
    return {
        "queues": {
            name: {k: q[k] for k in ("retention", "visibility", "wait", "fifo", "redrive")} for name, q in standing["queues"].items()
        },
        "policies": {name: r["policies"] for name, r in standing["roles"].items()},
        "trust": {name: r["trust"] for name, r in standing["roles"].items()},
        "operator": standing["operator"],
        "table key": standing["table"] and standing["table"]["key"],
        "environment": {name: c["environment"] for name, c in standing["task"]["containers"].items()},
        "service": [standing["service"]["name"], standing["service"]["task"], standing["service"]["cluster"]],
    }


@contextlib.contextmanager
def opened():
    """An account of its own, until the end of the with statement."""
    command = ["moto_server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if address := re.search(r"http://127\.0\.0\.1:[0-9]+", line):
                    break
            else:
                raise RuntimeError("moto_server ended before it listened")
            import threading

            threading.Thread(target=server.stderr.read, daemon=True).start()  # so that it never waits for a reader
            yield Account(address[0])
        finally:
            server.kill()
