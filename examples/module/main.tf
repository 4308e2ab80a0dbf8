terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

variable "address" {
  description = "The Kubernetes API server."
  type        = string
  default     = "10.128.0.29:6443"
}

module "api_reachable" {
  source = "./gate"

  name    = "kubernetes-api"
  address = var.address
}

# Terraform goes on with everything that does not depend on a closed gate, so what must wait refers to it.
resource "terraform_data" "rollout" {
  input = module.api_reachable.gate
}
