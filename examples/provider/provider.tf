provider "preflight" {
  bundle_dir    = "support-bundle" # directory of the result files
  bundle_format = "json"           # the form that the Troubleshoot tools read
  timeout       = "5s"             # of every check without a timeout
}
