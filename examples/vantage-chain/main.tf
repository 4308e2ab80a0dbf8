provider "preflight" {
  vantage_point {
    name = "bastion"

    ssh {
      host        = var.bastion
      user        = "deploy"
      private_key = var.private_key
      host_key    = var.host_keys.bastion
    }
  }

  # Only the bastion reaches this server, and knows its name.
  vantage_point {
    name = "jump"
    via  = "bastion"

    ssh {
      host        = "jump.internal"
      user        = "deploy"
      private_key = var.private_key
      host_key    = var.host_keys.jump
    }
  }
}

data "preflight_tcp_connect" "database" {
  check_name = "Database"
  address    = var.address
  via        = "jump"
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
