variable "address" {
  description = "The Kubernetes API server."
  type        = string
  default     = "10.128.0.29:6443"
}

variable "patience" {
  description = "How long to wait for the service in all."
  type        = string
  default     = "5m"
}
