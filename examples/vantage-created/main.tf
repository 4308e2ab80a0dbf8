terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

variable "address" {
  description = "The database, by the name that the workload uses."
  type        = string
  default     = "db.internal:5432"
}

variable "bastion" {
  description = "The bastion: a name or an IP address, with a port if it is not 22."
  type        = string
  default     = "bastion.example.com"
}

variable "host_key" {
  description = "Public key of the bastion, as its administrator has told you: \"ssh-ed25519 AAAA...\"."
  type        = string
}

variable "private_key" {
  description = "Private key of the user that logs in to the bastion, PEM."
  type        = string
  sensitive   = true
}

variable "patience" {
  description = "How long to wait for the bastion and the database in all."
  type        = string
  default     = "5m"
}

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
