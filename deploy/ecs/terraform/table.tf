# What was applied.
resource "aws_dynamodb_table" "records" {
  count        = local.shared ? 1 : 0
  name         = "${var.name}-records"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "thing"

  attribute {
    name = "thing"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }
}

locals {
  shared = var.state == "dynamodb"
}
