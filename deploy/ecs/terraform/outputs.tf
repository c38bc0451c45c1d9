output "queue_url" {
  description = "Where producers send updates to."
  value       = aws_sqs_queue.source.url
}

output "queue_arn" {
  description = "For the policies of producers."
  value       = aws_sqs_queue.source.arn
}

output "dead_letter_queue_url" {
  description = "Where letters are."
  value       = aws_sqs_queue.dead_letters.url
}

output "table_name" {
  description = "Where the records are; null with state in memory."
  value       = one(aws_dynamodb_table.records[*].name)
}

output "cluster" {
  description = "The cluster that the service runs in."
  value       = local.cluster
}

output "service" {
  description = "The service."
  value       = var.name
}

output "log_group" {
  description = "The workers' log."
  value       = aws_cloudwatch_log_group.worker.name
}

output "task_role_arn" {
  description = "The worker's role, for the policy of a key of yours."
  value       = aws_iam_role.task.arn
}

output "operator_policy_arn" {
  description = "To attach to those who look at dead letters and move them back."
  value       = aws_iam_policy.operator.arn
}
