variable "endpoints" {
  description = "What must be reachable: a name and host:port of each."
  type        = map(string)
  default = {
    database = "db.internal:5432"
    registry = "registry.internal:5000"
  }
}
