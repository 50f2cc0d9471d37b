"""Why was something done, or not done? In sentences, lines, pages and pictures."""
