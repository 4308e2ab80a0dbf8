variable "endpoints" {
  description = "What must be reachable, by name."
  type        = map(string)
  default = {
    database = "db.internal:5432"
    cache    = "cache.internal:6379"
  }
}
