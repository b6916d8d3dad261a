"""Plain Flask routes: log-in form, bytes of maps and patches, uploads, downloads, health.

Each module offers ``blueprint``; ``web.py`` names it. Each route states who may ask it with ``@rule(…)``.
"""
