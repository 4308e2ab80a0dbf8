data "preflight_tcp_connect" "api" {
  for_each = var.endpoints

  check_name     = each.key
  collector_name = each.key
  address        = each.value
}

locals {
  closed = [for check in data.preflight_tcp_connect.api : check.explanation if !check.proceed]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = alltrue([for check in data.preflight_tcp_connect.api : check.proceed])
      error_message = "Not reachable:\n\n${join("\n\n", local.closed)}"
    }
  }
}
