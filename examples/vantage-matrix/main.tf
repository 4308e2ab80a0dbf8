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
