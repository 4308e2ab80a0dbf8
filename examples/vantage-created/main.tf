resource "terraform_data" "bastion" {
  input = var.bastion # an instance that gets its address when it is created, say
}

provider "preflight" {
  vantage_point {
    name = "bastion"

    ssh {
      host        = terraform_data.bastion.output
      user        = "deploy"
      private_key = var.private_key
      host_key    = var.host_key
    }
  }
}

# While planning, the address of the bastion is not known. With this trigger, the check is made during the apply, once it is. The trigger is
# the value that the vantage point needs, so it also puts off the check when an update of the bastion will change the address.
data "preflight_tcp_connect" "database" {
  check_name = "Database"
  address    = var.address
  via        = "bastion"
  timeout    = var.patience
  triggers   = { bastion = terraform_data.bastion.output }

  retry {} # the bastion may still be starting
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
