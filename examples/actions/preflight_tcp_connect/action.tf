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

action "preflight_tcp_connect" "api" {
  config {
    check_name = "The new service accepts connections"
    address    = var.address
    timeout    = var.patience

    retry {
      consecutive = 3
      min_delay   = "100ms"
    }
  }
}

resource "terraform_data" "service" {
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.preflight_tcp_connect.api]
    }
  }
}
