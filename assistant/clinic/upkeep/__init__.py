"""What is done to the clinic's database as a whole: made, filled, brought up to date, looked at."""
