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

variable "patience" {
  description = "How long to wait for the service in all."
  type        = string
  default     = "5m"
}

resource "terraform_data" "service" {
  input = "a database, say"
}

# Terraform opens an ephemeral resource while planning, although the service is still to be created. Only an unknown argument makes
# it wait, and this id is unknown until then.
ephemeral "preflight_tcp_connect" "api" {
  check_name = "The new service accepts connections"
  address    = var.address
  timeout    = var.patience
  triggers   = { service = terraform_data.service.id }

  retry {
    consecutive = 3 # a service that is starting may answer once and go away again
    min_delay   = "100ms"
  }
}

resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.api]
}
