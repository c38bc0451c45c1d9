# As many tasks as the backlog can use, and no more than the quota can keep busy: a worker
# says what share of one task its part of the quota keeps busy, so throttling adds none.
resource "aws_appautoscaling_target" "tasks" {
  count              = local.scales ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${local.cluster}/${aws_ecs_service.scaled[0].name}"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
}

resource "aws_appautoscaling_policy" "backlog" {
  count              = local.scales ? 1 : 0
  name               = "backlog-per-useful-task"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.tasks[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks[0].resource_id

  target_tracking_scaling_policy_configuration {
    # The tasks that are wanted, for each that runs.
    target_value       = 1
    scale_out_cooldown = 120
    scale_in_cooldown  = 600

    customized_metric_specification {
      metrics {
        id          = "wanted"
        label       = "Wanted tasks for each that runs"
        expression  = "MAX([1, MIN([CEIL((visible + held) / ${local.size.messages}), CEIL(useful * running)])]) / running"
        return_data = true
      }
      metrics {
        id          = "visible"
        label       = "Messages that wait in the queue"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"
            dimensions {
              name  = "QueueName"
              value = aws_sqs_queue.source.name
            }
          }
        }
      }
      metrics {
        id          = "held"
        label       = "Messages that workers hold"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesNotVisible"
            dimensions {
              name  = "QueueName"
              value = aws_sqs_queue.source.name
            }
          }
        }
      }
      metrics {
        id          = "useful"
        label       = "Useful replicas by a worker's part of the quota"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = local.metrics_namespace
            metric_name = "worker_useful_replicas"
            dimensions {
              name  = "Service"
              value = var.name
            }
          }
        }
      }
      metrics {
        id          = "running"
        label       = "Tasks that run"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"
            dimensions {
              name  = "ClusterName"
              value = local.cluster
            }
            dimensions {
              name  = "ServiceName"
              value = aws_ecs_service.scaled[0].name
            }
          }
        }
      }
    }
  }
}

locals {
  # What the collector's configuration says.
  metrics_namespace = "ManagedThingUpdater"
}
