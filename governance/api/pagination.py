"""Cursor pagination, newest first."""

from rest_framework.pagination import CursorPagination as Base


class CursorPagination(Base):
    """Pages that stay right while rows are added; `limit` asks for up to 200."""

    ordering = "-id"
    page_size_query_param = "limit"
    max_page_size = 200
