variable "database" {
  description = "host:port of the database."
  type        = string
  default     = "db.internal:5432"
}

variable "cache" {
  description = "host:port of the cache. Null if there is none."
  type        = string
  default     = null
}
