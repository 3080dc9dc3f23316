"""A real JupyterLab in a real Chromium, for the tests of the explorer and for its benchmark."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client import BlockingKernelClient

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-background-networking"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until_answered(url: str, server: subprocess.Popen) -> None:
    """Wait for a server to answer."""
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, "the server went away"
            time.sleep(0.2)
    raise AssertionError("the server never answered")


def run_all(page) -> None:
    """JupyterLab's menu: Run, Run All Cells."""
    page.locator("#jp-MainMenu").get_by_text("Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


@contextmanager
def notebook_in_jupyterlab(folder: Path, cells: list[str], browser):
    """A page with a notebook of these cells open in JupyterLab, all of them run, and a second client of its kernel."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # without it JupyterLab asks
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), folder / "notebook.ipynb")
    # all outputs stay in the page, however long it is
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--allow-root",
    ]
    command += [f"--notebook-dir={folder}", f"--LabApp.user_settings_dir={folder / 'settings'}"]
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "OMP_NUM_THREADS": "1"}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    client = None
    try:
        until_answered(f"http://127.0.0.1:{port}/api", server)
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/lab/tree/notebook.ipynb")
        page.locator(".jp-CodeCell").first.wait_for(timeout=60_000)
        page.get_by_text("| Idle").wait_for(timeout=60_000)  # of the kernel
        client = BlockingKernelClient(connection_file=str(next((folder / "runtime").glob("kernel-*.json"))))
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        run_all(page)
        yield page, client
    finally:
        if client:
            client.stop_channels()
        server.terminate()
        server.wait(timeout=60)
