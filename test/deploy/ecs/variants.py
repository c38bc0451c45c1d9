"""The set-ups that are looked at, the same of the template and of the module."""

from template import ACCOUNT, PARTITION, REGION

STACK = "things"
QUEUE = "updates"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
TOKEN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:token"

# Parameters of the template. The run of the same name in the module's tests has the
# same in the module's words.
VARIANTS = {
    "defaults": {},
    "memory": {"State": "memory", "MinTasks": "3", "MaxTasks": "5"},
    "medium_in_memory": {"State": "memory", "Size": "medium"},
    "everything": {
        "Fifo": "true",
        "RetentionDays": "10",
        "KmsKey": KEY,
        "Size": "large",
        "Architecture": "ARM64",
        "PublicIp": "ENABLED",
        "MinTasks": "2",
        "MaxTasks": "6",
        "TaskProtection": "true",
        "AdminSource": "sg-0a",
        "AdminTokenSecret": TOKEN,
        "AlarmTopic": TOPIC,
        "CollectorConfig": "/things/collector",
    },
}

COMMON = {"Image": "worker:1", "Vpc": "vpc-1", "Subnets": "subnet-1,subnet-2", "QueueName": QUEUE}


def names(fifo, cluster=STACK):
    """What the resources are called once they stand."""
    end = ".fifo" if fifo else ""
    arn = f"arn:{PARTITION}:%s:{REGION}:{ACCOUNT}:%s"
    role = f"arn:{PARTITION}:iam::{ACCOUNT}:role/"

    def queue(logical, name):
        return {
            logical: f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}{end}",
            logical + ".Arn": arn % ("sqs", name + end),
            logical + ".QueueName": name + end,
        }

    return {
        **queue("Queue", QUEUE),
        **queue("DeadLetterQueue", QUEUE + "-dlq"),
        "Table": STACK + "-records",
        "Table.Arn": arn % ("dynamodb", f"table/{STACK}-records"),
        "TaskRole.Arn": role + "task",
        "ExecutionRole.Arn": role + "start",
        "OwnCluster": cluster,
        "LogGroup": f"/{STACK}/worker",
        "MetricsLogGroup": f"/{STACK}/metrics",
        "MetricsLogGroup.Arn": arn % ("logs", f"log-group:/{STACK}/metrics:*"),
        "SecurityGroup": "sg-1",
        "TaskDefinition": arn % ("ecs", f"task-definition/{STACK}:1"),
        "Service.Name": STACK,
        "ScalableTarget": f"service/{cluster}/{STACK}|ecs:service:DesiredCount|ecs",
    }
