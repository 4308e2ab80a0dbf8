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

# The bastion dials, in the network of the workload. It also looks the name up.
data "preflight_tcp_connect" "database" {
  check_name = "Database"
  address    = var.address
  via        = "bastion"
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_tcp_connect.database.proceed
      error_message = data.preflight_tcp_connect.database.explanation
    }
  }
}
