terraform apply -var="skip_reason=INC-4711, decided by Kim: the database moves tonight"
