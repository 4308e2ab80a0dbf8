variable "port" {
  description = "Where the service that is created here will listen."
  type        = number
  default     = 6443
}
