"""What Muster knows between runs: connector space, metaverse, edges, queue, audit. SQLite and PostgreSQL."""
