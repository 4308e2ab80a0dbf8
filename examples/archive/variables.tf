variable "spec" {
  description = "The Troubleshoot spec that the vendor ships."
  type        = string
  default     = "preflight.yaml"
}
