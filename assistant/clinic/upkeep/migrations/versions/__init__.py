"""The steps themselves, each as it was when it was made."""
