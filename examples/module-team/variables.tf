variable "endpoints" {
  description = "What the shop needs: of each endpoint its address and owner, and what it means if it does not answer."
  type        = any # a typed variable would drop a misspelt key before the module sees it
}

variable "skip_reason" {
  description = "Opens the gate without a check, in an emergency: who decided it, and why."
  type        = string
  default     = null
}
