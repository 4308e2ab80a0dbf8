terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

variable "endpoints" {
  description = "What must be reachable: a name and host:port of each."
  type        = map(string)
  default = {
    database = "db.internal:5432"
    registry = "registry.internal:5000"
  }
}

module "reachable" {
  source = "./gate"

  name = "platform"
  endpoints = {
    for name, address in var.endpoints : name => { address = address, timeout = "5s" }
  }
}

# Terraform goes on with everything that does not depend on a closed gate, so what must wait refers to it.
resource "terraform_data" "rollout" {
  input = module.reachable.gate
}
