variable "address" {
  description = "An address that must not accept connections, such as a debug port."
  type        = string
  default     = "10.128.0.29:2345"
}
