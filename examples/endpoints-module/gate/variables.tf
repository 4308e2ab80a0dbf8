variable "name" {
  description = "Names the gate and its result files. Give each use of this module its own."
  type        = string
}
