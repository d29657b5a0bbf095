"""The crawl job: the news of one period from the CC-NEWS archives."""
