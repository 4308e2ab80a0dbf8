variable "name" {
  description = "Names the check and its result file."
  type        = string
}

variable "address" {
  description = "host:port that must accept connections."
  type        = string
}
