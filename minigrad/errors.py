"""The errors that minigrad raises besides Python's own."""


class GradientError(ArithmeticError):
    """A gradient that cannot be right: of another shape or dtype than its operand, or not the finite difference."""


class GraphError(RuntimeError):
    """The recorded graph cannot be used this way: freed already, changed since, or never recorded."""
