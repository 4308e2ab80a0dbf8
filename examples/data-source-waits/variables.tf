variable "endpoints" {
  description = "What must be reachable: a name and host:port of each."
  type        = map(string)
  default = {
    database = "db.internal:5432"
    registry = "registry.internal:5000"
  }
}

variable "network_state" {
  description = "The state file of the network's configuration."
  type        = string
  default     = "network.tfstate"
}
