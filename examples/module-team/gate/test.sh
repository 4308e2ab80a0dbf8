terraform init -input=false
terraform test -var="port=$PORT"
