"""A folder that holds pictures and what belongs to them: an index in SQLite, records in shards."""
