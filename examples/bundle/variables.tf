variable "bundle" {
  description = "A support bundle directory that another stage wrote."
  type        = string
}
