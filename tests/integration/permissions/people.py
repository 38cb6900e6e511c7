"""The subscribers to notifications, in the stack whose permissions are tested."""

REVIEWER, OPERATOR = "reviewer@example.com", "operator@example.com"
