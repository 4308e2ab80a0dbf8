variable "address" {
  description = "The server that is being drained."
  type        = string
  default     = "10.128.0.29:8080"
}
