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

# Made again in every phase, so a saved plan is gated when it is applied. It fails unless the address accepts the connection.
ephemeral "preflight_tcp_connect" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  address    = var.address
}

# What must wait depends on it.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.api]

  # A closed gate holds back creation, not destruction: the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
