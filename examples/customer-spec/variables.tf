variable "spec" {
  description = "The Troubleshoot spec that the vendor ships."
  type        = string
  default     = "preflight.yaml"
}

variable "bundle" {
  description = "The archive that the customer sent, or the directory that it was unpacked into."
  type        = string
  default     = "acme-preflight.tar.gz"
}
