# What runs, and where.

variable "name" {
  description = "Name of the service, and what the names of its other parts start with."
  type        = string
  default     = "managed-thing-updater"
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,49}$", var.name))
    error_message = "A name is a letter, and up to 49 letters, digits and hyphens after it."
  }
}

variable "image" {
  description = "The worker's image, best by digest, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/managed-thing-updater@sha256:..."
  type        = string
}

variable "architecture" {
  description = "The processor that the image was built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "The architecture is X86_64 or ARM64."
  }
}

variable "size" {
  description = "CPU and memory of a task, and how much a worker holds in them. small: 0.25 vCPU, 512 MiB (1 GiB with state memory), 5,000 messages of 64 MiB; medium: 0.5 vCPU, 1 GiB, 20,000 of 200 MiB; large: 1 vCPU, 2 GiB, 60,000 of 512 MiB. docs/sizing.md says which to take."
  type        = string
  default     = "small"
  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "The size is small, medium or large."
  }
}

variable "cluster" {
  description = "Name of an ECS cluster to run in, with Container Insights if tasks are to scale. Null makes one."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "The VPC of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of two or more Availability Zones, from which SQS, the API of managed integrations, DynamoDB, CloudWatch Logs and the image's registry can be reached, through a NAT gateway, VPC endpoints or public addresses."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "It takes a subnet."
  }
}

variable "public_ip" {
  description = "Give tasks public addresses, for subnets whose way out is an internet gateway. Nothing can connect to them."
  type        = bool
  default     = false
}

# Queue and records.

variable "queue_name" {
  description = "Name of the source queue, without .fifo. The dead-letter queue has -dlq after it."
  type        = string
  default     = "managed-thing-updates"
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,70}$", var.queue_name))
    error_message = "A queue's name has up to 70 letters, digits, hyphens and underscores, without .fifo."
  }
}

variable "fifo" {
  description = "Whether both queues are FIFO queues. It cannot be changed later."
  type        = bool
  default     = false
}

variable "retention_days" {
  description = "For how many days SQS keeps a message that nobody applies: 1 to 10. Letters are kept for 14."
  type        = number
  default     = 4
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 10 && floor(var.retention_days) == var.retention_days
    error_message = "The retention is 1 to 10 whole days."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key of yours that encrypts both queues. Null is a key that SQS manages, which costs nothing."
  type        = string
  default     = null
}

variable "state" {
  description = "Where it is remembered what was applied. dynamodb makes a table that all tasks share; memory runs one task, which forgets everything when it stops (docs/state.md)."
  type        = string
  default     = "dynamodb"
  validation {
    condition     = contains(["dynamodb", "memory"], var.state)
    error_message = "The state is dynamodb or memory."
  }
}

# The worker.

variable "settings" {
  description = "Settings of the worker by their names, such as { WORKER_RATE_MAX = \"50\" } (docs/settings.md). They win over those that the module makes."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.settings) : startswith(name, "WORKER_") && name != "WORKER_ADMIN_TOKEN"])
    error_message = "Settings of the worker start with WORKER_; the token is a secret, admin_token_secret_arn."
  }
}

variable "task_protection" {
  description = "Whether tasks that hold messages are protected from scale-in and deployments. A worker that is stopped loses nothing, and a protected one that always has messages holds up deployments."
  type        = bool
  default     = false
}

variable "admin_source" {
  description = "Id of a security group that may connect to the worker's port 8080, with its status and live page. Null is nobody."
  type        = string
  default     = null
}

variable "admin_token_secret_arn" {
  description = "ARN of a secret of Secrets Manager with the token that the port asks for (WORKER_ADMIN_TOKEN). admin_source needs one."
  type        = string
  default     = null
  validation {
    condition     = var.admin_source == null || var.admin_token_secret_arn != null
    error_message = "admin_source opens a port that shows what the worker does, so it takes an admin_token_secret_arn."
  }
}

# Replicas.

variable "min_tasks" {
  description = "Tasks at least; 2 survive the loss of an Availability Zone without a pause. With state in memory there is one."
  type        = number
  default     = 1
  validation {
    condition     = var.min_tasks >= 1
    error_message = "It takes a task."
  }
}

variable "max_tasks" {
  description = "Tasks at most, where they scale, which takes state dynamodb and collector_config; otherwise there are min_tasks."
  type        = number
  default     = 4
  validation {
    condition     = var.max_tasks >= var.min_tasks
    error_message = "max_tasks is min_tasks at least."
  }
}

# What it tells.

variable "alarm_topic_arn" {
  description = "ARN of an SNS topic that hears of alarms. Null is none."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "For how many days CloudWatch keeps the logs."
  type        = number
  default     = 30
}

variable "collector_config" {
  description = "Name of a parameter of Systems Manager, starting with /, with the configuration of an OpenTelemetry collector, which then runs beside each worker (deploy/observability/collector). Null is no collector."
  type        = string
  default     = null
  validation {
    condition     = var.collector_config == null || startswith(coalesce(var.collector_config, "/"), "/")
    error_message = "The parameter's name starts with /."
  }
}

variable "collector_image" {
  description = "The collector's image."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"
}
