"""`hilum doctor`: looks whether everything that Hilum needs is there and works, and says what to do where it is not."""
