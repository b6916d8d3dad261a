"""Run the dashboard: ``python app.py``; in production ``gunicorn app:server`` with ``eobench worker`` beside it."""

from eobench_dash import logs
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import load_settings
from eobench_dash.web import create_app, serve

settings = load_settings()
logs.configure(settings)
app = create_app(settings, ws=open_workspace(settings, create=True))
server = app.server

if __name__ == "__main__":
    serve(app, settings)
