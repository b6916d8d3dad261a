"""Data to ``go.Figure``. No Dash, no database: a figure is tested by looking at its values.

Every figure takes ``theme`` ("light" or "dark"), keeps its background transparent (the page's card shows through) and
puts what an event handler needs into ``customdata`` as plain lists (arrays would be lost on their way back).
"""
