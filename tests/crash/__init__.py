"""What is lost, and what is said twice, when the process is killed at the worst moment?"""
