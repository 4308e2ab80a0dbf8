variable "address" {
  description = "The Kubernetes API server."
  type        = string
  default     = "10.128.0.29:6443"
}
