"""Object storage behind one URI."""
