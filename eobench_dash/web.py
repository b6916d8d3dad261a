"""The web application's table of contents: every page and every route is named here; nothing is found by scanning."""

from html import escape
from pathlib import Path

import waitress
from dash import Dash
from flask import Flask, Response, request

from eobench_dash import auth, logs
from eobench_dash.components.embedding_map.program import program as map_program
from eobench_dash.errors import SettingsError
from eobench_dash.jobs.supervisor import WorkerProcess
from eobench_dash.pages import Page
from eobench_dash.pages.admin.page import PAGE as ADMIN
from eobench_dash.pages.datasets.page import PAGE as DATASETS
from eobench_dash.pages.explore.page import PAGE as EXPLORE
from eobench_dash.pages.home.page import PAGE as HOME
from eobench_dash.pages.ingest.page import PAGE as INGEST
from eobench_dash.pages.publish.page import PAGE as PUBLISH
from eobench_dash.pages.shell import callbacks as shell_callbacks
from eobench_dash.pages.shell.failures import install_error_pages, tell
from eobench_dash.pages.shell.layout import shell
from eobench_dash.pages.shell.posts import install_post_check
from eobench_dash.pages.shell.router import Router
from eobench_dash.pages.verify.page import PAGE as VERIFY
from eobench_dash.routes import (
    analytics,
    api,
    bytes,
    clusters,
    columns,
    downloads,
    health,
    importing,
    ingesting,
    products,
    program,
    selections,
    sheets,
)
from eobench_dash.routes import auth as log_in_forms
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings

PAGES: tuple[Page, ...] = (
    HOME,
    INGEST,
    EXPLORE,
    VERIFY,
    PUBLISH,
    DATASETS,
    ADMIN,
)
ROUTES = (
    health,
    log_in_forms,
    bytes,
    api,
    clusters,
    columns,
    importing,
    ingesting,
    products,
    downloads,
    selections,
    analytics,
    sheets,
    program,
)

ASSETS = Path(__file__).parents[1] / "assets"
TEMPLATES = Path(__file__).parent / "pages" / "shell" / "templates"


def create_app(settings: Settings, *, ws: Workspace | None = None) -> Dash:
    """The application on one workspace (opened here, where none is given). ``app.server`` is the Flask server.

    The gate is there before Dash adds its endpoints, and seals the list of routes after the last one was added.
    """
    workspace = ws or open_workspace(settings)
    server = Flask("eobench_dash", template_folder=str(TEMPLATES), static_folder=None)
    server.extensions["eobench"] = workspace
    auth.install(server, settings=settings, db=workspace.db)
    install_error_pages(server, Router(PAGES))
    app = _App(
        "eobench_dash",
        server=server,
        title="EO Bench",
        update_title=None,
        assets_folder=str(ASSETS),
        assets_ignore=r"^head-.*",
        use_pages=False,  # the shell has a router of its own
        suppress_callback_exceptions=True,
        serve_locally=True,
        compress=True,
        include_pages_meta=False,
        on_error=tell,
        index_string=index_string(),
        add_log_handler=False,
    )
    install_post_check(app)
    server.after_request(_close_when_sent)
    app.layout = shell
    shell_callbacks.register(app, PAGES)
    for page in PAGES:
        page.register(app)
    for routes in ROUTES:
        server.register_blueprint(routes.blueprint)
    auth.seal(app)
    return app


class _App(Dash):
    """Dash whose first page names the bytes that it is going to ask for (``Page.early``; read by the map's loader)."""

    def interpolate_index(self, *, metas: str = "", **parts: str) -> str:  # type: ignore[override]
        router = Router(PAGES)
        early = router.match(request.path).early(request.query_string.decode()) if router.knows(request.path) else []
        tags = [f'<meta name="eob-early" content="{escape(url)}">' for url in early]
        index: str = super().interpolate_index(metas="\n".join([metas, *tags]), **parts)  # type: ignore[no-untyped-call]
        return index


def _close_when_sent(response: Response) -> Response:
    """Streamed files are closed with their answer: the compressor, which runs after this, replaces the stream."""
    if (close := getattr(response.response, "close", None)) is not None:
        response.call_on_close(close)
    return response


def serve(app: Dash, settings: Settings) -> None:
    """Serve until stopped, with the workers beside it. SettingsError where the address cannot be used."""
    logs.configure(settings)
    with WorkerProcess(settings):
        try:
            server = waitress.create_server(
                app.server,
                host=settings.host,
                port=settings.port,
                threads=8,
                max_request_body_size=settings.max_upload_mb * 2**20 + 2**20,  # more is refused before it is kept
                # else the headers of the proxies named in the settings would never reach the gate
                clear_untrusted_proxy_headers=settings.trusted_proxies == 0,
            )
        except OSError as error:
            raise SettingsError(
                f"{settings.host}:{settings.port} cannot be used ({error.strerror}). Is EO Bench running already? "
                "Choose another port with EOBENCH_PORT."
            ) from error
        print(f"EO Bench is at http://{settings.host}:{server.effective_port}", flush=True)
        server.run()


def index_string() -> str:
    """The page that loads everything. The theme is set before the first paint, by a file (no inline script: CSP)."""
    stamp = int((ASSETS / "head-theme.js").stat().st_mtime)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{%title%}}</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
<meta name="eob-program" content="/program/{map_program()[0]}">
<script src="/assets/head-theme.js?m={stamp}"></script>
{{%metas%}}
{{%css%}}
</head>
<body>
{{%app_entry%}}
<noscript>EO Bench draws its pages in the browser: please allow JavaScript.</noscript>
{{%config%}}
{{%scripts%}}
{{%renderer%}}
</body>
</html>"""
