variable "host" {
  description = "Name or IP address of the database."
  type        = string
  default     = "db.internal"
}

variable "port" {
  description = "Port of the database."
  type        = number
  default     = 5432
}
