locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
      }
    }]
  })

  read_and_write_encrypted = local.own_key ? [{
    Sid       = "ReadAndWriteEncrypted"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = var.kms_key_arn
    Condition = { StringEquals = { "kms:ViaService" = "sqs.${local.region}.amazonaws.com" } }
  }] : []
}

# What the worker may do: deploy/iam/worker.json.
resource "aws_iam_role" "task" {
  name_prefix        = substr("${var.name}-task-", 0, 38)
  description        = "What managed-thing-updater may do (deploy/iam/worker.json)"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "worker" {
  name = "worker"
  role = aws_iam_role.task.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ReceiveAndSettle"
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = aws_sqs_queue.source.arn
        },
        {
          Sid      = "WriteDeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
          Resource = aws_sqs_queue.dead_letters.arn
        },
      ],
      [{
        Sid    = "UpdateThings"
        Effect = "Allow"
        Action = "iotmanagedintegrations:UpdateManagedThing"
        Resource = [
          "arn:${local.partition}:iotmanagedintegrations:${local.region}:${local.account}:managed-thing/*",
          "arn:${local.partition}:iotmanagedintegrations:${local.region}:${local.account}:credential-locker/*",
        ]
      }],
      [for table in aws_dynamodb_table.records : {
        Sid      = "KeepRecords"
        Effect   = "Allow"
        Action   = ["dynamodb:UpdateItem", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"]
        Resource = table.arn
      }],
      local.read_and_write_encrypted,
      var.task_protection ? [{
        Sid      = "ProtectOwnTask"
        Effect   = "Allow"
        Action   = "ecs:UpdateTaskProtection"
        Resource = "arn:${local.partition}:ecs:${local.region}:${local.account}:task/${local.cluster}/*"
      }] : [],
    )
  })
}

# What a collector may do: deploy/iam/collector.json.
resource "aws_iam_role_policy" "collector" {
  count = local.collects ? 1 : 0
  name  = "collector"
  role  = aws_iam_role.task.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteMetrics"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.metrics[0].arn}:*"
      },
      {
        Sid      = "WriteTraces"
        Effect   = "Allow"
        Action   = "xray:PutTraceSegments"
        Resource = "*"
      },
    ]
  })
}

# What ECS does to start a task.
resource "aws_iam_role" "execution" {
  name_prefix        = substr("${var.name}-start-", 0, 38)
  description        = "What ECS does to start managed-thing-updater, pulling the image and writing the log"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role_policy" "admin_token" {
  count = var.admin_token_secret_arn == null ? 0 : 1
  name  = "admin-token"
  role  = aws_iam_role.execution.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = var.admin_token_secret_arn
    }]
  })
}

resource "aws_iam_role_policy" "collector_config" {
  count = local.collects ? 1 : 0
  name  = "collector-config"
  role  = aws_iam_role.execution.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "ssm:GetParameters"
      Resource = local.collector_config_arn
    }]
  })
}

# What those may do who look at dead letters and move them back: deploy/iam/dlq.json.
resource "aws_iam_policy" "operator" {
  name_prefix = "${var.name}-operator-"
  description = "For those who look at dead letters and move them back with worker dlq (deploy/iam/dlq.json)"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid    = "LookAtLetters"
          Effect = "Allow"
          Action = [
            "sqs:ReceiveMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:ListDeadLetterSourceQueues",
          ]
          Resource = aws_sqs_queue.dead_letters.arn
        },
        {
          Sid      = "MoveLettersBack"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
          Resource = aws_sqs_queue.source.arn
        },
      ],
      local.read_and_write_encrypted,
    )
  })
}
