variable "name" {
  description = "Names the gate in messages, and its result files. Give each use of this module its own."
  type        = string
}

variable "endpoints" {
  description = <<-EOT
    What must be reachable, by name. Each is an object:
      address   host:port (required)
      owner     whom to call if it is not ready (required)
      severity  "fail" (default): the gate closes if the endpoint is not ready. "warn": Terraform only warns
      message   what it means if the endpoint is not ready
      timeout   how long to wait for an answer, for example "5s"
    Any other key is an error.
  EOT
  type        = any # Terraform drops unknown keys of a typed object, so the conditions below check them

  validation {
    condition = alltrue([
      for endpoint in var.endpoints :
      can(keys(endpoint)) && length(setsubtract(["address", "owner"], try(keys(endpoint), []))) == 0
    ])
    error_message = "Each endpoint must be an object with address and owner."
  }

  validation {
    condition = alltrue([
      for endpoint in var.endpoints :
      length(setsubtract(try(keys(endpoint), []), ["address", "owner", "severity", "message", "timeout"])) == 0
    ])
    error_message = "Unknown keys: ${join(", ", flatten([
      for name, endpoint in var.endpoints : [
        for key in setsubtract(try(keys(endpoint), []), ["address", "owner", "severity", "message", "timeout"]) :
        "${name}.${key}"
      ]
    ]))}. An endpoint has address, owner, severity, message and timeout."
  }

  validation {
    condition     = alltrue([for endpoint in var.endpoints : can(regex("\\S", endpoint.owner))])
    error_message = "The owner of an endpoint must not be empty."
  }
}

variable "skip_reason" {
  description = "Opens the gate without a check, in an emergency: who decided it, and why. It is shown as a warning in each plan. If omitted, the endpoints are checked."
  type        = string
  default     = null

  validation {
    condition     = var.skip_reason == null || can(regex("\\S", var.skip_reason))
    error_message = "Say who decided to skip the check, and why. To check the endpoints, omit skip_reason."
  }
}
