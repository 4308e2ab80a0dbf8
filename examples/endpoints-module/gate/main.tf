# A typed variable drops keys that its type does not have, so the type lists every key that users of the module may set.
variable "endpoints" {
  description = "What must be reachable, by name."
  type = map(object({
    address  = string
    timeout  = optional(string)
    severity = optional(string)
    message  = optional(string)
  }))
}

data "preflight_endpoints" "rollout" {
  name      = var.name
  endpoints = var.endpoints
}

resource "terraform_data" "gate" {
  lifecycle {
    precondition {
      condition     = data.preflight_endpoints.rollout.proceed
      error_message = data.preflight_endpoints.rollout.explanation
    }
  }
}

output "gate" {
  description = "What must wait depends on this."
  value       = terraform_data.gate.id
}
