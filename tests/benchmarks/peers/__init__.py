"""What others offer for the same problem, one peer a file, each as its documentation recommends."""
