"""Faults planted in the template, each of which a proof must find."""

# What is wrong, what stands in the template, and what is put in its place.
FAULTS = [
    ("a typo in the redrive policy", "deadLetterTargetArn:", "deadLetterTargetARN:"),
    ("a redrive policy that moves messages away at once", "maxReceiveCount: 1000", "maxReceiveCount: 3"),
    ("a dead-letter queue that takes another queue's letters", "${QueueName}${Suffix}", "${QueueName}s${Suffix}"),
    ("letters that go before messages", "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 86400"),
    ("a queue that is not encrypted", "SqsManagedSseEnabled: !If [HasKey, !Ref AWS::NoValue, true]", "SqsManagedSseEnabled: false"),
    ("an action too many", "[sqs:ReceiveMessage, sqs:ChangeMessageVisibility,", "[sqs:ReceiveMessage, sqs:PurgeQueue, sqs:ChangeMessageVisibility,"),
    ("an action missing", "dynamodb:UpdateItem, ", ""),
    ("an action on every queue", "Resource: !GetAtt Queue.Arn\n              - Sid: WriteDeadLetters", 'Resource: "*"\n              - Sid: WriteDeadLetters'),
    ("records that expire by another attribute", "AttributeName: expires", "AttributeName: expire"),
    ("a root file system that can be written", "ReadonlyRootFilesystem: true", "ReadonlyRootFilesystem: false"),
    ("a health check that needs a shell", "[CMD, /usr/local/bin/worker, health]", "[CMD-SHELL, worker health]"),
    ("too little time to stop", "StopTimeout: 40", "StopTimeout: 20"),
    ("a setting that the worker does not have", "Name: WORKER_MAX_HELD,", "Name: WORKER_MAXHELD,"),
    ("more held than fits", "Bytes: 64MiB", "Bytes: 128MiB"),
    ("a container without room for state in memory", 'small: {Memory: "1024", Worker: "416", GoLimit: 374MiB}', 'small: {Memory: "1024", Worker: "384", GoLimit: 345MiB}'),
    ("two tasks at once that share no state", "MaximumPercent: !If [HasTable, 200, 100]", "MaximumPercent: 200"),
    ("no way back from a deployment that fails", "Rollback: true", "Rollback: false"),
    ("scaling by depth alone", "MIN([CEIL((visible + held) / ${Messages}), CEIL(useful * running)])", "MAX([CEIL((visible + held) / ${Messages}), CEIL(useful * running)])"),
    ("a typo in a metric of SQS", "MetricName: ApproximateAgeOfOldestMessage", "MetricName: ApproximateAgeOfOldestMessages"),
    ("a dimension that a metric does not have", "Dimensions: [{Name: TableName,", "Dimensions: [{Name: Table,"),
    ("an alarm too late", 'Old: "241920"', 'Old: "341920"'),
    ("an alarm that nobody hears", "      AlarmActions: !If [HasTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]\n      OKActions: !If [HasTopic, [!Ref AlarmTopic], !Ref AWS::NoValue]\n  DeadLettersAlarm", "  DeadLettersAlarm"),
    ("more than HTTPS going out", "FromPort: 443", "FromPort: 0"),
]


def planted(text):
    """Each fault's name, with the template that has it."""
    for name, old, new in FAULTS:
        assert old in text, f"the template has nothing for {name} to be planted in: {old!r}"
        yield name, text.replace(old, new, 1)
