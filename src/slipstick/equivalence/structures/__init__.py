"""Answers made of others: `parse`, `matching`, `compare`; sets: `intervals`, `prose_sets`, `sets`; `families`."""
