# docs/runbook.md says what to do about each.
locals {
  heard = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "old_messages" {
  alarm_name          = "${var.name}-old-messages"
  alarm_description   = "The oldest message has used up 70% of the time for which the queue keeps it. docs/runbook.md"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.source.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.retention / 10 * 7
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.heard
  ok_actions          = local.heard
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Messages were dead-lettered in the last five minutes. docs/runbook.md"
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesSent"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.heard
  ok_actions          = local.heard
}

resource "aws_cloudwatch_metric_alarm" "no_progress" {
  alarm_name          = "${var.name}-no-progress"
  alarm_description   = "For 15 minutes there have been messages, and none was settled. docs/runbook.md"
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.heard
  ok_actions          = local.heard

  metric_query {
    id          = "stuck"
    label       = "1 where there are messages and none is deleted"
    expression  = "IF(visible + held > 0 AND FILL(deleted, 0) == 0, 1, 0)"
    return_data = true
  }
  metric_query {
    id          = "visible"
    return_data = false
    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.source.name }
      stat        = "Maximum"
      period      = 300
    }
  }
  metric_query {
    id          = "held"
    return_data = false
    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesNotVisible"
      dimensions  = { QueueName = aws_sqs_queue.source.name }
      stat        = "Maximum"
      period      = 300
    }
  }
  metric_query {
    id          = "deleted"
    return_data = false
    metric {
      namespace   = "AWS/SQS"
      metric_name = "NumberOfMessagesDeleted"
      dimensions  = { QueueName = aws_sqs_queue.source.name }
      stat        = "Sum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "no_tasks" {
  alarm_name        = "${var.name}-no-tasks"
  alarm_description = "No task has run for five minutes. docs/runbook.md"
  # ECS reports it of running tasks alone.
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = local.cluster, ServiceName = var.name }
  statistic           = "SampleCount"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.heard
  ok_actions          = local.heard
}

resource "aws_cloudwatch_metric_alarm" "records_throttled" {
  count               = local.shared ? 1 : 0
  alarm_name          = "${var.name}-records-throttled"
  alarm_description   = "DynamoDB has throttled writes of records for 15 minutes. docs/runbook.md"
  namespace           = "AWS/DynamoDB"
  metric_name         = "WriteThrottleEvents"
  dimensions          = { TableName = aws_dynamodb_table.records[0].name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.heard
  ok_actions          = local.heard
}

resource "aws_cloudwatch_metric_alarm" "circuit_open" {
  count               = local.collects ? 1 : 0
  alarm_name          = "${var.name}-circuit-open"
  alarm_description   = "For five minutes a worker has held back, since the API, its credentials or the table fails. docs/runbook.md"
  namespace           = local.metrics_namespace
  metric_name         = "worker_circuit_open"
  dimensions          = { Service = var.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.heard
  ok_actions          = local.heard
}
