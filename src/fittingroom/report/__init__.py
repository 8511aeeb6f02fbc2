"""From a run to something a person wants to read: HTML, figures, tables, theory."""
