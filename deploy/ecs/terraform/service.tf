locals {
  cluster  = var.cluster == null ? aws_ecs_cluster.own[0].name : var.cluster
  collects = var.collector_config != null
  scales   = local.shared && local.collects

  collector_config_arn = local.collects ? "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${var.collector_config}" : null

  # worker is the container's memory in MiB: at least 96 and 2.5 times the bytes held.
  # GOMEMLIMIT is nine tenths of it. What is left of the task's is the collector's.
  sizes = {
    small  = { cpu = 256, memory = 512, worker = 256, go_limit = "230MiB", messages = 5000, bytes = "64MiB" }
    medium = { cpu = 512, memory = 1024, worker = 640, go_limit = "576MiB", messages = 20000, bytes = "200MiB" }
    large  = { cpu = 1024, memory = 2048, worker = 1536, go_limit = "1382MiB", messages = 60000, bytes = "512MiB" }
  }
  # The same with the state in memory: 2.5 times its 64 MiB more.
  sizes_in_memory = {
    small  = { memory = 1024, worker = 416, go_limit = "374MiB" }
    medium = { memory = 1024, worker = 768, go_limit = "691MiB" }
    large  = { memory = 2048, worker = 1536, go_limit = "1382MiB" }
  }
  size = local.shared ? local.sizes[var.size] : merge(local.sizes[var.size], local.sizes_in_memory[var.size])

  # SIGKILL comes this long after SIGTERM. The worker takes WORKER_SHUTDOWN_TIMEOUT, 25 s.
  stop_timeout = 40

  settings = merge({
    AWS_REGION                = local.region
    WORKER_QUEUE_URL          = aws_sqs_queue.source.url
    WORKER_DLQ_URL            = aws_sqs_queue.dead_letters.url
    WORKER_STATE              = local.shared ? "dynamodb://${aws_dynamodb_table.records[0].name}" : "memory"
    WORKER_MAX_HELD           = tostring(local.size.messages)
    WORKER_MAX_HELD_BYTES     = local.size.bytes
    WORKER_ADMIN_ADDR         = var.admin_source == null ? "127.0.0.1:8080" : ":8080"
    TERMINATION_GRACE_SECONDS = tostring(local.stop_timeout)
    GOMEMLIMIT                = local.size.go_limit
  }, local.shared ? {} : { WORKER_STATE_BYTES = "64MiB" }, local.collects ? local.traces : {}, var.settings)

  # One trace in 20: X-Ray counts each.
  traces = {
    OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318"
    OTEL_TRACES_SAMPLER         = "parentbased_traceidratio"
    OTEL_TRACES_SAMPLER_ARG     = "0.05"
  }

  log = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.worker.name
      awslogs-region        = local.region
      awslogs-stream-prefix = "ecs"
      # Where CloudWatch is in trouble, lines are lost and the worker goes on.
      mode            = "non-blocking"
      max-buffer-size = "4m"
    }
  }

  worker = {
    name                   = "worker"
    image                  = var.image
    essential              = true
    memory                 = local.size.worker
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    portMappings           = [{ containerPort = 8080, protocol = "tcp" }]
    # The binary asks itself: the image has no shell.
    healthCheck = {
      command     = ["CMD", "/usr/local/bin/worker", "health"]
      interval    = 10
      timeout     = 6
      retries     = 3
      startPeriod = 30
    }
    stopTimeout      = local.stop_timeout
    environment      = [for name, value in local.settings : { name = name, value = value }]
    secrets          = var.admin_token_secret_arn == null ? [] : [{ name = "WORKER_ADMIN_TOKEN", valueFrom = var.admin_token_secret_arn }]
    logConfiguration = local.log
  }

  collector = {
    name                   = "collector"
    image                  = var.collector_image
    essential              = false
    restartPolicy          = { enabled = true }
    readonlyRootFilesystem = true
    environment = [
      { name = "SERVICE_NAME", value = var.name },
      { name = "METRICS_LOG_GROUP", value = one(aws_cloudwatch_log_group.metrics[*].name) },
    ]
    secrets          = [{ name = "AOT_CONFIG_CONTENT", valueFrom = local.collector_config_arn }]
    logConfiguration = local.log
  }
}

resource "aws_ecs_cluster" "own" {
  count = var.cluster == null ? 1 : 0
  name  = var.name

  setting {
    # Container Insights has the number of running tasks, by which they scale.
    name  = "containerInsights"
    value = local.scales ? "enabled" : "disabled"
  }
}

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/${var.name}/worker"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "metrics" {
  count             = local.collects ? 1 : 0
  name              = "/${var.name}/metrics"
  retention_in_days = var.log_retention_days
}

resource "aws_security_group" "worker" {
  name_prefix = "${var.name}-"
  description = "managed-thing-updater, which calls out by HTTPS alone"
  vpc_id      = var.vpc_id

  lifecycle { create_before_destroy = true }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.worker.id
  description       = "AWS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "admin" {
  count                        = var.admin_source == null ? 0 : 1
  security_group_id            = aws_security_group.worker.id
  description                  = "Status and live page"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = var.admin_source
}

resource "aws_ecs_task_definition" "worker" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = local.size.cpu
  memory                   = local.size.memory
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = local.collects ? jsonencode([local.worker, local.collector]) : jsonencode([local.worker])

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }
}

# Two resources, as a lifecycle cannot depend on a variable: where tasks scale, an apply
# leaves their number as it is.
resource "aws_ecs_service" "scaled" {
  count                         = local.scales ? 1 : 0
  name                          = var.name
  cluster                       = local.cluster
  task_definition               = aws_ecs_task_definition.worker.arn
  launch_type                   = "FARGATE"
  platform_version              = "LATEST"
  desired_count                 = var.min_tasks
  availability_zone_rebalancing = "ENABLED"
  enable_ecs_managed_tags       = true
  propagate_tags                = "SERVICE"

  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.worker.id]
    assign_public_ip = var.public_ip
  }

  depends_on = [aws_iam_role_policy.worker, aws_iam_role_policy.collector, aws_iam_role_policy_attachment.execution, aws_iam_role_policy.collector_config, aws_iam_role_policy.admin_token]
  lifecycle { ignore_changes = [desired_count] }
}

resource "aws_ecs_service" "fixed" {
  count                         = local.scales ? 0 : 1
  name                          = var.name
  cluster                       = local.cluster
  task_definition               = aws_ecs_task_definition.worker.arn
  launch_type                   = "FARGATE"
  platform_version              = "LATEST"
  desired_count                 = local.shared ? var.min_tasks : 1
  availability_zone_rebalancing = local.shared ? "ENABLED" : "DISABLED"
  enable_ecs_managed_tags       = true
  propagate_tags                = "SERVICE"

  # With state in memory the old task ends before the new one starts.
  deployment_minimum_healthy_percent = local.shared ? 100 : 0
  deployment_maximum_percent         = local.shared ? 200 : 100
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.worker.id]
    assign_public_ip = var.public_ip
  }

  depends_on = [aws_iam_role_policy.worker, aws_iam_role_policy.collector, aws_iam_role_policy_attachment.execution, aws_iam_role_policy.collector_config, aws_iam_role_policy.admin_token]
}
