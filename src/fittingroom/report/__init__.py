"""From a run to something a person wants to read: HTML, figures, tables, theory."""

from .figures import write_figures
from .html import write_report
from .tables import write_tables

__all__ = ["write_figures", "write_report", "write_tables"]
