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

variable "host_keys" {
  description = "Public keys of both servers, as their administrators have told you: \"ssh-ed25519 AAAA...\"."
  type = object({
    bastion = string
    jump    = string
  })
}

variable "private_key" {
  description = "Private key of the user that logs in to both servers, PEM."
  type        = string
  sensitive   = true
}

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
