variable "kubernetes_api" {
  description = "host:port of the Kubernetes API server."
  type        = string
  default     = "10.128.0.29:6443"
}

variable "licence_server" {
  description = "host:port of the licence server."
  type        = string
  default     = "licence.acme.example:443"
}
