variable "address" {
  description = "The Kubernetes API server."
  type        = string
  default     = "10.128.0.29:6443"
}

variable "backup_address" {
  description = "The Kubernetes API server of the backup site."
  type        = string
  default     = "10.129.0.29:6443"
}
