variable "http_proxy" {
  description = "The HTTP proxy that the workload uses for the internet."
  type        = string
  default     = "http://proxy.internal:3128"
}

variable "socks_proxy" {
  description = "The SOCKS5 proxy in the network of the databases."
  type        = string
  default     = "socks5://socks.internal:1080"
}

variable "proxy_password" {
  description = "Password of the user deploy at the HTTP proxy."
  type        = string
  sensitive   = true
}
