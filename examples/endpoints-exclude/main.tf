variable "skip_preflight" {
  description = "Opens the gate without a check, on purpose, in an emergency."
  type        = bool
  default     = false
}

data "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
  exclude   = var.skip_preflight
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_endpoints.rollout.proceed
      error_message = data.preflight_endpoints.rollout.explanation
    }
  }
}
