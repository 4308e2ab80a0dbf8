terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

provider "preflight" {
  bundle_format = "json" # the form that the Troubleshoot tools read
}

variable "spec" {
  description = "The Troubleshoot spec that the vendor ships."
  type        = string
  default     = "preflight.yaml"
}

data "preflight_spec" "api" {
  spec    = file(var.spec)
  archive = "acme-preflight.tar.gz"
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_spec.api.proceed
      error_message = "${data.preflight_spec.api.message}\n\nSend ${data.preflight_spec.api.archive} to support@acme.example."
    }
  }
}
