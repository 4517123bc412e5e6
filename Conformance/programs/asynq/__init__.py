"""Asynq's operations on a queue, and a server that works on it, on its keys and with its steps: what can be tried of Asynq where it can't be had."""
