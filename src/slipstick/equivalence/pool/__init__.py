"""Worker processes for comparisons that need computer algebra, and the stream that shares long work among them."""
