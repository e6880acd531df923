"""Training: a run is a folder (`run`), DPO reads it and writes into it (`dpo`), the app watches it (`supervise`)."""
