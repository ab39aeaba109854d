"""The other program: reads shards and trains. It never imports Beam, and nobody imports it."""
