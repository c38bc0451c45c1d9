locals {
  suffix        = var.fifo ? ".fifo" : ""
  queue_name    = "${var.queue_name}${local.suffix}"
  dlq_name      = "${var.queue_name}-dlq${local.suffix}"
  queue_arn     = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.queue_name}"
  day           = 24 * 60 * 60
  retention     = var.retention_days * local.day
  letters_for   = 14 * local.day
  own_key       = var.kms_key_arn != null
  only_over_tls = { Bool = { "aws:SecureTransport" = "false" } }
}

resource "aws_sqs_queue" "source" {
  name                       = local.queue_name
  fifo_queue                 = var.fifo
  message_retention_seconds  = local.retention
  visibility_timeout_seconds = 120
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = local.own_key ? null : true

  # The worker writes the letters itself, with their reasons, after 100 receives
  # (WORKER_MAX_RECEIVES). SQS is to do so only for a message that no worker can look at.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 1000
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                       = local.dlq_name
  fifo_queue                 = var.fifo
  message_retention_seconds  = local.letters_for
  visibility_timeout_seconds = 120
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = local.own_key ? null : true

  # By name, since the source queue in turn names this one.
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
}

resource "aws_sqs_queue_policy" "source" {
  queue_url = aws_sqs_queue.source.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.source.arn
      Condition = local.only_over_tls
    }]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.dead_letters.arn
      Condition = local.only_over_tls
    }]
  })
}
