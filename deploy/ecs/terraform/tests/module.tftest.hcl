# No account is needed: the provider is a mock, and what AWS would have made up is given
# here. The runs named after a set-up are also compared with the CloudFormation template
# (test/deploy/ecs).

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
}

override_resource {
  target = aws_sqs_queue.source
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:updates"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates"
  }
}
override_resource {
  target = aws_sqs_queue.dead_letters
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:updates-dlq"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates-dlq"
  }
}
override_resource {
  target = aws_dynamodb_table.records
  values = { arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/things-records" }
}
override_resource {
  target = aws_iam_role.task
  values = { name = "task", arn = "arn:aws:iam::123456789012:role/task" }
}
override_resource {
  target = aws_iam_role.execution
  values = { name = "start", arn = "arn:aws:iam::123456789012:role/start" }
}
override_resource {
  target = aws_cloudwatch_log_group.metrics
  values = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/things/metrics" }
}
override_resource {
  target = aws_security_group.worker
  values = { id = "sg-1" }
}
override_resource {
  target = aws_ecs_task_definition.worker
  values = { arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/things:1" }
}

variables {
  name       = "things"
  image      = "worker:1"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  queue_name = "updates"
  settings = {
    WORKER_RATE_START       = "10"
    WORKER_RATE_MAX         = "0"
    WORKER_MEMBER_SEMANTICS = "unknown"
    WORKER_LOG_LEVEL        = "info"
  }
}

run "defaults" {}

run "memory" {
  state_key = "memory"
  variables {
    state     = "memory"
    min_tasks = 3
    max_tasks = 5
  }
}

run "medium_in_memory" {
  state_key = "medium_in_memory"
  variables {
    state = "memory"
    size  = "medium"
  }
}

run "everything" {
  state_key = "everything"

  override_resource {
    target = aws_sqs_queue.source
    values = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:updates.fifo"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates.fifo"
    }
  }
  override_resource {
    target = aws_sqs_queue.dead_letters
    values = {
      arn = "arn:aws:sqs:eu-west-1:123456789012:updates-dlq.fifo"
      url = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates-dlq.fifo"
    }
  }

  variables {
    fifo                   = true
    retention_days         = 10
    kms_key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    size                   = "large"
    architecture           = "ARM64"
    public_ip              = true
    min_tasks              = 2
    max_tasks              = 6
    task_protection        = true
    admin_source           = "sg-0a"
    admin_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token"
    alarm_topic_arn        = "arn:aws:sns:eu-west-1:123456789012:on-call"
    collector_config       = "/things/collector"
  }
}

run "existing_cluster" {
  variables {
    cluster         = "shared"
    task_protection = true
  }
  assert {
    condition     = length(aws_ecs_cluster.own) == 0 && aws_ecs_service.fixed[0].cluster == "shared" && output.cluster == "shared"
    error_message = "The cluster that was given is not the service's."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.worker.policy, "arn:aws:ecs:eu-west-1:123456789012:task/shared/*")
    error_message = "The tasks that may be protected are not those of the cluster that was given."
  }
}

run "settings_win" {
  variables {
    settings = { WORKER_MAX_HELD = "100" }
  }
  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.worker.container_definitions)[0].environment, { name = "WORKER_MAX_HELD", value = "100" })
    error_message = "A setting that was given does not win over the module's own."
  }
}

run "refuses_what_is_no_setting" {
  command = plan
  variables {
    settings = { PATH = "/" }
  }
  expect_failures = [var.settings]
}

run "refuses_a_token_in_the_open" {
  command = plan
  variables {
    settings = { WORKER_ADMIN_TOKEN = "secret" }
  }
  expect_failures = [var.settings]
}

run "refuses_an_open_port_without_a_token" {
  command = plan
  variables {
    admin_source = "sg-0a"
  }
  expect_failures = [var.admin_token_secret_arn]
}

run "refuses_letters_that_go_before_messages" {
  command = plan
  variables {
    retention_days = 14
  }
  expect_failures = [var.retention_days]
}

run "refuses_fewer_tasks_at_most_than_at_least" {
  command = plan
  variables {
    min_tasks = 5
  }
  expect_failures = [var.max_tasks]
}
