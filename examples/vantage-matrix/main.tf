provider "preflight" {
  vantage_point {
    name = "bastion"

    ssh {
      host        = var.bastion
      user        = "deploy"
      private_key = var.private_key
      host_key    = var.host_key
    }
  }
}

# The same check from this machine and from the bastion. "here" is the reserved name of this machine.
data "preflight_tcp_connect" "database" {
  for_each = toset(["here", "bastion"])

  check_name     = "Database from ${each.key}"
  collector_name = "database-from-${each.key}"
  address        = var.address
  via            = each.key
}

locals {
  closed = [for check in data.preflight_tcp_connect.database : check.explanation if !check.proceed]
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = alltrue([for check in data.preflight_tcp_connect.database : check.proceed])
      error_message = join("\n\n", local.closed)
    }
  }
}
