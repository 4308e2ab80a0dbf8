variable "endpoints" {
  description = "What must be reachable: a name and host:port of each."
  type        = map(string)
  default = {
    kubernetes-api = "10.128.0.29:6443"
    registry       = "10.128.0.30:5000"
    licence-server = "10.128.0.31:443"
  }

  validation {
    condition     = length(var.endpoints) > 0
    error_message = "At least one endpoint: a gate over none would stand open."
  }
}
