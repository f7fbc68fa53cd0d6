"""The clinic's days: who works where and when, which times are free, what is booked."""
