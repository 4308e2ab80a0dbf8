variable "private_key" {
  description = "Private key of the user that logs in to the bastion, PEM."
  type        = string
  sensitive   = true
  ephemeral   = true # so that a saved plan does not hold it
}

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

# The check is made again in every phase, so it gates a saved plan when it is applied. It fails unless the bastion connects.
ephemeral "preflight_tcp_connect" "database" {
  check_name = "Database"
  address    = var.address
  via        = "bastion"
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.database]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
