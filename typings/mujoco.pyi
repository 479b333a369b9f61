"""MuJoCo's bindings come without types: to a type checker, whatever is in them is of any type."""

from typing import Any

def __getattr__(name: str) -> Any: ...
