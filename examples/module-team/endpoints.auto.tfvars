endpoints = {
  database = {
    address = "db.internal:5432"
    owner   = "data platform"
    message = "The shop does not start without its database."
  }
  cache = {
    address  = "cache.internal:6379"
    owner    = "web platform"
    severity = "warn"
    message  = "The shop is slow without its cache."
  }
}
