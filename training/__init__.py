"""The other program: reads shards and trains. Nothing here imports Beam, and nobody imports this."""
