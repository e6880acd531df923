"""Tables, connections and migrations. Knows SQL, knows nothing of letters' meaning, imports nothing from ftapp."""
