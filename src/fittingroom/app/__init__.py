"""The browser app (extra ``app``)."""
