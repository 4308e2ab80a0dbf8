# What a test run knows of this machine.
variable "port" {
  description = "A port of this machine that accepts connections."
  type        = number
}

output "address" {
  value = "127.0.0.1:${var.port}"
}
